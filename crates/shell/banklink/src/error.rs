//! Why something asked of the centre has no answer: values with a stable code, each saying whether the asking may have had
//! an effect.

use crate::answer::Problem;
use signing::SignatureRefusal;
use std::sync::Arc;

/// Why there is no answer, or not the one asked for. Codes are stable: append only, never renumber.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LinkError {
    /// No connection: nothing was sent.
    #[error("the centre cannot be reached: {0}")]
    Unreachable(Arc<std::io::Error>),
    /// The TLS handshake failed or the name is not one: nothing was sent.
    #[error("no secure connection to the centre: {0}")]
    Insecure(Arc<std::io::Error>),
    /// The link was taken offline by its owner: nothing was sent.
    #[error("this participant is offline")]
    Offline,
    /// The connection broke between request and answer.
    #[error("the connection broke before an answer: {0}")]
    Broken(Arc<hyper::Error>),
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The answer is not signed by the centre.
    #[error("the answer is not the centre's: {0}")]
    NotTheCentre(SignatureRefusal),
    /// The answer is longer than allowed or not of the agreed form.
    #[error("the answer cannot be read: {0}")]
    Unreadable(&'static str),
    /// The centre refused.
    #[error("{0}")]
    Refused(Box<Problem>),
}

impl LinkError {
    /// Stable code; a refusal keeps the centre's.
    pub fn code(&self) -> &str {
        match self {
            Self::Unreachable(_) => "LNK-1001",
            Self::Insecure(_) => "LNK-1002",
            Self::Offline => "LNK-1003",
            Self::Broken(_) => "LNK-1004",
            Self::TimedOut => "LNK-1005",
            Self::NotTheCentre(_) => "LNK-1006",
            Self::Unreadable(_) => "LNK-1007",
            Self::Refused(problem) => &problem.code,
        }
    }

    /// Whether the request may have had its effect although nothing is known: ask, or send the same bytes again.
    pub fn in_doubt(&self) -> bool {
        match self {
            Self::Broken(_) | Self::TimedOut | Self::NotTheCentre(_) | Self::Unreadable(_) => true,
            Self::Unreachable(_) | Self::Insecure(_) | Self::Offline => false,
            Self::Refused(problem) => problem.status >= 500 && problem.status != 503,
        }
    }

    /// Whether the same bytes may be taken later.
    pub fn retry_later(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::Insecure(_)
            | Self::Offline
            | Self::Broken(_)
            | Self::TimedOut
            | Self::NotTheCentre(_)
            | Self::Unreadable(_) => true,
            Self::Refused(problem) => problem.retry_later(),
        }
    }

    /// How long the centre asks to wait before trying again, in milliseconds.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Refused(problem) => problem.retry_after_s.map(|seconds| seconds.saturating_mul(1000)),
            Self::Unreachable(_)
            | Self::Insecure(_)
            | Self::Offline
            | Self::Broken(_)
            | Self::TimedOut
            | Self::NotTheCentre(_)
            | Self::Unreadable(_) => None,
        }
    }
}
