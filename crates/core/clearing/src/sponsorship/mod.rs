//! Sponsorship: participants without a settlement account in a currency, whose payments move over their sponsor's.
//!
//! An *indirect* participant has its own BIC, key, inbox and messages. In a currency in which it is sponsored its payments debit
//! and credit its *sponsor's* settlement account, and the sponsorship keeps its *position*: what came in less what went out
//! since the two were last square.
//!
//! ```text
//!                     two officers                                two officers
//!  (none) ── sponsor ─────────────▶ active ── end ─────────────────────────────▶ ending ── nothing under way, ──▶ (none)
//!                                     ▲  └─ sponsor: other limits                   │       position zero
//!                                     └───────────── sponsor again ─────────────────┘
//!
//!  position − held ≥ −net debit limit          paid out of the sponsor's account for it, holds counted
//!  square: the two have settled outside, and the position is brought towards zero by so much
//! ```
//! Whether a participant is direct is a matter of each currency: one with a settlement account there is, and cannot be sponsored
//! there; only such a one can be a sponsor. So nobody is sponsored through a chain of others.
//!
//! While a sponsorship is *ending* no new payment is taken; those under way end as they would have, and returns of earlier ones
//! still move. It is over in the moment in which nothing is under way and the position is zero.
//!
//! Where debtor agent and creditor agent settle over one account, the sponsor's with its participant's or two that it sponsors,
//! the payment is debited and credited there: held until it is answered, as any other, and on the statement on both sides.
//!
//! # Invariant
//! SPN-01: each position is the sum over its payments and squares, and never beyond the limit, holds counted.
//!
//! # Limits
//! [`Clearing::SPONSORSHIPS_MAX`]; the references of the last [`Clearing::SQUARES_KEPT`] squares of each are remembered.
//!
//! Tags 74 to 76 are this module's, among commands and in the block's changes alike. `position.rs` has what payments do to
//! a position, `told.rs` what both sides find in their inboxes.

mod codec;
mod position;
mod told;

pub(crate) use position::{Sides, spn_01};
pub use told::{SponsorshipLetter, SponsorshipStep};

use crate::{Clearing, EventKind, Outcome, ParticipantId, ParticipantStatus, PaymentIndex, Refusal};
use ledger::LedgerId;
use money::{Currency, CurrencyCode, MinorUnits};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Something asked about a sponsorship. Append only: the encoding is kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SponsorshipCommand {
    /// A sponsorship begins, goes on or has other limits; by order.
    Sponsor(Sponsor),
    /// Sponsor and participant have settled outside; by order or the sponsor's own message (`camt.050`).
    Square(Square),
    /// A sponsorship is to end; by order.
    End(EndSponsorship),
}

/// Who settles for whom, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sponsor {
    /// Over whose settlement account.
    pub sponsor: ParticipantId,
    /// For whom.
    pub participant: ParticipantId,
    /// In which currency.
    pub currency: CurrencyCode,
    /// How far.
    pub limits: SponsorLimits,
}

/// How far a sponsor goes for a participant, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SponsorLimits {
    /// How far its position may fall below zero, holds counted. Zero: it pays out of what it received or has brought.
    pub net_debit: MinorUnits,
    /// The largest payment it may send; charges are not counted. Not zero.
    pub payment_max: MinorUnits,
}

/// A position is brought towards zero: money moved between the two outside the scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Square {
    /// Names it: the same square is made once.
    pub reference: [u8; 16],
    /// Whose position.
    pub participant: ParticipantId,
    /// In which currency.
    pub currency: CurrencyCode,
    /// The sponsor, as authenticated; `None`: two officers order it.
    pub by: Option<ParticipantId>,
    /// Who paid the other.
    pub paid_by: SquarePayer,
    /// How much; not zero, and not more than the position.
    pub amount: MinorUnits,
}

/// Who of the two paid the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SquarePayer {
    /// The participant paid back what its sponsor had paid for it.
    Participant,
    /// The sponsor handed on what had come in for the participant.
    Sponsor,
}

/// A sponsorship is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndSponsorship {
    /// Whose.
    pub participant: ParticipantId,
    /// In which currency.
    pub currency: CurrencyCode,
}

/// How far along a sponsorship is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SponsorshipState {
    /// Payments are taken.
    Active,
    /// No new ones are; what is under way ends, what is left is squared.
    Ending,
    /// Over.
    Ended,
}

impl SponsorshipState {
    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ending => "ending",
            Self::Ended => "ended",
        }
    }
}

/// A sponsorship as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SponsorshipView {
    /// Counted from 1 over all there ever were.
    pub number: u32,
    /// For whom.
    pub participant: ParticipantId,
    /// Over whose account.
    pub sponsor: ParticipantId,
    /// In which currency.
    pub currency: Currency,
    /// How far.
    pub limits: SponsorLimits,
    /// How far along.
    pub state: SponsorshipState,
    /// What came in less what went out since they were last square; minor units.
    pub position: i128,
    /// What its payments under way hold on the sponsor's account; minor units.
    pub held: u128,
    /// Payments under way, from it and to it.
    pub under_way: u32,
}

impl SponsorshipView {
    /// What it can still send in all; minor units.
    pub fn room(&self) -> i128 {
        let held = i128::try_from(self.held).unwrap_or(i128::MAX);
        i128::from(self.limits.net_debit.0).saturating_add(self.position).saturating_sub(held)
    }
}

/// Over whose accounts a payment moves, where it is not its agents' own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sponsors {
    /// The debtor agent's sponsor.
    pub debtor: Option<ParticipantId>,
    /// The creditor agent's.
    pub creditor: Option<ParticipantId>,
}

impl SponsorshipCommand {
    /// Whose message it must be; `None`: it is operators' own.
    pub const fn signer(&self) -> Option<ParticipantId> {
        match self {
            Self::Square(square) => square.by,
            Self::Sponsor(_) | Self::End(_) => None,
        }
    }
}

/// A sponsorship at the centre.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    number: u32,
    sponsor: ParticipantId,
    limits: SponsorLimits,
    is_ending: bool,
    position: i128,
    held: u128,
    under_way: u32,
    /// What squares brought to the position.
    squared: i128,
    /// What payments brought to it that were forgotten.
    forgotten: i128,
    /// Reference and digest of the last squares.
    squares: VecDeque<([u8; 16], [u8; 16])>,
}

impl Row {
    /// What it can still send, holds counted; below zero only in a state that breaks SPN-01.
    fn room(&self) -> i128 {
        let held = i128::try_from(self.held).unwrap_or(i128::MAX);
        i128::from(self.limits.net_debit.0).saturating_add(self.position).saturating_sub(held)
    }
}

type Key = (ParticipantId, LedgerId);

/// What the centre keeps of sponsorships.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sponsorships {
    rows: BTreeMap<Key, Row>,
    /// How many there ever were: the number of the last one.
    begun: u32,
    /// Payments on record that move over a sponsor's account: `Payment::sponsored` tells which.
    used: BTreeMap<PaymentIndex, Sides>,
    /// Those the block changed.
    touched: BTreeSet<Key>,
    /// Those it ended, as they stood.
    ended: Vec<SponsorshipView>,
}

/// Commands.
impl Clearing {
    /// Most sponsorships at a time.
    pub const SPONSORSHIPS_MAX: usize = 65_536;
    /// Squares of each whose references are remembered.
    pub const SQUARES_KEPT: usize = 64;

    pub(crate) fn sponsorship_command(&mut self, command: &SponsorshipCommand) -> Result<Outcome, Refusal> {
        match command {
            SponsorshipCommand::Sponsor(sponsor) => self.sponsor(sponsor),
            SponsorshipCommand::Square(square) => self.square(square),
            SponsorshipCommand::End(end) => self.end_sponsorship(end),
        }
    }

    fn sponsor(&mut self, order: &Sponsor) -> Result<Outcome, Refusal> {
        let key = self.check_pair(order)?;
        let limits = order.limits;
        if limits.payment_max.is_zero() {
            return Err(Refusal::SponsorLimitsNotValid);
        }
        let full = self.sponsorships.rows.len() >= Self::SPONSORSHIPS_MAX;
        let step = match self.sponsorships.rows.get_mut(&key) {
            Some(row) if row.sponsor != order.sponsor => return Err(Refusal::SponsoredByAnother),
            Some(row) => {
                let changed = Row { limits, is_ending: false, ..row.clone() };
                if changed.room() < 0 {
                    return Err(Refusal::SponsorLimitBelowUse);
                }
                let is_other = *row != changed;
                *row = changed;
                is_other.then_some(SponsorshipStep::Changed)
            }
            None if full => return Err(Refusal::Full),
            None => {
                self.begin_sponsorship(key, order);
                Some(SponsorshipStep::Begun)
            }
        };
        self.tell_sponsorship(key);
        if let Some(step) = step {
            self.write_of_sponsorship(key, step);
        }
        Ok(Outcome::Done)
    }

    /// Whether these two can have a sponsorship, whatever there is between them.
    fn check_pair(&self, order: &Sponsor) -> Result<Key, Refusal> {
        let known = |id: ParticipantId| self.participants.get(id.0 as usize).ok_or(Refusal::UnknownParticipant);
        let (sponsor, participant) = (known(order.sponsor)?, known(order.participant)?);
        let ledger = self.ledger_of(order.currency).ok_or(Refusal::UnknownCurrency)?;
        if !sponsor.status.is_member() || !participant.status.is_member() {
            return Err(Refusal::StandingForbids);
        }
        if participant.account_set(ledger).is_some() {
            return Err(Refusal::SponsoredIsDirect);
        }
        if sponsor.account_set(ledger).is_none() {
            return Err(Refusal::SponsorNotDirect);
        }
        Ok((order.participant, ledger))
    }

    fn begin_sponsorship(&mut self, key: Key, order: &Sponsor) {
        self.sponsorships.begun += 1;
        self.sponsorships.rows.insert(
            key,
            Row {
                number: self.sponsorships.begun,
                sponsor: order.sponsor,
                limits: order.limits,
                is_ending: false,
                position: 0,
                held: 0,
                under_way: 0,
                squared: 0,
                forgotten: 0,
                squares: VecDeque::new(),
            },
        );
        self.participants[key.0.0 as usize].is_sponsored = true;
    }

    fn square(&mut self, square: &Square) -> Result<Outcome, Refusal> {
        if square.amount.is_zero() {
            return Err(Refusal::ZeroAmount);
        }
        let key = self.sponsorship_key(square.participant, square.currency)?;
        let row = self.sponsorships.rows.get_mut(&key).ok_or(Refusal::NoSponsorship)?;
        if square.by.is_some_and(|by| by != row.sponsor) {
            return Err(Refusal::NoSponsorship);
        }
        let digest = square.digest();
        match row.squares.iter().find(|(reference, _)| *reference == square.reference) {
            Some((_, known)) if *known == digest => return Ok(Outcome::Done),
            Some(_) => return Err(Refusal::DuplicateReference),
            None => {}
        }
        let amount = i128::from(square.amount.0);
        let most = match square.paid_by {
            SquarePayer::Participant => -row.position,
            // What is handed on cannot be paid out as well.
            SquarePayer::Sponsor => row.position.min(row.room()),
        };
        if amount > most {
            return Err(Refusal::MoreThanPosition);
        }
        let change = match square.paid_by {
            SquarePayer::Participant => amount,
            SquarePayer::Sponsor => -amount,
        };
        row.position += change;
        row.squared += change;
        if row.squares.len() >= Self::SQUARES_KEPT {
            row.squares.pop_front();
        }
        row.squares.push_back((square.reference, digest));
        self.tell_sponsorship(key);
        self.end_if_over(key);
        Ok(Outcome::Done)
    }

    fn end_sponsorship(&mut self, end: &EndSponsorship) -> Result<Outcome, Refusal> {
        let key = self.sponsorship_key(end.participant, end.currency)?;
        let row = self.sponsorships.rows.get_mut(&key).ok_or(Refusal::NoSponsorship)?;
        if row.is_ending {
            return Ok(Outcome::Done);
        }
        row.is_ending = true;
        self.tell_sponsorship(key);
        self.write_of_sponsorship(key, SponsorshipStep::Ending);
        self.end_if_over(key);
        Ok(Outcome::Done)
    }

    fn sponsorship_key(&self, participant: ParticipantId, currency: CurrencyCode) -> Result<Key, Refusal> {
        if !self.knows_participant(participant) {
            return Err(Refusal::UnknownParticipant);
        }
        Ok((participant, self.ledger_of(currency).ok_or(Refusal::UnknownCurrency)?))
    }

    /// A sponsorship that is ending is over when nothing is under way and nobody owes the other.
    fn end_if_over(&mut self, key: Key) {
        let Some(row) = self.sponsorships.rows.get(&key) else { return };
        if !row.is_ending || row.under_way > 0 || row.position != 0 {
            return;
        }
        let view = SponsorshipView { state: SponsorshipState::Ended, ..self.sponsorship_view(key, row) };
        self.note_sponsorship_over(key);
        self.sponsorships.rows.remove(&key);
        self.sponsorships.touched.remove(&key);
        self.sponsorships.ended.push(view);
        let others = self.sponsorships.rows.range((key.0, LedgerId(0))..=(key.0, LedgerId(u16::MAX))).next().is_some();
        self.participants[key.0.0 as usize].is_sponsored = others;
        self.emit(EventKind::Sponsorship(view));
        self.write_of(&view, SponsorshipStep::Ended);
    }

    /// Enters a sponsorship as it stands in the block's changes, and tells it.
    fn tell_sponsorship(&mut self, key: Key) {
        self.note_sponsorship(key);
        let view = self.sponsorships.rows.get(&key).map(|row| self.sponsorship_view(key, row));
        if let Some(view) = view {
            self.emit(EventKind::Sponsorship(view));
        }
    }

    fn sponsorship_view(&self, (participant, ledger): Key, row: &Row) -> SponsorshipView {
        SponsorshipView {
            number: row.number,
            participant,
            sponsor: row.sponsor,
            currency: self.currency(ledger),
            limits: row.limits,
            state: if row.is_ending { SponsorshipState::Ending } else { SponsorshipState::Active },
            position: row.position,
            held: row.held,
            under_way: row.under_way,
        }
    }
}

/// Reading.
impl Clearing {
    /// All sponsorships, by participant and ledger.
    pub fn sponsorships(&self) -> impl Iterator<Item = SponsorshipView> + '_ {
        self.sponsorships.rows.iter().map(|(key, row)| self.sponsorship_view(*key, row))
    }

    /// What the block changed, as it stands behind it; with it those that are over.
    pub(crate) fn take_sponsorships(&mut self) -> Vec<SponsorshipView> {
        if self.sponsorships.touched.is_empty() && self.sponsorships.ended.is_empty() {
            return Vec::new();
        }
        let mut views = core::mem::take(&mut self.sponsorships.ended);
        let touched = core::mem::take(&mut self.sponsorships.touched);
        views
            .extend(touched.iter().filter_map(|key| self.sponsorships.rows.get(key).map(|row| self.sponsorship_view(*key, row))));
        views
    }

    /// Whether a participant is sponsored in one of these ledgers.
    pub(crate) fn is_sponsored_in(&self, id: ParticipantId, ledgers: &[LedgerId]) -> bool {
        ledgers.iter().any(|ledger| self.sponsorships.rows.contains_key(&(id, *ledger)))
    }

    /// Whether it sponsors somebody or is sponsored.
    pub(crate) fn is_in_sponsorship(&self, id: ParticipantId) -> bool {
        self.sponsorships.rows.iter().any(|((participant, _), row)| *participant == id || row.sponsor == id)
    }
}

/// Whether a sponsor may be debited, and credited, for those it sponsors.
const fn moves(status: ParticipantStatus) -> bool {
    match status {
        ParticipantStatus::Live | ParticipantStatus::ReceiveOnly | ParticipantStatus::SendOnly => true,
        ParticipantStatus::Suspended | ParticipantStatus::Applied | ParticipantStatus::Certified | ParticipantStatus::Left => {
            false
        }
    }
}
