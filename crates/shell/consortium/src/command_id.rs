//! What makes two commands the same one, wherever they came in.

use chain::{Hash, sha256};
use clearing::Command;
use core::fmt;

/// SHA-256 of a command's canonical bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub Hash);

impl CommandId {
    /// The identifier of a command.
    pub fn of(command: &Command) -> Self {
        let mut bytes = Vec::with_capacity(192);
        command.encode(&mut bytes);
        Self(sha256(&bytes))
    }

    pub(crate) fn of_body(commands: &[Command]) -> Vec<Self> {
        let mut bytes = Vec::with_capacity(192);
        let id = |command: &Command| {
            bytes.clear();
            command.encode(&mut bytes);
            Self(sha256(&bytes))
        };
        commands.iter().map(id).collect()
    }
}

impl fmt::Debug for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
