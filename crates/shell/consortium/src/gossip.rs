//! Gossip: commands and the messages behind them travel to every operator, and are asked for by whoever lacks one.
//!
//! Two kinds of packets on one channel, little endian:
//! ```text
//! 1  commands   (u32 bytes, command, u32 bytes, message)*     what came in at our door, or was asked for
//! 2  wanted     (32 bytes)*                                    identifiers of commands a proposal holds and we do not
//! ```
//! What came in at our door is sent again every second until it is final: finality is the acknowledgement.

use crate::authorise::{Authorise, Known};
use crate::command_id::CommandId;
use crate::pool::{Carried, Pool};
use chain::Hash;
use clearing::Command;
use commonware_macros::select_loop;
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::{Clock, ContextCell, Handle, Metrics, Spawner, spawn_cell};
use commonware_utils::channel::mpsc;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

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

/// A request to the gossip: ask this operator for these commands.
#[derive(Debug)]
pub(crate) struct Want<P> {
    pub(crate) of: P,
    pub(crate) ids: Vec<CommandId>,
}

/// The gossip's own task.
pub(crate) struct Gossip<E, A, P> {
    pub(crate) context: ContextCell<E>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) authorise: Arc<A>,
    pub(crate) known: Known,
    pub(crate) wants: mpsc::UnboundedReceiver<Want<P>>,
}

impl<E: Spawner + Clock + Metrics, A: Authorise, P: commonware_cryptography::PublicKey> Gossip<E, A, P> {
    pub(crate) fn start(
        mut self,
        network: (impl Sender<PublicKey = P>, impl Receiver<PublicKey = P>),
    ) -> Handle<()> {
        spawn_cell!(self.context, self.run(network))
    }

    async fn run(mut self, (mut sender, mut receiver): (impl Sender<PublicKey = P>, impl Receiver<PublicKey = P>)) {
        let pool = self.pool.clone();
        select_loop! {
            self.context,
            on_stopped => {},
            _ = pool.to_send.notified() => {
                self.context.as_present().sleep(GATHER).await;
                self.send_waiting(&mut sender);
            },
            _ = self.context.as_present().sleep(AGAIN) => {
                self.send_waiting(&mut sender);
            },
            Some(want) = self.wants.recv() else return => {
                for ids in want.ids.chunks(WANTED_MAX) {
                    let packet = encode_wanted(ids);
                    let _ = sender.send(Recipients::One(want.of.clone()), packet, true);
                }
            },
            packet = receiver.recv() => {
                let Ok((from, packet)) = packet else { return };
                self.receive(&from, packet.as_ref(), &mut sender);
            },
        }
    }

    fn now_ns(&self) -> u64 {
        let since = self.context.as_present().current().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    fn send_waiting(&self, sender: &mut impl Sender<PublicKey = P>) {
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

    fn receive(&self, from: &P, packet: &[u8], sender: &mut impl Sender<PublicKey = P>) {
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
    use clearing::Uetr;

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
