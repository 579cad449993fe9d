//! Block headers: what one block commits to, and how the next one points at it (CHN-01).
//!
//! 208 bytes, little endian: `"LHB1"`, `u32` command count, `u64` height, `u64` time, parent 32, body 32, state root 32,
//! `u64` tree size, tree root 32, `u64` first position, `u32` body bytes, 36 bytes kept at zero. A block's hash is SHA-256
//! over these bytes.

use crate::hash::{Hash, sha256};

/// Bytes of an encoded header.
pub const BLOCK_HEADER_BYTES: usize = 208;

const MAGIC: [u8; 4] = *b"LHB1";

/// What a block commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockHeader {
    /// 1 for the first block.
    pub height: u64,
    /// Clearing clock, nanoseconds since 1970; never before the parent's.
    pub time_ns: u64,
    /// Hash of the block before; zeros for the first.
    pub parent: Hash,
    /// SHA-256 of the body: the canonical bytes of all commands, one behind the other.
    pub body: Hash,
    /// Commitment to every change of state up to and with this block.
    pub state_root: Hash,
    /// Final payments up to and with this block.
    pub tree_size: u64,
    /// RFC 6962 root over them.
    pub tree_root: Hash,
    /// Position of the first event of this block.
    pub first_position: u64,
    /// Commands in the body.
    pub command_count: u32,
    /// Bytes of the body.
    pub body_bytes: u32,
}

/// The bytes are not a block header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a block header")]
pub struct HeaderError;

impl BlockHeader {
    /// The canonical bytes.
    pub fn encode(&self) -> [u8; BLOCK_HEADER_BYTES] {
        let mut out = [0; BLOCK_HEADER_BYTES];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&MAGIC);
        put(&self.command_count.to_le_bytes());
        put(&self.height.to_le_bytes());
        put(&self.time_ns.to_le_bytes());
        put(&self.parent.0);
        put(&self.body.0);
        put(&self.state_root.0);
        put(&self.tree_size.to_le_bytes());
        put(&self.tree_root.0);
        put(&self.first_position.to_le_bytes());
        put(&self.body_bytes.to_le_bytes());
        out
    }

    /// Reads the canonical bytes; anything else is refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        let mut rest = bytes;
        if take::<4>(&mut rest)? != MAGIC {
            return Err(HeaderError);
        }
        let command_count = u32::from_le_bytes(take(&mut rest)?);
        let header = Self {
            command_count,
            height: u64::from_le_bytes(take(&mut rest)?),
            time_ns: u64::from_le_bytes(take(&mut rest)?),
            parent: Hash(take(&mut rest)?),
            body: Hash(take(&mut rest)?),
            state_root: Hash(take(&mut rest)?),
            tree_size: u64::from_le_bytes(take(&mut rest)?),
            tree_root: Hash(take(&mut rest)?),
            first_position: u64::from_le_bytes(take(&mut rest)?),
            body_bytes: u32::from_le_bytes(take(&mut rest)?),
        };
        if header.encode() == bytes { Ok(header) } else { Err(HeaderError) }
    }

    /// The block's hash.
    pub fn hash(&self) -> Hash {
        sha256(&self.encode())
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], HeaderError> {
    let (head, tail) = bytes.split_first_chunk::<N>().ok_or(HeaderError)?;
    *bytes = tail;
    Ok(*head)
}
