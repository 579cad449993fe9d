//! The engine: rules over one payment, then what is remembered of it.

use crate::accounts::Account;
use crate::keys::{Key, Keyring};
use crate::list::WatchList;
use crate::lru::Lru;
use crate::names::{NAME_CHARS_MAX, NameMatch, Normalised, normalise};
use crate::register::RuleId;
use crate::screen::{Hit, Scratch, Screen};
use crate::settings::{RiskSettings, SettingsError, minor};
use clearing::{RiskDecision, RiskVerdict};
use core::fmt;
use money::Amount;
use std::cell::RefCell;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Highest score without a whole name on the watch-list.
pub const SCORE_WITHOUT_MATCH_MAX: u16 = 750;
const SCORE_MAX: u16 = 1000;

/// What the rules look at.
#[derive(Clone, Copy)]
pub struct RiskInput<'a> {
    /// Identifies the debtor's account everywhere: put the debtor agent's BIC in front of the bank's own number.
    pub debtor_account: &'a str,
    /// Identifies the creditor's account everywhere.
    pub creditor_account: &'a str,
    /// The debtor's name.
    pub debtor_name: &'a str,
    /// The creditor's name.
    pub creditor_name: &'a str,
    /// What the debtor pays.
    pub amount: Amount,
    /// Now, nanoseconds since 1970. Going backwards is harmless: windows then hold what is younger.
    pub now_ns: u64,
}

impl fmt::Debug for RiskInput<'_> {
    /// Without personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RiskInput").field("amount", &self.amount).field("now_ns", &self.now_ns).finish_non_exhaustive()
    }
}

/// A rule that fired, and why. Holds no names and no account numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub rule: RuleId,
    /// Why, in English, for the log and the operator.
    pub reason: String,
}

/// The outcome for one payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// What goes into the command.
    pub decision: RiskDecision,
    /// Every rule that fired, in order of the register.
    pub findings: Vec<Finding>,
}

/// Rules, watch-list and what is remembered. Two locks, each held for a microsecond or two; names are searched for outside.
#[derive(Debug)]
pub struct RiskEngine {
    settings: RiskSettings,
    keyring: Keyring,
    screen: Screen,
    memory: Mutex<Memory>,
    /// What screening found, by the hash of a name. Says nothing that another search would not.
    screened: Mutex<Lru<Option<Screened>>>,
}

/// What screening a name found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screened {
    NotComparable,
    Clear,
    Near(Hit),
}

thread_local! {
    /// All zeros between two searches.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

#[derive(Debug)]
struct Memory {
    accounts: Lru<Account>,
    /// When the debtor's account last paid the creditor's, nanoseconds.
    pairs: Lru<u64>,
}

#[derive(Clone, Copy)]
struct Keys {
    account: Key,
    pair: Key,
    /// The same pair the other way round.
    back: Key,
}

impl RiskEngine {
    /// An engine that remembers nothing yet. The secret keeps account numbers out of memory; it may be new at each start.
    ///
    /// # Errors
    /// The settings contradict each other.
    pub fn new(settings: RiskSettings, list: WatchList, secret: [u8; 32]) -> Result<Self, SettingsError> {
        settings.check()?;
        let memory = Memory { accounts: Lru::new(settings.accounts_max), pairs: Lru::new(settings.pairs_max) };
        Ok(Self {
            keyring: Keyring::new(secret),
            screen: Screen::new(list),
            memory: Mutex::new(memory),
            screened: Mutex::new(Lru::new(settings.names_max)),
            settings,
        })
    }

    /// Judges a payment, and remembers it unless it is blocked.
    pub fn assess(&self, input: &RiskInput<'_>) -> Assessment {
        let (keys, named) = (self.keys(input), self.screen_names(input));
        let mut memory = self.memory();
        let assessment = self.judge_with(input, keys, named, &memory);
        if assessment.decision.verdict != RiskVerdict::Block {
            self.remember(input, keys, &mut memory);
        }
        assessment
    }

    /// Judges a payment and remembers nothing.
    pub fn judge(&self, input: &RiskInput<'_>) -> Assessment {
        let (keys, named) = (self.keys(input), self.screen_names(input));
        self.judge_with(input, keys, named, &self.memory())
    }

    /// Remembers a payment that was made without being judged here: one read back from history at a start.
    pub fn observe(&self, input: &RiskInput<'_>) {
        self.remember(input, self.keys(input), &mut self.memory());
    }

    /// The watch-list's version.
    pub fn list_version(&self) -> &str {
        self.screen.version()
    }

    /// Accounts and pairs of accounts remembered now.
    pub fn remembered(&self) -> (usize, usize) {
        let memory = self.memory();
        (memory.accounts.len(), memory.pairs.len())
    }

    fn keys(&self, input: &RiskInput<'_>) -> Keys {
        Keys {
            account: self.keyring.key([input.debtor_account, input.amount.currency.code.as_str()]),
            pair: self.keyring.key([input.debtor_account, input.creditor_account]),
            back: self.keyring.key([input.creditor_account, input.debtor_account]),
        }
    }

    fn judge_with(&self, input: &RiskInput<'_>, keys: Keys, named: Vec<Finding>, memory: &Memory) -> Assessment {
        let mut findings = named;
        match memory.accounts.get(keys.account) {
            Some(account) => self.judge_account(input, account, &mut findings),
            None => self.judge_account(input, &Account::default(), &mut findings),
        }
        if memory.pairs.get(keys.pair).is_none() {
            findings.push(finding(RuleId::FirstTimePayee, "no earlier payment from this account to that one is remembered"));
        }
        let came = memory.pairs.get(keys.back).copied();
        if came.is_some_and(|at_ns| at_ns.saturating_add(self.settings.long_window_ns) > input.now_ns) {
            let hours = self.settings.long_window_ns / 3_600_000_000_000;
            let reason = format!("the creditor's account paid this one within {hours} h");
            findings.push(finding(RuleId::RoundTrip, reason));
        }
        findings.sort_by_key(|finding| finding.rule);
        Assessment { decision: self.decide(&findings), findings }
    }

    fn judge_account(&self, input: &RiskInput<'_>, account: &Account, findings: &mut Vec<Finding>) {
        let (settings, now, minor_units) = (&self.settings, input.now_ns, input.amount.minor.0);
        let limits = settings.limits_of(input.amount.currency.code);
        let short = account.window(now, settings.short_window_ns, minor_units);
        if short.count > settings.count_max {
            let seconds = settings.short_window_ns / 1_000_000_000;
            let reason = format!("{} payments in {seconds} s, more than {}", short.count, settings.count_max);
            findings.push(finding(RuleId::VelocityCount, reason));
        }
        let code = input.amount.currency.code;
        let hours = settings.long_window_ns / 3_600_000_000_000;
        if account.window(now, settings.long_window_ns, minor_units).sum > minor(limits.sum_max, input.amount) {
            let reason = format!("more than {code} {} in {hours} h", limits.sum_max);
            findings.push(finding(RuleId::VelocitySum, reason));
        }
        if account.mean_far_below(minor_units, settings.history_min).is_some() {
            findings.push(finding(RuleId::UnusualAmount, "far above the account's running mean"));
        }
        let limit = minor(limits.reporting_limit, input.amount);
        let just_below = |minor: u64| u128::from(minor) < limit && u128::from(minor) * 10 >= limit * 9;
        let near = account.window_of(now, settings.long_window_ns, minor_units, just_below);
        if just_below(minor_units) && near.count >= settings.structuring_count {
            let reason = format!("{} payments in {hours} h just below {code} {}", near.count, limits.reporting_limit);
            findings.push(finding(RuleId::Structuring, reason));
        }
    }

    fn screen_names(&self, input: &RiskInput<'_>) -> Vec<Finding> {
        let sides = [("debtor", input.debtor_name), ("creditor", input.creditor_name)];
        sides.into_iter().filter_map(|(side, name)| self.name_finding(side, self.screened(name))).collect()
    }

    fn name_finding(&self, side: &str, screened: Screened) -> Option<Finding> {
        let hit = match screened {
            Screened::Clear => return None,
            Screened::NotComparable => {
                return Some(finding(RuleId::NameNotScreened, format!("the {side}'s name cannot be compared")));
            }
            Screened::Near(hit) => hit,
        };
        let (rule, how) = match hit.nearness {
            NameMatch::Match => (RuleId::ListMatch, "equals"),
            NameMatch::Close => (RuleId::ListClose, "is close to"),
            NameMatch::No => return None,
        };
        let (id, version) = (self.screen.id(hit.entry), self.screen.version());
        Some(finding(rule, format!("the {side}'s name {how} entry {id} of list {version}")))
    }

    /// Screens a name, or recalls what was found.
    fn screened(&self, name: &str) -> Screened {
        if name.chars().nth(NAME_CHARS_MAX).is_some() {
            return Screened::NotComparable;
        }
        let key = self.keyring.key(["name", name]);
        let known = *self.screened.lock().unwrap_or_else(PoisonError::into_inner).touch(key);
        known.unwrap_or_else(|| {
            let found = self.search(&normalise(name));
            *self.screened.lock().unwrap_or_else(PoisonError::into_inner).touch(key) = Some(found);
            found
        })
    }

    fn search(&self, name: &Normalised) -> Screened {
        if name.is_empty() {
            return Screened::NotComparable;
        }
        let hit = SCRATCH.with_borrow_mut(|scratch| self.screen.find(name, scratch));
        hit.map_or(Screened::Clear, Screened::Near)
    }

    /// Each rule counts once, even if both names fired it.
    fn decide(&self, findings: &[Finding]) -> RiskDecision {
        let rules = findings.iter().fold(0u32, |bits, finding| bits | 1 << finding.rule.rule().bit);
        let sum: u32 = crate::register::fired(rules).map(|rule| u32::from(rule.weight)).sum();
        let matched = rules & (1 << RuleId::ListMatch.rule().bit) != 0;
        let most = if matched { SCORE_MAX } else { SCORE_WITHOUT_MATCH_MAX };
        let score = sum.min(u32::from(most)) as u16;
        let verdict = match score {
            _ if score >= self.settings.block_at => RiskVerdict::Block,
            _ if score >= self.settings.review_at => RiskVerdict::Review,
            _ => RiskVerdict::Pass,
        };
        RiskDecision { verdict, score, rules }
    }

    fn remember(&self, input: &RiskInput<'_>, keys: Keys, memory: &mut Memory) {
        memory.accounts.touch(keys.account).note(input.now_ns, input.amount.minor.0, &self.settings);
        let last = memory.pairs.touch(keys.pair);
        *last = input.now_ns.max(*last);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn finding(rule: RuleId, reason: impl Into<String>) -> Finding {
    Finding { rule, reason: reason.into() }
}
