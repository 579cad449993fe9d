//! Planted knows mistakes that could have been made, to show that they would be found; it does not know how to find them.
//!
//! Each [`Bug`] has one place in the product that asks [`planted`] for it. Without the feature of the same name the answer is a
//! constant and the place is as if it were not there; with it the simulator plants one at a time and must find it.

/// A mistake, and what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// Blocks are written and told without a sync.
    ForgottenFsync,
    /// Signed messages are written without a sync.
    ForgottenVaultSync,
    /// A file gets its name without the folder being synced.
    ForgottenFolderSync,
    /// What a start finds is told without having been made durable.
    FoundNotSynced,
    /// Posting a hold moves its money twice.
    HoldPostedTwice,
    /// Voiding a hold leaves its last leg held.
    HoldKeptOnVoid,
    /// What rounding leaves is not taken.
    RoundingLegLost,
    /// The newest payment is not looked at for duplicates.
    NewestPaymentForgotten,
    /// A deadline passes two seconds late.
    DeadlineLate,
    /// A suspended participant may still pay.
    SuspendedMayPay,
    /// The same funding reference moves money again.
    FundedTwice,
    /// The creditor agent's inbox does not get the end of a payment.
    CreditorNotTold,
    /// After a start debtor agents' inboxes lack the ends of payments.
    RestoreForgetsEnds,
    /// The link drops the first of several inbox items.
    FirstOfBatchSkipped,
    /// The bank sends a payment before its own record of it is durable.
    ReservedNotDurable,
    /// The bank takes silence for a no.
    DoubtTakenForNo,
    /// The gateway tells a held payment as settled.
    HeldToldAsSettled,
    /// A receipt proves another leaf.
    WrongProof,
    /// An exchanged credit is rounded up.
    CreditRoundedUp,
    /// A payment is forgotten as soon as it has ended.
    ForgottenTooEarly,
    /// A rejected payment gives its quota back twice.
    QuotaReleasedTwice,
    /// A rejected payment does not give its quota back.
    QuotaKeptOnReject,
    /// For two minutes behind midnight quotas are those of the day before.
    QuotaDayGoesOn,
    /// A waiting payment is taken up twice.
    WaitingTakenUpTwice,
    /// A payment that waited is cancelled although the creditor agent is asked already.
    CancelledWhileHeld,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::ForgottenFsync,
        Self::ForgottenVaultSync,
        Self::ForgottenFolderSync,
        Self::FoundNotSynced,
        Self::HoldPostedTwice,
        Self::HoldKeptOnVoid,
        Self::RoundingLegLost,
        Self::NewestPaymentForgotten,
        Self::DeadlineLate,
        Self::SuspendedMayPay,
        Self::FundedTwice,
        Self::CreditorNotTold,
        Self::RestoreForgetsEnds,
        Self::FirstOfBatchSkipped,
        Self::ReservedNotDurable,
        Self::DoubtTakenForNo,
        Self::HeldToldAsSettled,
        Self::WrongProof,
        Self::CreditRoundedUp,
        Self::ForgottenTooEarly,
        Self::QuotaReleasedTwice,
        Self::QuotaKeptOnReject,
        Self::QuotaDayGoesOn,
        Self::WaitingTakenUpTwice,
        Self::CancelledWhileHeld,
    ];
}

#[cfg(feature = "planted")]
static ACTIVE: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(0);

/// Whether this mistake is made now.
#[cfg(feature = "planted")]
pub fn planted(bug: Bug) -> bool {
    ACTIVE.load(core::sync::atomic::Ordering::Relaxed) == bug as usize + 1
}

/// Whether this mistake is made now: never.
#[cfg(not(feature = "planted"))]
#[inline(always)]
pub const fn planted(_: Bug) -> bool {
    false
}

/// Plants one mistake in this process, or none.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    ACTIVE.store(bug.map_or(0, |bug| bug as usize + 1), core::sync::atomic::Ordering::Relaxed);
}
