//! Clearing knows participants, quotes and the life of a payment; it does not know messages, disks or clocks.
//!
//! [`Clearing`] is the centre: one thread over plain memory. [`Clearing::apply_block`] takes a block's time and commands
//! and returns what they did. Everything the centre knows of the world is inside a command; the same blocks give the same
//! balances, the same events and the same state root on every machine (ORD-02).
//!
//! # The life of a payment
//! ```text
//!  Pay ──▶ checks ──▶ hold placed (Held) ──▶ Answer WillCredit ──▶ hold posted  (Settled)
//!             │              │ ├──────────▶ Answer Refuses    ──▶ hold voided  (Rejected, the creditor agent's reason)
//!             │              │ └──────────▶ deadline passes   ──▶ hold voided  (Rejected, AB05)
//!             └──────────────┴─ (Rejected at once, our reason; the creditor agent never hears of it)
//! ```
//! What can follow settlement is in `returns`: money sent back, and asked back.
//!
//! # Invariants
//! LED-01 to LED-04, PAY-01 to PAY-05, LIQ-01, QUO-01, FEE-01, RET-01, IBK-01, SPN-01, MDT-01, PRE-01,
//! DAY-01: see [`laws`].
//!
//! # Not here
//! Durability and batching (`ordering`), encoding of blocks (`chain`), messages (`iso20022`), who is told what (`gateway`).
//!
//! # Start reading at
//! [`Command`], [`Clearing::apply_block`], then `payment.rs`.

mod arrangement;
mod codec;
mod command;
mod cooling;
mod days;
mod event;
mod exchange;
mod fees;
mod forget;
mod governance;
mod ids;
mod index;
mod keys;
pub mod laws;
mod letter;
mod liquidity;
mod matters;
mod offers;
mod orderable;
mod participant;
mod payment;
mod refusal;
mod rejection;
mod returns;
mod review;
mod roles;
mod row;
mod rules;
mod scheme_terms;
mod settings;
mod settlement;
mod snapshot;
mod sponsorship;
mod standing;
mod state;
mod table;
mod waiting;

pub use arrangement::{Arranged, Arrangement, Notice, Says};
pub use codec::DecodeError;
pub use command::{
    AccountPurpose, Answer, AnswerVerdict, Broadcast, Command, Cover, FixedSide, Fund, FundDirection, IsoReason, OfferRate,
    ParticipantStatus, Pay, Priority, PublishRate, RegisterParticipant, RequestQuote, RiskDecision, RiskVerdict,
};
pub use cooling::{CoolingOff, CoolingRule, PairKey};
pub use days::{
    AskStatements, BusinessDate, DayCalendar, DayCommand, DayEvent, DayLetter, DayPhase, DayStep, DayView, StatementDue,
    StatementsAsked,
};
pub use event::{Applied, Event, EventKind, Finality, Outcome, PaymentState, PaymentView, QuoteCap, QuoteTerms};
pub use fees::{ChargeBearer, Charges, Price, Priced, Tariff, TariffLine};
pub use governance::{ChainNode, Officer, Order, OrderId, PublicKey, SetNodes};
pub use ids::{Bic, ContentHash, MessageIdHash, ParticipantId, PaymentIndex, Position, QuoteId, Time, Uetr};
pub use index::IndexSeed;
pub use keys::{ParticipantKey, SetKey, VerifyingKey};
pub use letter::{Carries, Letter, LetterKind};
pub use liquidity::{LiquidityTerms, NetDebitCap, SetLiquidity};
pub use matters::{
    AskMandate, AskPreauth, AskToPay, Basis, Capture, Collect, CollectionEvent, CollectionState, CollectionStep, CollectionView,
    MandateAnswer, MandateEvent, MandatePeriod, MandateState, MandateStep, MandateTerms, MandateUse, MandateView, MatterStep,
    MatterTold, MatterView, PeriodKey, PreauthEvent, PreauthState, PreauthStep, PreauthTerms, PreauthView, RequestAnswer,
    RequestEvent, RequestState, RequestStep, RequestView, ReservedBy, Settlement,
};
pub use offers::{Improvements, Relation, Tier};
pub use orderable::Orderable;
pub use participant::ParticipantView;
pub use refusal::{Refusal, Retry};
pub use rejection::Rejection;
pub use returns::{
    AnswerRecall, Erred, Facts, Recall, RecallState, RecallVerdict, RecallView, Return, ReturnOf, ReturnTerms, erred,
    recall_answers, recall_reasons, return_reasons,
};
pub use review::{Posting, PostingReport, PostingWord, ReviewTerms, ReviewView};
pub use roles::{OfficerRole, Roles, unmanned};
pub use rules::{
    Code, Corridor, CounterKey, Country, Hours, Limit, Most, OutsideHours, PartyKind, Period, PersonKey, Purpose, Question,
    QuotaView, ReferenceRate, Rulebook, Scope, Terms, WhatIf,
};
pub use scheme_terms::SchemeTerms;
pub use settings::Settings;
pub use settlement::{
    AgentTerms, AnswerTransfer, AskTransfer, NoteKind, SendTransfer, SentState, SetAgent, SetTopUp, SettlementCommand,
    SettlementNote, Side, TransferVerdict, TransferView, WaitingTransfer, offset,
};
pub use sponsorship::{
    EndSponsorship, Sponsor, SponsorLimits, Sponsors, SponsorshipCommand, SponsorshipLetter, SponsorshipState, SponsorshipStep,
    SponsorshipView, Square, SquarePayer,
};
pub use standing::{Absence, Breaker, Presence};
pub use state::{AccountView, Clearing};
pub use waiting::{WaitReason, WaitingView};

/// Bytes of a payment on record and of its view in an event: what memory to plan with.
pub const fn sizes() -> (usize, usize) {
    payment::SIZES
}
