//! Settlement: what the centre and the settlement agents of its currencies tell each other, and what came of it.
//!
//! A *settlement agent* is the participant on whose books a currency is money: it alone moves money in and out of the scheme.
//! Participants ask it through the centre, and it answers through the centre:
//!
//! ```text
//!  participant ── camt.050 ─▶ centre ── camt.050 ─▶ settlement agent
//!              ◀─ camt.025 ──        ◀─ camt.025 ──
//! ```
//! `transfer.rs` has their life, `agent.rs` who the agents are and when they are open, `note.rs` the record of it all. What
//! participants pay each other for themselves is in `interbank.rs`, and how that settles by differences in `offset.rs`.
//!
//! Tags 80 to 89 are this module's, among commands and in the block's changes alike.

mod agent;
mod interbank;
mod note;
pub mod offset;
mod transfer;

pub use agent::{AgentTerms, SetAgent, SetTopUp};
pub use interbank::{SendTransfer, SentState, WaitingTransfer};
pub use note::{NoteKind, SettlementNote, Side};
pub use transfer::{AnswerTransfer, AskTransfer, TransferVerdict, TransferView};

use crate::codec::{put_u32, take, take_participant, take_u32};
use crate::{Clearing, DecodeError, EventKind, Outcome, ParticipantId, Position, Refusal};
use agent::Agents;
use interbank::Interbank;
use money::MinorUnits;
use transfer::Transfers;

/// Something asked of settlement. Append only: the encoding is kept for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettlementCommand {
    /// A participant wants money moved in or out (`camt.050`).
    Ask(AskTransfer),
    /// The settlement agent, or two officers in its place, say what became of that (`camt.025`).
    Answer(AnswerTransfer),
    /// Who settles a currency, and when.
    SetAgent(SetAgent),
    /// A standing instruction: the centre asks for a top-up whenever an account is low.
    SetTopUp(SetTopUp),
    /// A participant pays another for itself (`pacs.009`).
    Send(SendTransfer),
    /// It takes that back while it waits (`camt.056`).
    TakeBack {
        /// Which transfer.
        reference: [u8; 16],
        /// Who says so, as authenticated.
        from: ParticipantId,
    },
}

impl SettlementCommand {
    /// Whose message it must be; `None`: it is operators' own.
    pub const fn signer(&self) -> Option<ParticipantId> {
        match self {
            Self::Ask(ask) => Some(ask.participant),
            Self::Answer(answer) => answer.agent,
            Self::Send(sent) => Some(sent.from),
            Self::TakeBack { from, .. } => Some(*from),
            Self::SetAgent(_) | Self::SetTopUp(_) => None,
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ask(ask) => {
                out.push(80);
                ask.encode(out);
            }
            Self::Answer(answer) => {
                out.push(81);
                answer.encode(out);
            }
            Self::SetAgent(set) => {
                out.push(82);
                set.encode(out);
            }
            Self::SetTopUp(set) => {
                out.push(83);
                set.encode(out);
            }
            Self::Send(sent) => {
                out.push(84);
                sent.encode(out);
            }
            Self::TakeBack { reference, from } => {
                out.push(85);
                out.extend_from_slice(reference);
                put_u32(out, from.0);
            }
        }
    }

    /// Reads what follows the tag.
    pub(crate) fn decode(tag: u8, bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(match tag {
            80 => Self::Ask(AskTransfer::decode(bytes)?),
            81 => Self::Answer(AnswerTransfer::decode(bytes)?),
            82 => Self::SetAgent(SetAgent::decode(bytes)?),
            83 => Self::SetTopUp(SetTopUp::decode(bytes)?),
            84 => Self::Send(SendTransfer::decode(bytes)?),
            85 => Self::TakeBack { reference: take(bytes)?, from: take_participant(bytes)? },
            0..=79 | 86..=255 => return Err(DecodeError::Unknown("settlement command")),
        })
    }
}

/// State behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settlement {
    pub(crate) agents: Agents,
    pub(crate) transfers: Transfers,
    interbank: Interbank,
    notes: Vec<SettlementNote>,
}

/// What a note is to say, but for its place.
pub(crate) struct Noted {
    pub(crate) kind: NoteKind,
    pub(crate) participant: ParticipantId,
    pub(crate) agent: Option<ParticipantId>,
    pub(crate) ledger: ledger::LedgerId,
    pub(crate) amount: MinorUnits,
    pub(crate) reference: [u8; 16],
    pub(crate) reason: Option<crate::IsoReason>,
}

impl Clearing {
    /// Notes from a number on, in order.
    pub fn settlement_notes(&self, from: u64) -> &[SettlementNote] {
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(self.settlement.notes.len());
        &self.settlement.notes[from..]
    }

    pub(crate) fn settlement_command(&mut self, command: &SettlementCommand) -> Result<Outcome, Refusal> {
        match command {
            SettlementCommand::Ask(ask) => self.ask_transfer(ask),
            SettlementCommand::Answer(answer) => self.answer_transfer(answer),
            SettlementCommand::SetAgent(set) => self.set_agent(set),
            SettlementCommand::SetTopUp(set) => self.set_top_up(set),
            SettlementCommand::Send(sent) => self.send_transfer(sent),
            SettlementCommand::TakeBack { reference, from } => self.take_back_transfer(*reference, *from),
        }
    }

    /// What a block's time brings about.
    pub(crate) fn begin_settlement(&mut self) {
        self.tell_queued_transfers();
        self.begin_interbank();
    }

    /// Enters a note that the next event tells.
    pub(crate) fn enter_note(&mut self, noted: &Noted) -> SettlementNote {
        let Noted { kind, participant, agent, ledger, amount, reference, reason } = *noted;
        let note = SettlementNote {
            number: self.settlement.notes.len() as u64,
            position: Position(self.next_position),
            height: self.height,
            at: self.time,
            kind,
            participant,
            agent,
            currency: self.currency(ledger),
            amount,
            reference,
            reason,
        };
        self.settlement.notes.push(note);
        note
    }

    /// Enters a note with an event of its own.
    pub(crate) fn note_settlement(&mut self, noted: &Noted) {
        let note = self.enter_note(noted);
        self.delta.push(80);
        note.encode_row(&mut self.delta);
        self.emit(EventKind::Settlement(note));
    }

    /// Appends the tables to a snapshot.
    pub(crate) fn encode_settlement(&self, out: &mut Vec<u8>) {
        let Settlement { agents, transfers, interbank: _, notes } = &self.settlement;
        agents.encode(out);
        transfers.encode(out);
        put_u32(out, notes.len() as u32);
        notes.iter().for_each(|note| note.encode_row(out));
        self.encode_interbank(out);
    }

    /// Reads what [`Self::encode_settlement`] wrote, into a state whose other tables have been read.
    pub(crate) fn decode_settlement(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        self.settlement.agents = Agents::decode(bytes)?;
        self.settlement.transfers = Transfers::decode(bytes)?;
        for number in 0..u64::from(take_u32(bytes)?) {
            let note = SettlementNote::take(number, bytes)?;
            let is_next = self.settlement.notes.last().is_none_or(|last| last.position < note.position);
            if !is_next || note.position.0 >= self.next_position || !self.knows_participant(note.participant) {
                return Err(DecodeError::Unknown("settlement note"));
            }
            self.settlement.transfers.note_end(&note);
            self.settlement.notes.push(note);
        }
        self.decode_interbank(bytes)?;
        self.check_agents()?;
        self.check_transfers()
    }

    pub(crate) fn knows_participant(&self, id: ParticipantId) -> bool {
        (id.0 as usize) < self.participants.len()
    }
}
