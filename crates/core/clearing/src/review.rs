//! Review: the creditor agent has the money for good and does not post it to its customer yet.
//!
//! ```text
//!  held ──ACWP──▶ settled, under review ──clock──▶ overdue (told once)
//!                   │ ACCC          │ BLCK             └─ goes on as under review
//!                   ▼               ▼
//!                credited ◀─ACCC─ blocked          RJCT from any of the three ──▶ to be returned
//! ```
//! Settlement is final between the banks whatever becomes of the review: a reject behind it moves nothing, and a return must
//! follow. A block names a case, of which the chain keeps a keyed hash only, and nothing but the creditor agent's word ends it.
//!
//! A review outlives its payment in memory: when the payment is forgotten, what is kept of the review answers for it.
//!
//! # Invariant
//! PAY-05: only settled payments are under review, each is on the clock until it is overdue or ends, and its record agrees.
//!
//! # Limits
//! [`Clearing::REVIEWS_MAX`] reviews: when they are all open, `ACWP` is refused, and the creditor agent may still accept or
//! reject. [`ReviewTerms::REVIEW_NS_MAX`].

use crate::codec::{DecodeError, put_u32};
use crate::codec::{put_u64, take, take_bool, take_participant, take_slice, take_u32, take_u64};
use crate::payment::Status;
use crate::{
    Clearing, EventKind, IsoReason, Outcome, ParticipantId, PaymentIndex, PaymentState, PaymentView, Position, Refusal, Time,
    Uetr,
};
use ledger::laws::LawBroken;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const SECOND: u64 = 1_000_000_000;

/// What has become of a settled payment at the creditor agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Posting {
    /// Nothing was said; the creditor agent promised to credit.
    #[default]
    Unreported,
    /// Accepted without posting (`ACWP`).
    UnderReview,
    /// The review lasts longer than the scheme allows.
    Overdue,
    /// Frozen by law (`BLCK`).
    Blocked,
    /// Rejected behind settlement: a return must follow.
    ToBeReturned,
    /// The creditor has the money (`ACCC`).
    Credited,
}

impl Posting {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Unreported, Self::UnderReview, Self::Overdue, Self::Blocked, Self::ToBeReturned, Self::Credited];

    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreported => "unreported",
            Self::UnderReview => "under_review",
            Self::Overdue => "overdue",
            Self::Blocked => "blocked",
            Self::ToBeReturned => "to_be_returned",
            Self::Credited => "credited",
        }
    }

    /// Whether the creditor agent still has to say something.
    pub const fn is_open(self) -> bool {
        match self {
            Self::UnderReview | Self::Overdue | Self::Blocked => true,
            Self::Unreported | Self::ToBeReturned | Self::Credited => false,
        }
    }

    /// As rows and snapshots have it.
    pub(crate) fn from_number(number: u8) -> Result<Self, DecodeError> {
        Self::ALL.get(usize::from(number)).copied().ok_or(DecodeError::Unknown("posting"))
    }
}

/// A creditor agent's word on a payment that it does not post, or not yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostingReport {
    /// Which payment.
    pub uetr: Uetr,
    /// Who says so, as authenticated.
    pub creditor_agent: ParticipantId,
    /// What it says.
    pub says: PostingWord,
}

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostingWord {
    /// `ACWP`: it takes the money and reviews before it posts.
    UnderReview,
    /// `BLCK`: it is frozen.
    Blocked {
        /// Keyed hash of the case's identification; the key is the scheme's and not in the chain.
        case: [u8; 16],
    },
}

/// How long a review may last before both agents are told that it is overdue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewTerms {
    /// In nanoseconds; from one second to [`ReviewTerms::REVIEW_NS_MAX`].
    pub review_ns: u64,
}

impl ReviewTerms {
    /// Thirty days.
    pub const REVIEW_NS_MAX: u64 = 30 * 86_400 * SECOND;

    /// A day, until it is ordered otherwise.
    pub const DEFAULT: Self = Self { review_ns: 86_400 * SECOND };

    const fn is_valid(&self) -> bool {
        self.review_ns >= SECOND && self.review_ns <= Self::REVIEW_NS_MAX
    }
}

/// One review, with its payment as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewView {
    /// The payment; on record, or as it was when it was forgotten with what the review has added.
    pub payment: PaymentView,
    /// When it becomes overdue.
    pub until: Time,
    /// The case of a block.
    pub case: Option<[u8; 16]>,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reviews {
    terms: ReviewTerms,
    by_uetr: BTreeMap<Uetr, ReviewView>,
    /// Those that are not overdue yet.
    clock: BTreeSet<(Time, Uetr)>,
    /// Those that ended when their payments had been forgotten, as they ended.
    ended: VecDeque<Uetr>,
}

impl Default for Reviews {
    fn default() -> Self {
        Self { terms: ReviewTerms::DEFAULT, by_uetr: BTreeMap::new(), clock: BTreeSet::new(), ended: VecDeque::new() }
    }
}

impl Clearing {
    /// Most reviews, 400 bytes each.
    pub const REVIEWS_MAX: usize = 65_536;

    /// How long reviews may last.
    pub fn review_terms(&self) -> ReviewTerms {
        self.reviews.terms
    }

    /// The review of a payment, if there is or was one; also when the payment is forgotten.
    pub fn review(&self, uetr: Uetr) -> Option<&ReviewView> {
        self.reviews.by_uetr.get(&uetr)
    }

    /// All reviews that are kept, by UETR.
    pub fn all_reviews(&self) -> impl Iterator<Item = &ReviewView> {
        self.reviews.by_uetr.values()
    }

    pub(crate) fn set_review_terms(&mut self, terms: ReviewTerms) -> Result<(), Refusal> {
        if !terms.is_valid() {
            return Err(Refusal::ReviewTimeNotValid);
        }
        self.reviews.terms = terms;
        Ok(())
    }

    /// `ACWP` or `BLCK`. `ACWP` to a payment that is held settles it.
    pub(crate) fn report_posting(&mut self, report: &PostingReport) -> Result<Outcome, Refusal> {
        let view = self.creditors_view(report.uetr, report.creditor_agent)?;
        if view.returns.is_some() {
            // What a return gives back is the debtor agent's own customer's: nobody waits for a word about it.
            return Err(Refusal::AlreadyFinal);
        }
        match (view.state, view.posting, report.says) {
            (PaymentState::Held, _, PostingWord::UnderReview) => {
                self.make_room_for_review()?;
                self.note_answered(report.creditor_agent);
                let Status::Held(hold) = self.payments[view.index].status else { return Err(Refusal::AlreadyFinal) };
                self.settle(view.index, hold);
                Ok(self.begin_review(view.index))
            }
            (PaymentState::Settled, Posting::Unreported, PostingWord::UnderReview) => {
                self.make_room_for_review()?;
                Ok(self.begin_review(view.index))
            }
            (PaymentState::Settled, Posting::UnderReview | Posting::Overdue, PostingWord::UnderReview) => Ok(repeated(view)),
            (PaymentState::Settled, Posting::UnderReview | Posting::Overdue, PostingWord::Blocked { case }) => {
                Ok(self.move_review(report.uetr, Posting::Blocked, |review| review.case = Some(case)))
            }
            (PaymentState::Settled, Posting::Blocked, PostingWord::Blocked { case })
                if self.review(report.uetr).is_some_and(|review| review.case == Some(case)) =>
            {
                Ok(repeated(view))
            }
            (PaymentState::Held, _, PostingWord::Blocked { .. })
            | (PaymentState::Settled, Posting::Unreported, PostingWord::Blocked { .. }) => Err(Refusal::NotUnderReview),
            (PaymentState::Settled, Posting::Blocked | Posting::ToBeReturned | Posting::Credited, _) => {
                Err(Refusal::PostingEnded)
            }
            (PaymentState::Rejected, _, _) => Err(Refusal::AlreadyFinal),
        }
    }

    /// A reject behind settlement: it ends a review, and a return must follow.
    pub(crate) fn reject_in_review(&mut self, view: PaymentView, reason: IsoReason) -> Result<Outcome, Refusal> {
        match view.posting {
            Posting::UnderReview | Posting::Overdue | Posting::Blocked => {
                Ok(self.move_review(view.uetr, Posting::ToBeReturned, |review| review.payment.posting_reason = Some(reason)))
            }
            Posting::ToBeReturned if view.posting_reason == Some(reason) => Ok(repeated(view)),
            Posting::Unreported | Posting::ToBeReturned | Posting::Credited => Err(Refusal::AlreadyFinal),
        }
    }

    /// The creditor agent credits behind a review. `None`: there was none.
    pub(crate) fn credit_in_review(&mut self, view: PaymentView) -> Option<Result<Outcome, Refusal>> {
        match view.posting {
            Posting::UnderReview | Posting::Overdue | Posting::Blocked => {
                Some(Ok(self.move_review(view.uetr, Posting::Credited, |_| ())))
            }
            Posting::ToBeReturned => Some(Err(Refusal::PostingEnded)),
            Posting::Credited => Some(Ok(repeated(view))),
            Posting::Unreported => None,
        }
    }

    /// A payment that its creditor agent was asked about: on record, or kept for its review.
    pub(crate) fn creditors_view(&self, uetr: Uetr, creditor_agent: ParticipantId) -> Result<PaymentView, Refusal> {
        let kept = || self.review(uetr).map(|review| review.payment);
        let view = self.payment(uetr).or_else(kept).ok_or(Refusal::UnknownPayment)?;
        let asked = view.creditor_agent == creditor_agent && view.creditor_agent_knows();
        if asked { Ok(view) } else { Err(Refusal::NotYourPayment) }
    }

    fn make_room_for_review(&mut self) -> Result<(), Refusal> {
        if self.reviews.by_uetr.len() >= Self::REVIEWS_MAX {
            let oldest = self.reviews.ended.pop_front().ok_or(Refusal::Full)?;
            self.reviews.by_uetr.remove(&oldest);
        }
        Ok(())
    }

    fn begin_review(&mut self, index: PaymentIndex) -> Outcome {
        let until = self.time.after(self.reviews.terms.review_ns);
        let payment = self.view(index);
        self.reviews.by_uetr.insert(payment.uetr, ReviewView { payment, until, case: None });
        self.reviews.clock.insert((until, payment.uetr));
        self.move_review(payment.uetr, Posting::UnderReview, |_| ())
    }

    /// Brings a review to its next state, on record too, and tells it.
    fn move_review(&mut self, uetr: Uetr, posting: Posting, change: impl FnOnce(&mut ReviewView)) -> Outcome {
        let position = Position(self.next_position);
        let on_record = self.find_payment(uetr);
        let review = self.reviews.by_uetr.get_mut(&uetr).expect("the review was just found");
        change(review);
        if posting != Posting::UnderReview {
            self.reviews.clock.remove(&(review.until, uetr));
        }
        match posting {
            Posting::Credited => {
                review.payment.credited = true;
                review.payment.credited_position = Some(position);
            }
            Posting::Unreported | Posting::UnderReview | Posting::Overdue | Posting::Blocked | Posting::ToBeReturned => {
                review.payment.posting_position = Some(position);
            }
        }
        review.payment.posting = posting;
        let (view, case) = (review.payment, review.case);
        self.delta.push(92);
        self.delta.extend_from_slice(&uetr.0);
        self.delta.push(posting as u8);
        self.delta.extend_from_slice(&case.unwrap_or_default());
        self.delta.extend_from_slice(&view.posting_reason.map_or([0; 4], |reason| reason.0));
        match on_record {
            Some(index) => {
                let payment = &mut self.payments[index];
                (payment.posting, payment.posting_position, payment.credited) =
                    (posting, view.posting_position, view.credited_position);
                payment.posting_reason = view.posting_reason;
            }
            None if !posting.is_open() => self.reviews.ended.push_back(uetr),
            None => {}
        }
        self.emit(match posting {
            Posting::Credited => EventKind::PaymentCredited(view),
            Posting::Unreported | Posting::UnderReview | Posting::Overdue | Posting::Blocked | Posting::ToBeReturned => {
                EventKind::PaymentReviewed(view)
            }
        });
        Outcome::Payment { payment: view, repeated: false }
    }

    /// Tells each review that has lasted too long, once.
    pub(crate) fn expire_reviews(&mut self) {
        while let Some(&(until, uetr)) = self.reviews.clock.first() {
            if until > self.time {
                break;
            }
            self.move_review(uetr, Posting::Overdue, |_| ());
        }
    }

    /// When the next review becomes overdue.
    pub(crate) fn next_overdue(&self) -> Option<Time> {
        self.reviews.clock.first().map(|&(until, _)| until)
    }

    /// A payment leaves memory: a review that has ended goes with it.
    pub(crate) fn forget_review(&mut self, view: &PaymentView) {
        if view.posting != Posting::Unreported && !view.posting.is_open() {
            self.reviews.by_uetr.remove(&view.uetr);
        }
    }

    /// PAY-05.
    pub(crate) fn check_reviews(&self) -> Result<(), LawBroken> {
        let broken = |uetr: &Uetr, what| Err(LawBroken { law: "PAY-05", detail: format!("the review of {uetr} {what}") });
        for (uetr, review) in &self.reviews.by_uetr {
            let view = &review.payment;
            if view.state != PaymentState::Settled || view.posting == Posting::Unreported {
                return broken(uetr, "is of a payment that has not settled");
            }
            if self.reviews.clock.contains(&(review.until, *uetr)) != (view.posting == Posting::UnderReview) {
                return broken(uetr, "is not on the clock as it should be");
            }
            if self.payment(*uetr).is_some_and(|known| known != *view) {
                return broken(uetr, "says otherwise than the payment's record");
            }
        }
        let reviewed = |payment: &&crate::payment::Payment| payment.posting != Posting::Unreported;
        match self.payments.iter().filter(reviewed).find(|payment| !self.reviews.by_uetr.contains_key(&payment.uetr)) {
            Some(payment) => broken(&payment.uetr, "is missing"),
            None => Ok(()),
        }
    }
}

const fn repeated(payment: PaymentView) -> Outcome {
    Outcome::Payment { payment, repeated: true }
}

impl PostingReport {
    /// Appends the canonical bytes behind the tag.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.uetr.0);
        put_u32(out, self.creditor_agent.0);
        match self.says {
            PostingWord::UnderReview => out.push(0),
            PostingWord::Blocked { case } => {
                out.push(1);
                out.extend_from_slice(&case);
            }
        }
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            uetr: Uetr(take(bytes)?),
            creditor_agent: take_participant(bytes)?,
            says: match take_bool(bytes)? {
                false => PostingWord::UnderReview,
                true => PostingWord::Blocked { case: take(bytes)? },
            },
        })
    }
}

/// Snapshots.
impl Clearing {
    /// Appends the reviews, each with its payment's row.
    pub(crate) fn encode_reviews(&self, out: &mut Vec<u8>) {
        put_u64(out, self.reviews.terms.review_ns);
        put_u32(out, self.reviews.by_uetr.len() as u32);
        for review in self.reviews.by_uetr.values() {
            put_u64(out, review.payment.index.0);
            review.payment.encode_kept(out).expect("only settled payments are reviewed");
            put_u64(out, review.until.0);
            out.push(u8::from(review.case.is_some()));
            review.case.inspect(|case| out.extend_from_slice(case));
        }
        put_u32(out, self.reviews.ended.len() as u32);
        self.reviews.ended.iter().for_each(|uetr| out.extend_from_slice(&uetr.0));
    }

    /// Reads what [`Self::encode_reviews`] wrote, into a state whose payments have been read.
    pub(crate) fn decode_reviews(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        self.reviews.terms = ReviewTerms { review_ns: take_u64(bytes)? };
        let count = take_u32(bytes)?;
        if !self.reviews.terms.is_valid() || count as usize > Self::REVIEWS_MAX {
            return Err(DecodeError::Unknown("review"));
        }
        for _ in 0..count {
            let review = take_review(bytes)?;
            self.enter_review(review)?;
        }
        for _ in 0..take_u32(bytes)? {
            let uetr = Uetr(take(bytes)?);
            if self.reviews.by_uetr.get(&uetr).is_none_or(|review| review.payment.posting.is_open()) {
                return Err(DecodeError::Unknown("review that has ended"));
            }
            self.reviews.ended.push_back(uetr);
        }
        Ok(())
    }

    fn enter_review(&mut self, review: ReviewView) -> Result<(), DecodeError> {
        let view = review.payment;
        let known = |agent: ParticipantId| (agent.0 as usize) < self.participants.len();
        let in_order = self.reviews.by_uetr.last_key_value().is_none_or(|(last, _)| *last < view.uetr);
        let is_reviewed = view.state == PaymentState::Settled && view.posting != Posting::Unreported;
        if !in_order || !is_reviewed || !known(view.debtor_agent) || !known(view.creditor_agent) {
            return Err(DecodeError::Unknown("review"));
        }
        if view.posting == Posting::UnderReview {
            self.reviews.clock.insert((review.until, view.uetr));
        }
        if let Some(index) = self.find_payment(view.uetr) {
            let payment = &mut self.payments[index];
            (payment.posting, payment.posting_position) = (view.posting, view.posting_position);
            payment.posting_reason = view.posting_reason;
        }
        self.reviews.by_uetr.insert(view.uetr, review);
        Ok(())
    }
}

fn take_review(bytes: &mut &[u8]) -> Result<ReviewView, DecodeError> {
    let index = PaymentIndex(take_u64(bytes)?);
    let row = take_slice(bytes, PaymentView::KEPT_BYTES)?;
    let payment = PaymentView::decode_kept(index, row)?;
    // Some bytes of a row mean nothing in some states; a snapshot has one encoding.
    let mut again = Vec::with_capacity(row.len());
    payment.encode_kept(&mut again).filter(|()| again == row).ok_or(DecodeError::Unknown("row of a review"))?;
    Ok(ReviewView { payment, until: Time(take_u64(bytes)?), case: if take_bool(bytes)? { Some(take(bytes)?) } else { None } })
}
