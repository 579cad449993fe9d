//! The directory itself: changes by banks that keep an account, look-ups by banks that pay to one.

use crate::alias::Alias;
use crate::audit::Audit;
use crate::buckets::{Buckets, Empty};
use crate::record::{Porting, REGISTRATIONS_MAX, Record, Registration};
use crate::refusal::{DirectoryError, DirectoryRefusal as Refusal};
use crate::settings::{Settings, Silence};
use crate::store::{Key, PortRow, Store, Writing};
use crate::warnings::{DOCUMENT_BYTES_MAX, Tier, WarningDocument, WarningFault, Warnings, hex, unhex};
use clearing::Bic;
use risk::mask::{MaskRule, masked};
use signing::HashKey;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// Changes of one message: a body of 64 KiB holds so many, and one transaction stays short.
pub const CHANGES_MAX: usize = 256;

/// The file of aliases.
pub(crate) const FILE: &str = "directory.redb";

/// Longest pseudonym of a payer, in bytes.
const PAYER_BYTES_MAX: usize = 64;
/// Longest account number (ISO `Max34Text`).
const ACCOUNT_BYTES_MAX: usize = 34;
/// Longest name (ISO `Max140Text`), in characters.
const NAME_CHARS_MAX: usize = 140;
/// Ports told at once.
const PORTS_TOLD_MAX: usize = 1_000;
/// Draws of a scheme identifier before the bank is asked to try again: with a tenth of them taken, one message in 10¹⁶ is.
const DRAWS_MAX: usize = 16;

/// What a bank changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The alias stands for an account here.
    Register {
        /// Which; `None` has the directory draw a scheme identifier.
        alias: Option<Alias>,
        /// The account's number, or what the bank knows it by.
        account: String,
        /// The holder's name in Latin letters.
        name: String,
        /// In Han characters, if there is one.
        name_han: Option<String>,
        /// Whether it is a company's, shown in full.
        company: bool,
        /// Whether payments without a bank shall go there.
        default: bool,
    },
    /// It does not any more.
    Revoke(Alias),
    /// Payments without a bank shall go there.
    MakeDefault(Alias),
    /// The bank that has the default lets it go, or does not.
    AnswerPort {
        /// As it was told.
        port: String,
        /// Whether the customer wants it.
        agrees: bool,
    },
}

/// How an alias stands after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// Registered, and the default.
    Default(Alias),
    /// Registered beside another bank's default.
    Registered(Alias),
    /// Registered; the default follows once the other bank agrees.
    PortPending(Alias, u64),
    /// Gone from this bank.
    Revoked(Alias),
    /// The port was answered.
    PortAnswered {
        /// Whether the default moved.
        moved: bool,
    },
}

/// A port that a bank is to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// What it is answered by.
    pub port: String,
    /// The alias, masked.
    pub masked: String,
    /// The account it stands for now.
    pub account: String,
    /// BIC of the bank that asks for it.
    pub to: String,
    /// Until when.
    pub until_ns: u64,
}

/// Who looks whom up.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The asking bank.
    pub by: Bic,
    /// Its customer, by any name that stays the same.
    pub payer: &'a str,
    /// Whom.
    pub alias: &'a Alias,
    /// At which bank; `None` at the default.
    pub at: Option<Bic>,
}

/// Whom an alias stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The payee's bank.
    pub agent: Bic,
    /// The account there.
    pub account: String,
    /// The name as shown, in Latin letters.
    pub masked_name: String,
    /// In Han characters, if there is one.
    pub masked_name_han: Option<String>,
    /// What the warning list says.
    pub warning: Option<Tier>,
    /// How long the answer may be used.
    pub valid_until_ns: u64,
}

/// Why there is no answer, and when there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// In how many nanoseconds to ask again.
    pub wait_ns: Option<u64>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, wait_ns: None }
    }
}

/// The directory. One a process and file.
#[derive(Debug)]
pub struct Directory {
    settings: Settings,
    key: HashKey,
    store: Store,
    buckets: Mutex<Buckets>,
    warnings: RwLock<Arc<Warnings>>,
    audit: Audit,
}

impl Directory {
    /// Opens `directory.redb` and the audit files in a folder, or begins them.
    ///
    /// # Errors
    /// The disk, or a file of another version or key.
    pub fn open(folder: &Path, settings: Settings, key: HashKey) -> Result<Self, DirectoryError> {
        let store = Store::open(&folder.join(FILE), settings.cache_bytes, &key)?;
        let audit = Audit::open(&folder.join("directory-audit"), settings.audit_file_bytes, settings.audit_files_max)?;
        Ok(Self { settings, key, store, buckets: Mutex::default(), warnings: RwLock::default(), audit })
    }

    /// What was set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn key_of(&self, alias: &Alias) -> Key {
        self.key.hash(&["alias", alias.as_str()])
    }

    /// What an alias is known by on the warning list, as hexadecimal digits.
    pub fn hash_of_alias(key: &HashKey, alias: &Alias) -> String {
        hex(&key.hash(&["alias", alias.as_str()]))
    }

    /// What an account is known by on the warning list, as hexadecimal digits.
    pub fn hash_of_account(key: &HashKey, agent: Bic, account: &str) -> String {
        hex(&key.hash(&["account", agent.as_str(), account]))
    }

    /// Changes what a bank has registered: all in one transaction, each with its own outcome. A change that is refused changes
    /// nothing; sent again, all of them change nothing.
    ///
    /// # Errors
    /// None of them was made: there are too many, or the file cannot be written.
    pub fn change(
        &self,
        by: Bic,
        changes: &[Change],
        random: &mut dyn FnMut() -> u64,
        now_ns: u64,
    ) -> Result<Vec<Result<Changed, Refusal>>, Refusal> {
        if changes.is_empty() || changes.len() > CHANGES_MAX {
            return Err(Refusal::TooManyChanges);
        }
        let done = self.store.change(|writing| {
            changes.iter().map(|change| self.apply(writing, by, change, random, now_ns)).collect::<Result<Vec<_>, _>>()
        });
        done.map_err(|error| unavailable(&error))
    }

    fn apply(
        &self,
        writing: &mut Writing<'_>,
        by: Bic,
        change: &Change,
        random: &mut dyn FnMut() -> u64,
        now_ns: u64,
    ) -> Result<Result<Changed, Refusal>, redb::Error> {
        match change {
            Change::Register { alias, account, name, name_han, company, default } => {
                let registration = match self.registration(by, account, name, name_han.as_deref(), *company) {
                    Ok(registration) => registration,
                    Err(refusal) => return Ok(Err(refusal)),
                };
                let drawn = match alias {
                    Some(alias) => Some(alias.clone()),
                    None => self.draw(writing, random)?,
                };
                let Some(alias) = drawn else { return Ok(Err(Refusal::NoneFree)) };
                self.register(writing, &alias, registration, *default, now_ns)
            }
            Change::Revoke(alias) => self.revoke(writing, by, alias, now_ns),
            Change::MakeDefault(alias) => {
                let (key, mut record) = self.settled(writing, alias, now_ns)?;
                let Some(place) = record.place_of(by.bytes()) else { return Ok(Err(Refusal::NotRegistered)) };
                if record.default == Some(place) {
                    return Ok(Err(Refusal::AlreadyDefault));
                }
                let changed = self.claim(writing, &key, alias, &mut record, place, now_ns)?;
                if changed.is_ok() {
                    writing.put(&key, &record)?;
                }
                Ok(changed)
            }
            Change::AnswerPort { port, agrees } => self.answer_port(writing, by, port, *agrees, now_ns),
        }
    }

    fn registration(
        &self,
        by: Bic,
        account: &str,
        name: &str,
        han: Option<&str>,
        company: bool,
    ) -> Result<Registration, Refusal> {
        let account_ok =
            (1..=ACCOUNT_BYTES_MAX).contains(&account.len()) && account.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !account_ok {
            return Err(Refusal::BadAccount);
        }
        let name_ok = |name: &str| {
            let count = name.chars().count();
            (1..=NAME_CHARS_MAX).contains(&count) && !name.chars().any(char::is_control) && !name.trim().is_empty()
        };
        if !name_ok(name) || han.is_some_and(|han| !name_ok(han)) {
            return Err(Refusal::BadName);
        }
        let rule = if company { MaskRule::Whole } else { self.settings.mask(&by.as_str()[4..6]) };
        Ok(Registration {
            bic: by.bytes(),
            account: account.to_owned(),
            latin: masked(name, rule),
            han: han.map(|han| masked(han, rule)).unwrap_or_default(),
        })
    }

    /// A scheme identifier nobody has.
    fn draw(&self, writing: &Writing<'_>, random: &mut dyn FnMut() -> u64) -> Result<Option<Alias>, redb::Error> {
        for _ in 0..DRAWS_MAX {
            let alias = Alias::drawn(random());
            if writing.get(&self.key_of(&alias))?.is_none() {
                return Ok(Some(alias));
            }
        }
        Ok(None)
    }

    fn register(
        &self,
        writing: &mut Writing<'_>,
        alias: &Alias,
        registration: Registration,
        default: bool,
        now_ns: u64,
    ) -> Result<Result<Changed, Refusal>, redb::Error> {
        let (key, mut record) = self.settled(writing, alias, now_ns)?;
        let is_new = record.registrations.is_empty();
        if is_new && writing.count >= self.settings.aliases_max {
            return Ok(Err(Refusal::Full));
        }
        let place = match record.place_of(registration.bic) {
            Some(place) => {
                record.registrations[place] = registration;
                place
            }
            None if record.registrations.len() >= REGISTRATIONS_MAX => return Ok(Err(Refusal::TooManyBanks)),
            None => {
                record.registrations.push(registration);
                record.registrations.len() - 1
            }
        };
        let changed = match record.default == Some(place) {
            true => Ok(Changed::Default(alias.clone())),
            // Whom nobody is paid by yet is paid by the first that says so.
            false if is_new || default => self.claim(writing, &key, alias, &mut record, place, now_ns)?,
            false => Ok(Changed::Registered(alias.clone())),
        };
        if changed.is_ok() {
            writing.put(&key, &record)?;
        }
        Ok(changed)
    }

    /// The record as it stands now: a port whose time has passed is settled (DIR-02).
    fn settled(&self, writing: &mut Writing<'_>, alias: &Alias, now_ns: u64) -> Result<(Key, Record), redb::Error> {
        let key = self.key_of(alias);
        let mut record = writing.get(&key)?.unwrap_or_default();
        if record.porting.is_some_and(|port| port.until_ns <= now_ns) {
            self.end_port(writing, &key, &mut record, now_ns)?;
            writing.put(&key, &record)?;
        }
        Ok((key, record))
    }

    fn end_port(&self, writing: &mut Writing<'_>, key: &Key, record: &mut Record, now_ns: u64) -> Result<(), redb::Error> {
        if let Some(holder) = record.default {
            writing.remove_port(&record.registrations[holder].bic, key)?;
        }
        record.default = self.default_of(record, now_ns);
        record.porting = None;
        Ok(())
    }

    /// Place of the default at this time.
    fn default_of(&self, record: &Record, now_ns: u64) -> Option<usize> {
        match (record.porting, self.settings.port_silence) {
            (Some(port), Silence::TakesEffect) if port.until_ns <= now_ns => Some(port.to),
            (Some(_) | None, Silence::TakesEffect | Silence::Lapses) => record.default,
        }
    }

    /// Makes a registration the default, or asks the bank that has it.
    fn claim(
        &self,
        writing: &mut Writing<'_>,
        key: &Key,
        alias: &Alias,
        record: &mut Record,
        place: usize,
        now_ns: u64,
    ) -> Result<Result<Changed, Refusal>, redb::Error> {
        let Some(holder) = record.default else {
            record.default = Some(place);
            return Ok(Ok(Changed::Default(alias.clone())));
        };
        match record.porting {
            Some(port) if port.to == place => return Ok(Ok(Changed::PortPending(alias.clone(), port.until_ns))),
            Some(_) => return Ok(Err(Refusal::PortPending)),
            None => {}
        }
        let until_ns = now_ns.saturating_add(self.settings.port_wait_ns);
        record.porting = Some(Porting { to: place, until_ns });
        let to = String::from_utf8_lossy(&record.registrations[place].bic).into_owned();
        let holder = &record.registrations[holder];
        let row = PortRow { masked: alias.masked(), account: holder.account.clone(), to, until_ns };
        writing.put_port(&holder.bic, key, &row)?;
        Ok(Ok(Changed::PortPending(alias.clone(), until_ns)))
    }

    fn revoke(
        &self,
        writing: &mut Writing<'_>,
        by: Bic,
        alias: &Alias,
        now_ns: u64,
    ) -> Result<Result<Changed, Refusal>, redb::Error> {
        let (key, mut record) = self.settled(writing, alias, now_ns)?;
        let Some(place) = record.place_of(by.bytes()) else { return Ok(Err(Refusal::NotRegistered)) };
        writing.take_out(&key, &mut record, place)?;
        Ok(Ok(Changed::Revoked(alias.clone())))
    }

    fn answer_port(
        &self,
        writing: &mut Writing<'_>,
        by: Bic,
        port: &str,
        agrees: bool,
        now_ns: u64,
    ) -> Result<Result<Changed, Refusal>, redb::Error> {
        let Some(key) = unhex::<16>(port) else { return Ok(Err(Refusal::UnknownPort)) };
        let Some(mut record) = writing.get(&key)? else { return Ok(Err(Refusal::UnknownPort)) };
        let own = record.place_of(by.bytes());
        let waiting = record.porting.filter(|port| port.until_ns > now_ns && own.is_some() && record.default == own);
        let Some(waiting) = waiting else { return Ok(Err(Refusal::UnknownPort)) };
        writing.remove_port(&by.bytes(), &key)?;
        record.porting = None;
        if agrees {
            record.default = Some(waiting.to);
        }
        writing.put(&key, &record)?;
        Ok(Ok(Changed::PortAnswered { moved: agrees }))
    }

    /// Ports this bank is to decide.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn ports(&self, of: Bic, now_ns: u64) -> Result<Vec<Port>, Refusal> {
        let rows = self.store.ports_of(&of.bytes(), PORTS_TOLD_MAX).map_err(|error| unavailable(&error))?;
        let port = |(key, row): (Key, PortRow)| {
            let PortRow { masked, account, to, until_ns } = row;
            Port { port: hex(&key), masked, account, to, until_ns }
        };
        Ok(rows.into_iter().filter(|(_, row)| row.until_ns > now_ns).map(port).collect())
    }

    /// Whom an alias stands for. Every look-up is written down, whatever comes of it. Nobody found costs as much as any other
    /// until [`Directory::charge_miss`].
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn look_up(&self, ask: &Ask<'_>, now_ns: u64) -> Result<Answer, Refused> {
        let payer = self.payer(ask)?;
        let key = self.key_of(ask.alias);
        let found = self.pay_and_find(ask, payer, &key, now_ns);
        let line = audit_line(ask, &payer, &key, &found, now_ns);
        if !self.audit.write(line) {
            return Err(Refusal::Unavailable.into());
        }
        found
    }

    fn payer(&self, ask: &Ask<'_>) -> Result<Key, Refusal> {
        let named = (1..=PAYER_BYTES_MAX).contains(&ask.payer.len());
        named.then(|| self.key.hash(&["payer", ask.by.as_str(), ask.payer])).ok_or(Refusal::BadPayer)
    }

    fn pay_and_find(&self, ask: &Ask<'_>, payer: Key, key: &Key, now_ns: u64) -> Result<Answer, Refused> {
        let (participant, person) = (self.settings.participant, self.settings.payer);
        let paid = self.buckets().take((ask.by.bytes(), participant), (payer, person), now_ns);
        paid.map_err(|empty| match empty {
            Empty::Participant(wait_ns) => Refused { refusal: Refusal::ParticipantRate, wait_ns: Some(wait_ns) },
            Empty::Payer(wait_ns) => Refused { refusal: Refusal::PayerRate, wait_ns: Some(wait_ns) },
        })?;
        let record = self.store.get(key).map_err(|error| unavailable(&error))?.ok_or(Refusal::UnknownAlias)?;
        let place = match ask.at {
            Some(bank) => record.place_of(bank.bytes()),
            None => self.default_of(&record, now_ns),
        };
        let found = &record.registrations[place.ok_or(Refusal::UnknownAlias)?];
        let agent = core::str::from_utf8(&found.bic).ok().and_then(Bic::parse).ok_or(Refusal::Unavailable)?;
        let account_key = self.key.hash(&["account", agent.as_str(), &found.account]);
        let warning = self.warnings().tier(&[*key, account_key]);
        if warning == Some(Tier::Block) {
            return Err(Refusal::PayeeBlocked.into());
        }
        Ok(Answer {
            agent,
            account: found.account.clone(),
            masked_name: found.latin.clone(),
            masked_name_han: Some(found.han.clone()).filter(|han| !han.is_empty()),
            warning,
            valid_until_ns: now_ns.saturating_add(self.settings.answer_valid_ns),
        })
    }

    /// Charges the rest of a look-up that found nobody.
    pub fn charge_miss(&self, ask: &Ask<'_>, now_ns: u64) {
        if let Ok(payer) = self.payer(ask) {
            let more = self.settings.miss_cost.saturating_sub(1);
            let (participant, person) = (self.settings.participant, self.settings.payer);
            self.buckets().charge((ask.by.bytes(), participant), (payer, person), more, now_ns);
        }
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn warnings(&self) -> Arc<Warnings> {
        Arc::clone(&self.warnings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the warning list says of an account.
    pub fn warning_of(&self, agent: Bic, account: &str) -> Option<Tier> {
        self.warnings().tier(&[self.key.hash(&["account", agent.as_str(), account])])
    }

    /// Version of the warning list that holds; 0 without one.
    pub fn warnings_version(&self) -> u64 {
        self.warnings().version
    }

    /// Takes a list that two of these officers signed for this chain, if it is newer than the one that holds.
    ///
    /// # Errors
    /// Why the list that holds stays.
    pub fn take_warnings(&self, document: &WarningDocument, chain: &str, officers: &[[u8; 32]]) -> Result<(), WarningFault> {
        let held = self.warnings_version();
        if document.version <= held {
            return Err(WarningFault::Old(held));
        }
        let list = document.proved(chain, officers)?;
        *self.warnings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(list);
        Ok(())
    }

    /// Reads a list's document from a file.
    ///
    /// # Errors
    /// There is none that reads.
    pub fn read_warnings(path: &Path) -> Result<WarningDocument, WarningFault> {
        let unreadable = |error: std::io::Error| WarningFault::NotADocument(error.to_string());
        if std::fs::metadata(path).map_err(unreadable)?.len() > DOCUMENT_BYTES_MAX {
            return Err(WarningFault::TooMany);
        }
        WarningDocument::read(&std::fs::read(path).map_err(unreadable)?)
    }

    /// Puts many aliases of one bank in at once, for benchmarks: sorted, in transactions of a hundred thousand.
    #[doc(hidden)]
    pub fn fill(&self, by: Bic, aliases: impl Iterator<Item = (Alias, String, String)>) -> Result<u64, Refusal> {
        let mut batch = Vec::new();
        let flush = |batch: &mut Vec<(Key, Record)>| {
            batch.sort_unstable_by_key(|(key, _)| *key);
            self.store
                .change(|writing| {
                    batch.drain(..).try_for_each(|(key, record)| writing.put(&key, &record))?;
                    Ok(writing.count)
                })
                .map_err(|error| unavailable(&error))
        };
        for (alias, account, name) in aliases {
            let registration = self.registration(by, &account, &name, None, false)?;
            batch.push((self.key_of(&alias), Record { registrations: vec![registration], default: Some(0), porting: None }));
            if batch.len() >= 500_000 {
                flush(&mut batch)?;
            }
        }
        flush(&mut batch)
    }
}

fn unavailable(error: &redb::Error) -> Refusal {
    tracing::error!(%error, "the directory cannot be read or written");
    Refusal::Unavailable
}

fn audit_line(ask: &Ask<'_>, payer: &Key, key: &Key, found: &Result<Answer, Refused>, now_ns: u64) -> String {
    let (outcome, agent) = match found {
        Ok(answer) => ("found", answer.agent.to_string()),
        Err(refused) => (refused.refusal.code(), String::new()),
    };
    let line = serde_json::json!({
        "at_ns": now_ns, "participant": ask.by.as_str(), "payer": hex(payer), "alias": hex(key), "kind": ask.alias.kind().name(),
        "outcome": outcome, "agent": agent,
    });
    line.to_string()
}
