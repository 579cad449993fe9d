//! The queue in front of the sequencer: bounded, with a defined answer when it is full.

use crate::vault::Attachment;
use clearing::Command;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One command on its way into a block.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Comes back with the block; zero when nobody waits.
    pub ticket: u64,
    /// What is asked.
    pub command: Command,
    /// The signed message behind it.
    pub attachment: Option<Attachment>,
}

/// Why a command was not taken. It has no effect and may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubmitRefusal {
    /// Too many commands wait.
    #[error("too many instructions are waiting")]
    QueueFull,
    /// The disk has no room for new payments; what is under way still ends.
    #[error("the journal's disk is full")]
    DiskFull,
    /// The journal stopped after a failed write.
    #[error("the journal has stopped")]
    Stopped,
    /// The signed message is larger than a vault file can take.
    #[error("the signed message is too large")]
    TooLarge,
}

impl SubmitRefusal {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::QueueFull => "ORD-1001",
            Self::DiskFull => "ORD-1002",
            Self::Stopped => "ORD-1003",
            Self::TooLarge => "ORD-1004",
        }
    }
    /// HTTP status at the gateway.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::QueueFull | Self::DiskFull | Self::Stopped => 503,
            Self::TooLarge => 413,
        }
    }
    /// ISO `ExternalStatusReason1Code`: interbank settlement system unavailable, or format.
    pub const fn iso_reason(self) -> &'static str {
        match self {
            Self::QueueFull | Self::DiskFull | Self::Stopped => "ED06",
            Self::TooLarge => "FF01",
        }
    }
    /// Seconds after which trying again makes sense; `None`: never.
    pub const fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::QueueFull => Some(1),
            Self::DiskFull | Self::Stopped => Some(30),
            Self::TooLarge => None,
        }
    }
}

/// A kind of file that must have room on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// Blocks.
    Journal,
    /// Signed messages.
    Vault,
}

#[derive(Debug)]
struct Inner {
    waiting: Vec<Submission>,
    /// Kinds of files the disk has no room for: only what ends something is taken.
    full: [bool; 2],
    /// A write failed: nothing is taken.
    stopped: bool,
    /// The journal is being closed: what waits is still sealed, nothing new is taken.
    closing: bool,
}

/// Shared between callers and the sequencer.
#[derive(Debug)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    arrived: Condvar,
    capacity: usize,
}

/// Largest signed message.
pub(crate) const ATTACHMENT_BYTES_MAX: usize = 1 << 20;

impl Queue {
    pub(crate) fn new(capacity: usize) -> Self {
        let inner = Inner { waiting: Vec::new(), full: [false; 2], stopped: false, closing: false };
        Self { inner: Mutex::new(inner), arrived: Condvar::new(), capacity }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn submit(&self, submissions: impl IntoIterator<Item = Submission>) -> Result<(), SubmitRefusal> {
        let mut inner = self.lock();
        let was_empty = inner.waiting.is_empty();
        let before = inner.waiting.len();
        for submission in submissions {
            if let Err(refusal) = self.admit(&inner, &submission) {
                inner.waiting.truncate(before);
                return Err(refusal);
            }
            inner.waiting.push(submission);
        }
        drop(inner);
        if was_empty {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Whether a command could be taken now.
    pub(crate) fn check(&self, submission: &Submission) -> Result<(), SubmitRefusal> {
        self.admit(&self.lock(), submission)
    }

    fn admit(&self, inner: &Inner, submission: &Submission) -> Result<(), SubmitRefusal> {
        if inner.closing || inner.stopped {
            return Err(SubmitRefusal::Stopped);
        }
        if inner.full.contains(&true) && !ends_something(&submission.command) {
            return Err(SubmitRefusal::DiskFull);
        }
        if inner.waiting.len() >= self.capacity {
            return Err(SubmitRefusal::QueueFull);
        }
        match &submission.attachment {
            Some(message) if message.len() > ATTACHMENT_BYTES_MAX => Err(SubmitRefusal::TooLarge),
            Some(_) | None => Ok(()),
        }
    }

    /// Moves up to `most` commands into `out`; waits up to `patience` for the first. Returns whether the journal is closing.
    pub(crate) fn take(&self, out: &mut Vec<Submission>, most: usize, patience: Duration) -> bool {
        let mut inner = self.lock();
        if inner.waiting.is_empty() && !inner.closing {
            inner = self.arrived.wait_timeout(inner, patience).unwrap_or_else(PoisonError::into_inner).0;
        }
        if inner.waiting.len() <= most {
            out.append(&mut inner.waiting);
        } else {
            out.extend(inner.waiting.drain(..most));
        }
        inner.closing
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Says whether the disk has room for files of this kind.
    pub(crate) fn set_full(&self, kind: FileKind, full: bool) {
        self.lock().full[kind as usize] = full;
    }

    /// Takes nothing any more.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.lock().closing
    }

    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.arrived.notify_all();
    }
}

/// Commands taken even when the disk is full: they end payments or change nothing much, and need little room.
fn ends_something(command: &Command) -> bool {
    match command {
        Command::Answer(_)
        | Command::ReportCredited { .. }
        | Command::SetStatus { .. }
        | Command::Order(_)
        | Command::Cancel { .. }
        | Command::Arrange(_)
        | Command::Settle(_)
        | Command::Sponsorship(_)
        | Command::Day(_)
        | Command::Return(_)
        | Command::Recall(_)
        | Command::AnswerRecall(_)
        | Command::Notice(_)
        | Command::ReportPosting(_) => true,
        // What opens one, or makes a payment, needs room for its message.
        Command::Matter(step) => step.carries().is_none(),
        Command::Configure(_)
        | Command::OpenLedger(_)
        | Command::RegisterParticipant(_)
        | Command::Fund(_)
        | Command::PublishRate(_)
        | Command::RequestQuote(_)
        | Command::AppointOfficers(_)
        | Command::SetNodes(_)
        | Command::Broadcast(_)
        | Command::SetRulebook(_)
        | Command::SetReturnTerms(_)
        | Command::SchemeTerms(_)
        | Command::OfferRate(_)
        | Command::Pay(_) => false,
    }
}
