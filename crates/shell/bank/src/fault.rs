//! Ways a bank can be told to misbehave, so that everybody else can be watched coping.

use serde::{Deserialize, Serialize};

/// Longest delay, in milliseconds.
pub const SLOW_MS_MAX: u64 = 600_000;

/// How a bank misbehaves. As JSON: `{"fault":"slow","ms":3000}`, `{"fault":"refusing","reason":"AC06"}`, `{"fault":"silent"}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// Not at all.
    #[default]
    None,
    /// Answers this much later, in milliseconds.
    Slow {
        /// Delay.
        ms: u64,
    },
    /// Never answers.
    Silent,
    /// Refuses every payment.
    Refusing {
        /// ISO reason code, four characters.
        reason: String,
    },
    /// Cuts its connections and makes no new ones.
    Offline,
    /// Answers, answers the same again, and then contradicts itself.
    AnswerTwice,
    /// Answers when the payment is final already.
    AnswerLate,
    /// Signs its answer with another key than its own.
    WrongSignature,
    /// Cuts its connections when it is asked, and makes new ones after this time, in milliseconds.
    DropConnection {
        /// How long.
        ms: u64,
    },
    /// Accepts every payment without posting it, and credits its customer when it hears that it has settled.
    Reviewing,
    /// Credits its customer twice. Its books break a law by that, which their report says.
    CreditTwice,
    /// Behaves, but opens its inbox at the beginning when next it has to open it again.
    ForgetCursor,
}

impl Fault {
    /// Whether its numbers and codes are usable.
    pub fn is_valid(&self) -> bool {
        match self {
            Self::Slow { ms } | Self::DropConnection { ms } => *ms <= SLOW_MS_MAX,
            Self::Refusing { reason } => {
                reason.len() == 4 && reason.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            }
            Self::None
            | Self::Silent
            | Self::Offline
            | Self::AnswerTwice
            | Self::AnswerLate
            | Self::WrongSignature
            | Self::Reviewing
            | Self::CreditTwice
            | Self::ForgetCursor => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_read_from_json() {
        let read = |text| serde_json::from_str::<Fault>(text);
        assert_eq!(read(r#"{"fault":"slow","ms":3000}"#).unwrap(), Fault::Slow { ms: 3000 });
        assert_eq!(read(r#"{"fault":"answer_twice"}"#).unwrap(), Fault::AnswerTwice);
        assert!(read(r#"{"fault":"sleepy"}"#).is_err());
        assert!(!Fault::Refusing { reason: "no".to_owned() }.is_valid());
        assert!(!Fault::Slow { ms: u64::MAX }.is_valid());
    }
}
