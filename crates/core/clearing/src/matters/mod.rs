//! Matters: what two agents have with each other through the centre and what is no payment itself.
//!
//! A matter is named by a UETR that no payment and no other matter has. It is opened by one agent's signed message, answered by
//! the other's, ended by either or by the clock, and a payment may be made on it ([`Basis`]). Payments made on a matter are
//! payments like all others: with a UETR of their own, one end, a receipt.
//!
//! ```text
//! request to pay   pain.013 ─▶ pain.014 ─▶ pacs.008 made on it          requests.rs
//! mandate          pain.009 ─▶ pain.012, later pain.010, pain.011       mandates.rs, caps.rs
//! collection       pacs.003 under a mandate ─▶ pacs.008 made on it      collections.rs
//! pre-authorisation pain.013 ─▶ pacs.008 reserves ─▶ pacs.003 captures   preauths.rs, reserving.rs, captures.rs
//! ```
//!
//! The chain keeps identifiers, agents, amounts, times and a hash of the message that opened it; names and accounts stay in the
//! vault.
//!
//! # Limits
//! [`Clearing::MATTERS_MAX`] of all kinds. Each ends by the clock at last and is forgotten [`Clearing::MATTER_KEPT_NS`] behind its
//! end, so the table is full only while so many are open or young. A block ends and forgets at most
//! [`Clearing::MATTERS_DUE_MAX`] of each by the clock; the next one goes on.

mod caps;
mod captures;
mod codec;
mod collections;
mod mandate_laws;
mod mandates;
mod preauth_codec;
mod preauth_laws;
mod preauth_terms;
mod preauths;
mod requests;
mod reserving;

pub use caps::{MandatePeriod, MandateTerms, MandateUse, PeriodKey};
pub use collections::{Collect, CollectionEvent, CollectionState, CollectionStep, CollectionView};
pub(crate) use mandate_laws::mdt_01_told;
pub use mandates::{AskMandate, MandateAnswer, MandateEvent, MandateState, MandateStep, MandateView};
pub(crate) use preauth_laws::pre_01_told;
pub use preauth_terms::PreauthTerms;
pub use preauths::{AskPreauth, Capture, PreauthEvent, PreauthState, PreauthStep, PreauthView, ReservedBy};
pub use requests::{AskToPay, RequestAnswer, RequestEvent, RequestState, RequestStep, RequestView, Settlement};

use crate::codec::{put_u32, take, take_u32};
use crate::{
    Clearing, ContentHash, DecodeError, EventKind, MessageIdHash, Outcome, ParticipantId, PaymentIndex, PaymentState, Position,
    Refusal, Time, Uetr,
};
use money::Amount;
use std::collections::{BTreeMap, BTreeSet};

/// What a payment is made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Basis {
    /// The debtor's own wish.
    #[default]
    Plain,
    /// A request to pay, which it settles.
    Request(Uetr),
    /// A collection under a mandate, which it settles.
    Collection(Uetr),
}

/// One step of a matter, as asked of the centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatterStep {
    /// Of a request to pay.
    Request(RequestStep),
    /// Of a mandate.
    Mandate(MandateStep),
    /// Of a collection.
    Collection(CollectionStep),
    /// Of a pre-authorisation.
    Preauth(PreauthStep),
}

/// A matter as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatterView {
    /// A request to pay.
    Request(RequestView),
    /// A mandate.
    Mandate(MandateView),
    /// A collection.
    Collection(CollectionView),
    /// A pre-authorisation.
    Preauth(PreauthView),
}

/// A place of a matter in somebody's inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatterTold {
    /// Whose inbox.
    pub reader: ParticipantId,
    /// At which position.
    pub position: Position,
    /// Whether the reader is asked; otherwise it is told how the matter stands.
    pub asks: bool,
}

impl MatterView {
    /// Its UETR.
    pub const fn uetr(&self) -> Uetr {
        match self {
            Self::Request(view) => view.uetr,
            Self::Mandate(view) => view.uetr,
            Self::Collection(view) => view.uetr,
            Self::Preauth(view) => view.uetr,
        }
    }

    /// Hash of the last message that asks the debtor agent: that opened it, or asked for other caps.
    pub const fn content(&self) -> ContentHash {
        match self {
            Self::Request(view) => view.content,
            Self::Mandate(view) => view.content,
            Self::Collection(view) => view.content,
            Self::Preauth(view) => view.content,
        }
    }

    /// The two agents, the one that opened it first.
    pub const fn agents(&self) -> [ParticipantId; 2] {
        match self {
            Self::Request(view) => [view.creditor_agent, view.debtor_agent],
            Self::Mandate(view) => [view.creditor_agent, view.debtor_agent],
            Self::Collection(view) => [view.creditor_agent, view.debtor_agent],
            Self::Preauth(view) => [view.creditor_agent, view.debtor_agent],
        }
    }

    /// What inboxes have of it now. A reader that comes late finds the newest word alone, and is not asked about what has ended.
    pub fn told(&self) -> Vec<MatterTold> {
        match self {
            Self::Request(view) => view.told_to(),
            Self::Mandate(view) => view.told_to(),
            Self::Collection(view) => view.told_to(),
            Self::Preauth(view) => view.told_to(),
        }
    }

    /// What the debtor agent's account shows as held for it.
    pub fn held(&self) -> Option<Amount> {
        match self {
            Self::Request(_) | Self::Mandate(_) | Self::Collection(_) => None,
            Self::Preauth(view) => Some(Amount { minor: view.held(), ..view.amount }),
        }
    }

    /// When it ended; `None` while it is open.
    pub const fn ended_at(&self) -> Option<Time> {
        match self {
            Self::Request(view) => view.ended_at,
            Self::Mandate(view) => view.ended_at,
            Self::Collection(view) => view.ended_at,
            Self::Preauth(view) => view.ended_at,
        }
    }

    /// When the clock ends it; `None` when it has ended, or while a payment decides.
    fn expires_at(&self) -> Option<Time> {
        match self {
            Self::Request(view) => view.clock(),
            Self::Mandate(view) => view.clock(),
            Self::Collection(view) => view.clock(),
            Self::Preauth(view) => view.clock(),
        }
    }

    /// The debtor agent's payment that reserved something.
    const fn reserved(&self) -> Option<ReservedBy> {
        match self {
            Self::Request(_) | Self::Mandate(_) | Self::Collection(_) => None,
            Self::Preauth(view) => view.reserved,
        }
    }

    /// The creditor agent that a mandate, collection or pre-authorisation counts for.
    const fn pulled_by(&self) -> Option<ParticipantId> {
        match self {
            Self::Request(_) => None,
            Self::Mandate(view) => Some(view.creditor_agent),
            Self::Collection(view) => Some(view.creditor_agent),
            Self::Preauth(view) => Some(view.creditor_agent),
        }
    }
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Matters {
    by_uetr: BTreeMap<Uetr, MatterView>,
    /// Open payments made on one.
    by_payment: BTreeMap<PaymentIndex, Uetr>,
    /// When the clock ends the open ones.
    expiries: BTreeSet<(Time, Uetr)>,
    /// When those that ended did.
    ended: BTreeSet<(Time, Uetr)>,
    /// Mandates, collections and pre-authorisations by creditor agent.
    pulled_by: BTreeMap<ParticipantId, u32>,
    /// What holds for pre-authorisations.
    preauth_terms: PreauthTerms,
    /// What is held for each.
    reservations: BTreeMap<Uetr, reserving::Reservation>,
    /// Those that were reserved, by the UETR of the payment that did.
    by_reserving: BTreeMap<Uetr, Uetr>,
    /// The message identifications of these payments.
    reserving_messages: BTreeSet<MessageIdHash>,
    /// Captures on record, and of which one.
    captures: BTreeMap<PaymentIndex, Uetr>,
}

impl Matters {
    /// Enters one, or as it stands now.
    fn put(&mut self, view: MatterView) {
        let uetr = view.uetr();
        match self.by_uetr.insert(uetr, view) {
            Some(before) => {
                before.expires_at().inspect(|at| {
                    self.expiries.remove(&(*at, uetr));
                });
            }
            None => {
                if let Some(agent) = view.pulled_by() {
                    *self.pulled_by.entry(agent).or_default() += 1;
                }
            }
        }
        if let Some(by) = view.reserved() {
            self.by_reserving.insert(by.payment, uetr);
            self.reserving_messages.insert(by.message_id);
        }
        if let Some(at) = view.expires_at() {
            self.expiries.insert((at, uetr));
        }
        if let Some(at) = view.ended_at() {
            self.ended.insert((at, uetr));
        }
    }

    fn remove(&mut self, uetr: Uetr) {
        let Some(view) = self.by_uetr.remove(&uetr) else { return };
        if let Some(by) = view.reserved() {
            self.by_reserving.remove(&by.payment);
            self.reserving_messages.remove(&by.message_id);
        }
        let Some(agent) = view.pulled_by() else { return };
        if let Some(count) = self.pulled_by.get_mut(&agent) {
            *count -= 1;
            if *count == 0 {
                self.pulled_by.remove(&agent);
            }
        }
    }

    /// Whether a payment with this message identification reserved something.
    pub(crate) fn knows_message(&self, message: MessageIdHash) -> bool {
        !self.reserving_messages.is_empty() && self.reserving_messages.contains(&message)
    }

    /// Mandates, collections and pre-authorisations of a creditor agent.
    fn pulled_by(&self, agent: ParticipantId) -> u32 {
        self.pulled_by.get(&agent).copied().unwrap_or(0)
    }
}

impl Clearing {
    /// Most matters of all kinds, ended ones that are still kept included: some 200 bytes each.
    pub const MATTERS_MAX: usize = 1_000_000;
    /// How long one is kept behind its end: a bank that was away for a week still finds it in its inbox.
    pub const MATTER_KEPT_NS: u64 = 8 * 86_400 * 1_000_000_000;
    /// Most that one block ends by the clock, and most that it forgets.
    pub const MATTERS_DUE_MAX: usize = 4096;

    /// A matter by its UETR.
    pub fn matter(&self, uetr: Uetr) -> Option<MatterView> {
        self.matters.by_uetr.get(&uetr).copied()
    }

    /// All that are kept, by UETR.
    pub fn matters(&self) -> impl Iterator<Item = MatterView> + '_ {
        self.matters.by_uetr.values().copied()
    }

    /// Takes a step.
    pub(crate) fn step_matter(&mut self, step: &MatterStep) -> Result<Outcome, Refusal> {
        match step {
            MatterStep::Request(step) => self.step_request(step),
            MatterStep::Mandate(step) => self.step_mandate(step),
            MatterStep::Collection(step) => self.step_collection(step),
            MatterStep::Preauth(step) => self.step_preauth(step),
        }
    }

    /// Whether a matter may be opened under this UETR: it names nothing yet, and there is room.
    fn check_free(&self, uetr: Uetr) -> Result<(), Refusal> {
        if self.is_matter(uetr) || self.is_sent(uetr) || self.find_payment(uetr).is_some() || self.waiting(uetr).is_some() {
            return Err(Refusal::DuplicateUetr);
        }
        if self.matters.by_uetr.len() >= Self::MATTERS_MAX { Err(Refusal::Full) } else { Ok(()) }
    }

    /// Enters a matter as it stands now, and tells it.
    fn put_matter(&mut self, view: MatterView) {
        self.delta.push(match view {
            MatterView::Request(_) => 70,
            MatterView::Mandate(_) => 65,
            MatterView::Collection(_) => 66,
            MatterView::Preauth(_) => 77,
        });
        self.delta.extend_from_slice(&view.uetr().0);
        encode_view(&view, &mut self.delta);
        self.matters.put(view);
        self.emit(EventKind::Matter(view));
    }

    /// Whether a UETR is a matter's or names what reserved one, so that no payment can have it.
    pub(crate) fn is_matter(&self, uetr: Uetr) -> bool {
        !self.matters.by_uetr.is_empty() && (self.matters.by_uetr.contains_key(&uetr) || self.reserved_by(uetr).is_some())
    }

    /// A payment that is made on a matter is under way from now on.
    pub(crate) fn begin_payment(&mut self, index: PaymentIndex, basis: Basis) {
        match basis {
            Basis::Plain => {}
            Basis::Request(uetr) => {
                self.matters.by_payment.insert(index, uetr);
                let payment = self.view(index);
                self.request_payment_held(uetr, &payment);
            }
            Basis::Collection(uetr) => {
                self.matters.by_payment.insert(index, uetr);
                let payment = self.view(index);
                self.collection_payment_held(uetr, &payment);
            }
        }
    }

    /// A payment has ended, and with it perhaps what it was made on.
    pub(crate) fn end_payment(&mut self, index: PaymentIndex) {
        if self.matters.by_payment.is_empty() {
            return;
        }
        let Some(uetr) = self.matters.by_payment.remove(&index) else { return };
        let payment = self.view(index);
        match self.matters.by_uetr.get(&uetr).copied() {
            Some(MatterView::Request(request)) => {
                self.request_payment_ended(request, payment.state == PaymentState::Settled);
            }
            Some(MatterView::Collection(collection)) => {
                self.collection_payment_ended(collection, payment.state == PaymentState::Settled);
            }
            Some(MatterView::Mandate(_) | MatterView::Preauth(_)) | None => {
                unreachable!("a matter with a payment under way is kept, and a request or collection")
            }
        }
    }

    /// Ends what the clock ends.
    pub(crate) fn expire_matters(&mut self) {
        for _ in 0..Self::MATTERS_DUE_MAX {
            let Some(&(at, uetr)) = self.matters.expiries.first() else { return };
            if at > self.time {
                return;
            }
            match self.matters.by_uetr[&uetr] {
                MatterView::Request(request) => self.expire_request(request),
                MatterView::Mandate(mandate) => self.expire_mandate(mandate),
                MatterView::Collection(collection) => self.expire_collection(collection),
                MatterView::Preauth(preauth) => self.expire_preauth(preauth),
            }
        }
    }

    /// When the clock ends the next one.
    pub(crate) fn next_expiry(&self) -> Option<Time> {
        self.matters.expiries.first().map(|&(at, _)| at)
    }

    /// Forgets those that ended long ago, and returns their UETRs.
    pub(crate) fn forget_matters(&mut self) -> Vec<Uetr> {
        let mut forgotten = Vec::new();
        while let Some(&(at, uetr)) = self.matters.ended.first() {
            if forgotten.len() >= Self::MATTERS_DUE_MAX || at.after(Self::MATTER_KEPT_NS) > self.time {
                break;
            }
            self.matters.ended.pop_first();
            self.matters.remove(uetr);
            forgotten.push(uetr);
        }
        forgotten
    }

    /// Whether a matter and its payments under way fit each other: for the laws.
    pub(crate) fn payments_on(&self, uetr: Uetr) -> impl Iterator<Item = PaymentIndex> + '_ {
        self.matters.by_payment.iter().filter(move |(_, on)| **on == uetr).map(|(index, _)| *index)
    }

    /// Appends the canonical bytes for a snapshot.
    pub(crate) fn encode_matters(&self, out: &mut Vec<u8>) {
        put_u32(out, self.matters.by_uetr.len() as u32);
        for (uetr, view) in &self.matters.by_uetr {
            out.extend_from_slice(&uetr.0);
            encode_view(view, out);
        }
        put_u32(out, self.matters.by_payment.len() as u32);
        for (index, uetr) in &self.matters.by_payment {
            crate::codec::put_u64(out, index.0);
            out.extend_from_slice(&uetr.0);
        }
        self.encode_reservations(out);
    }

    /// Reads what [`Self::encode_matters`] wrote, into a state whose other tables have been read.
    pub(crate) fn decode_matters(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        for _ in 0..take_u32(bytes)? {
            let uetr = Uetr(take(bytes)?);
            if self.matters.by_uetr.last_key_value().is_some_and(|(last, _)| *last >= uetr) {
                return Err(DecodeError::Unknown("order of matters"));
            }
            let view = self.decode_view(uetr, bytes)?;
            self.matters.put(view);
        }
        for _ in 0..take_u32(bytes)? {
            let index = PaymentIndex(crate::codec::take_u64(bytes)?);
            let uetr = Uetr(take(bytes)?);
            let in_order = self.matters.by_payment.last_key_value().is_none_or(|(last, _)| *last < index);
            let is_open = self.payments.get(index).is_some_and(crate::payment::Payment::is_open);
            let is_paid = |view: &MatterView| matches!(view, MatterView::Request(_) | MatterView::Collection(_));
            let takes = self.matters.by_uetr.get(&uetr).is_some_and(is_paid);
            if !in_order || !is_open || !takes {
                return Err(DecodeError::Unknown("payment made on a matter"));
            }
            self.matters.by_payment.insert(index, uetr);
        }
        self.decode_reservations(bytes)
    }

    fn decode_view(&self, uetr: Uetr, bytes: &mut &[u8]) -> Result<MatterView, DecodeError> {
        Ok(match take(bytes)? {
            [0] => MatterView::Request(self.decode_request(uetr, bytes)?),
            [65] => MatterView::Mandate(self.decode_mandate(uetr, bytes)?),
            [66] => MatterView::Collection(self.decode_collection(uetr, bytes)?),
            [77] => MatterView::Preauth(self.decode_preauth(uetr, bytes)?),
            [1..=64 | 67..=76 | 78..=255] => return Err(DecodeError::Unknown("matter")),
        })
    }
}

/// All but the UETR.
fn encode_view(view: &MatterView, out: &mut Vec<u8>) {
    match view {
        MatterView::Request(request) => {
            out.push(0);
            request.encode(out);
        }
        MatterView::Mandate(mandate) => {
            out.push(65);
            mandate.encode(out);
        }
        MatterView::Collection(collection) => {
            out.push(66);
            collection.encode(out);
        }
        MatterView::Preauth(preauth) => {
            out.push(77);
            preauth.encode(out);
        }
    }
}

impl Basis {
    /// Appends the canonical bytes; [`Basis::Plain`] has none.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Plain => {}
            Self::Request(uetr) => {
                out.push(1);
                out.extend_from_slice(&uetr.0);
            }
            Self::Collection(uetr) => {
                out.push(69);
                out.extend_from_slice(&uetr.0);
            }
        }
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(match take(bytes)? {
            [1] => Self::Request(Uetr(take(bytes)?)),
            [69] => Self::Collection(Uetr(take(bytes)?)),
            [0 | 2..=68 | 70..=255] => return Err(DecodeError::Unknown("basis of a payment")),
        })
    }
}

impl MatterStep {
    /// Appends the canonical bytes.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Request(step) => step.encode(out),
            Self::Mandate(step) => step.encode(out),
            Self::Collection(step) => step.encode(out),
            Self::Preauth(step) => step.encode(out),
        }
    }

    /// Reads what follows the tag.
    pub(crate) fn decode(tag: u8, bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(match tag {
            65..=69 => codec::decode_step(tag, bytes)?,
            71..=73 => Self::Request(RequestStep::decode(tag, bytes)?),
            77..=79 => Self::Preauth(PreauthStep::decode(tag, bytes)?),
            0..=64 | 70 | 74..=76 | 80..=255 => return Err(DecodeError::Unknown("step")),
        })
    }

    /// Whether it is a step of a matter like this one, by one of its agents, and of a mandate that is suspended or not as it says.
    pub fn is_of(&self, matter: &MatterView) -> bool {
        let is_like = match (self, matter) {
            (Self::Request(_), MatterView::Request(_)) | (Self::Collection(_), MatterView::Collection(_)) => true,
            (Self::Mandate(MandateStep::Suspend { suspended, .. }), MatterView::Mandate(mandate)) => {
                (mandate.state == MandateState::Suspended) == *suspended
            }
            (Self::Mandate(_), MatterView::Mandate(_)) | (Self::Preauth(_), MatterView::Preauth(_)) => true,
            (Self::Request(_) | Self::Collection(_) | Self::Mandate(_) | Self::Preauth(_), _) => false,
        };
        is_like && matter.agents().contains(&self.sender())
    }

    /// Who asks for it, as authenticated.
    pub const fn sender(&self) -> ParticipantId {
        match self {
            Self::Request(step) => step.sender(),
            Self::Mandate(step) => step.sender(),
            Self::Collection(step) => step.sender(),
            Self::Preauth(step) => step.sender(),
        }
    }

    /// Which matter.
    pub const fn uetr(&self) -> Uetr {
        match self {
            Self::Request(step) => step.uetr(),
            Self::Mandate(step) => step.uetr(),
            Self::Collection(step) => step.uetr(),
            Self::Preauth(step) => step.uetr(),
        }
    }

    /// Hash of the message, if the step carries it: it opens a matter, or asks for other caps.
    pub const fn content(&self) -> Option<ContentHash> {
        match self {
            Self::Request(RequestStep::Ask(ask)) => Some(ask.content),
            Self::Request(RequestStep::Answer { .. } | RequestStep::Withdraw { .. }) => None,
            Self::Mandate(step) => step.content(),
            Self::Collection(step) => step.content(),
            Self::Preauth(step) => step.content(),
        }
    }

    /// What the step's signed message belongs to, if it is read again: the matter it opens or asks about, or the payment it makes.
    pub fn carries(&self) -> Option<Uetr> {
        match self {
            Self::Preauth(step) => step.carries(),
            Self::Request(_) | Self::Mandate(_) | Self::Collection(_) => self.content().map(|_| self.uetr()),
        }
    }
}
