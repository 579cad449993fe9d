//! Which commands a branch of the chain has applied lately.
//!
//! The state itself tells a repeated funding for ever by its own identifier, a repeated payment or answer while the payment
//! is on record; one that was forgotten is refused and changes nothing. What it cannot tell, a rate published again or a
//! participant suspended again, is remembered by command identifier for [`LASTING_NS`], longer than a signature over it is
//! accepted.

use crate::block::Block;
use crate::command_id::CommandId;
use clearing::{Command, MandateStep, MatterStep};
use std::collections::{HashSet, VecDeque};

/// Blocks whose commands are all remembered.
pub const SEEN_BLOCKS: usize = 256;
/// Block time for which commands are remembered that the state cannot recognise: 15 minutes.
pub const LASTING_NS: u64 = 15 * 60 * 1_000_000_000;

/// Commands of the last blocks.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    ids: HashSet<CommandId>,
    blocks: VecDeque<Vec<CommandId>>,
    lasting: VecDeque<(u64, CommandId)>,
}

impl Seen {
    /// Whether a command was in one of the last blocks.
    pub fn contains(&self, id: &CommandId) -> bool {
        self.ids.contains(id)
    }

    /// Takes in a block.
    pub fn note(&mut self, block: &Block) {
        let time = block.header().time_ns;
        self.note_commands(time, block.commands(), block.ids());
    }

    /// Takes in the commands of a block of this time.
    pub fn note_commands(&mut self, time_ns: u64, commands: &[Command], ids: &[CommandId]) {
        let mut brief = Vec::with_capacity(ids.len());
        for (command, id) in commands.iter().zip(ids) {
            self.ids.insert(*id);
            if state_recognises(command) { brief.push(*id) } else { self.lasting.push_back((time_ns, *id)) }
        }
        self.blocks.push_back(brief);
        if self.blocks.len() > SEEN_BLOCKS {
            for id in self.blocks.pop_front().unwrap_or_default() {
                self.ids.remove(&id);
            }
        }
        while let Some((noted, id)) = self.lasting.front().copied().filter(|(noted, _)| noted + LASTING_NS < time_ns) {
            let _ = noted;
            self.ids.remove(&id);
            self.lasting.pop_front();
        }
    }
}

/// Whether applying it twice is told by the state.
pub(crate) fn state_recognises(command: &Command) -> bool {
    match command {
        // One that comes again behind its opposite would suspend or resume again.
        Command::Matter(MatterStep::Mandate(MandateStep::Suspend { .. })) => false,
        // The state knows the last of them alone.
        Command::Matter(MatterStep::Mandate(MandateStep::Amend { .. })) => false,
        Command::OpenLedger(_)
        | Command::Fund(_)
        | Command::Pay(_)
        | Command::Answer(_)
        | Command::ReportCredited { .. }
        | Command::Order(_)
        | Command::Cancel { .. }
        | Command::Return(_)
        | Command::Recall(_)
        | Command::AnswerRecall(_)
        | Command::SetRulebook(_)
        | Command::ReportPosting(_)
        | Command::Matter(_) => true,
        // Each sponsorship remembers so many squares, and none once it is over.
        Command::Sponsorship(_) => false,
        // What was set may have been set otherwise since.
        Command::Day(_) => false,
        // Its reference says whether it was asked or answered; who settles is set and set again.
        Command::Settle(command) => command.signer().is_some(),
        Command::Configure(_)
        | Command::RegisterParticipant(_)
        | Command::SetStatus { .. }
        | Command::PublishRate(_)
        | Command::RequestQuote(_)
        | Command::AppointOfficers(_)
        | Command::SetNodes(_)
        | Command::Arrange(_)
        | Command::SetReturnTerms(_)
        | Command::Notice(_)
        | Command::Broadcast(_)
        | Command::SchemeTerms(_)
        | Command::OfferRate(_) => false,
    }
}
