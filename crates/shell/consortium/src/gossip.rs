//! Gossip: commands and the messages behind them travel to every operator, and are asked for by whoever lacks one.
//!
//! Four kinds of packets on one channel, little endian:
//! ```text
//! 1  commands   (u32 bytes, command, u32 bytes, message)*   what came in at our door, or was asked for
//! 2  wanted     (32 bytes)*                                 identifiers of commands a proposal holds and we do not
//! 3  recall     (32 bytes, UETR 16)*                        identifiers of final commands whose messages we lack
//! 4  recalled   (32 bytes, u32 bytes, message)*             those messages
//! ```
//! What came in at our door is sent again every second until it is final: finality is the acknowledgement.

use crate::authorise::{Authorise, Known};
use crate::command_id::CommandId;
use crate::keeper::{KeeperMailbox, Note};
use crate::pool::{Carried, Pool};
use chain::Hash;
use clearing::{Command, Uetr};
use commonware_cryptography::ed25519::PublicKey;
use commonware_macros::select_loop;
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::{Clock, ContextCell, Handle, Metrics, Spawner, spawn_cell};
use commonware_utils::channel::mpsc;
use ordering::Attachment;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes of a packet at most: room for one message of the largest size.
pub const PACKET_BYTES_MAX: usize = (1 << 20) + (64 << 10);
/// A packet is sent when it has so many bytes.
const PACKET_BYTES_FULL: usize = 256 << 10;
/// Commands gather so long before they are sent together.
const GATHER: Duration = Duration::from_millis(2);
/// Sent again after this, until final.
const AGAIN: Duration = Duration::from_secs(1);
/// Commands taken from the pool at a time.
const SEND_COMMANDS_MAX: usize = 4096;
/// Identifiers of one request.
const WANTED_MAX: usize = 8192;

const COMMANDS: u8 = 1;
const WANTED: u8 = 2;
const RECALL: u8 = 3;
const RECALLED: u8 = 4;
/// Bytes of one entry of a recall.
const ASKED_BYTES: usize = 48;

/// What others of this node want said.
#[derive(Debug)]
pub(crate) enum Say<P> {
    /// Ask this operator for these commands.
    Want { of: P, ids: Vec<CommandId> },
    /// Ask this operator for the messages behind these final commands.
    Recall { of: P, asked: Vec<Asked> },
    /// Send this operator the messages it asked for.
    Recalled { to: P, messages: Vec<(CommandId, Attachment)> },
}

/// A message asked for: by the command's identifier, and by the payment it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) id: CommandId,
    pub(crate) uetr: Uetr,
}

/// The gossip's own task.
pub(crate) struct Gossip<E, A, P> {
    pub(crate) context: ContextCell<E>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) authorise: Arc<A>,
    pub(crate) known: Known,
    pub(crate) says: mpsc::UnboundedReceiver<Say<P>>,
    /// Reads from the vault what the pool no longer has.
    pub(crate) keeper: KeeperMailbox,
}

impl<E: Spawner + Clock + Metrics, A: Authorise> Gossip<E, A, PublicKey> {
    pub(crate) fn start(
        mut self,
        network: (impl Sender<PublicKey = PublicKey>, impl Receiver<PublicKey = PublicKey>),
    ) -> Handle<()> {
        spawn_cell!(self.context, self.run(network))
    }

    async fn run(
        mut self,
        (mut sender, mut receiver): (impl Sender<PublicKey = PublicKey>, impl Receiver<PublicKey = PublicKey>),
    ) {
        let pool = self.pool.clone();
        // Whoever sleeps inside an arm hears nobody: what gathers only moves the next time to send.
        let mut send_at = self.now() + AGAIN;
        select_loop! {
            self.context,
            on_stopped => {},
            _ = self.context.as_present().sleep_until(send_at) => {
                self.send_waiting(&mut sender);
                send_at = self.now() + AGAIN;
            },
            _ = pool.to_send.notified() => {
                send_at = send_at.min(self.now() + GATHER);
            },
            Some(say) = self.says.recv() else return => {
                let (to, packets) = packets_of(say);
                for packet in packets {
                    let _ = sender.send(Recipients::One(to.clone()), packet, true);
                }
            },
            packet = receiver.recv() => {
                let Ok((from, packet)) = packet else { return };
                self.receive(&from, packet.as_ref(), &mut sender);
            },
        }
    }

    fn now(&self) -> SystemTime {
        self.context.as_present().current()
    }

    fn now_ns(&self) -> u64 {
        let since = self.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    fn send_waiting(&self, sender: &mut impl Sender<PublicKey = PublicKey>) {
        loop {
            let carried = self.pool.to_send(self.now_ns(), AGAIN.as_nanos() as u64, SEND_COMMANDS_MAX);
            if carried.is_empty() {
                return;
            }
            for packet in encode_commands(&carried) {
                let _ = sender.send(Recipients::All, packet, false);
            }
        }
    }

    fn receive(&self, from: &PublicKey, packet: &[u8], sender: &mut impl Sender<PublicKey = PublicKey>) {
        match packet.split_first() {
            Some((&COMMANDS, rest)) => match decode_commands(rest) {
                Some(carried) => self.check(carried),
                None => tracing::warn!(?from, "an operator sent commands that cannot be read"),
            },
            Some((&WANTED, rest)) if rest.len().is_multiple_of(32) && rest.len() <= WANTED_MAX * 32 => {
                let ids: Vec<_> = rest.as_chunks::<32>().0.iter().map(|id| CommandId(Hash(*id))).collect();
                for packet in encode_commands(&self.pool.find(&ids)) {
                    let _ = sender.send(Recipients::One(from.clone()), packet, true);
                }
            }
            Some((&RECALL, rest)) if rest.len().is_multiple_of(ASKED_BYTES) && rest.len() <= WANTED_MAX * ASKED_BYTES => {
                let asked: Vec<_> = rest.as_chunks::<ASKED_BYTES>().0.iter().map(decode_asked).collect();
                let ids: Vec<_> = asked.iter().map(|asked| asked.id).collect();
                let messages = self.pool.messages(&ids);
                let here: HashSet<_> = messages.iter().map(|(id, _)| *id).collect();
                for packet in encode_messages(&messages) {
                    let _ = sender.send(Recipients::One(from.clone()), packet, false);
                }
                let asked: Vec<_> = asked.into_iter().filter(|asked| !here.contains(&asked.id)).collect();
                if !asked.is_empty() {
                    let _ = self.keeper.notes.send(Note::Recall { from: from.clone(), asked });
                }
            }
            Some((&RECALLED, rest)) => match decode_messages(rest) {
                Some(messages) => self.pool.recall(messages),
                None => tracing::warn!(?from, "an operator sent messages that cannot be read"),
            },
            Some(_) | None => tracing::warn!(?from, "an operator sent a packet of no known kind"),
        }
    }

    /// Checks on a thread of its own, so that voting never waits for signatures.
    fn check(&self, carried: Vec<Carried>) {
        let (pool, authorise, known) = (self.pool.clone(), self.authorise.clone(), self.known.clone());
        let job = move || {
            let mut proved = Vec::with_capacity(carried.len());
            for one in carried {
                match authorise.authorise(&one.command, one.message.as_deref(), &known) {
                    Ok(()) => proved.push(one),
                    Err(why) => {
                        tracing::warn!(command = ?one.id, %why, "a command is not what its sender signed");
                        pool.disprove(one.id);
                    }
                }
            }
            pool.admit(proved);
        };
        self.context.as_present().child("check").shared(true).spawn(move |_| async move { job() });
    }
}

fn packets_of<P>(say: Say<P>) -> (P, Vec<Vec<u8>>) {
    match say {
        Say::Want { of, ids } => (of, ids.chunks(WANTED_MAX).map(encode_wanted).collect()),
        Say::Recall { of, asked } => (of, asked.chunks(WANTED_MAX).map(encode_recall).collect()),
        Say::Recalled { to, messages } => (to, encode_messages(&messages)),
    }
}

fn encode_recall(asked: &[Asked]) -> Vec<u8> {
    let mut packet = vec![RECALL];
    for Asked { id, uetr } in asked {
        packet.extend_from_slice(&id.0.0);
        packet.extend_from_slice(&uetr.0);
    }
    packet
}

fn decode_asked(bytes: &[u8; ASKED_BYTES]) -> Asked {
    let (id, uetr) = bytes.split_at(32);
    let (mut hash, mut payment) = ([0; 32], [0; 16]);
    hash.copy_from_slice(id);
    payment.copy_from_slice(uetr);
    Asked { id: CommandId(Hash(hash)), uetr: Uetr(payment) }
}

fn encode_messages(messages: &[(CommandId, Attachment)]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    let mut packet = vec![RECALLED];
    for (id, message) in messages {
        packet.extend_from_slice(&id.0.0);
        put_bytes(&mut packet, |out| out.extend_from_slice(message));
        if packet.len() >= PACKET_BYTES_FULL {
            packets.push(core::mem::replace(&mut packet, vec![RECALLED]));
        }
    }
    if packet.len() > 1 {
        packets.push(packet);
    }
    packets
}

fn decode_messages(mut rest: &[u8]) -> Option<Vec<(CommandId, Attachment)>> {
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let (id, behind) = rest.split_first_chunk::<32>()?;
        rest = behind;
        messages.push((CommandId(Hash(*id)), take_bytes(&mut rest)?.into()));
    }
    Some(messages)
}

fn encode_wanted(ids: &[CommandId]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(1 + ids.len() * 32);
    packet.push(WANTED);
    ids.iter().for_each(|id| packet.extend_from_slice(&id.0.0));
    packet
}

fn encode_commands(carried: &[Carried]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    let mut packet = vec![COMMANDS];
    for Carried { command, message, .. } in carried {
        put_bytes(&mut packet, |out| command.encode(out));
        put_bytes(&mut packet, |out| out.extend_from_slice(message.as_deref().unwrap_or_default()));
        if packet.len() >= PACKET_BYTES_FULL {
            packets.push(core::mem::replace(&mut packet, vec![COMMANDS]));
        }
    }
    if packet.len() > 1 {
        packets.push(packet);
    }
    packets
}

fn put_bytes(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    fill(out);
    let bytes = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&bytes.to_le_bytes());
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (bytes, behind) = rest.split_first_chunk::<4>()?;
    let (taken, behind) = behind.split_at_checked(u32::from_le_bytes(*bytes) as usize)?;
    *rest = behind;
    Some(taken)
}

fn decode_commands(mut rest: &[u8]) -> Option<Vec<Carried>> {
    let mut carried = Vec::new();
    while !rest.is_empty() {
        let mut bytes = take_bytes(&mut rest)?;
        let id = CommandId(chain::sha256(bytes));
        let command = Command::decode(&mut bytes).ok().filter(|_| bytes.is_empty())?;
        // One command has one encoding, or one payment could have two identifiers.
        if CommandId::of(&command) != id {
            return None;
        }
        let message = take_bytes(&mut rest)?;
        let message = (!message.is_empty()).then(|| message.into());
        carried.push(Carried { id, command, message });
    }
    Some(carried)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_round_trip_and_refuse_what_is_not_whole() {
        let command = Command::ReportCredited { uetr: Uetr([7; 16]), creditor_agent: clearing::ParticipantId(3) };
        let id = CommandId::of(&command);
        let carried = [
            Carried { id, command: command.clone(), message: Some(b"signed".as_slice().into()) },
            Carried { id, command, message: None },
        ];
        let packets = encode_commands(&carried);
        assert_eq!(packets.len(), 1);
        let back = decode_commands(&packets[0][1..]).expect("what was encoded decodes");
        assert_eq!(back.len(), 2);
        assert_eq!(back[0].id, id);
        assert_eq!(back[0].message.as_deref(), Some(b"signed".as_slice()));
        assert_eq!(back[1].message, None);
        for cut in 1..packets[0].len() - 1 {
            let cut_short = decode_commands(&packets[0][1..cut + 1]);
            assert!(cut_short.is_none_or(|some| some.len() < 2), "{cut}");
        }
    }
}
