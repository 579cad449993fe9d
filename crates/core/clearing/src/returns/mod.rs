//! Returns: what can happen to a payment once it is final, beginning with money that is sent back.
//!
//! ```text
//!  settled ──▶ returned, in part or whole, again and again up to the original's credit     (this file)
//!     └──────▶ recalled ──▶ accepted: a return follows; or rejected; overdue is told once  (`recalls.rs`)
//! ```
//! A return is a movement of its own: it has its own identification, settles at once and is final, and its end is a leaf of
//! the tree of final payments. It lies among the payments, its agents the other way round, and is forgotten like one. Either
//! it settles or it is refused and leaves no trace; it is never held and never rejected.
//!
//! # Returned once
//! What has been returned of an original stays in a small table of its own, longer than the original is on record: until its
//! settlement lies [`ReturnTerms::return_within_ns`] back. What settled before that time, the *close*, cannot be returned.
//! The close never goes back, so that an entry which is gone is never needed again. A return whose original was forgotten
//! carries its [`Facts`]; who makes blocks, and who votes on them, takes these from the past.
//!
//! # Exchange
//! The portion returned is counted in what the creditor agent received. If currencies differed, it goes back at a fresh quote
//! that the creditor agent asked for. Who erred bears the rate ([`erred`]): the creditor's side gives back at the original rate, its
//! quote being for exactly that credit; otherwise the quote is for exactly the portion.
//!
//! # Invariant
//! RET-01: of no payment more is returned than its creditor agent received, and each return on record settled once.
//!
//! # Limits
//! [`Clearing::RETURNED_MAX`] originals with returns; [`Clearing::CLOSED_MAX`] of them are let go of by one block.

mod codec;
mod reasons;
mod recalls;

pub use reasons::{Erred, erred, return_reasons};
pub(crate) use recalls::Recalls;
pub use recalls::{AnswerRecall, Recall, RecallState, RecallVerdict, RecallView, recall_answers, recall_reasons};

use crate::codec::{put_u32, put_u64};
use crate::fees::Charged;
use crate::laws::LawBroken;
use crate::payment::{Payment, Status};
use crate::sponsorship::Sides;
use crate::table::Payments;
use crate::{
    Charges, Clearing, ContentHash, EventKind, IsoReason, MessageIdHash, Outcome, ParticipantId, ParticipantStatus, PaymentIndex,
    PaymentState, PaymentView, Position, Posting, Priority, QuoteId, Refusal, RiskDecision, Sponsors, Terms, Time, Uetr,
};
use ledger::{LedgerError, LedgerId, Leg};
use money::{CurrencyCode, MinorUnits};
use std::collections::{BTreeMap, BTreeSet};

const DAY: u64 = 86_400 * 1_000_000_000;

/// Money sent back (`pacs.004`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    /// Its own identification, made from its sender and its `RtrId`.
    pub id: Uetr,
    /// SHA-256 of the signed body as received.
    pub content: ContentHash,
    /// Its `MsgId`, hashed with the sender.
    pub message_id: MessageIdHash,
    /// Who sends it back, as authenticated: the original's creditor agent.
    pub returner: ParticipantId,
    /// The payment (`OrgnlUETR`).
    pub original: Uetr,
    /// What leaves the returner (`RtrdIntrBkSttlmAmt`).
    pub amount: MinorUnits,
    /// How much of the original's credit it gives back (`RtrdInstdAmt`); the same without exchange.
    pub portion: MinorUnits,
    /// Currency of both.
    pub currency: CurrencyCode,
    /// The quote that turns it into the original's debit currency, if that is another one.
    pub quote: Option<QuoteId>,
    /// Why (`ExternalReturnReason1Code`).
    pub reason: IsoReason,
    /// When its message was made: a message sent again says the same.
    pub created_at: Time,
    /// What the original was, if the centre has forgotten it.
    pub facts: Option<Facts>,
}

/// What a forgotten payment was, from the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// How it stood when it was forgotten.
    pub payment: PaymentView,
    /// What the rulebook asked about.
    pub terms: Terms,
}

impl Facts {
    /// What a command carries of a payment. Over whose accounts it moved is not part of it: a return moves over those there are now.
    pub fn of(payment: PaymentView, terms: Terms) -> Self {
        Self { payment: PaymentView { sponsors: Sponsors::default(), ..payment }, terms }
    }
}

/// What a return says of the payment it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReturnOf {
    /// That payment.
    pub original: Uetr,
    /// Why.
    pub reason: IsoReason,
}

/// Times of what follows settlement, in nanoseconds of block time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReturnTerms {
    /// How long after settlement a payment can be returned.
    pub return_within_ns: u64,
    /// How long after settlement it can be recalled.
    pub recall_within_ns: u64,
    /// The same for fraud (`FRAD`).
    pub recall_fraud_within_ns: u64,
    /// How long the creditor agent has to answer a recall.
    pub recall_answer_ns: u64,
}

impl Default for ReturnTerms {
    /// As in the SEPA schemes: ten banking days to recall, taken as fourteen, thirteen months for fraud, fifteen days to answer.
    fn default() -> Self {
        Self {
            return_within_ns: 427 * DAY,
            recall_within_ns: 14 * DAY,
            recall_fraud_within_ns: 396 * DAY,
            recall_answer_ns: 15 * DAY,
        }
    }
}

impl ReturnTerms {
    /// Whether what is recalled in time can still be returned when the answer is due.
    pub const fn are_valid(&self) -> bool {
        let last =
            if self.recall_fraud_within_ns > self.recall_within_ns { self.recall_fraud_within_ns } else { self.recall_within_ns };
        self.recall_answer_ns > 0 && last.saturating_add(self.recall_answer_ns) <= self.return_within_ns
    }
}

/// What was returned of one payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Returned {
    /// What its creditor agent had received.
    credit: MinorUnits,
    /// What of that was returned.
    returned: MinorUnits,
    settled_at: Time,
}

/// A return on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OnRecord {
    of: ReturnOf,
    portion: MinorUnits,
}

/// What the centre keeps of what follows settlement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Aftermath {
    terms: ReturnTerms,
    /// What settled before cannot be returned.
    close: Time,
    returned: BTreeMap<Uetr, Returned>,
    by_settlement: BTreeSet<(Time, Uetr)>,
    on_record: BTreeMap<PaymentIndex, OnRecord>,
    pub(crate) recalls: Recalls,
}

impl Aftermath {
    /// What a payment on record returns, if it is a return.
    pub(crate) fn return_of(&self, payment: PaymentIndex) -> Option<ReturnOf> {
        self.on_record.get(&payment).map(|found| found.of)
    }

    pub(crate) fn forget(&mut self, payment: &PaymentView) {
        self.on_record.remove(&payment.index);
        self.recalls.forget(payment);
    }
}

/// The original of a return or recall, from the record or from its facts.
pub(crate) struct Original {
    pub(crate) payment: PaymentView,
    pub(crate) settled_at: Time,
    /// What the rulebook asked about, if the payment was forgotten.
    pub(crate) terms: Option<Terms>,
}

impl Clearing {
    /// Most payments of which something was returned, while they can be returned.
    pub const RETURNED_MAX: usize = 4_000_000;
    /// Of these, how many one block lets go of.
    pub const CLOSED_MAX: usize = 4096;

    /// The times that hold after settlement.
    pub fn return_terms(&self) -> ReturnTerms {
        self.aftermath.terms
    }

    /// How much of a payment's credit was returned, while it can be returned.
    pub fn returned(&self, original: Uetr) -> MinorUnits {
        self.aftermath.returned.get(&original).map_or(MinorUnits::ZERO, |found| found.returned)
    }

    pub(crate) fn set_return_terms(&mut self, terms: ReturnTerms) -> Result<Outcome, Refusal> {
        if !terms.are_valid() {
            return Err(Refusal::ReturnTermsNotValid);
        }
        self.aftermath.terms = terms;
        self.delta.push(62);
        terms.encode(&mut self.delta);
        Ok(Outcome::Done)
    }

    /// Sends money back, or answers again what was answered before.
    pub(crate) fn give_back(&mut self, back: &Return) -> Result<Outcome, Refusal> {
        if let Some(known) = self.find_payment(back.id) {
            let payment = &self.payments[known];
            let same = payment.content == back.content && payment.debtor_agent == back.returner;
            return if same { Ok(self.repeated(known)) } else { Err(Refusal::DuplicateReturn) };
        }
        if self.is_matter(back.id) || self.is_sent(back.id) {
            return Err(Refusal::DuplicateReturn);
        }
        self.check_acceptance(back.created_at)?;
        if self.knows_message(back.message_id) {
            return Err(Refusal::DuplicateMessageId);
        }
        let original = self.original(back.original, back.facts.as_ref())?;
        if original.payment.creditor_agent != back.returner {
            return Err(Refusal::NotYourPayment);
        }
        self.check_return(back, &original)?;
        let before = self.returned(back.original);
        let after = before.checked_add(back.portion).filter(|after| *after <= original.payment.credit.minor);
        let after = after.ok_or(Refusal::MoreThanLeft)?;
        if self.payments.len() >= Self::PAYMENTS_MAX || self.aftermath.returned.len() >= Self::RETURNED_MAX {
            return Err(Refusal::Full);
        }
        let sides = self.check_sponsors_of_return(back, &original.payment)?;
        let (credit, ledgers) = self.move_back(back, &original.payment)?;
        let index = self.record_return(back, original.payment.debtor_agent, credit, ledgers);
        self.enter_sponsored_return(index, sides);
        self.note_returned(back, &original, after);
        self.give_back_quota(&original, (before, after));
        self.finish(index);
        Ok(Outcome::Payment { payment: self.view(index), repeated: false })
    }

    /// The settled payment of a UETR: on record, or what its facts say.
    pub(crate) fn original(&self, uetr: Uetr, facts: Option<&Facts>) -> Result<Original, Refusal> {
        let (payment, terms) = match self.payment(uetr) {
            Some(payment) => (payment, None),
            None if self.waiting(uetr).is_some() => return Err(Refusal::NotSettled),
            None => {
                let facts = facts.filter(|facts| self.are_of_forgotten(uetr, &facts.payment)).ok_or(Refusal::UnknownPayment)?;
                (facts.payment, Some(facts.terms))
            }
        };
        if payment.returns.is_some() {
            return Err(Refusal::NotReturnable);
        }
        match (payment.state, payment.finality) {
            (PaymentState::Settled, Some(finality)) => Ok(Original { payment, settled_at: finality.at, terms }),
            (PaymentState::Settled | PaymentState::Held | PaymentState::Rejected, _) => Err(Refusal::NotSettled),
        }
    }

    /// Whether facts can be a forgotten payment's. That they are is for those to see who have the past.
    fn are_of_forgotten(&self, uetr: Uetr, payment: &PaymentView) -> bool {
        let known = |agent: ParticipantId| (agent.0 as usize) < self.participants.len();
        payment.uetr == uetr
            && payment.index.0 < self.payments.first()
            && payment.finality.is_some_and(|end| end.leaf_index < self.finals.len() && end.at <= self.time)
            && known(payment.debtor_agent)
            && known(payment.creditor_agent)
    }

    fn check_return(&self, back: &Return, original: &Original) -> Result<(), Refusal> {
        if original.settled_at < self.aftermath.close {
            return Err(Refusal::TooLateAfterSettlement);
        }
        let erred = erred(back.reason).ok_or(Refusal::ReasonNotUsed)?;
        if back.portion.is_zero() || back.amount.is_zero() {
            return Err(Refusal::ZeroAmount);
        }
        for agent in [back.returner, original.payment.debtor_agent] {
            match self.participants[agent.0 as usize].status {
                ParticipantStatus::Live | ParticipantStatus::ReceiveOnly | ParticipantStatus::SendOnly => {}
                ParticipantStatus::Suspended => return Err(Refusal::ParticipantSuspended),
                ParticipantStatus::Applied | ParticipantStatus::Certified | ParticipantStatus::Left => {
                    return Err(Refusal::StandingForbids);
                }
            }
        }
        let (debit, credit) = (original.payment.debit.currency, original.payment.credit.currency);
        let is_exchanged = debit != credit;
        let fits = back.currency == credit.code
            && back.quote.is_some() == is_exchanged
            && (back.portion == back.amount || is_exchanged && erred == Erred::CreditorSide);
        if fits { Ok(()) } else { Err(Refusal::ReturnDiffers) }
    }

    fn check_sponsors_of_return(&self, back: &Return, original: &PaymentView) -> Result<Sides, Refusal> {
        let ledger = |code| self.ledger_of(code).ok_or(Refusal::UnknownCurrency);
        let ledgers = [ledger(back.currency)?, ledger(original.debit.currency.code)?];
        self.check_return_sponsors([back.returner, original.debtor_agent], ledgers, back.amount)
    }

    /// Moves the money, all legs or none; returns what the debtor agent gets, and the ledgers of both sides.
    fn move_back(&mut self, back: &Return, original: &PaymentView) -> Result<(MinorUnits, [LedgerId; 2]), Refusal> {
        let Some(quote) = back.quote else {
            let ledger = self.ledger_of(back.currency).ok_or(Refusal::UnknownCurrency)?;
            let account = |agent: ParticipantId| self.settling_set(agent, ledger).map(|set| set.settlement);
            let debit = account(back.returner).ok_or(Refusal::NoSuchAccount)?;
            let credit = account(original.debtor_agent).ok_or(Refusal::NoSuchAccount)?;
            self.ledgers.transfer(&[Leg { debit, credit, amount: back.amount }]).map_err(ledger_refusal)?;
            return Ok((back.amount, [ledger, ledger]));
        };
        let quote = self.quote_for(quote, back.returner, (back.amount, back.currency)).map_err(|_| Refusal::ReturnDiffers)?;
        let credit = quote.terms.credit;
        let at_original_rate = erred(back.reason) == Some(Erred::CreditorSide);
        if credit.currency != original.debit.currency
            || at_original_rate && Some(credit.minor) != share_of(back.portion, original)
        {
            return Err(Refusal::ReturnDiffers);
        }
        // Nobody is charged for a return.
        let legs = self.exchange_legs(&quote, back.returner, original.debtor_agent, &Charges::default());
        self.ledgers.transfer(legs.ok_or(Refusal::NoSuchAccount)?.as_slice()).map_err(ledger_refusal)?;
        self.quotes.get_mut(&quote.terms.quote).expect("it was just found").used = true;
        Ok((credit.minor, [quote.debit_ledger, quote.credit_ledger]))
    }

    fn record_return(
        &mut self,
        back: &Return,
        debtor_agent: ParticipantId,
        credit: MinorUnits,
        ledgers: [LedgerId; 2],
    ) -> PaymentIndex {
        let mark = Payments::mark(self.payments.next());
        self.by_uetr.insert(&back.id.0, mark);
        self.by_message.insert(&back.message_id.0, mark);
        let index = self.payments.next();
        let of = ReturnOf { original: back.original, reason: back.reason };
        self.aftermath.on_record.insert(index, OnRecord { of, portion: back.portion });
        self.payments.push(Payment {
            uetr: back.id,
            content: back.content,
            message_id: back.message_id,
            debtor_agent: back.returner,
            creditor_agent: debtor_agent,
            debit: back.amount,
            credit,
            debit_ledger: ledgers[0],
            credit_ledger: ledgers[1],
            quote: back.quote,
            priority: Priority::High,
            risk: RiskDecision::PASS,
            charged: Charged::default(),
            credited: None,
            posting: Posting::Unreported,
            posting_position: None,
            posting_reason: None,
            is_sponsored: false,
            accepted_at: back.created_at,
            received_at: self.time,
            deadline: self.time,
            forwarded: Some(Position(self.next_position)),
            status: Status::Returned(self.next_finality()),
        })
    }

    fn note_returned(&mut self, back: &Return, original: &Original, after: MinorUnits) {
        let (credit, settled_at) = (original.payment.credit.minor, original.settled_at);
        self.aftermath.returned.insert(back.original, Returned { credit, returned: after, settled_at });
        self.aftermath.by_settlement.insert((settled_at, back.original));
        self.delta.push(60);
        self.delta.extend_from_slice(&back.original.0);
        self.delta.extend_from_slice(&back.id.0);
        self.delta.extend_from_slice(&back.reason.0);
        put_u64(&mut self.delta, back.portion.0);
        put_u64(&mut self.delta, after.0);
        put_u64(&mut self.delta, credit.0);
        put_u64(&mut self.delta, settled_at.0);
        put_u32(&mut self.delta, original.payment.debtor_agent.0);
    }

    /// What a block's time brings about: what settled too long ago is closed.
    pub(crate) fn begin_aftermath(&mut self) {
        let close = Time(self.time.0.saturating_sub(self.aftermath.terms.return_within_ns));
        self.aftermath.close = self.aftermath.close.max(close);
        for _ in 0..Self::CLOSED_MAX {
            let Some(&(settled_at, original)) = self.aftermath.by_settlement.first() else { break };
            if settled_at >= self.aftermath.close {
                break;
            }
            self.aftermath.by_settlement.pop_first();
            self.aftermath.returned.remove(&original);
        }
        self.begin_recalls();
    }
}

/// What a portion of the credit was of the debit, rounded up: the debtor's side loses nothing.
fn share_of(portion: MinorUnits, original: &PaymentView) -> Option<MinorUnits> {
    let (debit, credit) = (original.debit.minor, original.credit.minor);
    if credit.is_zero() {
        return None;
    }
    let whole = u128::from(debit.0) * u128::from(portion.0);
    u64::try_from(whole.div_ceil(u128::from(credit.0))).ok().map(MinorUnits)
}

fn ledger_refusal(error: LedgerError) -> Refusal {
    match error {
        LedgerError::Insufficient { .. } => Refusal::InsufficientLiquidity,
        LedgerError::TooLarge { .. } => Refusal::AmountTooLarge,
        LedgerError::Full => Refusal::Full,
        LedgerError::UnknownAccount(_) | LedgerError::CrossesLedgers { .. } | LedgerError::NotOpen | LedgerError::BadChain => {
            Refusal::NoSuchAccount
        }
    }
}

/// RET-01: of no payment more is returned than its creditor agent received, and each return on record settled once.
pub(crate) fn ret_01(clearing: &Clearing) -> Result<(), LawBroken> {
    let broken = |detail| Err(LawBroken { law: "RET-01", detail });
    let aftermath = &clearing.aftermath;
    if let Some((uetr, over)) = aftermath.returned.iter().find(|(_, row)| row.returned > row.credit || row.returned.is_zero()) {
        return broken(format!("of payment {uetr} {over:?}"));
    }
    let mut portions: BTreeMap<Uetr, u128> = BTreeMap::new();
    for found in aftermath.on_record.values() {
        *portions.entry(found.of.original).or_default() += u128::from(found.portion.0);
    }
    let counted = |uetr: &Uetr| aftermath.returned.get(uetr).map(|row| u128::from(row.returned.0));
    // An entry may be closed while a return is still on record; one that is there counts them all.
    if let Some((uetr, sum)) = portions.iter().find(|(uetr, sum)| counted(uetr).is_some_and(|counted| counted < **sum)) {
        return broken(format!("returns of {sum} are on record of payment {uetr}, counted are {:?}", counted(uetr)));
    }
    let first = clearing.payments.first();
    for (at, payment) in (first..).zip(clearing.payments.iter()) {
        let is_return = matches!(payment.status, Status::Returned(_));
        if is_return != aftermath.on_record.contains_key(&PaymentIndex(at)) {
            return broken(format!("payment {at} is a return or not, the table of returns says otherwise"));
        }
    }
    let gone = aftermath.on_record.keys().find(|index| clearing.payments.get(**index).is_none());
    gone.map_or(Ok(()), |index| broken(format!("return {} is not on record", index.0)))
}

/// RET-01 over a run's events: no identification settles twice, and what is told of an original never passes its credit.
pub(crate) fn ret_01_told<'a>(events: impl IntoIterator<Item = &'a EventKind>) -> Result<(), LawBroken> {
    let broken = |detail| Err(LawBroken { law: "RET-01", detail });
    let mut credits: BTreeMap<Uetr, money::Amount> = BTreeMap::new();
    let mut sums: BTreeMap<Uetr, u128> = BTreeMap::new();
    let mut told = BTreeSet::new();
    for event in events {
        if let EventKind::PaymentSettled(view) = event {
            credits.insert(view.uetr, view.credit);
        }
        let EventKind::PaymentReturned(view) = event else { continue };
        if !told.insert(view.uetr) || view.state != PaymentState::Settled {
            return broken(format!("return {} was told twice", view.uetr));
        }
        let Some(of) = view.returns else { return broken(format!("return {} returns nothing", view.uetr)) };
        let Some(credit) = credits.get(&of.original) else { continue };
        // What an exchanged one counts is its portion, which the table has.
        if view.quote.is_some() {
            continue;
        }
        let sum = sums.entry(of.original).or_default();
        *sum += u128::from(view.debit.minor.0);
        if *sum > u128::from(credit.minor.0) || view.debit.currency != credit.currency {
            return broken(format!("{sum} of {credit} were returned of payment {}", of.original));
        }
    }
    Ok(())
}
