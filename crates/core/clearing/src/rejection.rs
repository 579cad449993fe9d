//! Rejections: why a payment ended without money moving, with number, code, ISO reason and retry advice. Wire-stable and on disk: append
//! only, never renumber. What leaves no trace is in `refusal`.

use crate::{IsoReason, Retry};
use core::fmt;

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
    /// It would take the debtor agent's position beyond its sponsor's limit (SPN-01).
    SponsorLimitReached,
    /// More than the debtor agent's sponsor lets it send in one payment.
    AboveSponsorMaximum,
    /// The standing of the debtor agent's sponsor lets nothing leave its account.
    SponsorNotSending,
    /// The standing of the creditor agent's sponsor lets nothing come onto its account.
    SponsorNotReceiving,
    /// The sponsorship of one of its agents is ending.
    SponsorshipEnding,
    /// It names a collection that is unknown, was refused, or has expired.
    CollectionNotOpen,
    /// It names a collection that was paid, or is being paid.
    CollectionPaid,
    /// The mandate was suspended or has ended.
    MandateNotActive,
    /// It names a collection between other agents, of another amount, or for another purpose.
    CollectionDiffers,
    /// It names a pre-authorisation that is unknown or has ended.
    PreauthNotOpen,
    /// It names a pre-authorisation that was reserved by another payment.
    PreauthReserved,
    /// It names a pre-authorisation between other agents, or of another amount.
    PreauthDiffers,
    /// What is reserved for days cannot be exchanged at a quote of minutes.
    ReservationExchanged,
    /// It would have to wait: its corridor is closed, it cools off, or is to be executed later.
    ReservationWaits,
    /// One of its agents settles over a sponsor, whose limit is for payments of seconds.
    ReservationOverSponsor,
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
            Self::SponsorLimitReached => (90, "PAY-2090", *b"AM23", "it goes beyond the limit of the debtor agent's sponsor"),
            Self::AboveSponsorMaximum => (91, "PAY-2091", *b"AM14", "more than the debtor agent's sponsor allows in one payment"),
            Self::SponsorNotSending => (92, "PAY-2092", *b"AG10", "the debtor agent's sponsor does not send payments"),
            Self::SponsorNotReceiving => (93, "PAY-2093", *b"AG11", "the creditor agent's sponsor does not receive payments"),
            Self::SponsorshipEnding => (94, "PAY-2094", *b"AG01", "the sponsorship of one of its agents is ending"),
            Self::CollectionNotOpen => (100, "PAY-2100", *b"AG09", "it names a collection that is unknown, refused or expired"),
            Self::CollectionPaid => (101, "PAY-2101", *b"APAR", "it names a collection that is paid already"),
            Self::MandateNotActive => (102, "PAY-2102", *b"MD01", "the mandate was suspended or has ended"),
            Self::CollectionDiffers => {
                (103, "PAY-2103", *b"AM09", "its agents, amount or purpose are not those of the collection")
            }
            Self::PreauthNotOpen => (110, "PAY-2110", *b"AG09", "it names a pre-authorisation that is unknown or has ended"),
            Self::PreauthReserved => (111, "PAY-2111", *b"APAR", "it names a pre-authorisation that is reserved already"),
            Self::PreauthDiffers => (112, "PAY-2112", *b"AM09", "its agents or amount are not those of the pre-authorisation"),
            Self::ReservationExchanged => (113, "PAY-2113", *b"CURR", "what is reserved for days cannot be exchanged at a quote"),
            Self::ReservationWaits => (114, "PAY-2114", *b"TM01", "what is reserved cannot wait, and this would have to"),
            Self::ReservationOverSponsor => (115, "PAY-2115", *b"AG01", "one of its agents settles over a sponsor"),
        }
    }

    /// All of them, for documents and coverage tests.
    pub const ALL: [Self; 50] = [
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
        Self::SponsorLimitReached,
        Self::AboveSponsorMaximum,
        Self::SponsorNotSending,
        Self::SponsorNotReceiving,
        Self::SponsorshipEnding,
        Self::CollectionNotOpen,
        Self::CollectionPaid,
        Self::MandateNotActive,
        Self::CollectionDiffers,
        Self::PreauthNotOpen,
        Self::PreauthReserved,
        Self::PreauthDiffers,
        Self::ReservationExchanged,
        Self::ReservationWaits,
        Self::ReservationOverSponsor,
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
            | Self::RequestNotOpen
            | Self::SponsorLimitReached
            | Self::SponsorNotSending
            | Self::SponsorNotReceiving
            | Self::ReservationWaits => Retry::Later,
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
            | Self::RequestDiffers
            | Self::AboveSponsorMaximum
            | Self::CollectionDiffers
            | Self::PreauthDiffers
            | Self::ReservationExchanged => Retry::WithChange,
            Self::ByCreditorAgent(_)
            | Self::CurrencyNotServed
            | Self::RiskBlocked
            | Self::NoCorridor
            | Self::RequestPaid
            | Self::RequestExpired
            | Self::SponsorshipEnding
            | Self::CollectionNotOpen
            | Self::CollectionPaid
            | Self::MandateNotActive
            | Self::PreauthNotOpen
            | Self::PreauthReserved
            | Self::ReservationOverSponsor => Retry::Never,
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

    #[test]
    fn numbers_read_back() {
        for rejection in Rejection::ALL {
            assert_eq!(Rejection::from_number(rejection.number(), rejection.iso_reason()), Some(rejection));
        }
        assert_eq!(Rejection::from_number(0, IsoReason(*b"NARR")), None);
    }
}
