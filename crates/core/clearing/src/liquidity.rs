//! Liquidity: how far a settlement account may fall below its prefunding, what is set aside on it, and when to warn.
//!
//! ```text
//!  prefunding + received − paid − held = available          room = available + net debit cap
//!                                                            ├── a payment of high priority may use all of it
//!                                                            └── one of normal priority leaves what is reserved
//!  room below the floor: low, told once ─────────────────▶ back at the target: not low, told once
//! ```
//! The cap is a sum, or a share of net prefunding (what the settlement agent reported in, less what it reported out), and
//! follows it. It is the floor of the account in `ledger`, so that a payment costs no more to judge than without it.
//! Withdrawals never use it: nobody takes out what it does not have.
//!
//! A cap that is lowered below its use takes nothing back: the account may fall no further, and from block to block its limit
//! follows the use down until the cap is reached.
//!
//! # Units and limits
//! Amounts are minor units. Terms may be set ahead of time: [`Clearing::TERMS_AHEAD_MAX`] in all.

use crate::arrangement::Arranged;
use crate::codec::{put_u32, put_u64, take, take_bool, take_code, take_participant, take_u32, take_u64};
use crate::{
    AccountPurpose, Charges, Clearing, DecodeError, Fund, FundDirection, Outcome, ParticipantId, Pay, Priority, Refusal,
    Rejection, Time,
};
use ledger::{Account, AccountId, Floor, LedgerId};
use money::{Amount, CurrencyCode, MinorUnits};
use std::collections::{BTreeMap, BTreeSet};

/// A share of the whole, in millionths.
const PPM: u32 = 1_000_000;
/// Highest cap: the ledger keeps one number more for accounts without a floor.
const CAP_MAX: u64 = u64::MAX - 1;

/// How far a participant's payments may exceed its prefunding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetDebitCap {
    /// By this much.
    Fixed(MinorUnits),
    /// By so many millionths of its net prefunding, at most the whole of it; rounded down.
    ShareOfFunding {
        /// Millionths.
        ppm: u32,
    },
}

/// What holds for one settlement account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiquidityTerms {
    /// How far it may fall.
    pub cap: NetDebitCap,
    /// Room below which it is low; zero: never.
    pub floor: MinorUnits,
    /// Room at which it is not low any more; not below the floor.
    pub target: MinorUnits,
    /// Room that only payments of high priority may use.
    pub reserved: MinorUnits,
}

/// Sets the terms of a settlement account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetLiquidity {
    /// Whose account.
    pub participant: ParticipantId,
    /// On which ledger.
    pub currency: CurrencyCode,
    /// What is to hold.
    pub terms: LiquidityTerms,
    /// From the first block at or after this time; at once if it is past.
    pub from: Time,
}

/// What the centre keeps of liquidity. Accounts are settlement accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Liquidity {
    positions: BTreeMap<AccountId, Position>,
    /// Terms that do not hold yet.
    ahead: BTreeMap<(Time, AccountId), LiquidityTerms>,
    /// Prefunding reported in, less what was reported out.
    funded: BTreeMap<AccountId, i128>,
    /// Accounts whose limit is above their cap because they had used more when it was lowered.
    squeezed: BTreeSet<AccountId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    terms: LiquidityTerms,
    is_low: bool,
}

impl Clearing {
    /// Most terms that do not hold yet.
    pub const TERMS_AHEAD_MAX: usize = 65_536;

    /// The terms that hold for a participant's account in a currency; `None` if none were ever set.
    pub fn liquidity(&self, participant: ParticipantId, currency: CurrencyCode) -> Option<LiquidityTerms> {
        let ledger = self.ledger_of(currency)?;
        let account = self.participants.get(participant.0 as usize)?.settlement(ledger)?;
        self.affairs.liquidity.positions.get(&account).map(|position| position.terms)
    }

    pub(crate) fn set_liquidity(&mut self, set: &SetLiquidity) -> Result<Outcome, Refusal> {
        let participant = self.participants.get(set.participant.0 as usize).ok_or(Refusal::UnknownParticipant)?;
        if !participant.status.is_member() {
            return Err(Refusal::StandingForbids);
        }
        let ledger = self.ledger_of(set.currency).ok_or(Refusal::UnknownCurrency)?;
        let account = participant.settlement(ledger).ok_or(Refusal::NoSuchAccount)?;
        let too_much = match set.terms.cap {
            NetDebitCap::Fixed(cap) => cap.0 > CAP_MAX,
            NetDebitCap::ShareOfFunding { ppm } => ppm > PPM,
        };
        if too_much || set.terms.target < set.terms.floor {
            return Err(Refusal::TermsNotValid);
        }
        if set.from <= self.time {
            self.take_terms(account, set.terms);
            return Ok(Outcome::Done);
        }
        let ahead = &mut self.affairs.liquidity.ahead;
        let key = (set.from, account);
        if ahead.len() >= Self::TERMS_AHEAD_MAX && !ahead.contains_key(&key) {
            return Err(Refusal::Full);
        }
        ahead.insert(key, set.terms);
        self.delta.push(43);
        put_u64(&mut self.delta, set.from.0);
        put_u32(&mut self.delta, account.0);
        set.terms.encode(&mut self.delta);
        self.tell_terms(account, set.terms, set.from);
        Ok(Outcome::Done)
    }

    /// What a block's time brings about: terms that were set for it, and limits that follow their use down to the cap.
    pub(crate) fn begin_liquidity(&mut self) {
        while let Some((&(from, account), &terms)) = self.affairs.liquidity.ahead.first_key_value() {
            if from > self.time {
                break;
            }
            self.affairs.liquidity.ahead.pop_first();
            self.take_terms(account, terms);
        }
        let squeezed: Vec<_> = self.affairs.liquidity.squeezed.iter().copied().collect();
        squeezed.into_iter().for_each(|account| self.grant(account));
    }

    fn take_terms(&mut self, account: AccountId, terms: LiquidityTerms) {
        let is_low = self.affairs.liquidity.positions.get(&account).is_some_and(|position| position.is_low);
        self.affairs.liquidity.positions.insert(account, Position { terms, is_low });
        self.set_reserved(account, terms.reserved);
        self.delta.push(43);
        put_u64(&mut self.delta, 0);
        put_u32(&mut self.delta, account.0);
        terms.encode(&mut self.delta);
        self.grant(account);
        self.tell_terms(account, terms, self.time);
    }

    /// Brings an account's limit to its cap, or as near as what it has used allows.
    fn grant(&mut self, account: AccountId) {
        let cap = self.cap(account);
        let row = self.settlement_account(account);
        let used = u64::try_from((-row.available()).clamp(0, i128::from(CAP_MAX))).expect("between the bounds");
        let (before, granted) = (limit_of(row), cap.max(used));
        if granted != before {
            let floor = if granted == 0 { Floor::Zero } else { Floor::Below(MinorUnits(granted)) };
            self.ledgers.set_floor(account, floor).expect("the limit covers what is used");
            self.delta.push(44);
            put_u32(&mut self.delta, account.0);
            put_u64(&mut self.delta, granted);
        }
        let squeezed = &mut self.affairs.liquidity.squeezed;
        let _ = if granted > cap { squeezed.insert(account) } else { squeezed.remove(&account) };
    }

    /// The cap as its terms say, after the prefunding there is.
    pub(crate) fn cap(&self, account: AccountId) -> u64 {
        match self.affairs.liquidity.positions.get(&account).map(|position| position.terms.cap) {
            None => 0,
            Some(NetDebitCap::Fixed(cap)) => cap.0,
            Some(NetDebitCap::ShareOfFunding { ppm }) => {
                let funded = self.funded(account).clamp(0, i128::from(u64::MAX)).unsigned_abs();
                let share = funded * u128::from(ppm) / u128::from(PPM);
                u64::try_from(share).map_or(CAP_MAX, |share| share.min(CAP_MAX))
            }
        }
    }

    pub(crate) fn funded(&self, account: AccountId) -> i128 {
        self.affairs.liquidity.funded.get(&account).copied().unwrap_or(0)
    }

    /// Nobody withdraws what it does not have, whatever its cap.
    pub(crate) fn check_withdrawal(&self, fund: &Fund, account: AccountId) -> Result<(), Refusal> {
        let available = self.ledgers.account(account).map_or(0, Account::available);
        match fund.direction {
            FundDirection::Out if !fund.amount.is_zero() && available < i128::from(fund.amount.0) => {
                Err(Refusal::InsufficientLiquidity)
            }
            FundDirection::In | FundDirection::Out => Ok(()),
        }
    }

    /// Prefunding moved: a cap that is a share of it follows.
    pub(crate) fn note_prefunding(&mut self, fund: &Fund, account: AccountId) {
        match fund.purpose {
            AccountPurpose::Settlement => {}
            AccountPurpose::Exchange | AccountPurpose::Spread | AccountPurpose::Fees => return,
        }
        let amount = i128::from(fund.amount.0);
        *self.affairs.liquidity.funded.entry(account).or_default() += match fund.direction {
            FundDirection::In => amount,
            FundDirection::Out => -amount,
        };
        if self.affairs.liquidity.positions.contains_key(&account) {
            self.grant(account);
        }
    }

    /// Whether a payment of normal priority leaves what is reserved for others.
    pub(crate) fn check_reserved(&self, pay: &Pay, charges: &Charges, ledger: LedgerId) -> Result<(), Rejection> {
        let Some(set) = self.settling_set(pay.debtor_agent, ledger) else { return Ok(()) };
        match pay.priority {
            Priority::Normal if !set.reserved.is_zero() => {}
            Priority::High | Priority::Normal => return Ok(()),
        }
        // Where there is too little anyway, that is the reason.
        let debit = i128::from(pay.debit.0) + i128::from(charges.debtor.0);
        let room = room(self.settlement_account(set.settlement));
        let is_reserved = room >= debit && room - i128::from(set.reserved.0) < debit;
        if is_reserved { Err(Rejection::ReservedLiquidity) } else { Ok(()) }
    }

    /// Tells which of the accounts a block touched became low, or are not low any more.
    pub(crate) fn watch_levels(&mut self, touched: &[AccountId]) {
        if !self.affairs.liquidity.positions.is_empty() {
            touched.iter().for_each(|&account| self.watch_level(account));
        }
    }

    fn watch_level(&mut self, account: AccountId) {
        let Some(position) = self.affairs.liquidity.positions.get(&account).copied() else { return };
        let (terms, room) = (position.terms, room(self.settlement_account(account)));
        let is_low = match position.is_low {
            false => room < i128::from(terms.floor.0),
            true => room < i128::from(terms.target.0) && !terms.floor.is_zero(),
        };
        if is_low == position.is_low {
            return;
        }
        self.affairs.liquidity.positions.insert(account, Position { terms, is_low });
        self.delta.push(45);
        put_u32(&mut self.delta, account.0);
        self.delta.push(u8::from(is_low));
        let (participant, currency) = self.whose(account);
        let missing = u64::try_from(i128::from(terms.target.0) - room).unwrap_or(0);
        let missing = Amount { minor: MinorUnits(missing), currency: self.currency(self.settlement_account(account).ledger()) };
        self.tell(match is_low {
            true => Arranged::LiquidityLow { participant, missing },
            false => Arranged::LiquidityRestored { participant, currency },
        });
        if is_low {
            self.top_up(account, missing.minor);
        }
    }

    pub(crate) fn is_low(&self, account: AccountId) -> bool {
        self.affairs.liquidity.positions.get(&account).is_some_and(|position| position.is_low)
    }

    pub(crate) fn is_squeezed(&self, account: AccountId) -> bool {
        self.affairs.liquidity.squeezed.contains(&account)
    }

    fn tell_terms(&mut self, account: AccountId, terms: LiquidityTerms, from: Time) {
        let (participant, currency) = self.whose(account);
        self.tell(Arranged::LiquiditySet(SetLiquidity { participant, currency, terms, from }));
    }

    fn settlement_account(&self, account: AccountId) -> &Account {
        self.ledgers.account(account).expect("accounts are never closed")
    }

    fn whose(&self, account: AccountId) -> (ParticipantId, CurrencyCode) {
        let (owner, _) = self.owners[account.0 as usize];
        let currency = self.currency(self.settlement_account(account).ledger()).code;
        (owner.expect("a settlement account is a participant's"), currency)
    }

    fn set_reserved(&mut self, account: AccountId, reserved: MinorUnits) {
        let ledger = usize::from(self.settlement_account(account).ledger().0);
        let (participant, _) = self.whose(account);
        if let Some(set) = self.participants[participant.0 as usize].accounts.get_mut(ledger).and_then(Option::as_mut) {
            set.reserved = reserved;
        }
    }

    pub(crate) fn encode_liquidity(&self, out: &mut Vec<u8>) {
        let Liquidity { positions, ahead, funded, squeezed: _ } = &self.affairs.liquidity;
        put_u32(out, positions.len() as u32);
        for (account, position) in positions {
            put_u32(out, account.0);
            position.terms.encode(out);
            out.push(u8::from(position.is_low));
        }
        put_u32(out, ahead.len() as u32);
        for ((from, account), terms) in ahead {
            put_u64(out, from.0);
            put_u32(out, account.0);
            terms.encode(out);
        }
        put_u32(out, funded.len() as u32);
        for (account, funded) in funded {
            put_u32(out, account.0);
            out.extend_from_slice(&funded.to_le_bytes());
        }
    }

    /// Reads what [`Self::encode_liquidity`] wrote, into a state whose participants and accounts have been read.
    pub(crate) fn decode_liquidity(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        for _ in 0..take_u32(bytes)? {
            let account = self.take_settlement_account(bytes)?;
            let position = Position { terms: LiquidityTerms::decode(bytes)?, is_low: take_bool(bytes)? };
            insert_last(&mut self.affairs.liquidity.positions, account, position)?;
            self.set_reserved(account, position.terms.reserved);
        }
        for _ in 0..take_u32(bytes)? {
            let key = (Time(take_u64(bytes)?), self.take_settlement_account(bytes)?);
            insert_last(&mut self.affairs.liquidity.ahead, key, LiquidityTerms::decode(bytes)?)?;
        }
        for _ in 0..take_u32(bytes)? {
            let account = self.take_settlement_account(bytes)?;
            insert_last(&mut self.affairs.liquidity.funded, account, i128::from_le_bytes(take(bytes)?))?;
        }
        self.read_limits()
    }

    /// Only accounts with terms fall below zero; none has less than its cap, none fell further than it may.
    fn read_limits(&mut self) -> Result<(), DecodeError> {
        for (account, row) in self.ledgers.accounts() {
            let (limit, cap) = (limit_of(row), self.cap(account));
            let has_terms = self.affairs.liquidity.positions.contains_key(&account);
            if limit < cap || limit > 0 && !has_terms || has_terms && row.available() < -i128::from(limit) {
                return Err(DecodeError::Unknown("limit of an account"));
            }
            if limit > cap {
                self.affairs.liquidity.squeezed.insert(account);
            }
        }
        Ok(())
    }

    fn take_settlement_account(&self, bytes: &mut &[u8]) -> Result<AccountId, DecodeError> {
        let account = AccountId(take_u32(bytes)?);
        let is_settlement = match self.owners.get(account.0 as usize) {
            Some((Some(owner), AccountPurpose::Settlement)) => {
                let ledger = self.ledgers.account(account).map(|row| row.ledger()).filter(|ledger| self.has_ledger(*ledger));
                let owner = self.participants.get(owner.0 as usize);
                owner.zip(ledger).is_some_and(|(owner, ledger)| owner.settlement(ledger) == Some(account))
            }
            Some(_) | None => false,
        };
        if is_settlement { Ok(account) } else { Err(DecodeError::Unknown("settlement account")) }
    }

    fn has_ledger(&self, ledger: LedgerId) -> bool {
        usize::from(ledger.0) < self.currencies.len()
    }
}

/// How far an account may fall below zero; an account without a floor is judged elsewhere.
pub(crate) fn limit_of(account: &Account) -> u64 {
    match account.floor() {
        Floor::Zero | Floor::None => 0,
        Floor::Below(below) => below.0,
    }
}

/// What can still be debited.
pub(crate) fn room(account: &Account) -> i128 {
    account.available() + i128::from(limit_of(account))
}

impl SetLiquidity {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.participant.0);
        out.extend_from_slice(&self.currency.bytes());
        self.terms.encode(out);
        put_u64(out, self.from.0);
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            participant: take_participant(bytes)?,
            currency: take_code(bytes)?,
            terms: LiquidityTerms::decode(bytes)?,
            from: Time(take_u64(bytes)?),
        })
    }
}

impl LiquidityTerms {
    fn encode(&self, out: &mut Vec<u8>) {
        match self.cap {
            NetDebitCap::Fixed(cap) => {
                out.push(0);
                put_u64(out, cap.0);
            }
            NetDebitCap::ShareOfFunding { ppm } => {
                out.push(1);
                put_u32(out, ppm);
            }
        }
        for amount in [self.floor, self.target, self.reserved] {
            put_u64(out, amount.0);
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let cap = match take_bool(bytes)? {
            false => NetDebitCap::Fixed(MinorUnits(take_u64(bytes)?)),
            true => NetDebitCap::ShareOfFunding { ppm: take_u32(bytes)? },
        };
        let [floor, target, reserved] = [take_u64(bytes)?, take_u64(bytes)?, take_u64(bytes)?].map(MinorUnits);
        Ok(Self { cap, floor, target, reserved })
    }
}

/// Enters a row of a table that is written in the order of its keys.
fn insert_last<K: Ord, V>(table: &mut BTreeMap<K, V>, key: K, value: V) -> Result<(), DecodeError> {
    if table.last_key_value().is_some_and(|(last, _)| *last >= key) {
        return Err(DecodeError::Unknown("order of a table"));
    }
    table.insert(key, value);
    Ok(())
}
