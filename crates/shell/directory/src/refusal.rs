//! Every no of the directory: code, HTTP status, retry advice, words.

use clearing::Retry;
use core::fmt;
use std::path::PathBuf;

/// Why the directory refused. Wire-stable: append only, never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DirectoryRefusal {
    /// Nobody has registered this alias, or nobody as its default.
    UnknownAlias,
    /// The text is no alias.
    NotAnAlias,
    /// The account's number is empty, too long or has characters that messages cannot carry.
    BadAccount,
    /// The name is empty or too long.
    BadName,
    /// The bank has not registered this alias.
    NotRegistered,
    /// As many banks have registered the alias as may.
    TooManyBanks,
    /// The bank has the default already.
    AlreadyDefault,
    /// A port of this alias is under way.
    PortPending,
    /// No such port, or none that this bank decides.
    UnknownPort,
    /// More look-ups of the participant than its rate, misses counted for many.
    ParticipantRate,
    /// More look-ups of one payer than a person makes.
    PayerRate,
    /// The payee is on the warning list's highest tier.
    PayeeBlocked,
    /// As many aliases as the directory takes.
    Full,
    /// The file cannot be read or written, or look-ups cannot be written down.
    Unavailable,
    /// The payer's pseudonym is empty or too long.
    BadPayer,
    /// No free scheme identifier was drawn.
    NoneFree,
    /// More changes in one message than it may have.
    TooManyChanges,
}

impl DirectoryRefusal {
    /// All of them, for documents and coverage tests.
    pub const ALL: [Self; 17] = [
        Self::UnknownAlias,
        Self::NotAnAlias,
        Self::BadAccount,
        Self::BadName,
        Self::NotRegistered,
        Self::TooManyBanks,
        Self::AlreadyDefault,
        Self::PortPending,
        Self::UnknownPort,
        Self::ParticipantRate,
        Self::PayerRate,
        Self::PayeeBlocked,
        Self::Full,
        Self::Unavailable,
        Self::BadPayer,
        Self::NoneFree,
        Self::TooManyChanges,
    ];

    /// Code, ISO reason (`ExternalStatusReason1Code`), HTTP status, retry advice, words.
    const fn row(self) -> (&'static str, [u8; 4], u16, Retry, &'static str) {
        use Retry::{Later, Never, WithChange};
        match self {
            Self::UnknownAlias => ("DIR-1001", *b"BE23", 404, WithChange, "nobody is paid by this alias"),
            Self::NotAnAlias => ("DIR-1002", *b"BE23", 422, WithChange, "the text is no alias"),
            Self::BadAccount => ("DIR-1003", *b"AC01", 422, WithChange, "the account must be 1 to 34 letters and digits"),
            Self::BadName => ("DIR-1004", *b"BE22", 422, WithChange, "the name must have 1 to 140 characters"),
            Self::NotRegistered => ("DIR-1005", *b"BE23", 404, WithChange, "this bank has not registered the alias"),
            Self::TooManyBanks => ("DIR-1006", *b"BE23", 409, Later, "the alias is registered at as many banks as may be"),
            Self::AlreadyDefault => ("DIR-1007", *b"BE23", 409, Never, "this bank has the default already"),
            Self::PortPending => ("DIR-1008", *b"BE23", 409, Later, "a port of this alias is under way"),
            Self::UnknownPort => ("DIR-1009", *b"BE23", 404, Never, "there is no such port for this bank to decide"),
            Self::ParticipantRate => ("DIR-1010", *b"MS03", 429, Later, "more look-ups than the participant's rate"),
            Self::PayerRate => ("DIR-1011", *b"MS03", 429, Later, "more look-ups than this payer's rate"),
            Self::PayeeBlocked => ("DIR-1012", *b"FR01", 403, Never, "payments to this payee are stopped: suspected fraud"),
            Self::Full => ("DIR-1013", *b"MS03", 503, Later, "the directory has no room for another alias"),
            Self::Unavailable => ("DIR-1014", *b"MS03", 503, Later, "the directory cannot be read or written now"),
            Self::BadPayer => ("DIR-1015", *b"BE22", 422, WithChange, "the payer must be named by 1 to 64 bytes"),
            Self::NoneFree => ("DIR-1016", *b"MS03", 503, Later, "no free scheme identifier was drawn; try again"),
            Self::TooManyChanges => ("DIR-1017", *b"FF01", 422, WithChange, "a message has 1 to 256 changes"),
        }
    }

    /// Stable code.
    pub const fn code(self) -> &'static str {
        self.row().0
    }
    /// ISO reason.
    pub const fn iso_reason(self) -> [u8; 4] {
        self.row().1
    }
    /// HTTP status.
    pub const fn http_status(self) -> u16 {
        self.row().2
    }
    /// Retry advice.
    pub const fn retry(self) -> Retry {
        self.row().3
    }
    /// Words for people.
    pub const fn words(self) -> &'static str {
        self.row().4
    }
    /// The field of the request it is about, if one.
    pub const fn field(self) -> Option<&'static str> {
        match self {
            Self::UnknownAlias | Self::NotAnAlias | Self::NotRegistered | Self::AlreadyDefault | Self::PortPending => {
                Some("alias")
            }
            Self::BadAccount => Some("account"),
            Self::BadName => Some("name"),
            Self::UnknownPort => Some("port"),
            Self::BadPayer | Self::PayerRate => Some("payer"),
            Self::TooManyChanges => Some("changes"),
            Self::TooManyBanks | Self::ParticipantRate | Self::PayeeBlocked | Self::Full | Self::Unavailable | Self::NoneFree => {
                None
            }
        }
    }
}

impl fmt::Display for DirectoryRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// Why a directory does not open.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The file of aliases.
    #[error("the directory's file {}: {source}", path.display())]
    Storage {
        /// Which.
        path: PathBuf,
        /// What redb said.
        source: Box<redb::Error>,
    },
    /// It was written by another version, or with another key.
    #[error("the directory's file {}: {what}", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Why it cannot be used.
        what: &'static str,
    },
    /// The audit file.
    #[error("the directory's audit file {}: {source}", path.display())]
    Audit {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_advice_fits_the_status() {
        let codes: BTreeSet<_> = DirectoryRefusal::ALL.iter().map(|refusal| refusal.code()).collect();
        assert_eq!(codes.len(), DirectoryRefusal::ALL.len());
        for refusal in DirectoryRefusal::ALL {
            let later = matches!(refusal.http_status(), 429 | 503);
            assert!(!later || refusal.retry() == Retry::Later, "{refusal:?}");
            assert!(refusal.iso_reason().iter().all(u8::is_ascii_alphanumeric));
        }
    }
}
