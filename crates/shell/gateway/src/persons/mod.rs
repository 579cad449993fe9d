//! One person's data: which signed messages and payments of a folder are about somebody, what may be erased of them, and all of
//! it as JSON.
//!
//! A person is asked for by an account at a bank, or by an identity document. The vault has no index of either, on purpose:
//! every message is read, which takes as long as reading the vault does. What belongs to a payment goes together: its request,
//! its answers, its recalls and its returns.
//!
//! # Not here
//! How bytes are erased (`ordering`), the directory's records (`directory`), and what banks keep of their customers.
//!
//! # Units and limits
//! Times are nanoseconds since 1970 UTC. At most [`MESSAGES_MAX`] messages of one person.
//!
//! # Start reading at
//! [`gather`], then [`plan`](Gathered::plan) and [`export`](Gathered::export).

mod export;
mod plan;

pub use export::quotas;
pub use plan::{Held, Plan, Standings};

use crate::auth::body_of_vault;
use crate::terms::{person, plain};
use clearing::{Bic, Command, PersonKey, Time, Uetr};
use iso20022::view::IdentityView;
use iso20022::{Limits, Named, NamedField, PersonalData, named};
use ordering::{Disk, MessageErased, VaultPlace, VaultReader, read_messages};
use signing::HashKey;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

/// Messages of one person at most: forty a day for ten years. Whoever has more is no person, and is asked for by the bank.
pub const MESSAGES_MAX: usize = 150_000;

/// Whose data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// Whoever has this account.
    Account {
        /// At this bank.
        agent: Bic,
        /// Its number, letters and digits alone.
        number: String,
    },
    /// Whoever has this identity document.
    Document {
        /// `NIDN`, `CCPT` …
        scheme: String,
        /// Who issued it.
        issuer: String,
        /// Its number.
        number: String,
    },
}

impl Whom {
    /// `BIC/NUMBER`.
    pub fn account(text: &str) -> Option<Self> {
        let (agent, number) = text.split_once('/')?;
        let number = plain(number);
        (!number.is_empty()).then_some(Self::Account { agent: Bic::parse(agent)?, number })
    }

    /// `SCHEME/ISSUER/NUMBER`; scheme and issuer may be empty, as they may be in messages.
    pub fn document(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '/').map(str::to_owned);
        let (scheme, issuer, number) = (parts.next()?, parts.next()?, parts.next()?);
        (!plain(&number).is_empty()).then_some(Self::Document { scheme, issuer, number })
    }

    /// The keyed hash that quotas count a document by; `None` for an account.
    pub fn person_key(&self, persons: &HashKey) -> Option<PersonKey> {
        match self {
            Self::Account { .. } => None,
            Self::Document { scheme, issuer, number } => person_of(scheme, issuer, number, persons),
        }
    }
}

fn person_of(scheme: &str, issuer: &str, number: &str, persons: &HashKey) -> Option<PersonKey> {
    let identity = IdentityView {
        is_organisation: false,
        scheme: Some(scheme.to_owned()),
        issuer: Some(issuer.to_owned()),
        number: number.to_owned(),
    };
    person(&identity, persons)
}

/// A signed message that belongs to one of the person's payments.
#[derive(Debug, Clone)]
pub struct KeptMessage {
    /// Where it lies.
    pub place: VaultPlace,
    /// In which block.
    pub height: u64,
    /// The block's time.
    pub at: Time,
    /// What it asked for.
    pub what: &'static str,
    /// With the fields that sign it, as received; `None`: it was erased.
    pub text: Option<Vec<u8>>,
    /// What it says of persons, of both sides.
    pub fields: Vec<NamedField>,
}

/// Everything a folder's chain and vault have of one person.
#[derive(Debug, Default)]
pub struct Gathered {
    /// By payment, or by request to pay.
    pub payments: BTreeMap<Uetr, Vec<KeptMessage>>,
    /// Messages looked at.
    pub read: u64,
    /// Messages that could not be read, or are no XML: damage is `fsck`'s to tell.
    pub unreadable: u64,
}

/// Why nothing was gathered.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// The disk.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// More than anybody's.
    #[error("more than {MESSAGES_MAX} messages")]
    TooMany,
}

/// Reads every signed message and gathers those about `whom`, with all others of the same payments. Nobody may write to the
/// folder meanwhile.
///
/// # Errors
/// [`GatherError`].
pub fn gather(disk: &Arc<dyn Disk>, whom: &Whom, persons: &HashKey) -> Result<Gathered, GatherError> {
    let vault = VaultReader::new(disk.clone());
    let seeker = Seeker { whom, key: whom.person_key(persons), persons };
    let mut gathered = Gathered::default();
    let mut theirs = BTreeSet::new();
    read_messages(&**disk, 1, |_, commands, places| {
        for (command, place) in with_messages(&commands, &places) {
            let Some((payment, _)) = about(command) else { continue };
            gathered.read += 1;
            match seeker.is_about(command, || vault.read(place)) {
                Ok(true) => {
                    theirs.insert(payment);
                }
                Ok(false) => {}
                Err(error) if MessageErased::is(&error) => {}
                Err(_) => gathered.unreadable += 1,
            }
        }
        true
    })?;
    let mut count = 0;
    read_messages(&**disk, 1, |header, commands, places| {
        for (command, place) in with_messages(&commands, &places) {
            let Some((payment, what)) = about(command).filter(|(payment, _)| theirs.contains(payment)) else { continue };
            let text = vault.read(place).ok();
            let fields = text.as_deref().and_then(read_named).map(|named| named.fields).unwrap_or_default();
            let message = KeptMessage { place, height: header.height, at: Time(header.time_ns), what, text, fields };
            gathered.payments.entry(payment).or_default().push(message);
            count += 1;
        }
        count <= MESSAGES_MAX
    })?;
    if count > MESSAGES_MAX { Err(GatherError::TooMany) } else { Ok(gathered) }
}

fn with_messages<'a>(
    commands: &'a [Command],
    places: &'a [(u32, VaultPlace)],
) -> impl Iterator<Item = (&'a Command, VaultPlace)> {
    places.iter().filter_map(|(at, place)| Some((commands.get(*at as usize)?, *place)))
}

/// Knows whom it is about.
struct Seeker<'a> {
    whom: &'a Whom,
    key: Option<PersonKey>,
    persons: &'a HashKey,
}

impl Seeker<'_> {
    /// Whether a command's message is about the person. What a payment says of its debtor's document is in the block, as a
    /// hash, and is found there when the message is gone.
    fn is_about(&self, command: &Command, message: impl FnOnce() -> io::Result<Vec<u8>>) -> io::Result<bool> {
        if let Command::Pay(pay) = command
            && self.key.is_some()
            && pay.terms.person == self.key
        {
            return Ok(true);
        }
        let named = read_named(&message()?).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(match self.whom {
            Whom::Account { agent, number } => has_account(&named, *agent, number),
            Whom::Document { .. } => named.documents.iter().any(|document| {
                self.key.is_some() && person_of(&document.scheme, &document.issuer, &document.number, self.persons) == self.key
            }),
        })
    }
}

/// Whether a message names this account, at this bank on the same side.
fn has_account(named: &Named, agent: Bic, number: &str) -> bool {
    let accounts = named.fields.iter().filter(|field| field.data == PersonalData::Account && plain(&field.text) == number);
    let at = |side| named.agents.iter().any(|(of, bic)| *of == side && Bic::parse(bic) == Some(agent));
    accounts.map(|field| field.side).any(at)
}

fn read_named(stored: &[u8]) -> Option<Named> {
    named(&stored[body_of_vault(stored)?..], Limits::DEFAULT).ok()
}

/// Which payment, or request to pay, a command's message belongs to, and what it asks for. `None`: its message is no
/// person's.
fn about(command: &Command) -> Option<(Uetr, &'static str)> {
    match command {
        Command::Pay(pay) => Some((pay.uetr, "pays")),
        Command::Answer(answer) => Some((answer.uetr, "answers")),
        Command::ReportCredited { uetr, .. } => Some((*uetr, "credited")),
        Command::ReportPosting(report) => Some((report.uetr, "reviews")),
        Command::Cancel { uetr, .. } => Some((*uetr, "cancels")),
        Command::Return(back) => Some((back.original, "returns")),
        Command::Recall(recall) => Some((recall.original, "recalls")),
        Command::AnswerRecall(answer) => Some((answer.original, "answers recall")),
        Command::Matter(step) => Some((step.carries().unwrap_or(step.uetr()), "requests")),
        Command::Configure(_)
        | Command::OpenLedger(_)
        | Command::RegisterParticipant(_)
        | Command::Fund(_)
        | Command::SetStatus { .. }
        | Command::PublishRate(_)
        | Command::RequestQuote(_)
        | Command::Order(_)
        | Command::AppointOfficers(_)
        | Command::SetNodes(_)
        | Command::SetRulebook(_)
        | Command::Arrange(_)
        | Command::Notice(_)
        | Command::Settle(_)
        | Command::Sponsorship(_)
        | Command::Day(_)
        | Command::Broadcast(_)
        | Command::SetReturnTerms(_)
        | Command::SchemeTerms(_)
        | Command::OfferRate(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_are_asked_for_in_plain_words() {
        let account = |number: &str| Whom::Account { agent: Bic::parse("HARBHKHHXXX").unwrap(), number: number.into() };
        assert_eq!(Whom::account("HARBHKHHXXX/012-345 678"), Some(account("012345678")));
        for bad in ["", "HARBHKHHXXX", "HARBHKHHXXX/", "HARBHKHHXXX/--", "harbour/1"] {
            assert_eq!(Whom::account(bad), None, "{bad}");
        }
        let document = Whom::document("NIDN/HK/A123456(3)").unwrap();
        assert_eq!(Whom::document("NIDN/HK"), None);
        assert_eq!(Whom::document("NIDN/HK/()"), None);
        let key = HashKey::new(&[1; 32]);
        assert_eq!(document.person_key(&key), Whom::document("nidn/hk/a1234563").unwrap().person_key(&key));
        assert_ne!(document.person_key(&key), Whom::document("CCPT/HK/A1234563").unwrap().person_key(&key));
        assert_eq!(account("1").person_key(&key), None);
    }

    #[test]
    fn an_account_is_one_at_its_bank() {
        let message = |agent: &str| {
            let xml = format!(
                "<T><DbtrAcct><Id><Othr><Id>012-3</Id></Othr></Id></DbtrAcct>\
                 <DbtrAgt><FinInstnId><BICFI>{agent}</BICFI></FinInstnId></DbtrAgt>\
                 <CdtrAgt><FinInstnId><BICFI>PEARCNBSXXX</BICFI></FinInstnId></CdtrAgt></T>"
            );
            named(xml.as_bytes(), Limits::DEFAULT).unwrap()
        };
        let (harbour, pearl) = (Bic::parse("HARBHKHHXXX").unwrap(), Bic::parse("PEARCNBSXXX").unwrap());
        assert!(has_account(&message("HARBHKHH"), harbour, "0123"));
        assert!(!has_account(&message("HARBHKHH"), harbour, "01234"));
        assert!(!has_account(&message("HARBHKHH"), pearl, "0123"), "the other side's bank");
        assert!(!has_account(&message("LIONHKHH"), harbour, "0123"));
    }
}
