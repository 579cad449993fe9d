//! Cooling off: a first payment to a payee, and one that the risk rules would rather see later, wait and can be taken back.
//!
//! Fraud lives on haste: a payment to somebody new that leaves at once cannot be stopped when the debtor comes to think of it.
//! Terms of the scheme say in which corridor and from which amount on such a payment waits, and how long. It waits as any other
//! (`waiting`): without a hold, cancelled free of charge, judged again when its time has come.
//!
//! A payee is new if the bank says so, or if the centre does not know the *pair* of debtor and creditor account. It knows a pair
//! as a keyed hash, from the first payment of the pair that settles while there are rules.
//!
//! # Limits
//! [`Clearing::PAIRS_MAX`] pairs: beyond that the one learned first is forgotten, and new once more.
//! [`CoolingOff::RULES_MAX`], [`CoolingOff::WAIT_NS_MAX`].

use crate::codec::{DecodeError, put_u32, put_u64, take, take_currency, take_u32, take_u64};
use crate::rules::{Code, put_list, put_name, take_list, take_optional_name};
use crate::{Clearing, Pay, PaymentIndex, Refusal, RiskVerdict, Time, WaitReason};
use money::{Currency, MinorUnits};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Debtor account and creditor account: a keyed hash. The key is the scheme's and not in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairKey(pub [u8; 16]);

/// Which payments wait before they are executed, and how long.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CoolingOff {
    /// The first that fits a payment to a new payee; without one it does not wait.
    pub rules: Vec<CoolingRule>,
    /// How long a payment waits that the risk rules would review; 0: it does not.
    pub review_wait_ns: u64,
}

/// First payments that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoolingRule {
    /// Corridor of the rulebook; any, or none, if not given.
    pub corridor: Option<Code>,
    /// Currency of the debit.
    pub currency: Currency,
    /// Least debit that waits, in minor units.
    pub from: MinorUnits,
    /// How long, in nanoseconds.
    pub wait_ns: u64,
}

impl CoolingOff {
    /// Most rules.
    pub const RULES_MAX: usize = 64;
    /// Seven days.
    pub const WAIT_NS_MAX: u64 = 7 * 86_400 * 1_000_000_000;

    /// Whether everything it says has a meaning, where these currencies have a ledger.
    pub fn is_valid(&self, currencies: &[Currency]) -> bool {
        self.rules.len() <= Self::RULES_MAX
            && self.review_wait_ns <= Self::WAIT_NS_MAX
            && self.rules.iter().all(|rule| currencies.contains(&rule.currency) && rule.wait_ns <= Self::WAIT_NS_MAX)
    }

    fn wait_ns(&self, corridor: Option<Code>, currency: Currency, debit: MinorUnits) -> u64 {
        let fits = |rule: &&CoolingRule| {
            rule.corridor.is_none_or(|wanted| corridor == Some(wanted)) && rule.currency == currency && rule.from <= debit
        };
        self.rules.iter().find(fits).map_or(0, |rule| rule.wait_ns)
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_list(out, &self.rules, |out, rule| {
            put_name(out, rule.corridor);
            out.extend_from_slice(&rule.currency.code.bytes());
            out.push(rule.currency.exponent);
            put_u64(out, rule.from.0);
            put_u64(out, rule.wait_ns);
        });
        put_u64(out, self.review_wait_ns);
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let rules = take_list(bytes, |bytes| {
            Ok(CoolingRule {
                corridor: take_optional_name(bytes)?,
                currency: take_currency(bytes)?,
                from: MinorUnits(take_u64(bytes)?),
                wait_ns: take_u64(bytes)?,
            })
        })?;
        Ok(Self { rules, review_wait_ns: take_u64(bytes)? })
    }
}

/// Terms, and the pairs that are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cooling {
    terms: CoolingOff,
    known: BTreeSet<PairKey>,
    /// The same, as they were learned.
    learned: VecDeque<PairKey>,
    /// Open payments of pairs that are not known.
    open: BTreeMap<PaymentIndex, PairKey>,
}

impl Clearing {
    /// Most pairs of debtor and creditor that are known.
    pub const PAIRS_MAX: usize = 1 << 20;

    /// Which payments wait.
    pub fn cooling_off(&self) -> &CoolingOff {
        &self.cooling.terms
    }

    /// Pairs of debtor and creditor that are known.
    pub fn known_pairs(&self) -> usize {
        self.cooling.known.len()
    }

    pub(crate) fn set_cooling_off(&mut self, terms: &CoolingOff) -> Result<(), Refusal> {
        if !terms.is_valid(&self.currencies) {
            return Err(Refusal::CoolingOffNotValid);
        }
        self.cooling.terms = terms.clone();
        Ok(())
    }

    /// Until when a payment that has just arrived cools off, and why.
    pub(crate) fn cools_off(&self, pay: &Pay, corridor: Option<Code>) -> Option<(Time, WaitReason)> {
        let terms = &self.cooling.terms;
        let reviewed = if pay.risk.verdict == RiskVerdict::Review { terms.review_wait_ns } else { 0 };
        let first = match self.is_first(pay) && !terms.rules.is_empty() {
            true => terms.wait_ns(corridor, self.currency(self.ledger_of(pay.debit_currency)?), pay.debit),
            false => 0,
        };
        let reason = if first >= reviewed { WaitReason::FirstPayment } else { WaitReason::RiskReview };
        let wait_ns = first.max(reviewed);
        (wait_ns > 0).then(|| (self.time.after(wait_ns), reason))
    }

    /// Whether a payee is new: the bank says so, or the centre does not know the pair.
    fn is_first(&self, pay: &Pay) -> bool {
        pay.terms.new_payee || pay.terms.pair.is_some_and(|pair| !self.cooling.known.contains(&pair))
    }

    /// Notes the pair of a payment that was held, until it ends.
    pub(crate) fn note_pair(&mut self, index: PaymentIndex, pair: Option<PairKey>) {
        let Some(pair) = pair else { return };
        if !self.cooling.terms.rules.is_empty() && !self.cooling.known.contains(&pair) {
            self.cooling.open.insert(index, pair);
        }
    }

    /// A payment settled: its pair is known from now on.
    pub(crate) fn learn_pair(&mut self, index: PaymentIndex) {
        let Some(pair) = self.forget_pair(index) else { return };
        if !self.cooling.known.insert(pair) {
            return;
        }
        self.cooling.learned.push_back(pair);
        self.delta.push(95);
        self.delta.extend_from_slice(&pair.0);
        if self.cooling.learned.len() > Self::PAIRS_MAX
            && let Some(oldest) = self.cooling.learned.pop_front()
        {
            self.cooling.known.remove(&oldest);
        }
    }

    /// A payment ended without money.
    pub(crate) fn forget_pair(&mut self, index: PaymentIndex) -> Option<PairKey> {
        if self.cooling.open.is_empty() { None } else { self.cooling.open.remove(&index) }
    }

    /// Appends terms and pairs to a snapshot.
    pub(crate) fn encode_cooling(&self, out: &mut Vec<u8>) {
        self.cooling.terms.encode(out);
        put_u32(out, self.cooling.learned.len() as u32);
        self.cooling.learned.iter().for_each(|pair| out.extend_from_slice(&pair.0));
        put_u32(out, self.cooling.open.len() as u32);
        for (index, pair) in &self.cooling.open {
            put_u64(out, index.0);
            out.extend_from_slice(&pair.0);
        }
    }

    /// Reads what [`Self::encode_cooling`] wrote, into a state whose payments have been read.
    pub(crate) fn decode_cooling(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        self.cooling.terms = CoolingOff::decode(bytes)?;
        if !self.cooling.terms.is_valid(&self.currencies) {
            return Err(DecodeError::Unknown("cooling off"));
        }
        for _ in 0..take_u32(bytes)? {
            let pair = PairKey(take(bytes)?);
            if !self.cooling.known.insert(pair) || self.cooling.learned.len() >= Self::PAIRS_MAX {
                return Err(DecodeError::Unknown("pair"));
            }
            self.cooling.learned.push_back(pair);
        }
        for _ in 0..take_u32(bytes)? {
            let (index, pair) = (PaymentIndex(take_u64(bytes)?), PairKey(take(bytes)?));
            let in_order = self.cooling.open.last_key_value().is_none_or(|(last, _)| *last < index);
            let is_open = self.payments.get(index).is_some_and(crate::payment::Payment::is_open);
            if !in_order || !is_open {
                return Err(DecodeError::Unknown("payment of a pair"));
            }
            self.cooling.open.insert(index, pair);
        }
        Ok(())
    }
}
