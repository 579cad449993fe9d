//! A liar: what a dishonest operator says instead of the truth, or beside it. For simulators.
//!
//! The operator's node itself is the product's. Between it and the network sits its [`Mouth`]: it changes blocks before they
//! are proposed, says things beside true votes and certificates, or keeps blocks back.

use crate::app::Distort;
use crate::block::Block;
use crate::command_id::CommandId;
use crate::ear::Ear;
use clearing::{Command, ContentHash, MessageIdHash, ParticipantId, Pay, Priority, RiskDecision, Terms, Time, Uetr};
use commonware_actor::{Feedback, Unreliable};
use commonware_codec::varint::UInt;
use commonware_codec::{Decode as _, DecodeExt as _, Encode as _};
use commonware_consensus::Heightable as _;
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::simplex::types::{Certificate, Finalize, Notarize, Nullify, Proposal, Vote};
use commonware_cryptography::certificate::Verifier as _;
use commonware_cryptography::ed25519::PublicKey;
use commonware_cryptography::sha256::Digest;
use commonware_p2p::utils::mux;
use commonware_p2p::{CheckedSender, LimitedSender, Recipients, Sender as _};
use commonware_runtime::{IoBuf, IoBufs};

use money::{CurrencyCode, MinorUnits};
use ordering::encode_body;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// A way to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lie {
    /// Votes for two blocks in one view; when it leads, it proposes both.
    TwoBlocks,
    /// Votes two blocks of one view final.
    TwoFinal,
    /// Votes a block final and its view void.
    VoidAndFinal,
    /// Proposes a block with another state root.
    WrongRoot,
    /// Proposes a block with a payment nobody asked for.
    InventedPayment,
    /// Proposes blocks and sends them to nobody.
    Withheld,
    /// Says that a quorum stood behind a block it never saw.
    Forged,
}

impl Lie {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::TwoBlocks,
        Self::TwoFinal,
        Self::VoidAndFinal,
        Self::WrongRoot,
        Self::InventedPayment,
        Self::Withheld,
        Self::Forged,
    ];

    /// Whether it leaves two signed votes that convict.
    pub const fn convicts(self) -> bool {
        match self {
            Self::TwoBlocks | Self::TwoFinal | Self::VoidAndFinal => true,
            Self::WrongRoot | Self::InventedPayment | Self::Withheld | Self::Forged => false,
        }
    }
}

#[derive(Debug, Default)]
struct Words {
    lie: Option<Lie>,
    told: BTreeMap<Lie, u64>,
}

/// Through what a dishonest operator speaks, over restarts of its node.
#[derive(Debug, Clone, Default)]
pub struct Mouth(Arc<Mutex<Words>>);

impl Mouth {
    fn words(&self) -> MutexGuard<'_, Words> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lies so from now on, or not at all.
    pub fn speak(&self, lie: Option<Lie>) {
        self.words().lie = lie;
    }

    /// How often it has lied, by kind.
    pub fn told(&self) -> BTreeMap<Lie, u64> {
        self.words().told.clone()
    }

    fn lie(&self) -> Option<Lie> {
        self.words().lie
    }

    fn count(&self, lie: Lie) {
        *self.words().told.entry(lie).or_default() += 1;
    }

    /// What it does to its own blocks.
    pub(crate) fn distort(&self) -> Distort {
        let mouth = self.clone();
        Arc::new(move |block| match mouth.lie() {
            Some(lie @ Lie::WrongRoot) => {
                mouth.count(lie);
                with_wrong_root(&block)
            }
            Some(lie @ Lie::InventedPayment) => {
                mouth.count(lie);
                with_invented_payment(&block)
            }
            Some(Lie::TwoBlocks | Lie::TwoFinal | Lie::VoidAndFinal | Lie::Withheld | Lie::Forged) | None => block,
        })
    }
}

fn with_wrong_root(block: &Block) -> Block {
    let mut header = *block.header();
    header.state_root.0[0] ^= 1;
    let base = header.height - block.height().get();
    Block::assemble(header, block.body().to_vec(), block.commands().to_vec(), block.ids().to_vec(), base)
}

fn with_invented_payment(block: &Block) -> Block {
    let mut header = *block.header();
    let mut uetr = [0x11; 16];
    uetr[..8].copy_from_slice(&header.height.to_le_bytes());
    let mut commands = block.commands().to_vec();
    commands.push(Command::Pay(Pay {
        uetr: Uetr(uetr),
        content: ContentHash([1; 32]),
        message_id: MessageIdHash(uetr),
        debtor_agent: ParticipantId(0),
        creditor_agent: ParticipantId(1),
        debit: MinorUnits(100),
        debit_currency: CurrencyCode::HKD,
        quote: None,
        priority: Priority::Normal,
        accepted_at: Time(header.time_ns),
        risk: RiskDecision::PASS,
        terms: Terms::default(),
    }));
    let body = encode_body(&commands);
    let ids = CommandId::of_body(&commands);
    header.body = chain::sha256(&body);
    header.body_bytes = body.len() as u32;
    header.command_count = commands.len() as u32;
    let base = header.height - block.height().get();
    Block::assemble(header, body, commands, ids, base)
}

/// What a channel carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carries {
    Votes,
    Certificates,
    Blocks,
    Other,
}

/// A liar's way of speaking: its mouth, and the key it signs with.
#[derive(Clone)]
pub(crate) struct Tongue {
    pub(crate) mouth: Mouth,
    pub(crate) scheme: Scheme,
}

/// What is said to the network.
enum Said {
    Truth,
    Nothing,
    /// This to everybody, and then the truth.
    Beside(Vec<u8>),
}

impl Tongue {
    fn say(&self, carries: Carries, message: &IoBuf) -> Said {
        let Some(lie) = self.mouth.lie() else { return Said::Truth };
        let said = match (carries, lie) {
            (Carries::Blocks, Lie::Withheld) => Said::Nothing,
            (Carries::Votes, Lie::TwoBlocks | Lie::TwoFinal | Lie::VoidAndFinal) => self.beside(message, |body| {
                let vote = Vote::<Scheme, Digest>::decode(body).ok()?;
                Some(self.contradict(lie, vote)?.encode().to_vec())
            }),
            (Carries::Certificates, Lie::Forged) => self.beside(message, |body| {
                let config = self.scheme.certificate_codec_config();
                let certificate = Certificate::<Scheme, Digest>::decode_cfg(body, &config).ok()?;
                Some(forge(certificate)?.encode().to_vec())
            }),
            _ => Said::Truth,
        };
        if !matches!(said, Said::Truth) {
            self.mouth.count(lie);
        }
        said
    }

    /// Another body on the same subchannel.
    fn beside(&self, message: &IoBuf, other: impl FnOnce(IoBuf) -> Option<Vec<u8>>) -> Said {
        let Ok((epoch, body)) = mux::parse(message.clone()) else { return Said::Truth };
        let Some(body) = other(body) else { return Said::Truth };
        let mut bytes = UInt(epoch).encode().to_vec();
        bytes.extend(body);
        Said::Beside(bytes)
    }

    /// A vote that contradicts this one.
    fn contradict(&self, lie: Lie, vote: Vote<Scheme, Digest>) -> Option<Vote<Scheme, Digest>> {
        match (lie, vote) {
            (Lie::TwoBlocks, Vote::Notarize(vote)) => Some(Vote::Notarize(Notarize::sign(&self.scheme, another(vote.proposal))?)),
            (Lie::TwoFinal, Vote::Finalize(vote)) => Some(Vote::Finalize(Finalize::sign(&self.scheme, another(vote.proposal))?)),
            (Lie::VoidAndFinal, Vote::Finalize(vote)) => {
                Some(Vote::Nullify(Nullify::sign::<Digest>(&self.scheme, vote.proposal.round)?))
            }
            (_, Vote::Notarize(_) | Vote::Nullify(_) | Vote::Finalize(_)) => None,
        }
    }
}

/// The same view, another block.
fn another(mut proposal: Proposal<Digest>) -> Proposal<Digest> {
    proposal.payload.0[0] ^= 1;
    proposal
}

/// The signatures of a quorum under a block that nobody made.
fn forge(certificate: Certificate<Scheme, Digest>) -> Option<Certificate<Scheme, Digest>> {
    match certificate {
        Certificate::Notarization(mut true_one) => {
            true_one.proposal = another(true_one.proposal);
            Some(Certificate::Notarization(true_one))
        }
        Certificate::Finalization(mut true_one) => {
            true_one.proposal = another(true_one.proposal);
            Some(Certificate::Finalization(true_one))
        }
        Certificate::Nullification(_) => None,
    }
}

/// A sender that may lie.
#[derive(Clone)]
pub(crate) struct Speaker<S> {
    pub(crate) sender: S,
    pub(crate) carries: Carries,
    pub(crate) tongue: Option<Tongue>,
    /// Notes what is said on the channel of votes.
    pub(crate) ear: Option<Ear>,
}

impl<S: std::fmt::Debug> std::fmt::Debug for Speaker<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Speaker").field("sender", &self.sender).field("carries", &self.carries).finish_non_exhaustive()
    }
}

/// See [`Speaker`].
pub(crate) struct CheckedSpeaker<'a, S: LimitedSender<PublicKey = PublicKey> + 'a> {
    checked: S::Checked<'a>,
    carries: Carries,
    liar: Option<(Tongue, S)>,
    ear: Option<Ear>,
}

impl<S: LimitedSender<PublicKey = PublicKey>> LimitedSender for Speaker<S> {
    type PublicKey = PublicKey;
    type Checked<'a> = CheckedSpeaker<'a, S>;

    fn check(&mut self, recipients: Recipients<PublicKey>) -> Result<CheckedSpeaker<'_, S>, SystemTime> {
        let liar = self.tongue.clone().map(|tongue| (tongue, self.sender.clone()));
        let ear = self.ear.clone();
        let checked = self.sender.check(recipients)?;
        Ok(CheckedSpeaker { checked, carries: self.carries, liar, ear })
    }
}

impl<S: LimitedSender<PublicKey = PublicKey>> CheckedSender for CheckedSpeaker<'_, S> {
    type PublicKey = PublicKey;

    fn recipients(&self) -> Vec<PublicKey> {
        self.checked.recipients()
    }

    fn send(self, message: impl Into<IoBufs> + Send, priority: bool) -> Unreliable<Feedback> {
        let message = message.into().coalesce();
        if let Some(ear) = &self.ear {
            ear.says(&message);
        }
        let Some((tongue, mut sender)) = self.liar else { return self.checked.send(message, priority) };
        match tongue.say(self.carries, &message) {
            Said::Truth => self.checked.send(message, priority),
            Said::Nothing => Unreliable::new(Feedback::Ok),
            Said::Beside(other) => {
                sender.send(Recipients::All, other, priority);
                self.checked.send(message, priority)
            }
        }
    }
}
