//! Terms of the whole scheme: prices, times of review, what cools off, what may be reserved. Each is data that two officers order, and replaces the one before it.
//!
//! They share one command, tag 90, whose next byte says which.

use crate::codec::{put_u64, take, take_u64};
use crate::{Clearing, CoolingOff, DecodeError, EventKind, Outcome, PreauthTerms, Refusal, ReviewTerms, Tariff};

/// What is to hold for everybody. Append only: the encoding is kept for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemeTerms {
    /// What payments cost.
    Tariff(Tariff),
    /// How long a creditor agent may review a payment that has settled.
    Reviews(ReviewTerms),
    /// Which payments wait before they are executed.
    CoolingOff(CoolingOff),
    /// How long, how much and how often money may be reserved and captured.
    Preauths(PreauthTerms),
}

impl SchemeTerms {
    pub(crate) const TAG: u8 = 90;

    /// Appends the canonical bytes, tag and all.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(Self::TAG);
        match self {
            Self::Tariff(tariff) => {
                out.push(0);
                tariff.encode(out);
            }
            Self::Reviews(terms) => {
                out.push(1);
                put_u64(out, terms.review_ns);
            }
            Self::CoolingOff(terms) => {
                out.push(2);
                terms.encode(out);
            }
            Self::Preauths(terms) => {
                out.push(77);
                terms.encode(out);
            }
        }
    }

    /// Reads what follows the tag.
    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(match take(bytes)? {
            [0] => Self::Tariff(Tariff::decode(bytes)?),
            [1] => Self::Reviews(ReviewTerms { review_ns: take_u64(bytes)? }),
            [2] => Self::CoolingOff(CoolingOff::decode(bytes)?),
            [77] => Self::Preauths(PreauthTerms::decode(bytes)?),
            [3..=76 | 78..=255] => return Err(DecodeError::Unknown("terms of the scheme")),
        })
    }
}

impl Clearing {
    pub(crate) fn set_scheme_terms(&mut self, terms: &SchemeTerms) -> Result<Outcome, Refusal> {
        let entered = match terms {
            SchemeTerms::Tariff(tariff) => SchemeTerms::Tariff(self.set_tariff(tariff)?),
            SchemeTerms::Reviews(terms) => {
                self.set_review_terms(*terms)?;
                SchemeTerms::Reviews(*terms)
            }
            SchemeTerms::CoolingOff(terms) => {
                self.set_cooling_off(terms)?;
                SchemeTerms::CoolingOff(terms.clone())
            }
            SchemeTerms::Preauths(terms) => {
                self.set_preauth_terms(terms)?;
                SchemeTerms::Preauths(terms.clone())
            }
        };
        // Its tag is the change's.
        entered.encode(&mut self.delta);
        self.emit(EventKind::SchemeTermsSet(entered));
        Ok(Outcome::Done)
    }
}
