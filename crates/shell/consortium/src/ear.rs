//! An ear: what a validator hears of others' votes, to know when it must have evidence. For simulators.
//!
//! A node that hears two votes of one validator that exclude each other convicts it, under these conditions and no others:
//! - both reach it in one life of its process and in the epoch it is in: votes that were heard are in memory alone;
//! - the view is not further ahead than the one behind its own, nor more than [`VIEWS_KEPT`] behind the last final one: what lies
//!   elsewhere it does not listen to;
//! - its engine goes on for long enough to look at them.
//!
//! Nobody convicts a validator that says one thing to some and another to others: they never meet. That is the liar's way to
//! stay unknown, and it gains nothing, since no two quorums can differ.

use crate::rosters::key_bytes;
use commonware_codec::DecodeExt as _;
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::simplex::types::Vote;
use commonware_consensus::{Epochable as _, Viewable as _};
use commonware_cryptography::ed25519::PublicKey;
use commonware_cryptography::sha256::Digest;
use commonware_p2p::utils::mux;
use commonware_p2p::{Message, Receiver};
use commonware_runtime::IoBuf;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Views behind the last final one whose votes a node keeps, less some for what may become final in between.
const VIEWS_KEPT: u64 = 56;

/// Evidence that somebody must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owed {
    /// Who must have it.
    pub operator: usize,
    /// Public key of the validator that contradicted itself.
    pub validator: [u8; 32],
    /// In which epoch.
    pub epoch: u64,
    /// In which view.
    pub view: u64,
}

/// A node in one life.
type Listener = (usize, u64);

/// What a vote says, as far as two can exclude each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Says {
    Block([u8; 32], u64),
    Final([u8; 32], u64),
    Void,
}

impl Says {
    fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Block(..), Self::Block(..)) | (Self::Final(..), Self::Final(..)) => self != other,
            (Self::Void, Self::Final(..)) | (Self::Final(..), Self::Void) => true,
            (Self::Block(..) | Self::Void, Self::Block(..) | Self::Void)
            | (Self::Block(..), Self::Final(..))
            | (Self::Final(..), Self::Block(..)) => false,
        }
    }
}

#[derive(Debug, Default)]
struct Record {
    /// The last view in which a listener voted, by epoch.
    spoke: BTreeMap<(Listener, u64), u64>,
    /// The same for everybody together.
    furthest: BTreeMap<u64, u64>,
    /// What was heard within the conditions: by whom, from whom, in which epoch and view.
    heard: BTreeMap<(Listener, [u8; 32], u64, u64), BTreeSet<Says>>,
    /// Contradictions heard whose listener has yet to go on.
    open: BTreeSet<(Listener, Owed)>,
    owed: BTreeSet<Owed>,
}

/// What all nodes of a field said and heard.
#[derive(Debug, Clone, Default)]
pub struct Ears(Arc<Mutex<Record>>);

impl Ears {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Evidence that must be there by now.
    pub fn owed(&self) -> Vec<Owed> {
        self.record().owed.iter().copied().collect()
    }

    fn spoke(&self, who: Listener, epoch: u64, view: u64) {
        let mut record = self.record();
        let last = record.spoke.entry((who, epoch)).or_default();
        *last = view.max(*last);
        let furthest = record.furthest.entry(epoch).or_default();
        *furthest = view.max(*furthest);
        // Who votes two views further has looked at everything that had come by then.
        let settled = |(listener, owed): &(Listener, Owed)| *listener == who && owed.epoch == epoch && view >= owed.view + 2;
        let ready: Vec<_> = record.open.iter().filter(|open| settled(open)).copied().collect();
        for open in ready {
            record.open.remove(&open);
            record.owed.insert(open.1);
        }
    }

    fn heard(&self, who: Listener, from: [u8; 32], epoch: u64, view: u64, says: Says) {
        let mut record = self.record();
        let near = record.spoke.get(&(who, epoch)).is_some_and(|last| view <= last + 1);
        let kept = record.furthest.get(&epoch).is_some_and(|furthest| *furthest <= view + VIEWS_KEPT);
        if !near || !kept {
            return;
        }
        let votes = record.heard.entry((who, from, epoch, view)).or_default();
        let contradicts = votes.iter().any(|vote| vote.excludes(&says));
        votes.insert(says);
        if contradicts {
            record.open.insert((who, Owed { operator: who.0, validator: from, epoch, view }));
        }
    }
}

/// One node's ear, in one life.
#[derive(Debug, Clone)]
pub(crate) struct Ear {
    pub(crate) ears: Ears,
    pub(crate) operator: usize,
    pub(crate) life: u64,
}

fn read(message: &IoBuf) -> Option<Vote<Scheme, Digest>> {
    let (_, body) = mux::parse(message.clone()).ok()?;
    Vote::decode(body).ok()
}

impl Ear {
    /// The node says this on the channel of votes.
    pub(crate) fn says(&self, message: &IoBuf) {
        if let Some(vote) = read(message) {
            self.ears.spoke((self.operator, self.life), vote.epoch().get(), vote.view().get());
        }
    }

    fn hears(&self, from: &PublicKey, message: &IoBuf) {
        let Some(vote) = read(message) else { return };
        let says = match &vote {
            Vote::Notarize(vote) => Says::Block(vote.proposal.payload.0, vote.proposal.parent.get()),
            Vote::Finalize(vote) => Says::Final(vote.proposal.payload.0, vote.proposal.parent.get()),
            Vote::Nullify(_) => Says::Void,
        };
        self.ears.heard((self.operator, self.life), key_bytes(from), vote.epoch().get(), vote.view().get(), says);
    }
}

/// A receiver with an ear before it, on the channel of votes.
#[derive(Debug)]
pub(crate) struct Heard<R> {
    pub(crate) receiver: R,
    pub(crate) ear: Option<Ear>,
}

impl<R: Receiver<PublicKey = PublicKey>> Receiver for Heard<R> {
    type Error = R::Error;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, R::Error> {
        let message = self.receiver.recv().await?;
        if let Some(ear) = &self.ear {
            ear.hears(&message.0, &message.1);
        }
        Ok(message)
    }

    fn capacity(&self) -> NonZeroUsize {
        self.receiver.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIAR: [u8; 32] = [9; 32];

    #[test]
    fn evidence_is_owed_exactly_under_the_conditions() {
        let block = |n: u8| Says::Block([n; 32], 1);
        // By the last vote of the listener before, the furthest vote of all, what is heard in view 10, and whether it goes on.
        let cases = [
            (9, 10, [block(1), block(2)], true, true),
            (9, 10, [block(1), block(1)], true, false),
            (9, 10, [block(1), Says::Void], true, false),
            (9, 10, [Says::Final([1; 32], 1), Says::Void], true, true),
            (9, 10, [block(1), block(2)], false, false),
            (8, 10, [block(1), block(2)], true, false),
            (9, 10 + VIEWS_KEPT, [block(1), block(2)], true, true),
            (9, 11 + VIEWS_KEPT, [block(1), block(2)], true, false),
        ];
        for (at, (last, furthest, votes, goes_on, owed)) in cases.into_iter().enumerate() {
            let ears = Ears::default();
            ears.spoke((0, 1), 0, last);
            ears.spoke((1, 1), 0, furthest);
            votes.into_iter().for_each(|vote| ears.heard((0, 1), LIAR, 0, 10, vote));
            if goes_on {
                ears.spoke((0, 1), 0, 12);
            }
            assert_eq!(ears.owed().len(), usize::from(owed), "case {at}");
        }
        // Another life, or another epoch, has not heard the first.
        let ears = Ears::default();
        [(0, 1), (0, 2)].into_iter().for_each(|life| ears.spoke(life, 0, 9));
        ears.heard((0, 1), LIAR, 0, 10, block(1));
        ears.heard((0, 2), LIAR, 0, 10, block(2));
        ears.spoke((0, 2), 0, 12);
        assert_eq!(ears.owed(), []);
    }
}
