//! Refusals and rejections: every no, with its code, ISO reason, HTTP status and retry advice.
//!
//! A [`Refusal`] leaves no trace at the centre: the command changed nothing. A [`Rejection`] is the recorded, final end
//! of a payment. Both registers are wire-stable: append only, never renumber.

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
}

impl Refusal {
    /// All of them, for documents and coverage tests.
    pub const ALL: [Self; 78] = [
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

/// Why a payment ended without money moving. Kept with the payment for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rejection {
    /// The creditor agent refused, for its own ISO reason.
    ByCreditorAgent(IsoReason),
    /// The creditor agent did not answer by the deadline.
    TimedOut,
    /// The debtor agent's account does not cover it (LIQ-01).
    InsufficientLiquidity,
    /// The exchange provider's account does not cover it.
    ProviderShort,
    /// The creditor agent is suspended.
    CreditorAgentSuspended,
    /// An agent has no settlement account in the currency.
    CurrencyNotServed,
    /// The quote is unknown, expired, used, or somebody else's.
    QuoteNotValid,
    /// The payment's amount or currency is not the quote's.
    QuoteDiffers,
    /// Screening or risk rules blocked it.
    RiskBlocked,
    /// Debtor agent and creditor agent are the same.
    SameAgent,
    /// An account's total would not fit 64 bits.
    AmountTooLarge,
    /// An amount of zero.
    ZeroAmount,
    /// The debtor agent accepted it too long ago for its deadline.
    TooOld,
    /// The debtor agent is suspended. Recorded, so that the same message sent again gets the same answer (PAY-03).
    DebtorAgentSuspended,
    /// No corridor of the rulebook takes such a payment.
    NoCorridor,
    /// The corridor does not take this purpose, or asks for one.
    PurposeNotAllowed,
    /// A quota counts persons, and the debtor was not identified.
    DebtorNotIdentified,
    /// The corridor is closed.
    OutsideHours,
    /// More than one payment may be.
    AboveLimit,
    /// The debtor's quota does not cover it (QUO-01).
    QuotaUsedUp,
    /// The debtor's number of payments is reached (QUO-01).
    TooManyPayments,
    /// The centre's tables of quotas or waiting payments are full.
    TablesFull,
    /// To be executed later than payments may wait.
    TooFarAhead,
    /// The debtor agent cancelled it while it waited.
    CancelledByDebtor,
    /// The corridor takes other currencies.
    CurrencyNotInCorridor,
    /// The debtor agent's standing lets it send no payments: not live yet, receive-only, or gone.
    DebtorAgentNotSending,
    /// The creditor agent's standing lets it receive no payments: not live yet, send-only, or gone.
    CreditorAgentNotReceiving,
    /// The creditor agent announced that it is not there, or has not answered for a while.
    CreditorAgentOffline,
    /// What the debtor agent has left is reserved for payments of high priority.
    ReservedLiquidity,
    /// The charges that the creditor bears are as much as the amount, or more.
    ChargesExceedAmount,
    /// It must wait longer than its quote is firm.
    CoolsOffLongerThanQuote,
    /// It names a request to pay that is unknown, was not accepted, or has ended unpaid.
    RequestNotOpen,
    /// It names a request to pay that was paid, or is being paid.
    RequestPaid,
    /// It names a request to pay that has expired.
    RequestExpired,
    /// It names a request to pay between other agents, or of another amount.
    RequestDiffers,
}

impl Rejection {
    /// Number, code, ISO reason, words.
    const fn row(self) -> (u8, &'static str, [u8; 4], &'static str) {
        match self {
            Self::ByCreditorAgent(reason) => (1, "PAY-2001", reason.0, "refused by the creditor agent"),
            Self::TimedOut => (2, "PAY-2002", *b"AB05", "the creditor agent did not answer in time"),
            Self::InsufficientLiquidity => (3, "PAY-2003", *b"AM04", "the debtor agent's prefunding does not cover it"),
            Self::ProviderShort => (4, "PAY-2004", *b"AM04", "the exchange provider's account does not cover it"),
            Self::CreditorAgentSuspended => (5, "PAY-2005", *b"AG11", "the creditor agent is suspended"),
            Self::CurrencyNotServed => (6, "PAY-2006", *b"AM03", "an agent has no account in the currency"),
            Self::QuoteNotValid => (7, "PAY-2007", *b"AB04", "the quote is unknown, expired or used"),
            Self::QuoteDiffers => (8, "PAY-2008", *b"AM09", "the amount is not the quoted one"),
            Self::RiskBlocked => (9, "PAY-2009", *b"RR04", "stopped by screening or risk rules"),
            Self::SameAgent => (10, "PAY-2010", *b"AGNT", "debtor agent and creditor agent are the same"),
            Self::AmountTooLarge => (11, "PAY-2011", *b"AM02", "the amount is too large"),
            Self::ZeroAmount => (12, "PAY-2012", *b"AM01", "an amount must be greater than zero"),
            Self::TooOld => (13, "PAY-2013", *b"TM01", "accepted by the debtor agent too long ago"),
            Self::DebtorAgentSuspended => (14, "PAY-2014", *b"AG10", "the debtor agent is suspended"),
            Self::NoCorridor => (15, "PAY-2015", *b"AG03", "no corridor takes such a payment"),
            Self::PurposeNotAllowed => (16, "PAY-2016", *b"FF07", "the corridor does not take this purpose, or asks for one"),
            Self::DebtorNotIdentified => (17, "PAY-2017", *b"RR01", "the debtor's identity document is needed for its quota"),
            Self::OutsideHours => (18, "PAY-2018", *b"TM01", "the corridor is closed now"),
            Self::AboveLimit => (19, "PAY-2019", *b"AM13", "more than one payment may be in this corridor"),
            Self::QuotaUsedUp => (20, "PAY-2020", *b"SL16", "the debtor's quota does not cover it"),
            Self::TooManyPayments => (21, "PAY-2021", *b"SL15", "the debtor has made as many payments as allowed"),
            Self::TablesFull => (22, "PAY-2022", *b"ED06", "the centre's tables are full"),
            Self::TooFarAhead => (23, "PAY-2023", *b"CH03", "the execution time lies too far ahead"),
            Self::CancelledByDebtor => (24, "PAY-2024", *b"CUST", "cancelled by the debtor before it was executed"),
            Self::CurrencyNotInCorridor => (25, "PAY-2025", *b"AM03", "the corridor takes other currencies"),
            Self::DebtorAgentNotSending => (40, "PAY-2040", *b"AG10", "the debtor agent does not send payments"),
            Self::CreditorAgentNotReceiving => (41, "PAY-2041", *b"AG11", "the creditor agent does not receive payments"),
            Self::CreditorAgentOffline => (42, "PAY-2042", *b"AB08", "the creditor agent is not there"),
            Self::ReservedLiquidity => (43, "PAY-2043", *b"AM04", "what the debtor agent has left is reserved for high priority"),
            Self::ChargesExceedAmount => (80, "PAY-2080", *b"AM06", "the charges the creditor bears leave nothing of the amount"),
            Self::CoolsOffLongerThanQuote => (81, "PAY-2081", *b"TM01", "it must wait longer than its quote is firm"),
            Self::RequestNotOpen => (60, "PAY-2060", *b"AG09", "it names a request to pay that is unknown or not accepted"),
            Self::RequestPaid => (61, "PAY-2061", *b"APAR", "it names a request to pay that is paid already"),
            Self::RequestExpired => (62, "PAY-2062", *b"AEXR", "it names a request to pay that has expired"),
            Self::RequestDiffers => (63, "PAY-2063", *b"AM09", "its agents or amount are not those of the request to pay"),
        }
    }

    /// All of them, for documents and coverage tests.
    pub const ALL: [Self; 35] = [
        Self::ByCreditorAgent(IsoReason(*b"AC04")),
        Self::TimedOut,
        Self::InsufficientLiquidity,
        Self::ProviderShort,
        Self::CreditorAgentSuspended,
        Self::CurrencyNotServed,
        Self::QuoteNotValid,
        Self::QuoteDiffers,
        Self::RiskBlocked,
        Self::SameAgent,
        Self::AmountTooLarge,
        Self::ZeroAmount,
        Self::TooOld,
        Self::DebtorAgentSuspended,
        Self::NoCorridor,
        Self::PurposeNotAllowed,
        Self::DebtorNotIdentified,
        Self::OutsideHours,
        Self::AboveLimit,
        Self::QuotaUsedUp,
        Self::TooManyPayments,
        Self::TablesFull,
        Self::TooFarAhead,
        Self::CancelledByDebtor,
        Self::CurrencyNotInCorridor,
        Self::DebtorAgentNotSending,
        Self::CreditorAgentNotReceiving,
        Self::CreditorAgentOffline,
        Self::ReservedLiquidity,
        Self::ChargesExceedAmount,
        Self::CoolsOffLongerThanQuote,
        Self::RequestNotOpen,
        Self::RequestPaid,
        Self::RequestExpired,
        Self::RequestDiffers,
    ];

    /// Number on disk; `None` for numbers nobody was given.
    pub(crate) fn from_number(number: u8, reason: IsoReason) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|rejection| rejection.number() == number)?;
        Some(match found {
            Self::ByCreditorAgent(_) => Self::ByCreditorAgent(reason),
            other => other,
        })
    }

    /// Number on disk.
    pub const fn number(self) -> u8 {
        self.row().0
    }
    /// Stable code.
    pub const fn code(self) -> &'static str {
        self.row().1
    }
    /// ISO `ExternalStatusReason1Code`.
    pub const fn iso_reason(self) -> IsoReason {
        IsoReason(self.row().2)
    }
    /// Whether another payment for the same purpose may pass.
    pub const fn retry(self) -> Retry {
        match self {
            Self::TimedOut
            | Self::InsufficientLiquidity
            | Self::ProviderShort
            | Self::CreditorAgentSuspended
            | Self::DebtorAgentSuspended
            | Self::DebtorAgentNotSending
            | Self::CreditorAgentNotReceiving
            | Self::CreditorAgentOffline
            | Self::ReservedLiquidity
            | Self::TooOld
            | Self::OutsideHours
            | Self::QuotaUsedUp
            | Self::TooManyPayments
            | Self::TablesFull
            | Self::RequestNotOpen => Retry::Later,
            Self::QuoteNotValid
            | Self::QuoteDiffers
            | Self::AmountTooLarge
            | Self::ZeroAmount
            | Self::SameAgent
            | Self::PurposeNotAllowed
            | Self::DebtorNotIdentified
            | Self::AboveLimit
            | Self::TooFarAhead
            | Self::CancelledByDebtor
            | Self::CurrencyNotInCorridor
            | Self::ChargesExceedAmount
            | Self::CoolsOffLongerThanQuote
            | Self::RequestDiffers => Retry::WithChange,
            Self::ByCreditorAgent(_)
            | Self::CurrencyNotServed
            | Self::RiskBlocked
            | Self::NoCorridor
            | Self::RequestPaid
            | Self::RequestExpired => Retry::Never,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    #[test]
    fn numbers_read_back() {
        for rejection in Rejection::ALL {
            assert_eq!(Rejection::from_number(rejection.number(), rejection.iso_reason()), Some(rejection));
        }
        assert_eq!(Rejection::from_number(0, IsoReason(*b"NARR")), None);
    }
}
