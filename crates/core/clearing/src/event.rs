//! What a block did: one outcome a command, and numbered events for everybody downstream.

use crate::{
    AccountPurpose, AccountView, Arranged, Bic, Charges, ContentHash, CounterKey, DayEvent, DayView, FundDirection, IsoReason,
    Letter, MatterView, MessageIdHash, Officer, OrderId, ParticipantId, ParticipantKey, ParticipantStatus, PaymentIndex,
    Position, Posting, PublicKey, QuoteId, RecallView, Refusal, Rejection, ReturnOf, RiskDecision, Rulebook, SchemeTerms,
    SetNodes, SettlementNote, Sponsors, SponsorshipView, Time, Uetr, WaitingView,
};
use chain::Hash;
use money::{Amount, Currency, CurrencyCode, Rate};

/// Everything a block did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// One for each command, in order.
    pub outcomes: Vec<Outcome>,
    /// In order; positions follow on without gaps.
    pub events: Vec<Event>,
    /// Every account the block touched, as it stands behind it.
    pub balances: Vec<AccountView>,
    /// Every sponsorship the block touched, as it stands behind it; those that are over, as they ended.
    pub sponsorships: Vec<SponsorshipView>,
    /// The days that are open, if the block changed one; by currency.
    pub days: Vec<DayView>,
    /// What each counter of a quota that the block touched says behind it; the last entry of a counter counts.
    pub counted: Vec<(CounterKey, u64)>,
    /// Commitment to every change of state so far.
    pub state_root: Hash,
    /// Final payments so far.
    pub tree_size: u64,
    /// RFC 6962 root over them.
    pub tree_root: Hash,
    /// Position of the block's first event, or the next one to come if it has none.
    pub first_position: u64,
    /// Payments that left memory with this block, as they stood, in order of arrival: nothing will
    /// change them any more but the end of a review.
    pub forgotten: Vec<PaymentView>,
    /// Matters that left memory with this block.
    pub forgotten_matters: Vec<Uetr>,
}

/// The answer to one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done; there is nothing more to tell.
    Done,
    /// A participant was registered under this index.
    Registered(ParticipantId),
    /// A firm quote was issued.
    Quoted(QuoteTerms),
    /// A payment was taken in, or had been before with the same content (PAY-03): this is how it stands.
    Payment {
        /// How it stands after this command.
        payment: PaymentView,
        /// Whether this very command had been answered before.
        repeated: bool,
    },
    /// A payment waits, or did already with the same content (PAY-03).
    Waiting {
        /// How it stands after this command.
        payment: WaitingView,
        /// Whether this very command had been answered before.
        repeated: bool,
    },
    /// A step of a matter was taken, or had been before.
    Matter {
        /// How it stands after this command.
        matter: MatterView,
        /// Whether this very step had been taken before.
        repeated: bool,
    },
    /// Refused; nothing changed.
    Refused(Refusal),
}

/// Something that happened, at its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number.
    pub position: Position,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A ledger was opened.
    LedgerOpened(Currency),
    /// A participant joined or changed name or key.
    ParticipantRegistered {
        /// Its index.
        participant: ParticipantId,
        /// Its BIC.
        bic: Bic,
        /// Its name.
        name: String,
        /// Its signing keys.
        keys: Vec<ParticipantKey>,
        /// Whether it may publish rates.
        provides_exchange: bool,
        /// Its settlement currencies.
        currencies: Vec<CurrencyCode>,
    },
    /// A participant was allowed or stopped.
    StatusChanged {
        /// Whose.
        participant: ParticipantId,
        /// Now.
        status: ParticipantStatus,
    },
    /// Prefunding moved.
    Funded {
        /// Whose account.
        participant: ParticipantId,
        /// Which account.
        purpose: AccountPurpose,
        /// In or out.
        direction: FundDirection,
        /// How much.
        amount: Amount,
        /// The same for the record of settlement, if it is a settlement account.
        note: Option<SettlementNote>,
    },
    /// A provider's standing rate changed.
    RatePublished {
        /// Whose.
        provider: ParticipantId,
        /// Taken.
        debit_currency: CurrencyCode,
        /// Given.
        credit_currency: CurrencyCode,
        /// At.
        rate: Rate,
        /// Earned, in millionths of the debit amount.
        spread_ppm: u32,
    },
    /// A firm quote was issued.
    QuoteIssued(QuoteTerms),
    /// A hold was placed: the creditor agent is to be asked (`pacs.008`).
    PaymentHeld(PaymentView),
    /// Final: the hold was posted.
    PaymentSettled(PaymentView),
    /// Final: refused, or the hold was voided.
    PaymentRejected(PaymentView),
    /// The creditor agent reports its customer credited.
    PaymentCredited(PaymentView),
    /// Two officers had their way; what it did is in the events before this one.
    OrderCarriedOut {
        /// Which order.
        order: OrderId,
        /// Who signed it.
        officers: [PublicKey; 2],
        /// Name of the command ([`crate::Command::if_ordered`]).
        does: &'static str,
    },
    /// These may sign orders from now on.
    OfficersAppointed(Vec<Officer>),
    /// These are the chain's nodes from the next epoch on.
    NodesSet(SetNodes),
    /// A payment is to be executed later.
    PaymentWaiting(WaitingView),
    /// New rules were entered.
    RulebookSet(Rulebook),
    /// Something about one participant was arranged, or became so.
    Arranged(Arranged),
    /// Something happened between the centre and a settlement agent.
    Settlement(SettlementNote),
    /// The chain has something for a participant.
    Letter(Letter),
    /// Final: money was sent back.
    PaymentReturned(PaymentView),
    /// A recall was asked, answered, or is overdue.
    Recall(Box<RecallView>),
    /// Terms of the whole scheme were set.
    SchemeTermsSet(SchemeTerms),
    /// The creditor agent reviews a settled payment before it posts it, is late with that, has it frozen, or will return it.
    PaymentReviewed(PaymentView),
    /// A matter between two agents was opened, or stands otherwise.
    Matter(MatterView),
    /// A sponsorship began, has other limits, was squared, is to end, or is over.
    Sponsorship(SponsorshipView),
    /// Something of business days: a calendar was entered, a day opened, was cut off or closed, statements were asked for.
    Day(DayEvent),
}

/// A firm quote: exact amounts until it expires, for one payment of one debtor agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuoteTerms {
    /// Its identifier.
    pub quote: QuoteId,
    /// Who may use it.
    pub debtor_agent: ParticipantId,
    /// Who gives the credit currency.
    pub provider: ParticipantId,
    /// Exactly what the debtor agent pays: principal + spread + remainder.
    pub debit: Amount,
    /// Exactly what the creditor agent receives.
    pub credit: Amount,
    /// The provider's rate before spread.
    pub rate: Rate,
    /// Part of the debit that is exchanged at that rate.
    pub principal: Amount,
    /// Part of the debit the provider earns.
    pub spread: Amount,
    /// Part of the debit left by rounding, posted to the scheme's rounding account.
    pub remainder: Amount,
    /// First instant at which it is no longer honoured.
    pub expires_at: Time,
    /// Why it is for less than was asked, if it is.
    pub capped: Option<QuoteCap>,
}

/// What caps a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuoteCap {
    /// The most the provider gives in one payment, or has.
    Provider,
    /// A limit of the rulebook.
    Rulebook,
}

/// A payment's state. `Settled` and `Rejected` are final (PAY-01).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PaymentState {
    /// Held at the debtor agent, asked of the creditor agent.
    Held,
    /// Posted. Irrevocable.
    Settled,
    /// Refused or voided; nothing moved.
    Rejected,
}

/// A payment as it stood after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentView {
    /// Its index.
    pub index: PaymentIndex,
    /// Its UETR.
    pub uetr: Uetr,
    /// Hash of the debtor agent's signed message.
    pub content: ContentHash,
    /// The message's identification, with its sender.
    pub message_id: MessageIdHash,
    /// Sender.
    pub debtor_agent: ParticipantId,
    /// Sender's BIC.
    pub debtor_bic: Bic,
    /// Receiver.
    pub creditor_agent: ParticipantId,
    /// Receiver's BIC.
    pub creditor_bic: Bic,
    /// Over whose accounts it moves, where these are not its agents' own.
    pub sponsors: Sponsors,
    /// What the debtor agent pays.
    pub debit: Amount,
    /// What the creditor agent receives, its charges taken off.
    pub credit: Amount,
    /// What the scheme charges if it settles: on top of the debit, and out of what would have been the credit.
    pub charges: Charges,
    /// The quote used, if currencies differ.
    pub quote: Option<QuoteId>,
    /// The payment it sends back and why, if it is a return.
    pub returns: Option<ReturnOf>,
    /// The pre-authorisation it was captured from, if it is a capture.
    pub captured_from: Option<Uetr>,
    /// How it stands.
    pub state: PaymentState,
    /// Why it was rejected.
    pub rejection: Option<Rejection>,
    /// Whether the creditor agent reported its customer credited.
    pub credited: bool,
    /// The event that said so.
    pub credited_position: Option<Position>,
    /// What has become of it at the creditor agent, once it is settled.
    pub posting: Posting,
    /// The event that said so, unless it is the credit.
    pub posting_position: Option<Position>,
    /// Why it is to be returned.
    pub posting_reason: Option<IsoReason>,
    /// What the risk rules had decided.
    pub risk: RiskDecision,
    /// When it was taken in.
    pub received_at: Time,
    /// When the creditor agent must have answered.
    pub deadline: Time,
    /// Whether it was ever put to the creditor agent. A payment refused at once was not.
    pub forwarded_position: Option<Position>,
    /// The end, if it has come.
    pub finality: Option<Finality>,
}

/// When and where a payment became final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finality {
    /// Block time.
    pub at: Time,
    /// Block height.
    pub height: u64,
    /// The event that said so.
    pub position: Position,
    /// Its leaf in the tree of final payments.
    pub leaf_index: u64,
}

impl PaymentView {
    /// Whether the creditor agent knows of it: it was asked, or captured it itself.
    pub const fn creditor_agent_knows(&self) -> bool {
        self.forwarded_position.is_some() || self.captured_from.is_some()
    }

    /// Four characters for the wire: the reason of a rejection or a return, spaces otherwise.
    pub fn reason_bytes(&self) -> [u8; 4] {
        self.iso_reason().or(self.returns.map(|of| of.reason)).map_or(*b"    ", |reason| reason.0)
    }

    /// The ISO reason of a rejection.
    pub fn iso_reason(&self) -> Option<IsoReason> {
        self.rejection.map(Rejection::iso_reason)
    }
}
