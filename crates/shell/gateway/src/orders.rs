//! Orders: an operator's command as two officers sign it, on paper and at the door.
//!
//! A document is JSON. `order` is the canonical bytes of what is ordered ([`Order::signed_part`]) in base64; each signature
//! is Ed25519 over a line that names the chain, so that an order for one chain is nothing on another:
//! ```text
//! {"chain": "luohu.example/settlement", "order": "…", "signatures": [{"officer": "64 hex digits", "signature": "…"}, …]}
//! signed: "luohu order\n" chain "\n" order's bytes
//! ```
//! Officers draft and sign with `luohu order`; who brings the document to the door does not matter.

use crate::door::Door;
use crate::refusal::{GatewayRefusal, Problem};
use crate::window::GatewayWindow;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chain::{Hash, key_of_hex};
use clearing::{Command, Officer, OfficerRole, Order, OrderId, Outcome, PublicKey, Refusal, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use signing::{Signer, verify_ed25519};
use std::collections::BTreeMap;

/// Bytes of a document at most.
pub const DOCUMENT_BYTES_MAX: usize = 64 << 10;
/// Signatures under one document at most.
const SIGNATURES_MAX: usize = 16;

/// Why a document is no order. Told with words and the field concerned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderFault {
    /// Not the JSON of a document.
    #[error("not an order's document: {0}")]
    NotADocument(String),
    /// For another chain.
    #[error("chain: the order is for {0}")]
    OtherChain(String),
    /// Its bytes are no command that can be ordered.
    #[error("order: {0}")]
    Unreadable(&'static str),
    /// Fewer than two good signatures of different keys.
    #[error("signatures: {0} of 2 verify")]
    NotSigned(usize),
}

/// An order on its way to be signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderDocument {
    chain: String,
    order: String,
    signatures: Vec<SignatureLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureLine {
    officer: String,
    signature: String,
}

/// How well somebody who signed fits an order, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fitness {
    /// An officer with the role it needs.
    May,
    /// Another officer.
    OtherRole,
    /// Nobody in office.
    Stranger,
}

impl OrderDocument {
    /// An order nobody has signed yet. `None`: this command cannot be ordered.
    pub fn draft(chain: &str, id: OrderId, valid_until: Time, does: &Command) -> Option<Self> {
        let order = STANDARD.encode(Order::signed_part(id, valid_until, does)?);
        Some(Self { chain: chain.to_owned(), order, signatures: Vec::new() })
    }

    /// Reads a document.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(document: &[u8]) -> Result<Self, OrderFault> {
        if document.len() > DOCUMENT_BYTES_MAX {
            return Err(OrderFault::NotADocument(format!("more than {DOCUMENT_BYTES_MAX} bytes")));
        }
        serde_json::from_slice(document).map_err(|error| OrderFault::NotADocument(error.to_string()))
    }

    /// The document's text.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).expect("text is JSON") + "\n"
    }

    /// The chain it is for.
    pub fn chain(&self) -> &str {
        &self.chain
    }

    /// Who has signed it, as far as the text says.
    pub fn signers(&self) -> impl Iterator<Item = &str> {
        self.signatures.iter().map(|line| line.officer.as_str())
    }

    fn bytes(&self) -> Result<Vec<u8>, OrderFault> {
        STANDARD.decode(&self.order).map_err(|_| OrderFault::Unreadable("not base64"))
    }

    /// What is ordered, and until when.
    ///
    /// # Errors
    /// If its bytes are no command that can be ordered.
    pub fn says(&self) -> Result<(OrderId, Time, Command), OrderFault> {
        Order::read_signed_part(&self.bytes()?).map_err(|_| OrderFault::Unreadable("no command that can be ordered"))
    }

    fn signed_bytes(&self) -> Result<Vec<u8>, OrderFault> {
        let mut signed = format!("luohu order\n{}\n", self.chain).into_bytes();
        signed.extend_from_slice(&self.bytes()?);
        Ok(signed)
    }

    /// Adds an officer's signature, in place of an earlier one by the same key.
    ///
    /// # Errors
    /// If it says nothing that can be ordered.
    pub fn sign(&mut self, officer: &dyn Signer) -> Result<(), OrderFault> {
        self.says()?;
        let signature = STANDARD.encode(officer.sign(&self.signed_bytes()?));
        let key = Hash(officer.public_key()).to_string();
        self.signatures.retain(|line| line.officer != key);
        self.signatures.push(SignatureLine { officer: key, signature });
        Ok(())
    }

    /// The order, if two signatures of different keys verify; of more, the two smallest keys. Whether they are officers' is
    /// for the centre to say.
    ///
    /// # Errors
    /// Why not.
    pub fn proved(&self, chain: &str) -> Result<Order, OrderFault> {
        self.proved_by(chain, |_, _| Fitness::May)
    }

    /// The same; of more than two, those who fit it best, and then the smallest keys.
    ///
    /// # Errors
    /// Why not.
    pub fn proved_by(&self, chain: &str, fits: impl Fn(&PublicKey, &Command) -> Fitness) -> Result<Order, OrderFault> {
        let (id, valid_until, does) = self.says()?;
        let mut good = self.good_keys(chain)?;
        good.sort_by_key(|key| fits(key, &does));
        let [first, second, ..] = good[..] else { return Err(OrderFault::NotSigned(good.len())) };
        let officers = if first < second { [first, second] } else { [second, first] };
        Ok(Order { id, valid_until, officers, does: Box::new(does) })
    }

    /// Whether this is the document of an order: says what it says, and both its officers signed. Of more than two who signed,
    /// the door of entry chose these.
    ///
    /// # Errors
    /// If it is no order for this chain.
    pub fn proves(&self, chain: &str, order: &Order) -> Result<bool, OrderFault> {
        let (id, valid_until, does) = self.says()?;
        let good = self.good_keys(chain)?;
        let [first, second] = &order.officers;
        let signed = first != second && good.contains(first) && good.contains(second);
        Ok(signed && (id, valid_until, &does) == (order.id, order.valid_until, &*order.does))
    }

    /// Keys of which a signature verifies, each once, the smallest first.
    fn good_keys(&self, chain: &str) -> Result<Vec<PublicKey>, OrderFault> {
        if self.chain != chain {
            return Err(OrderFault::OtherChain(self.chain.clone()));
        }
        let signed = self.signed_bytes()?;
        let mut good: Vec<PublicKey> =
            self.signatures.iter().take(SIGNATURES_MAX).filter_map(|line| line.good(&signed)).collect();
        good.sort_unstable();
        good.dedup();
        Ok(good)
    }
}

impl SignatureLine {
    fn good(&self, signed: &[u8]) -> Option<PublicKey> {
        let key = key_of_hex(&self.officer)?;
        let signature = STANDARD.decode(&self.signature).ok()?.try_into().ok()?;
        verify_ed25519(&key, signed, &signature).then_some(key)
    }
}

impl From<OrderFault> for Problem {
    fn from(fault: OrderFault) -> Self {
        Self::from(GatewayRefusal::NotAnOrder).with_detail(fault.to_string())
    }
}

impl GatewayWindow {
    /// Takes an order in and answers when it is durable: HTTP status and JSON body.
    pub async fn order(&self, document: &[u8]) -> (u16, Vec<u8>) {
        match take(&self.0, document).await {
            Ok(done) => (200, serde_json::to_vec(&done).expect("values of text are JSON")),
            Err(problem) => (problem.status, problem.to_json()),
        }
    }

    /// Who governs this chain, and what orders must name: its name, currencies, officers, nodes and participants, as JSON.
    pub fn governance(&self) -> Vec<u8> {
        let registry = &self.0.hub.registry;
        let (officers, nodes) = registry.governance();
        let officers: Vec<_> = officers.iter().map(officer_json).collect();
        let node = |node: &clearing::ChainNode| json!({ "key": Hash(node.key).to_string(), "name": node.name, "address": node.address, "votes": node.votes });
        let participants: BTreeMap<String, u32> =
            registry.all().iter().map(|known| (known.view.bic.to_string(), known.view.id.0)).collect();
        let value = json!({
            "chain": self.0.config.log_origin, "currencies": registry.decimals(), "officers": officers,
            "nodes_version": nodes.version, "rulebook_version": self.0.past.rulebook_version(),
            "tariff_version": self.0.past.tariff_version(),
            "nodes": nodes.nodes.iter().map(node).collect::<Vec<_>>(), "participants": participants,
        });
        serde_json::to_vec(&value).expect("values of text are JSON")
    }
}

fn officer_json(officer: &Officer) -> Value {
    let roles: Vec<_> = officer.roles.iter().map(OfficerRole::name).collect();
    json!({ "key": Hash(officer.key).to_string(), "name": officer.name, "roles": roles })
}

async fn take(door: &Door, document: &[u8]) -> Result<Value, Problem> {
    let (officers, _) = door.hub.registry.governance();
    let fits = |key: &PublicKey, does: &Command| match officers.iter().find(|officer| officer.key == *key) {
        Some(officer) if does.if_ordered().is_some_and(|orderable| officer.roles.holds(orderable.role)) => Fitness::May,
        Some(_) => Fitness::OtherRole,
        None => Fitness::Stranger,
    };
    let order = OrderDocument::read(document)?.proved_by(&door.config.log_origin, fits)?;
    // The centre judges it again; what nobody in office signed needs no place in a block. What officers signed who lack its role
    // has one: it is refused on record.
    if !order.officers.iter().all(|key| officers.iter().any(|officer| officer.key == *key)) {
        return Err(Refusal::NotAnOfficer.into());
    }
    let id = order.id.to_string();
    let does = order.does.if_ordered().map_or("", |orderable| orderable.name);
    let pending = door.submit(Command::Order(order.clone()), Some(document.into()), false)?;
    match pending.outcome.await.map_err(|_| GatewayRefusal::InDoubt)? {
        Outcome::Done => Ok(json!({ "order": id, "does": does, "status": "done" })),
        Outcome::Registered(participant) => {
            Ok(json!({ "order": id, "does": does, "status": "done", "participant": participant.0 }))
        }
        Outcome::Refused(refusal) => Err(explained(refusal, &order, &officers)),
        other @ (Outcome::Quoted(_) | Outcome::Payment { .. } | Outcome::Waiting { .. } | Outcome::Matter { .. }) => {
            unreachable!("an order is done or refused, not {other:?}")
        }
    }
}

/// A refusal with what the officers would have to change, where that is about their roles.
fn explained(refusal: Refusal, order: &Order, officers: &[Officer]) -> Problem {
    let problem = Problem::from(refusal);
    match (refusal, order.does.if_ordered().map(|orderable| orderable.role), &*order.does) {
        (Refusal::RoleMissing, Some(role), _) => {
            let signed = officers.iter().filter(|officer| order.officers.contains(&officer.key));
            let lack = signed.filter(|officer| !officer.roles.holds(role));
            let lack: Vec<_> = lack.map(|officer| format!("{} holds {}", officer.name, officer.roles)).collect();
            problem.with_field("signatures").with_detail(format!("needs the role {role}: {}", lack.join("; ")))
        }
        (Refusal::RoleUnmanned, _, Command::AppointOfficers(wanted)) => {
            let roles: Vec<_> = clearing::unmanned(wanted).map(OfficerRole::name).collect();
            problem.with_field("officers").with_detail(format!("fewer than two officers for {}", roles.join(", ")))
        }
        (Refusal::RolesNotValid, _, Command::AppointOfficers(wanted)) => {
            let wrong = wanted.iter().filter(|officer| !officer.roles.is_valid());
            let names: Vec<_> = wrong.map(|officer| format!("{} ({})", officer.name, officer.roles)).collect();
            problem.with_field("officers").with_detail(names.join("; "))
        }
        (_, _, _) => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearing::{ParticipantId, ParticipantStatus};
    use signing::FileSigner;

    fn document() -> OrderDocument {
        let does = Command::SetStatus { participant: ParticipantId(1), status: ParticipantStatus::Suspended };
        OrderDocument::draft("here", OrderId([7; 16]), Time(99), &does).expect("it can be ordered")
    }

    fn officers() -> [FileSigner; 3] {
        [1, 2, 3].map(|seed| FileSigner::from_seed("officer", &[seed; 32]))
    }

    #[test]
    fn two_different_people_make_an_order() {
        let [one, two, three] = officers();
        let mut document = document();
        assert_eq!(document.proved("here"), Err(OrderFault::NotSigned(0)));
        document.sign(&one).unwrap();
        document.sign(&one).unwrap();
        assert_eq!(document.proved("here"), Err(OrderFault::NotSigned(1)));
        document.sign(&two).unwrap();
        document.sign(&three).unwrap();
        let order = OrderDocument::read(document.to_text().as_bytes()).unwrap().proved("here").unwrap();
        let mut keys = [one.public_key(), two.public_key(), three.public_key()];
        keys.sort_unstable();
        assert_eq!(order.officers[..], keys[..2]);
        assert_eq!(document.proved("there"), Err(OrderFault::OtherChain("here".into())));
    }

    #[test]
    fn a_signature_is_for_one_text_on_one_chain() {
        let [one, two, _] = officers();
        let mut signed = document();
        signed.sign(&one).unwrap();
        signed.sign(&two).unwrap();
        let elsewhere = OrderDocument { chain: "there".into(), ..signed.clone() };
        assert_eq!(elsewhere.proved("there"), Err(OrderFault::NotSigned(0)));
        let does = Command::SetStatus { participant: ParticipantId(1), status: ParticipantStatus::Live };
        let other = OrderDocument::draft("here", OrderId([7; 16]), Time(99), &does).unwrap();
        let forged = OrderDocument { order: other.order, ..signed };
        assert_eq!(forged.proved("here"), Err(OrderFault::NotSigned(0)));
    }

    #[test]
    fn of_more_than_two_those_count_who_fit_best() {
        let [one, two, three] = officers();
        let mut document = document();
        [&one, &two, &three].into_iter().for_each(|signer| document.sign(signer).unwrap());
        for left_out in officers().map(|signer| signer.public_key()) {
            for lesser in [Fitness::OtherRole, Fitness::Stranger] {
                let order = document.proved_by("here", |key, _| if *key == left_out { lesser } else { Fitness::May }).unwrap();
                assert!(!order.officers.contains(&left_out) && order.officers[0] < order.officers[1]);
                assert_eq!(document.proves("here", &order), Ok(true));
                let other = Order { id: OrderId([8; 16]), ..order.clone() };
                assert_eq!(document.proves("here", &other), Ok(false));
                let unsigned = Order { officers: [order.officers[0], [9; 32]], ..order.clone() };
                assert_eq!(document.proves("here", &unsigned), Ok(false));
                let alone = Order { officers: [order.officers[0]; 2], ..order };
                assert_eq!(document.proves("here", &alone), Ok(false));
            }
        }
    }

    #[test]
    fn payments_are_not_ordered() {
        let does = Command::ReportCredited { uetr: clearing::Uetr([1; 16]), creditor_agent: ParticipantId(0) };
        assert_eq!(OrderDocument::draft("here", OrderId([7; 16]), Time(99), &does), None);
    }
}
