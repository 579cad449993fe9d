//! Governance: who may change the scheme, the nodes that make its blocks, and the orders two people signed.
//!
//! An [`Order`] is an operator's command with two officers' names under it. Whoever takes it in checks the signatures; the
//! centre checks that both are officers, that they are two, that both hold the role it needs (`roles`), that the order is still
//! valid, and that it takes effect once.
//! Orders stay in the chain for ever: they are its record of who changed what.
//!
//! # Limits
//! [`Order::VALIDITY_MAX_NS`], [`Clearing::ORDERS_MAX`], [`Clearing::OFFICERS_MAX`], [`Clearing::NODES_MAX`].

use crate::codec::{put_text, put_u32, put_u64, take, take_bool, take_text, take_u32, take_u64};
use crate::roles::{self, decode_officers, encode_officers};
use crate::{Clearing, Command, DecodeError, EventKind, Outcome, Refusal, Roles, Time};
use chain::{Hash, sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Public Ed25519 key of an officer or a node.
pub type PublicKey = [u8; 32];

/// Names an order; drawn at random by who drafts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub [u8; 16]);

impl core::fmt::Display for OrderId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Somebody who may sign orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Officer {
    /// What its signatures are checked with.
    pub key: PublicKey,
    /// Its name, at most [`Officer::NAME_BYTES_MAX`] bytes of UTF-8.
    pub name: String,
    /// What it may sign.
    pub roles: Roles,
}

impl Officer {
    /// Longest name, in bytes.
    pub const NAME_BYTES_MAX: usize = 140;
}

/// One operator's node: it makes blocks, or follows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainNode {
    /// Its key: opens connections, and signs votes if it has one.
    pub key: PublicKey,
    /// Its operator's name, at most [`Officer::NAME_BYTES_MAX`] bytes of UTF-8.
    pub name: String,
    /// Where the others reach it, `host:port`, at most [`ChainNode::ADDRESS_BYTES_MAX`] bytes. The centre does not read it.
    pub address: String,
    /// Whether it votes; an observer does not.
    pub votes: bool,
}

impl ChainNode {
    /// Longest address, in bytes.
    pub const ADDRESS_BYTES_MAX: usize = 128;
}

/// The nodes of the chain from the next epoch on, all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetNodes {
    /// One more than [`Clearing::nodes_version`]: two changes drafted at once cannot undo each other.
    pub version: u64,
    /// Everybody.
    pub nodes: Vec<ChainNode>,
}

/// An operator's command that two officers signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its name: the same order takes effect once.
    pub id: OrderId,
    /// Block time after which it is refused.
    pub valid_until: Time,
    /// Who signed, the smaller key first. Their signatures were checked by whoever took the order in.
    pub officers: [PublicKey; 2],
    /// What is to be done: one of the operators' commands, and no order.
    pub does: Box<Command>,
}

impl Order {
    /// Longest time an order may be valid ahead of the block that takes it in: a week.
    pub const VALIDITY_MAX_NS: u64 = 7 * 86_400 * 1_000_000_000;

    /// What officers sign of an order: everything but themselves. `None`: the command is none that can be ordered.
    pub fn signed_part(id: OrderId, valid_until: Time, does: &Command) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(128);
        out.extend_from_slice(&id.0);
        put_u64(&mut out, valid_until.0);
        does.if_ordered()?;
        does.encode(&mut out);
        Some(out)
    }

    /// Reads what [`Order::signed_part`] wrote.
    ///
    /// # Errors
    /// If the bytes are anything else.
    pub fn read_signed_part(mut bytes: &[u8]) -> Result<(OrderId, Time, Command), DecodeError> {
        let bytes = &mut bytes;
        let (id, valid_until) = (OrderId(take(bytes)?), Time(take_u64(bytes)?));
        let does = take_ordered(bytes)?;
        if bytes.is_empty() { Ok((id, valid_until, does)) } else { Err(DecodeError::Unknown("rest")) }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.0);
        put_u64(out, self.valid_until.0);
        self.officers.iter().for_each(|key| out.extend_from_slice(key));
        self.does.encode(out);
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let (id, valid_until) = (OrderId(take(bytes)?), Time(take_u64(bytes)?));
        let officers = [take(bytes)?, take(bytes)?];
        if officers[0] >= officers[1] {
            return Err(DecodeError::Unknown("order of officers"));
        }
        Ok(Self { id, valid_until, officers, does: Box::new(take_ordered(bytes)?) })
    }
}

fn take_ordered(bytes: &mut &[u8]) -> Result<Command, DecodeError> {
    // An order inside an order is not read at all: the depth of what is read is bounded.
    if bytes.first() == Some(&Command::ORDER_TAG) {
        return Err(DecodeError::Unknown("order"));
    }
    let does = Command::decode(bytes)?;
    does.if_ordered().map(|_| does).ok_or(DecodeError::Unknown("order"))
}

impl Command {
    pub(crate) const ORDER_TAG: u8 = 20;
}

/// What the centre remembers of governance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Governance {
    officers: Vec<Officer>,
    /// Every change of nodes with the height of its block. All of them stay: an old certificate is checked against the nodes
    /// of its epoch.
    changes: Vec<(u64, SetNodes)>,
    /// Orders that took effect and could still be sent again: until when, and what they were.
    orders: BTreeMap<OrderId, (Time, Hash)>,
    /// The same by their end.
    ends: BTreeSet<(Time, OrderId)>,
}

impl Clearing {
    /// Most orders that took effect and are still valid.
    pub const ORDERS_MAX: usize = 4096;
    /// Most officers.
    pub const OFFICERS_MAX: usize = 64;
    /// Most nodes of a chain.
    pub const NODES_MAX: usize = 64;
    /// Most changes of nodes in the life of a chain.
    pub const NODE_CHANGES_MAX: usize = 1024;

    /// Who may sign orders; nobody at first.
    pub fn officers(&self) -> &[Officer] {
        &self.governance.officers
    }

    /// The nodes that were last ordered; none while the first ones are still in office.
    pub fn nodes(&self) -> &[ChainNode] {
        self.governance.changes.last().map_or(&[], |(_, set)| &set.nodes)
    }

    /// Every change of nodes, with the height of the block that made it.
    pub fn node_changes(&self) -> impl Iterator<Item = (u64, &SetNodes)> {
        self.governance.changes.iter().map(|(height, set)| (*height, set))
    }

    /// How often the nodes were set.
    pub fn nodes_version(&self) -> u64 {
        self.governance.changes.len() as u64
    }

    /// Whether an order took effect and is still remembered.
    pub fn was_carried_out(&self, order: OrderId) -> bool {
        self.governance.orders.contains_key(&order)
    }

    /// Does what two officers ordered, once.
    pub(crate) fn carry_out(&mut self, order: &Order) -> Result<Outcome, Refusal> {
        let is_officer = |key: &PublicKey| self.governance.officers.iter().any(|officer| officer.key == *key);
        if !order.officers.iter().all(is_officer) || order.officers[0] == order.officers[1] {
            return Err(Refusal::NotAnOfficer);
        }
        if order.valid_until < self.time {
            return Err(Refusal::OrderExpired);
        }
        if order.valid_until > self.time.after(Order::VALIDITY_MAX_NS) {
            return Err(Refusal::OrderTooLong);
        }
        let mut bytes = Vec::new();
        order.encode(&mut bytes);
        let digest = sha256(&bytes);
        if let Some((_, known)) = self.governance.orders.get(&order.id) {
            return if *known == digest { Ok(Outcome::Done) } else { Err(Refusal::DuplicateOrder) };
        }
        let orderable = order.does.if_ordered().ok_or(Refusal::NeedsOrder)?;
        self.check_roles(&order.officers, orderable.role)?;
        if self.governance.orders.len() >= Self::ORDERS_MAX {
            return Err(Refusal::Full);
        }
        let outcome = self.apply_ordered(&order.does)?;
        self.governance.enter(order.id, order.valid_until, digest);
        self.delta.push(Command::ORDER_TAG);
        self.delta.extend_from_slice(&digest.0);
        self.emit(EventKind::OrderCarriedOut { order: order.id, officers: order.officers, does: orderable.name });
        Ok(outcome)
    }

    fn apply_ordered(&mut self, command: &Command) -> Result<Outcome, Refusal> {
        match command {
            Command::AppointOfficers(officers) => self.appoint(officers),
            Command::SetNodes(set) => self.set_nodes(set),
            Command::Broadcast(broadcast) => self.broadcast(broadcast),
            Command::Configure(_)
            | Command::OpenLedger(_)
            | Command::RegisterParticipant(_)
            | Command::Fund(_)
            | Command::SetStatus { .. }
            | Command::SetRulebook(_)
            | Command::Arrange(_)
            | Command::Notice(_)
            | Command::Settle(_)
            | Command::SetReturnTerms(_)
            | Command::Sponsorship(_)
            | Command::Day(_)
            | Command::SchemeTerms(_) => self.apply_alone(command),
            Command::Order(_)
            | Command::Cancel { .. }
            | Command::Return(_)
            | Command::Recall(_)
            | Command::AnswerRecall(_)
            | Command::PublishRate(_)
            | Command::RequestQuote(_)
            | Command::Pay(_)
            | Command::Answer(_)
            | Command::ReportCredited { .. }
            | Command::ReportPosting(_)
            | Command::OfferRate(_)
            | Command::Matter(_) => Err(Refusal::NeedsOrder),
        }
    }

    /// The first officers come with the chain; all later ones are ordered by two of them.
    pub(crate) fn appoint_first(&mut self, officers: &[Officer]) -> Result<Outcome, Refusal> {
        if self.governance.officers.is_empty() { self.appoint(officers) } else { Err(Refusal::NeedsOrder) }
    }

    fn appoint(&mut self, officers: &[Officer]) -> Result<Outcome, Refusal> {
        if officers.iter().any(|officer| officer.name.len() > Officer::NAME_BYTES_MAX) {
            return Err(Refusal::TooLong);
        }
        let keys: BTreeSet<_> = officers.iter().map(|officer| officer.key).collect();
        // Fewer than two could never order anything again.
        if officers.len() < 2 || officers.len() > Self::OFFICERS_MAX || keys.len() != officers.len() {
            return Err(Refusal::OfficersNotValid);
        }
        roles::check(officers)?;
        self.governance.officers = officers.to_vec();
        encode_officers(officers, &mut self.delta);
        self.emit(EventKind::OfficersAppointed(officers.to_vec()));
        Ok(Outcome::Done)
    }

    fn set_nodes(&mut self, set: &SetNodes) -> Result<Outcome, Refusal> {
        if set.version != self.nodes_version() + 1 {
            return Err(Refusal::NodesChanged);
        }
        if self.governance.changes.len() >= Self::NODE_CHANGES_MAX {
            return Err(Refusal::Full);
        }
        let too_long =
            |node: &ChainNode| node.name.len() > Officer::NAME_BYTES_MAX || node.address.len() > ChainNode::ADDRESS_BYTES_MAX;
        if set.nodes.iter().any(too_long) {
            return Err(Refusal::TooLong);
        }
        let keys: BTreeSet<_> = set.nodes.iter().map(|node| node.key).collect();
        let nobody_votes = !set.nodes.iter().any(|node| node.votes);
        if nobody_votes || set.nodes.len() > Self::NODES_MAX || keys.len() != set.nodes.len() {
            return Err(Refusal::NodesNotValid);
        }
        self.governance.changes.push((self.height, set.clone()));
        self.delta.push(22);
        encode_nodes(set, &mut self.delta);
        self.emit(EventKind::NodesSet(set.clone()));
        Ok(Outcome::Done)
    }

    /// Forgets orders that can no longer be sent again.
    pub(crate) fn expire_orders(&mut self) {
        while let Some(&(end, order)) = self.governance.ends.first() {
            if end >= self.time {
                break;
            }
            self.governance.ends.pop_first();
            self.governance.orders.remove(&order);
        }
    }
}

impl Governance {
    fn enter(&mut self, order: OrderId, end: Time, digest: Hash) {
        self.orders.insert(order, (end, digest));
        self.ends.insert((end, order));
    }

    /// Appends the canonical bytes for a snapshot.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        encode_officers(&self.officers, out);
        put_u32(out, self.changes.len() as u32);
        for (height, set) in &self.changes {
            put_u64(out, *height);
            encode_nodes(set, out);
        }
        put_u32(out, self.orders.len() as u32);
        for (order, (end, digest)) in &self.orders {
            out.extend_from_slice(&order.0);
            put_u64(out, end.0);
            out.extend_from_slice(&digest.0);
        }
    }

    /// Reads what [`Self::encode`] wrote.
    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let [tag] = take(bytes)?;
        if ![roles::PLAIN_TAG, roles::WITH_ROLES_TAG].contains(&tag) {
            return Err(DecodeError::Unknown("officers"));
        }
        let mut governance = Self { officers: decode_officers(tag, bytes)?, ..Self::default() };
        for version in 1..=u64::from(take_u32(bytes)?) {
            let (height, set) = (take_u64(bytes)?, decode_nodes(bytes)?);
            if set.version != version {
                return Err(DecodeError::Unknown("version of nodes"));
            }
            governance.changes.push((height, set));
        }
        for _ in 0..take_u32(bytes)? {
            let order = OrderId(take(bytes)?);
            if governance.orders.last_key_value().is_some_and(|(last, _)| *last >= order) {
                return Err(DecodeError::Unknown("order of orders"));
            }
            governance.enter(order, Time(take_u64(bytes)?), Hash(take(bytes)?));
        }
        Ok(governance)
    }
}

pub(crate) fn encode_nodes(set: &SetNodes, out: &mut Vec<u8>) {
    put_u64(out, set.version);
    out.push(set.nodes.len() as u8);
    for node in &set.nodes {
        out.extend_from_slice(&node.key);
        put_text(out, &node.name);
        put_text(out, &node.address);
        out.push(u8::from(node.votes));
    }
}

pub(crate) fn decode_nodes(bytes: &mut &[u8]) -> Result<SetNodes, DecodeError> {
    let version = take_u64(bytes)?;
    let [count] = take(bytes)?;
    let node = |bytes: &mut &[u8]| {
        Ok(ChainNode { key: take(bytes)?, name: take_text(bytes)?, address: take_text(bytes)?, votes: take_bool(bytes)? })
    };
    Ok(SetNodes { version, nodes: (0..count).map(|_| node(bytes)).collect::<Result<_, _>>()? })
}
