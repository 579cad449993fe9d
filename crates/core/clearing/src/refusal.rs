//! Refusals: every no, with its code, ISO reason, HTTP status and retry advice.
//!
//! A [`Refusal`] leaves no trace at the centre: the command changed nothing. A [`Rejection`](crate::Rejection) is the recorded, final end
//! of a payment, and has a file of its own. Both registers are wire-stable: append only, never renumber.

use crate::IsoReason;
use core::fmt;

/// What the caller can do about a no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same message will be refused again.
    Never,
    /// The same message may pass later.
    Later,
    /// A changed message (new UETR, new quote) may pass.
    WithChange,
}

/// Why a command was refused; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The UETR is known with other content (PAY-03).
    DuplicateUetr,
    /// The sender used this `MsgId` for another message.
    DuplicateMessageId,
    /// No such participant.
    UnknownParticipant,
    /// The participant is suspended.
    ParticipantSuspended,
    /// No such payment.
    UnknownPayment,
    /// The payment belongs to other agents.
    NotYourPayment,
    /// The payment is final and says otherwise; a late or second answer changes nothing (PAY-01).
    AlreadyFinal,
    /// No ledger of that currency.
    UnknownCurrency,
    /// The ledger is open with another number of decimals.
    LedgerDiffers,
    /// The participant has no such account.
    NoSuchAccount,
    /// An amount of zero.
    ZeroAmount,
    /// An account has less than asked (LIQ-01).
    InsufficientLiquidity,
    /// An amount or total does not fit 64 bits.
    AmountTooLarge,
    /// The participant does not provide exchange.
    NotAProvider,
    /// The same currency on both sides.
    SameCurrency,
    /// A spread of the whole amount or more.
    SpreadTooLarge,
    /// Nobody quotes this pair and amount now.
    NoQuote,
    /// The quote's identifier is taken.
    DuplicateQuote,
    /// A name or list is longer than allowed.
    TooLong,
    /// The table of participants, ledgers, quotes or payments is full.
    Full,
    /// The reference was used for another funding.
    DuplicateReference,
    /// The payment has not settled yet.
    NotSettled,
    /// The payment was accepted so long ago that an earlier copy of it may have been forgotten: whether it has an end
    /// already cannot be told, so it gets none (PAY-01).
    TooOldToKnow,
    /// The payment was accepted later than now.
    AcceptedAhead,
    /// Payments would be forgotten while they may still be sent again or answered.
    RetentionTooShort,
    /// An order is not signed by two different officers.
    NotAnOfficer,
    /// The order's validity has passed.
    OrderExpired,
    /// The order's validity is further ahead than a week.
    OrderTooLong,
    /// The order's identifier is another order's.
    DuplicateOrder,
    /// The command has effect as an order only.
    NeedsOrder,
    /// Fewer than two officers, too many, or two with one key.
    OfficersNotValid,
    /// The nodes were set by another order meanwhile.
    NodesChanged,
    /// No node that votes, too many nodes, or two with one key.
    NodesNotValid,
    /// A rulebook that says something without a meaning, or is to hold before the last one.
    RulebookNotValid,
    /// The rulebook was changed by another order meanwhile.
    RulebookChanged,
    /// The payment waits no longer.
    TooLateToCancel,
    /// A participant's standing cannot be followed by this one.
    StandingNotNext,
    /// The participant's standing does not allow it.
    StandingForbids,
    /// An account has money on it, or waits for some.
    AccountsNotEmpty,
    /// A span of time that ends before it begins, or is over, or lasts no time.
    NotASpan,
    /// A target below the floor, or a cap above the whole of the prefunding.
    TermsNotValid,
    /// A text that is empty or has control characters.
    TextNotValid,
    /// No transfer of that reference waits for an answer.
    UnknownTransfer,
    /// The settlement agent is closed, and nothing waits for it.
    AgentClosed,
    /// Another participant is the currency's settlement agent.
    NotSettlementAgent,
    /// The transfer has ended otherwise.
    TransferEnded,
    /// The currency has no settlement agent.
    NoSettlementAgent,
    /// Hours that have no meaning.
    CalendarNotValid,
    /// A participant sends money to itself.
    SentToItself,
    /// The time until which a transfer waits is past, or too far ahead.
    SentTooLong,
    /// The return's identification was used for a return with other content.
    DuplicateReturn,
    /// A return cannot itself be returned or recalled.
    NotReturnable,
    /// The payment settled too long ago for it.
    TooLateAfterSettlement,
    /// More than is left of what the creditor agent received (RET-01).
    MoreThanLeft,
    /// The return's currency, amounts or quote do not fit the payment.
    ReturnDiffers,
    /// A reason the scheme does not use for this.
    ReasonNotUsed,
    /// Something of the kind is open about the payment already.
    AlreadyOpen,
    /// Nothing of the kind was ever open about the payment.
    NothingOpen,
    /// What is recalled in time could not be returned any more when the answer is due.
    ReturnTermsNotValid,
    /// Only a payment under review can be blocked.
    NotUnderReview,
    /// What the creditor agent said of the payment before cannot be followed by this.
    PostingEnded,
    /// A time of review of less than a second or more than thirty days.
    ReviewTimeNotValid,
    /// The tariff was changed by another order meanwhile.
    TariffChanged,
    /// A tariff that says something without a meaning, or is to hold before the last one.
    TariffNotValid,
    /// Tiers that do not rise, or improvements of more than the spread.
    ImprovementsNotValid,
    /// Terms for cooling off with an unknown currency or a wait of more than seven days.
    CoolingOffNotValid,
    /// No matter has this UETR.
    UnknownMatter,
    /// The matter is between other agents, or this step is the other one's.
    NotYourMatter,
    /// Both agents of a matter are one.
    SameAgents,
    /// An expiry that has passed, or is too far ahead.
    ExpiryNotValid,
    /// The request was accepted; a payment decides.
    RequestAccepted,
    /// The request was paid.
    RequestPaid,
    /// The request was refused by the debtor's side.
    RequestRefused,
    /// The request was taken back.
    RequestWithdrawn,
    /// The request has expired.
    RequestExpired,
    /// One of the two officers does not hold the role this kind of order needs.
    RoleMissing,
    /// A role that orders need would have fewer than two officers.
    RoleUnmanned,
    /// An officer without a role, or an auditor that holds another one.
    RolesNotValid,
    /// The sponsor has no settlement account in the currency: who is sponsored there itself can sponsor nobody.
    SponsorNotDirect,
    /// Who has a settlement account in the currency is not sponsored there.
    SponsoredIsDirect,
    /// Another participant is the sponsor in that currency.
    SponsoredByAnother,
    /// No such sponsorship, or one of another sponsor.
    NoSponsorship,
    /// A square of more than the position, or of what payments under way may take (SPN-01).
    MoreThanPosition,
    /// A sponsorship of the participant, or by it, stands in the way.
    StillSponsored,
    /// A largest payment of zero.
    SponsorLimitsNotValid,
    /// A net debit limit below what is used of it (SPN-01).
    SponsorLimitBelowUse,
    /// The standing of a sponsor lets no money move over its account.
    SponsorForbids,
    /// A return would take the returner's position beyond its sponsor's limit (SPN-01).
    ReturnBeyondSponsorLimit,
    /// Caps or dates of a mandate that mean nothing, or another currency than it has.
    MandateTermsNotValid,
    /// Nothing may be collected under the mandate: not accepted yet, suspended, or ended.
    MandateNotActive,
    /// More than one collection may be, another amount than the fixed one, or another currency.
    AboveMandateCap,
    /// The caps of the period do not cover it (MDT-01).
    MandatePeriodUsedUp,
    /// Before the mandate's first instant, or behind its last.
    OutsideMandateDates,
    /// The mandate's state cannot be followed by this step.
    MandateStepNotNext,
    /// The caps agreed to are below what was collected in the period already.
    AmendmentBelowUse,
    /// The creditor agent has as many mandates, collections and pre-authorisations as one may.
    TooManyMandates,
    /// The collection was paid, refused, or has expired.
    CollectionEnded,
    /// The collection is being paid; that payment decides.
    CollectionPaying,
    /// Something is captured from a pre-authorisation that nobody has reserved.
    NothingReserved,
    /// The pre-authorisation has ended.
    PreauthEnded,
    /// A capture of more than is left of what was reserved (PRE-01), or in another currency.
    MoreThanReserved,
    /// The money is reserved, and whoever reserved it cannot take it back.
    PreauthReserved,
    /// More than the scheme lets one pre-authorisation reserve.
    AbovePreauthMaximum,
    /// Days, captures or amounts of the terms for pre-authorisations that mean nothing.
    PreauthTermsNotValid,
    /// What the debtor agent is charged for a capture is neither held nor on its account.
    ChargesNotCovered,
    /// The charges that the creditor bears are as much as the capture, or more.
    ChargesExceedCapture,
    /// Times, weekdays or holidays of a calendar of business days mean nothing.
    DayCalendarNotValid,
    /// The calendar would make the day that is open none.
    DayIsOpen,
    /// The currency has no calendar of business days.
    NoBusinessDays,
    /// The last day of statements lies before the first, or no calendar reaches it.
    StatementDatesNotValid,
    /// A signing key ends before it begins.
    KeyNotValid,
    /// The number of a signing key has another key, or the key another number.
    KeyNumberTaken,
    /// A further signing key has not the next number.
    KeyNumberNotNext,
}

impl Refusal {
    /// All of them, for documents and coverage tests.
    pub const ALL: [Self; 113] = [
        Self::DuplicateUetr,
        Self::DuplicateMessageId,
        Self::UnknownParticipant,
        Self::ParticipantSuspended,
        Self::UnknownPayment,
        Self::NotYourPayment,
        Self::AlreadyFinal,
        Self::UnknownCurrency,
        Self::LedgerDiffers,
        Self::NoSuchAccount,
        Self::ZeroAmount,
        Self::InsufficientLiquidity,
        Self::AmountTooLarge,
        Self::NotAProvider,
        Self::SameCurrency,
        Self::SpreadTooLarge,
        Self::NoQuote,
        Self::DuplicateQuote,
        Self::TooLong,
        Self::Full,
        Self::DuplicateReference,
        Self::NotSettled,
        Self::TooOldToKnow,
        Self::AcceptedAhead,
        Self::RetentionTooShort,
        Self::NotAnOfficer,
        Self::OrderExpired,
        Self::OrderTooLong,
        Self::DuplicateOrder,
        Self::NeedsOrder,
        Self::OfficersNotValid,
        Self::NodesChanged,
        Self::NodesNotValid,
        Self::RulebookNotValid,
        Self::RulebookChanged,
        Self::TooLateToCancel,
        Self::StandingNotNext,
        Self::StandingForbids,
        Self::AccountsNotEmpty,
        Self::NotASpan,
        Self::TermsNotValid,
        Self::TextNotValid,
        Self::UnknownTransfer,
        Self::AgentClosed,
        Self::NotSettlementAgent,
        Self::TransferEnded,
        Self::NoSettlementAgent,
        Self::CalendarNotValid,
        Self::SentToItself,
        Self::SentTooLong,
        Self::DuplicateReturn,
        Self::NotReturnable,
        Self::TooLateAfterSettlement,
        Self::MoreThanLeft,
        Self::ReturnDiffers,
        Self::ReasonNotUsed,
        Self::AlreadyOpen,
        Self::NothingOpen,
        Self::ReturnTermsNotValid,
        Self::NotUnderReview,
        Self::PostingEnded,
        Self::ReviewTimeNotValid,
        Self::TariffChanged,
        Self::TariffNotValid,
        Self::ImprovementsNotValid,
        Self::CoolingOffNotValid,
        Self::UnknownMatter,
        Self::NotYourMatter,
        Self::SameAgents,
        Self::ExpiryNotValid,
        Self::RequestAccepted,
        Self::RequestPaid,
        Self::RequestRefused,
        Self::RequestWithdrawn,
        Self::RequestExpired,
        Self::RoleMissing,
        Self::RoleUnmanned,
        Self::RolesNotValid,
        Self::SponsorNotDirect,
        Self::SponsoredIsDirect,
        Self::SponsoredByAnother,
        Self::NoSponsorship,
        Self::MoreThanPosition,
        Self::StillSponsored,
        Self::SponsorLimitsNotValid,
        Self::SponsorLimitBelowUse,
        Self::SponsorForbids,
        Self::ReturnBeyondSponsorLimit,
        Self::MandateTermsNotValid,
        Self::MandateNotActive,
        Self::AboveMandateCap,
        Self::MandatePeriodUsedUp,
        Self::OutsideMandateDates,
        Self::MandateStepNotNext,
        Self::AmendmentBelowUse,
        Self::TooManyMandates,
        Self::CollectionEnded,
        Self::CollectionPaying,
        Self::NothingReserved,
        Self::PreauthEnded,
        Self::MoreThanReserved,
        Self::PreauthReserved,
        Self::AbovePreauthMaximum,
        Self::PreauthTermsNotValid,
        Self::ChargesNotCovered,
        Self::ChargesExceedCapture,
        Self::DayCalendarNotValid,
        Self::DayIsOpen,
        Self::NoBusinessDays,
        Self::StatementDatesNotValid,
        Self::KeyNotValid,
        Self::KeyNumberTaken,
        Self::KeyNumberNotNext,
    ];

    /// Code, ISO reason, HTTP status, retry advice, words.
    const fn row(self) -> (&'static str, &'static [u8; 4], u16, Retry, &'static str) {
        use Retry::{Later, Never, WithChange};
        match self {
            Self::DuplicateUetr => ("CLR-1001", b"DUPL", 409, WithChange, "the UETR was used for a payment with other content"),
            Self::DuplicateMessageId => ("CLR-1002", b"DU01", 409, WithChange, "the message identification was used before"),
            Self::UnknownParticipant => ("CLR-1003", b"CNOR", 404, Never, "no such participant"),
            Self::ParticipantSuspended => ("CLR-1004", b"AG10", 403, Later, "the participant is suspended"),
            Self::UnknownPayment => ("CLR-1005", b"AG09", 404, Never, "no payment with this UETR"),
            Self::NotYourPayment => ("CLR-1006", b"AGNT", 403, Never, "the payment belongs to other agents"),
            Self::AlreadyFinal => ("CLR-1007", b"AB05", 409, Never, "the payment is final; this answer changes nothing"),
            Self::UnknownCurrency => ("CLR-1008", b"AM03", 422, Never, "no ledger in this currency"),
            Self::LedgerDiffers => ("CLR-1009", b"AM03", 409, Never, "the ledger is open with other decimals"),
            Self::NoSuchAccount => ("CLR-1010", b"AC01", 422, Never, "the participant has no such account"),
            Self::ZeroAmount => ("CLR-1011", b"AM01", 422, WithChange, "an amount must be greater than zero"),
            Self::InsufficientLiquidity => ("CLR-1012", b"AM04", 422, Later, "not enough on the account"),
            Self::AmountTooLarge => ("CLR-1013", b"AM02", 422, WithChange, "the amount is too large"),
            Self::NotAProvider => ("CLR-1014", b"AG01", 403, Never, "the participant does not provide exchange"),
            Self::SameCurrency => ("CLR-1015", b"CURR", 422, WithChange, "both sides have the same currency"),
            Self::SpreadTooLarge => ("CLR-1016", b"AM12", 422, WithChange, "a spread is below one million millionths"),
            Self::NoQuote => ("CLR-1017", b"AB04", 404, Later, "nobody quotes this pair and amount now"),
            Self::DuplicateQuote => ("CLR-1018", b"DUPL", 409, WithChange, "the quote identifier was used before"),
            Self::TooLong => ("CLR-1019", b"FF01", 422, WithChange, "a name or list is too long"),
            Self::Full => ("CLR-1020", b"ED06", 503, Later, "the centre's tables are full"),
            Self::DuplicateReference => ("CLR-1021", b"DUPL", 409, WithChange, "the reference was used for another funding"),
            Self::NotSettled => ("CLR-1022", b"AGNT", 409, Later, "the payment has not settled"),
            Self::TooOldToKnow => {
                ("CLR-1023", b"TM01", 422, Never, "accepted so long ago that it may have ended and been forgotten")
            }
            Self::AcceptedAhead => ("CLR-1024", b"DT01", 422, Later, "the acceptance time lies in the future"),
            Self::RetentionTooShort => {
                ("CLR-1025", b"NARR", 422, WithChange, "payments must be kept longer than they may be sent again or answered")
            }
            Self::NotAnOfficer => ("CLR-1030", b"AGNT", 403, Never, "an order needs the signatures of two officers"),
            Self::OrderExpired => ("CLR-1031", b"TM01", 422, WithChange, "the order is no longer valid"),
            Self::OrderTooLong => ("CLR-1032", b"TM01", 422, WithChange, "an order is valid for a week at most"),
            Self::DuplicateOrder => ("CLR-1033", b"DUPL", 409, WithChange, "the order's identifier was used for another order"),
            Self::NeedsOrder => ("CLR-1034", b"AGNT", 403, WithChange, "only an order of two officers can do this"),
            Self::OfficersNotValid => {
                ("CLR-1035", b"NARR", 422, WithChange, "there must be 2 to 64 officers with different keys")
            }
            Self::NodesChanged => ("CLR-1036", b"DUPL", 409, WithChange, "the nodes were changed since the order was drafted"),
            Self::NodesNotValid => {
                ("CLR-1037", b"NARR", 422, WithChange, "there must be 1 to 64 nodes with different keys, one of which votes")
            }
            Self::RoleMissing => {
                ("CLR-1170", b"AGNT", 403, WithChange, "both officers must hold the role that this kind of order needs")
            }
            Self::RoleUnmanned => ("CLR-1171", b"NARR", 422, WithChange, "each role that orders need must keep two officers"),
            Self::RolesNotValid => {
                ("CLR-1172", b"NARR", 422, WithChange, "an officer holds at least one role, and an auditor no other")
            }
            Self::RulebookNotValid => (
                "CLR-1040",
                b"NARR",
                422,
                WithChange,
                "the rulebook says something that has no meaning, or starts before the last one",
            ),
            Self::RulebookChanged => {
                ("CLR-1041", b"DUPL", 409, WithChange, "the rulebook was changed since the order was drafted")
            }
            Self::TooLateToCancel => ("CLR-1042", b"ARDT", 409, Never, "the payment waits no longer and cannot be cancelled"),
            Self::StandingNotNext => ("CLR-1100", b"AGNT", 409, Never, "this standing cannot follow the one there is"),
            Self::StandingForbids => ("CLR-1101", b"AG10", 403, Later, "the participant's standing does not allow this"),
            Self::AccountsNotEmpty => {
                ("CLR-1102", b"AM04", 409, Later, "an account has money on it, or a payment under way touches it")
            }
            Self::TermsNotValid => (
                "CLR-1104",
                b"NARR",
                422,
                WithChange,
                "a target is not below its floor, a share not above one million millionths",
            ),
            Self::TextNotValid => ("CLR-1043", b"FF01", 422, WithChange, "a text is empty or has control characters"),
            Self::UnknownTransfer => ("CLR-1140", b"AG09", 404, Never, "no transfer of this reference waits for an answer"),
            Self::AgentClosed => ("CLR-1141", b"TM01", 409, Later, "the settlement agent is closed"),
            Self::NotSettlementAgent => ("CLR-1142", b"AGNT", 403, Never, "another participant settles this currency"),
            Self::TransferEnded => ("CLR-1143", b"AB05", 409, WithChange, "the transfer has ended, and not like this"),
            Self::NoSettlementAgent => ("CLR-1144", b"AB07", 422, Later, "no settlement agent is named for this currency"),
            Self::CalendarNotValid => ("CLR-1145", b"DT01", 422, WithChange, "hours or days that have no meaning"),
            Self::SentToItself => ("CLR-1146", b"AG03", 422, WithChange, "a participant cannot send money to itself"),
            Self::SentTooLong => ("CLR-1147", b"DT01", 422, WithChange, "a transfer waits until a time ahead, within a day"),
            Self::NotUnderReview => ("CLR-1160", b"AGNT", 409, Never, "only a payment under review can be blocked"),
            Self::PostingEnded => {
                ("CLR-1161", b"AB05", 409, Never, "what was said of the payment before cannot be followed by this")
            }
            Self::ReviewTimeNotValid => ("CLR-1162", b"NARR", 422, WithChange, "a review lasts from a second to thirty days"),
            Self::TariffChanged => ("CLR-1163", b"DUPL", 409, WithChange, "the tariff was changed since the order was drafted"),
            Self::TariffNotValid => (
                "CLR-1164",
                b"NARR",
                422,
                WithChange,
                "the tariff says something that has no meaning, or starts before the last one",
            ),
            Self::ImprovementsNotValid => {
                ("CLR-1165", b"AM12", 422, WithChange, "tiers must rise, and tier and relation together not exceed the spread")
            }
            Self::CoolingOffNotValid => {
                ("CLR-1166", b"NARR", 422, WithChange, "a payment cools off for seven days at most, in a currency of the scheme")
            }
            Self::NotASpan => ("CLR-1103", b"DT01", 422, WithChange, "the time ends before it begins, is over, or is none"),
            Self::DuplicateReturn => {
                ("CLR-1110", b"DUPL", 409, WithChange, "the return's identification was used for a return with other content")
            }
            Self::NotReturnable => ("CLR-1111", b"NARR", 409, Never, "a return cannot be returned or recalled"),
            Self::TooLateAfterSettlement => ("CLR-1112", b"TM01", 422, Never, "the payment settled too long ago"),
            Self::MoreThanLeft => ("CLR-1113", b"AM09", 422, WithChange, "more than is left of the payment"),
            Self::ReturnDiffers => {
                ("CLR-1114", b"CURR", 422, WithChange, "currency, amounts or quote of the return do not fit the payment")
            }
            Self::ReasonNotUsed => ("CLR-1115", b"CH16", 422, WithChange, "the scheme does not use this reason for this"),
            Self::AlreadyOpen => ("CLR-1116", b"DUPL", 409, Later, "an earlier one about this payment is not answered yet"),
            Self::NothingOpen => ("CLR-1117", b"AG09", 404, Never, "nothing was asked about this payment"),
            Self::ReturnTermsNotValid => {
                ("CLR-1118", b"NARR", 422, WithChange, "what is recalled in time must still be returnable when its answer is due")
            }
            Self::UnknownMatter => ("CLR-1120", b"AG09", 404, Never, "no matter with this UETR"),
            Self::NotYourMatter => ("CLR-1121", b"AGNT", 403, Never, "the matter is between other agents"),
            Self::SameAgents => ("CLR-1122", b"AGNT", 422, WithChange, "debtor agent and creditor agent are the same"),
            Self::ExpiryNotValid => ("CLR-1123", b"DT01", 422, WithChange, "the expiry has passed, or lies too far ahead"),
            Self::RequestAccepted => ("CLR-1124", b"ALAC", 409, Never, "the request to pay was accepted"),
            Self::RequestPaid => ("CLR-1125", b"APAR", 409, Never, "the request to pay was paid"),
            Self::RequestRefused => ("CLR-1126", b"ARFR", 409, Never, "the request to pay was refused"),
            Self::RequestWithdrawn => ("CLR-1127", b"ARJR", 409, Never, "the request to pay was taken back"),
            Self::RequestExpired => ("CLR-1128", b"AEXR", 409, Never, "the request to pay has expired"),
            Self::SponsorNotDirect => {
                ("CLR-1180", b"AGNT", 422, WithChange, "the sponsor has no settlement account in this currency")
            }
            Self::SponsoredIsDirect => {
                ("CLR-1181", b"AGNT", 422, WithChange, "who has a settlement account in this currency is not sponsored in it")
            }
            Self::SponsoredByAnother => {
                ("CLR-1182", b"DUPL", 409, WithChange, "another participant is its sponsor in this currency")
            }
            Self::NoSponsorship => ("CLR-1183", b"AG09", 404, Never, "no such sponsorship of this sponsor"),
            Self::MoreThanPosition => {
                ("CLR-1184", b"AM09", 422, WithChange, "more than the position, or than payments under way leave of it")
            }
            Self::StillSponsored => ("CLR-1185", b"AGNT", 409, Later, "a sponsorship stands in the way and must end first"),
            Self::SponsorLimitsNotValid => {
                ("CLR-1186", b"AM12", 422, WithChange, "the largest payment of a sponsorship must be greater than zero")
            }
            Self::SponsorLimitBelowUse => ("CLR-1187", b"AM12", 409, Later, "more than this net debit limit is in use"),
            Self::SponsorForbids => ("CLR-1188", b"AG10", 403, Later, "the sponsor's standing does not allow this"),
            Self::ReturnBeyondSponsorLimit => {
                ("CLR-1189", b"AM23", 422, Later, "the return goes beyond the limit of the returner's sponsor")
            }
            Self::MandateTermsNotValid => {
                ("CLR-1190", b"MD02", 422, WithChange, "caps, dates or currency of the mandate mean nothing")
            }
            Self::MandateNotActive => ("CLR-1191", b"MD01", 409, Never, "nothing may be collected under the mandate"),
            Self::AboveMandateCap => {
                ("CLR-1192", b"AM14", 422, WithChange, "the mandate does not allow a collection of this amount")
            }
            Self::MandatePeriodUsedUp => ("CLR-1193", b"SL14", 409, Later, "the mandate's caps for the period are used up"),
            Self::OutsideMandateDates => ("CLR-1194", b"DT01", 422, Later, "the mandate does not hold now"),
            Self::MandateStepNotNext => ("CLR-1195", b"MD01", 409, Never, "the mandate stands so that this cannot follow"),
            Self::AmendmentBelowUse => {
                ("CLR-1196", b"AM14", 409, Later, "more was collected in the period than the new caps allow")
            }
            Self::TooManyMandates => ("CLR-1197", b"ED06", 503, Later, "the creditor agent has as many mandates as one may"),
            Self::CollectionEnded => ("CLR-1198", b"AB05", 409, Never, "the collection was paid, refused, or has expired"),
            Self::CollectionPaying => ("CLR-1199", b"APAR", 409, Never, "the collection is being paid"),
            Self::NothingReserved => ("CLR-1200", b"AGNT", 409, Later, "nothing is reserved by the pre-authorisation"),
            Self::PreauthEnded => ("CLR-1201", b"AB05", 409, Never, "the pre-authorisation has ended"),
            Self::MoreThanReserved => ("CLR-1202", b"AM14", 422, WithChange, "more than is left of what was reserved"),
            Self::PreauthReserved => ("CLR-1203", b"ALAC", 409, Never, "the money is reserved by the pre-authorisation"),
            Self::AbovePreauthMaximum => ("CLR-1204", b"AM02", 422, WithChange, "more than a pre-authorisation may reserve"),
            Self::PreauthTermsNotValid => {
                ("CLR-1205", b"NARR", 422, WithChange, "days, captures or amounts of the terms mean nothing")
            }
            Self::ChargesNotCovered => ("CLR-1206", b"AM04", 422, Later, "the debtor agent's account does not cover the charges"),
            Self::ChargesExceedCapture => {
                ("CLR-1207", b"AM06", 422, WithChange, "the charges the creditor bears leave nothing of the capture")
            }
            Self::DayCalendarNotValid => {
                ("CLR-1220", b"NARR", 422, WithChange, "times, weekdays or holidays of the calendar mean nothing")
            }
            Self::DayIsOpen => ("CLR-1221", b"NARR", 409, WithChange, "the day that is open must stay a business day"),
            Self::NoBusinessDays => ("CLR-1222", b"NARR", 409, Later, "the currency has no calendar of business days"),
            Self::StatementDatesNotValid => {
                ("CLR-1223", b"DT01", 422, WithChange, "the last day lies before the first, or no calendar reaches it")
            }
            Self::KeyNotValid => ("CLR-1224", b"NARR", 422, WithChange, "the key ends before it begins"),
            Self::KeyNumberTaken => ("CLR-1225", b"NARR", 409, Never, "the number has another key, or the key another number"),
            Self::KeyNumberNotNext => ("CLR-1226", b"NARR", 409, WithChange, "the participant's keys are numbered without gaps"),
        }
    }

    /// Stable code.
    pub const fn code(self) -> &'static str {
        self.row().0
    }
    /// ISO `ExternalStatusReason1Code`.
    pub const fn iso_reason(self) -> IsoReason {
        IsoReason(*self.row().1)
    }
    /// HTTP status at the gateway.
    pub const fn http_status(self) -> u16 {
        self.row().2
    }
    /// Retry advice.
    pub const fn retry(self) -> Retry {
        self.row().3
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rejection;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique() {
        let refusals: BTreeSet<_> = Refusal::ALL.iter().map(|r| r.code()).collect();
        let rejections: BTreeSet<_> = Rejection::ALL.iter().map(|r| r.code()).collect();
        let numbers: BTreeSet<_> = Rejection::ALL.iter().map(|r| r.number()).collect();
        assert_eq!(
            (refusals.len(), rejections.len(), numbers.len()),
            (Refusal::ALL.len(), Rejection::ALL.len(), Rejection::ALL.len())
        );
    }
}
