//! A validator's oath: it does not vote in an epoch in which it may have voted before and no longer knows how.
//!
//! Votes of an epoch lie in its voting journal. A validator whose journal was lost, or restored from an older copy, could
//! vote twice without knowing; so it follows without a vote until an epoch begins after the loss was noticed. An epoch
//! begins with the time of the block it stands on, which a quorum has compared with its clocks.

use clearing::Time;

/// From when a validator may vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oath {
    /// Its voting journals are those it always had, or it never voted.
    Whole,
    /// They were lost at some time before this one, by its own clock.
    LostBefore(Time),
}

impl Oath {
    /// How far a block's time may be ahead of the clock that noticed the loss: our clock behind by 5 s, which is what
    /// connections bear, and the block's ahead by 2 s.
    const CLOCKS_NS: u64 = 7_000_000_000;

    /// Whether it may vote in an epoch that stands on a block of this time.
    pub fn allows(self, epoch_begins: Time) -> bool {
        match self {
            Self::Whole => true,
            Self::LostBefore(noticed) => epoch_begins > noticed.after(Self::CLOCKS_NS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vote_is_allowed_only_in_epochs_that_began_after_the_loss() {
        let second = 1_000_000_000;
        let oath = Oath::LostBefore(Time(100 * second));
        for (begins, allowed) in [(0, false), (100, false), (107, false), (108, true)] {
            assert_eq!(oath.allows(Time(begins * second)), allowed, "{begins}");
        }
        assert!(Oath::Whole.allows(Time(0)));
    }
}
