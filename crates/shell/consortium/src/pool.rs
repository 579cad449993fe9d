//! The pool: commands that wait for a block, from our own door and from the other operators'.
//!
//! An entry lives until a final block holds its command. Commands from others enter after their message was checked
//! ([`Authorise`](crate::Authorise)); our own were checked at the door. Whoever leads takes them in order of arrival, so a
//! command reaches the next block wherever it came in.
//!
//! # Limits
//! The pool has room for a set number of commands: our own are refused beyond it, others' are dropped and sent again by
//! their operator. Finished commands are remembered for [`FINISHED_MAX`], so that late copies do not come in again; for
//! [`AGAIN_AFTER`] blocks only that they were proved too, and that what the state would recognise is no new wish.

use crate::block::{BODY_BYTES_MAX, Block};
use crate::command_id::CommandId;
use crate::replica::Candidate;
use crate::seen::{SEEN_BLOCKS, Seen, state_recognises};
use clearing::Command;
use ordering::{Attachment, BLOCK_COMMANDS_MAX, Submission, SubmitRefusal};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Commands remembered after their block is final: several seconds of full speed.
pub const FINISHED_MAX: usize = 1 << 18;
/// Final blocks after which a finished command may be asked for again, and must be proved again: while [`Seen`] still knows it.
const AGAIN_AFTER: u64 = SEEN_BLOCKS as u64 / 2;
/// Bytes of a command counted against a block's body: its encoding is at most this unless it is an operator's.
const COMMAND_BYTES_GUESS: usize = 128;

/// A command with the message behind it, as it travels between operators.
#[derive(Debug, Clone)]
pub struct Carried {
    /// Its identifier.
    pub id: CommandId,
    /// It.
    pub command: Command,
    /// The signed message.
    pub message: Option<Attachment>,
}

/// How a command was finished.
#[derive(Debug, Clone, Copy)]
struct Done {
    /// Final blocks until then, counted here.
    blocks: u64,
    /// It was in a final block, so that a quorum has seen its message; else the state had it before.
    proved: bool,
}

/// What a final block leaves to those who wait here.
#[derive(Debug, Default)]
pub struct Finished {
    /// The first ticket of each command; zero: none.
    pub tickets: Vec<u64>,
    /// Further tickets, by command number.
    pub further: Vec<(u32, u64)>,
    /// Messages, by command number.
    pub messages: Vec<(u32, Attachment)>,
}

/// A ticket whose command the state has already: it is answered from there.
#[derive(Debug, Clone)]
pub struct Echo {
    /// Who waits.
    pub ticket: u64,
    /// For what.
    pub command: Command,
}

#[derive(Debug)]
struct Entry {
    order: u64,
    command: Command,
    message: Option<Attachment>,
    tickets: Vec<u64>,
    /// Came in at our own door: we send it until it is final.
    ours: bool,
    /// When it was last sent, nanoseconds; zero: never.
    sent_ns: u64,
}

#[derive(Debug, Default)]
struct Inner {
    entries: HashMap<CommandId, Entry>,
    order: BTreeMap<u64, CommandId>,
    next_order: u64,
    unsent: Vec<CommandId>,
    finished: HashMap<CommandId, Done>,
    finished_order: VecDeque<CommandId>,
    /// Final blocks so far.
    blocks: u64,
    /// Commands whose message did not prove them, with the last ones first to be forgotten.
    disproved: VecDeque<CommandId>,
    echoes: Vec<Echo>,
    kept: Kept,
    /// Messages of final commands that came too late for the pool, until the keeper takes them.
    recalled: HashMap<CommandId, Attachment>,
    /// When what was sent long ago was last looked for.
    looked_ns: u64,
    stopped: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Pool {
    inner: Mutex<Inner>,
    capacity: usize,
    /// Something came in, from wherever.
    pub(crate) arrived: Notify,
    /// Something of our own waits to be sent.
    pub(crate) to_send: Notify,
    /// Another operator sent messages we had asked for.
    pub(crate) recalled: Notify,
}

/// Messages of commands that are final, for operators who lack them.
#[derive(Debug, Default)]
struct Kept {
    by_id: HashMap<CommandId, Attachment>,
    order: VecDeque<CommandId>,
    bytes: usize,
}

/// Recalled messages at most: those of a few blocks.
const RECALLED_MAX: usize = 1 << 17;
/// Bytes of such messages; older ones are read from the vault.
const KEPT_BYTES_MAX: usize = 32 << 20;

impl Kept {
    fn put(&mut self, id: CommandId, message: Attachment) {
        self.bytes += message.len();
        if self.by_id.insert(id, message).is_none() {
            self.order.push_back(id);
        }
        while self.bytes > KEPT_BYTES_MAX
            && let Some(old) = self.order.pop_front()
        {
            self.bytes -= self.by_id.remove(&old).map_or(0, |message| message.len());
        }
    }
}

/// Disproved commands remembered.
const DISPROVED_MAX: usize = 1024;

impl Pool {
    /// An empty pool with room for so many commands.
    pub fn new(capacity: usize) -> Self {
        Self { inner: Mutex::default(), capacity, arrived: Notify::new(), to_send: Notify::new(), recalled: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes commands from our own door, all or none.
    ///
    /// # Errors
    /// If there is no room, or the node has stopped.
    pub fn submit(&self, submissions: Vec<Submission>) -> Result<(), SubmitRefusal> {
        let ids: Vec<_> = submissions.iter().map(|submission| CommandId::of(&submission.command)).collect();
        let mut inner = self.lock();
        if inner.stopped {
            return Err(SubmitRefusal::Stopped);
        }
        if inner.entries.len() + submissions.len() > self.capacity {
            return Err(SubmitRefusal::QueueFull);
        }
        for (submission, id) in submissions.into_iter().zip(ids) {
            inner.submit(submission, id);
        }
        drop(inner);
        self.arrived.notify_waiters();
        self.to_send.notify_one();
        Ok(())
    }

    /// Takes commands of other operators whose messages were checked.
    pub(crate) fn admit(&self, carried: impl IntoIterator<Item = Carried>) {
        let mut inner = self.lock();
        for Carried { id, command, message } in carried {
            if inner.is_done(&id, &command) || inner.entries.len() >= self.capacity {
                continue;
            }
            match inner.entries.get_mut(&id) {
                Some(known) if known.message.is_none() => known.message = message,
                Some(_) => {}
                None => inner.enter(id, command, message, None),
            }
        }
        drop(inner);
        self.arrived.notify_waiters();
    }

    /// Remembers that a command's message did not prove it.
    pub(crate) fn disprove(&self, id: CommandId) {
        let mut inner = self.lock();
        if inner.disproved.len() == DISPROVED_MAX {
            inner.disproved.pop_front();
        }
        inner.disproved.push_back(id);
        drop(inner);
        self.arrived.notify_waiters();
    }

    /// Commands for the next block, in order of arrival, without those the branch has already.
    pub(crate) fn candidates(&self, seen: &Seen) -> Vec<Candidate> {
        let inner = self.lock();
        let mut room = BODY_BYTES_MAX;
        let mut chosen = Vec::new();
        for id in inner.order.values() {
            // What is seen is under way in a block not yet final; what is finished leaves the pool.
            if seen.contains(id) {
                continue;
            }
            let Some(entry) = inner.entries.get(id) else { continue };
            let bytes = body_bytes(&entry.command);
            if bytes > room || chosen.len() == BLOCK_COMMANDS_MAX {
                break;
            }
            room -= bytes;
            chosen.push(Candidate { id: *id, command: entry.command.clone() });
        }
        chosen
    }

    /// Whether any command waits that `seen` does not have; looks at a few only, so it may be wrong for once.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().entries.is_empty()
    }

    /// Commands waiting.
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Of the commands of a block that need a message, those whose message is not here. `Err`: one was disproved.
    pub(crate) fn missing(&self, needing: &[CommandId]) -> Result<Vec<CommandId>, CommandId> {
        let inner = self.lock();
        let mut missing = Vec::new();
        for id in needing {
            if inner.entries.contains_key(id) || inner.done_lately(id).is_some_and(|done| done.proved) {
                continue;
            }
            if inner.disproved.contains(id) {
                return Err(*id);
            }
            missing.push(*id);
        }
        Ok(missing)
    }

    /// The state has these already: our own waiters are answered from it, others' copies are dropped.
    pub(crate) fn repeated(&self, ids: &[CommandId]) {
        let mut inner = self.lock();
        for id in ids {
            let Some(entry) = inner.remove(id) else { continue };
            let Entry { tickets, command, .. } = entry;
            inner.echoes.extend(tickets.into_iter().map(|ticket| Echo { ticket, command: command.clone() }));
            inner.finish(*id, false);
        }
    }

    /// Tickets to be answered from the state.
    pub(crate) fn take_echoes(&self) -> Vec<Echo> {
        core::mem::take(&mut self.lock().echoes)
    }

    /// A block is final: its commands leave the pool.
    pub(crate) fn finish(&self, block: &Block) -> Finished {
        let mut inner = self.lock();
        inner.blocks += 1;
        let mut finished = Finished { tickets: Vec::with_capacity(block.ids().len()), ..Finished::default() };
        for (at, id) in block.ids().iter().enumerate() {
            let entry = inner.remove(id);
            inner.finish(*id, true);
            let Some(entry) = entry else {
                finished.tickets.push(0);
                if let Some(message) = inner.recalled.remove(id) {
                    inner.kept.put(*id, message.clone());
                    finished.messages.push((at as u32, message));
                }
                continue;
            };
            let mut tickets = entry.tickets.into_iter();
            finished.tickets.push(tickets.next().unwrap_or(0));
            finished.further.extend(tickets.map(|ticket| (at as u32, ticket)));
            if let Some(message) = entry.message {
                inner.kept.put(*id, message.clone());
                finished.messages.push((at as u32, message));
            }
        }
        finished
    }

    /// What is to be sent to the other operators now: what was never sent, and what was sent `again_ns` ago or earlier
    /// and is not final yet. At most `most` commands.
    pub(crate) fn to_send(&self, now_ns: u64, again_ns: u64, most: usize) -> Vec<Carried> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let cut = inner.unsent.len().min(most);
        let mut ids: Vec<CommandId> = inner.unsent.drain(..cut).collect();
        if ids.is_empty() && inner.looked_ns + again_ns / 4 <= now_ns {
            let late = |id: &CommandId| {
                inner.entries.get(id).is_some_and(|entry| entry.ours && entry.sent_ns > 0 && entry.sent_ns + again_ns <= now_ns)
            };
            ids.extend(inner.order.values().copied().filter(late).take(most));
            inner.looked_ns = if ids.len() < most { now_ns } else { inner.looked_ns };
        }
        let mut out = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(entry) = inner.entries.get_mut(&id) {
                entry.sent_ns = now_ns.max(1);
                out.push(Carried { id, command: entry.command.clone(), message: entry.message.clone() });
            }
        }
        out
    }

    /// Commands somebody asks for by identifier.
    pub(crate) fn find(&self, ids: &[CommandId]) -> Vec<Carried> {
        let inner = self.lock();
        let find = |id: &CommandId| {
            let entry = inner.entries.get(id)?;
            Some(Carried { id: *id, command: entry.command.clone(), message: entry.message.clone() })
        };
        ids.iter().filter_map(find).collect()
    }

    /// Of these commands of a final block, those whose message is nowhere here.
    pub(crate) fn without_message(&self, ids: impl IntoIterator<Item = CommandId>) -> Vec<CommandId> {
        let inner = self.lock();
        let here = |id: &CommandId| inner.entries.get(id).is_some_and(|entry| entry.message.is_some());
        ids.into_iter().filter(|id| !here(id) && !inner.recalled.contains_key(id) && !inner.kept.by_id.contains_key(id)).collect()
    }

    /// Messages of commands that are final or on their way, for an operator who lacks them.
    pub(crate) fn messages(&self, ids: &[CommandId]) -> Vec<(CommandId, Attachment)> {
        let inner = self.lock();
        let find = |id: &CommandId| {
            let waiting = inner.entries.get(id).and_then(|entry| entry.message.clone());
            Some((*id, waiting.or_else(|| inner.kept.by_id.get(id).cloned())?))
        };
        ids.iter().filter_map(find).collect()
    }

    /// Messages another operator sent on request. The keeper looks whether they belong.
    pub(crate) fn recall(&self, messages: Vec<(CommandId, Attachment)>) {
        let mut inner = self.lock();
        if inner.recalled.len() + messages.len() <= RECALLED_MAX {
            inner.recalled.extend(messages);
        }
        drop(inner);
        self.recalled.notify_waiters();
    }

    /// Whether what another operator sent for this command belongs to it, if anything was sent; drops it if not.
    pub(crate) fn check_recalled(&self, id: &CommandId, belongs: impl FnOnce(&[u8]) -> bool) -> bool {
        let mut inner = self.lock();
        let Some(message) = inner.recalled.get(id) else { return true };
        let good = belongs(message);
        if !good {
            inner.recalled.remove(id);
        }
        good
    }

    /// Takes nothing any more.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
    }
}

impl Inner {
    fn submit(&mut self, submission: Submission, id: CommandId) {
        let Submission { ticket, command, attachment } = submission;
        let ticket = (ticket != 0).then_some(ticket);
        if self.is_done(&id, &command) {
            self.echoes.extend(ticket.map(|ticket| Echo { ticket, command }));
            return;
        }
        match self.entries.get_mut(&id) {
            Some(known) => {
                known.tickets.extend(ticket);
                known.ours = true;
                known.message = known.message.take().or(attachment);
            }
            None => {
                self.enter(id, command, attachment, Some(ticket));
                self.unsent.push(id);
            }
        }
    }

    /// `ours`: it came in at our door, with this ticket.
    fn enter(&mut self, id: CommandId, command: Command, message: Option<Attachment>, ours: Option<Option<u64>>) {
        let order = self.next_order;
        self.next_order += 1;
        let tickets = ours.flatten().into_iter().collect();
        self.entries.insert(id, Entry { order, command, message, tickets, ours: ours.is_some(), sent_ns: 0 });
        self.order.insert(order, id);
    }

    fn remove(&mut self, id: &CommandId) -> Option<Entry> {
        let entry = self.entries.remove(id)?;
        self.order.remove(&entry.order);
        Some(entry)
    }

    /// While the last final blocks were, which every branch that may be voted for still knows.
    fn done_lately(&self, id: &CommandId) -> Option<Done> {
        self.finished.get(id).copied().filter(|done| done.blocks + AGAIN_AFTER > self.blocks)
    }

    /// Whether a command that comes in is one that was finished and not the same wish anew: after a refusal, one may come true.
    /// What the state does not recognise could be applied twice, and is done for good.
    fn is_done(&self, id: &CommandId, command: &Command) -> bool {
        self.finished.contains_key(id) && (self.done_lately(id).is_some() || !state_recognises(command))
    }

    fn finish(&mut self, id: CommandId, proved: bool) {
        if self.finished.insert(id, Done { blocks: self.blocks, proved }).is_none() {
            self.finished_order.push_back(id);
            if self.finished_order.len() > FINISHED_MAX
                && let Some(old) = self.finished_order.pop_front()
            {
                self.finished.remove(&old);
            }
        }
    }
}

/// Bytes a command takes in a body.
fn body_bytes(command: &Command) -> usize {
    match command {
        Command::Pay(_)
        | Command::Answer(_)
        | Command::ReportCredited { .. }
        | Command::Cancel { .. }
        | Command::AnswerRecall(_)
        | Command::SetReturnTerms(_)
        | Command::Fund(_)
        | Command::SetStatus { .. }
        | Command::Notice(_)
        | Command::Settle(_)
        | Command::ReportPosting(_)
        | Command::Matter(_)
        | Command::Sponsorship(_)
        | Command::PublishRate(_)
        | Command::RequestQuote(_)
        | Command::OpenLedger(_)
        | Command::Configure(_) => COMMAND_BYTES_GUESS,
        // With a text, or with what a forgotten payment was.
        Command::RegisterParticipant(_)
        | Command::Arrange(_)
        | Command::Broadcast(_)
        | Command::Return(_)
        | Command::Recall(_) => 512,
        // A rate with as many relations as one may have; a calendar with as many holidays.
        Command::OfferRate(_) | Command::Day(_) => 2560,
        // Officers and nodes with their names, a rulebook or tariff, or an order with one of them.
        Command::Order(_)
        | Command::AppointOfficers(_)
        | Command::SetNodes(_)
        | Command::SetRulebook(_)
        | Command::SchemeTerms(_) => 32 << 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::common::pay;
    use chain::{BlockHeader, Hash};
    use clearing::{ParticipantId, ParticipantStatus, Uetr};

    fn final_block(commands: &[Command]) -> Block {
        let zero = Hash::default();
        let header = BlockHeader {
            height: 1,
            time_ns: 0,
            parent: zero,
            body: zero,
            state_root: zero,
            tree_size: 0,
            tree_root: zero,
            first_position: 0,
            command_count: commands.len() as u32,
            body_bytes: 0,
        };
        Block::assemble(header, Vec::new(), commands.to_vec(), CommandId::of_body(commands), 0)
    }

    fn asked(pool: &Pool, ticket: u64, command: &Command) {
        let attachment = None;
        pool.submit(vec![Submission { ticket, command: command.clone(), attachment }]).expect("there is room");
    }

    fn cancel() -> Command {
        Command::Cancel { uetr: Uetr([7; 16]), debtor_agent: ParticipantId(0) }
    }

    /// A command in a final block, and so many empty blocks behind it.
    fn finished(command: &Command, behind: u64) -> Pool {
        let pool = Pool::new(10);
        asked(&pool, 1, command);
        pool.finish(&final_block(core::slice::from_ref(command)));
        (0..behind).for_each(|_| drop(pool.finish(&final_block(&[]))));
        pool
    }

    #[test]
    fn what_was_proved_long_ago_must_be_proved_again() {
        let suspend = Command::SetStatus { participant: ParticipantId(1), status: ParticipantStatus::Suspended };
        for command in [suspend, pay(1, 100)] {
            let id = CommandId::of(&command);
            assert_eq!(finished(&command, AGAIN_AFTER - 1).missing(&[id]), Ok(vec![]), "{command:?}");
            assert_eq!(finished(&command, AGAIN_AFTER).missing(&[id]), Ok(vec![id]), "{command:?}");
        }
        // What the state had before was proved to somebody, perhaps not to us.
        let pool = Pool::new(10);
        asked(&pool, 1, &pay(1, 100));
        let id = CommandId::of(&pay(1, 100));
        pool.repeated(&[id]);
        assert_eq!(pool.missing(&[id]), Ok(vec![id]));
    }

    #[test]
    fn a_wish_is_heard_again_after_a_while_unless_it_could_be_done_twice() {
        let soon = finished(&cancel(), AGAIN_AFTER - 1);
        asked(&soon, 2, &cancel());
        assert_eq!((soon.len(), soon.take_echoes().len()), (0, 1), "what comes twice is answered from the state");
        let later = finished(&cancel(), AGAIN_AFTER);
        asked(&later, 2, &cancel());
        assert_eq!((later.len(), later.take_echoes().len()), (1, 0), "it may have been refused, and not be now");
        let resume = Command::SetStatus { participant: ParticipantId(1), status: ParticipantStatus::Live };
        let later = finished(&resume, AGAIN_AFTER);
        asked(&later, 2, &resume);
        assert_eq!((later.len(), later.take_echoes().len()), (0, 1), "the opposite may have come since");
    }
}
