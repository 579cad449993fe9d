//! A block as operators exchange it: our own header and body, nothing of the engine's.
//!
//! Encoding: the 208 bytes of [`BlockHeader`], then the body, whose length and hash the header names. The digest the engine
//! votes on is the header's hash, so the chain of an operator and the chain of a single node are one and the same.
//!
//! The engine counts from zero; its height is ours less the height of the *base*, the last block everybody had before the
//! consortium began. The base travels without its body: everybody has it.

use crate::command_id::CommandId;
use bytes::BufMut;
use chain::{BLOCK_HEADER_BYTES, BlockHeader, Hash, sha256};
use clearing::Command;
use commonware_codec::{Buf, EncodeSize, Error as CodecError, Read, Write};
use commonware_consensus::types::Height;
use commonware_consensus::{Block as ConsensusBlock, BoundedBlock, Heightable};
use commonware_cryptography::sha256::Digest;
use commonware_cryptography::{Digested, Digestible};
use ordering::{BLOCK_COMMANDS_MAX, decode_body};
use std::sync::Arc;

/// Bytes of a body at most, fixed for the life of a chain: the engine refuses to read larger ones, and stores of blocks
/// already written must stay readable.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// What reading a block needs to know: the height of the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockCodec {
    /// Height of the last block before the consortium began.
    pub base_height: u64,
}

/// One block.
#[derive(Debug, Clone)]
pub struct Block {
    header: BlockHeader,
    hash: Hash,
    base_height: u64,
    body: Arc<[u8]>,
    commands: Arc<[Command]>,
    ids: Arc<[CommandId]>,
}

impl Block {
    /// A block from its parts; the caller vouches that they belong together.
    pub(crate) fn assemble(header: BlockHeader, body: Vec<u8>, commands: Vec<Command>, ids: Vec<CommandId>, base: u64) -> Self {
        Self { hash: header.hash(), header, base_height: base, body: body.into(), commands: commands.into(), ids: ids.into() }
    }

    /// The base: its header alone.
    pub fn base(header: BlockHeader) -> Self {
        Self::assemble(header, Vec::new(), Vec::new(), Vec::new(), header.height)
    }

    /// What it commits to.
    pub fn header(&self) -> &BlockHeader {
        &self.header
    }
    /// Its hash.
    pub fn hash(&self) -> Hash {
        self.hash
    }
    /// The canonical bytes of its commands.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
    /// Its commands.
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }
    /// The identifiers of its commands, in order.
    pub fn ids(&self) -> &[CommandId] {
        &self.ids
    }

    /// With its digest beside it, as the engine wants blocks.
    pub(crate) fn digested(self) -> Digested<Self> {
        let digest = digest_of(self.hash);
        Digested::precomputed(self, digest)
    }
}

/// The engine's digest of a hash: the same 32 bytes.
pub fn digest_of(hash: Hash) -> Digest {
    Digest(hash.0)
}

/// The hash of an engine's digest.
pub fn hash_of(digest: Digest) -> Hash {
    Hash(digest.0)
}

impl PartialEq for Block {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}
impl Eq for Block {}

impl Write for Block {
    fn write(&self, out: &mut impl BufMut) {
        out.put_slice(&self.header.encode());
        out.put_slice(&self.body);
    }
}

impl EncodeSize for Block {
    fn encode_size(&self) -> usize {
        BLOCK_HEADER_BYTES + self.body.len()
    }
}

impl Read for Block {
    type Cfg = BlockCodec;

    /// Reads a block whose body is the one its header names; anything else is refused, so that one block has one encoding.
    fn read_cfg(buf: &mut impl Buf, codec: &BlockCodec) -> Result<Self, CodecError> {
        let bad = |why| Err(CodecError::Invalid("block", why));
        if buf.remaining() < BLOCK_HEADER_BYTES {
            return Err(CodecError::EndOfBuffer);
        }
        let mut head = [0; BLOCK_HEADER_BYTES];
        buf.copy_to_slice(&mut head);
        let Ok(header) = BlockHeader::decode(&head) else { return bad("header") };
        if header.height < codec.base_height {
            return bad("before the base");
        }
        if header.height == codec.base_height {
            return Ok(Self::base(header));
        }
        let bytes = header.body_bytes as usize;
        if bytes > BODY_BYTES_MAX || header.command_count as usize > BLOCK_COMMANDS_MAX {
            return bad("too large");
        }
        if buf.remaining() < bytes {
            return Err(CodecError::EndOfBuffer);
        }
        let mut body = vec![0; bytes];
        buf.copy_to_slice(&mut body);
        if sha256(&body) != header.body {
            return bad("body");
        }
        let Some(commands) = decode_body(&body) else { return bad("commands") };
        if commands.len() != header.command_count as usize {
            return bad("command count");
        }
        let ids = CommandId::of_body(&commands);
        Ok(Self::assemble(header, body, commands, ids, codec.base_height))
    }
}

impl Digestible for Block {
    type Digest = Digest;

    fn digest(&self) -> Digest {
        digest_of(self.hash)
    }
}

impl Heightable for Block {
    fn height(&self) -> Height {
        Height::new(self.header.height - self.base_height)
    }
}

impl ConsensusBlock for Block {
    fn parent(&self) -> Digest {
        digest_of(self.header.parent)
    }
}

impl BoundedBlock for Block {
    fn max_encode_size(_: &BlockCodec) -> usize {
        BLOCK_HEADER_BYTES + BODY_BYTES_MAX
    }
}
