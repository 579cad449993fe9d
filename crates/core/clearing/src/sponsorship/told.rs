//! What both sides of a sponsorship find in their inboxes: that it has begun, has other limits, is ending, is over.
//!
//! Operators order these things and sign nothing that the two would otherwise see. Squares are not told: one of both made it.

use super::{Key, SponsorshipView};
use crate::letter::Draft;
use crate::{Carries, Clearing, IsoReason, Letter, LetterKind, ParticipantId, ParticipantStatus};
use money::CurrencyCode;

/// What became of a sponsorship.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SponsorshipStep {
    /// It has begun.
    Begun,
    /// It has other limits, or is no longer to end.
    Changed,
    /// It is to end, and takes no new payment.
    Ending,
    /// It is over.
    Ended,
}

impl SponsorshipStep {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Begun, Self::Changed, Self::Ending, Self::Ended];

    /// As `admi.004` says it (`EvtCd`).
    pub const fn event_code(self) -> IsoReason {
        IsoReason(*match self {
            Self::Begun => b"SPNB",
            Self::Changed => b"SPNC",
            Self::Ending => b"SPNG",
            Self::Ended => b"SPNE",
        })
    }

    const fn number(self) -> u8 {
        match self {
            Self::Begun => 1,
            Self::Changed => 2,
            Self::Ending => 3,
            Self::Ended => 4,
        }
    }
}

/// What a letter about a sponsorship says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SponsorshipLetter {
    /// What became of it.
    pub step: SponsorshipStep,
    /// In which currency.
    pub currency: CurrencyCode,
    /// Over whose account.
    pub sponsor: ParticipantId,
    /// For whom.
    pub participant: ParticipantId,
    /// Which one of all there ever were, from 1 on.
    pub number: u32,
}

impl SponsorshipLetter {
    fn subject(&self) -> [u8; 16] {
        let mut subject = [0; 16];
        subject[..3].copy_from_slice(&self.currency.bytes());
        subject[3] = self.step.number();
        subject[4..8].copy_from_slice(&self.sponsor.0.to_le_bytes());
        subject[8..12].copy_from_slice(&self.participant.0.to_le_bytes());
        subject[12..].copy_from_slice(&self.number.to_le_bytes());
        subject
    }

    /// Reads a letter; `None`: it is about something else.
    pub fn of(letter: &Letter) -> Option<Self> {
        match letter.kind {
            LetterKind::Sponsorship => {}
            LetterKind::Broadcast | LetterKind::BusinessDay | LetterKind::Statement => return None,
        }
        let subject = &letter.subject;
        let number = |at: usize| Some(u32::from_le_bytes(subject[at..at + 4].try_into().ok()?));
        Some(Self {
            currency: CurrencyCode::new(subject[..3].try_into().ok()?).ok()?,
            step: SponsorshipStep::ALL.into_iter().find(|step| step.number() == subject[3])?,
            sponsor: ParticipantId(number(4)?),
            participant: ParticipantId(number(8)?),
            number: number(12)?,
        })
    }
}

impl Clearing {
    /// Tells both sides what became of the sponsorship that is there.
    pub(super) fn write_of_sponsorship(&mut self, key: Key, step: SponsorshipStep) {
        if let Some(row) = self.sponsorships.rows.get(&key) {
            let view = self.sponsorship_view(key, row);
            self.write_of(&view, step);
        }
    }

    pub(super) fn write_of(&mut self, view: &SponsorshipView, step: SponsorshipStep) {
        let &SponsorshipView { sponsor, participant, number, .. } = view;
        let said = SponsorshipLetter { step, currency: view.currency.code, sponsor, participant, number };
        for to in [participant, sponsor] {
            if self.participants[to.0 as usize].status != ParticipantStatus::Left {
                let (kind, subject) = (LetterKind::Sponsorship, said.subject());
                self.send_letter(Draft { from: None, to, kind, subject, reason: None, carries: Carries::Nothing });
            }
        }
    }
}
