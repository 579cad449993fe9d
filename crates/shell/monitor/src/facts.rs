//! What the pages show, gathered from the read model at one moment.

use crate::server::MonitorDeps;
use chain::Contradiction;
use clearing::{AccountView, DayView, EventKind, ParticipantStatus, ParticipantView, PaymentView, SponsorshipView, Time};
use history::{FeedEvent, LAWS, LawStatus, Pulse, Tip};

/// Payments on the board at most.
pub const ROWS_MAX: usize = 60;
/// Seconds the picture of the rate spans.
const SPARK_SECONDS: u64 = 60;
/// Whole seconds the rate is taken over.
const RATE_SECONDS: u64 = 5;
/// Seconds the time to settle is taken over.
const LATENCY_SECONDS: u64 = 60;

/// Everything above and beside the payments.
pub(crate) struct Facts {
    pub(crate) pulses: Vec<Pulse>,
    /// Payments taken in a second, in tenths.
    pub(crate) rate_tenths: u64,
    pub(crate) p50_us: Option<u64>,
    pub(crate) p99_us: Option<u64>,
    /// All, settled, rejected.
    pub(crate) counts: (u64, u64, u64),
    pub(crate) tip: Tip,
    pub(crate) stopped: bool,
    pub(crate) door: DoorCounts,
    pub(crate) laws: [LawStatus; LAWS.len()],
    pub(crate) banks: Vec<Bank>,
    pub(crate) accounts: Vec<AccountView>,
    pub(crate) sponsorships: Vec<SponsorshipView>,
    /// Business days that are open.
    pub(crate) days: Vec<DayView>,
    pub(crate) evidence: Vec<Contradiction>,
    /// `None` for a single node.
    pub(crate) consortium: Option<ConsortiumFacts>,
}

/// What the participants' door took in and refused since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DoorCounts {
    /// Requests that may be worked on at once now.
    pub limit: u64,
    /// Requests that are.
    pub working: u64,
    /// By class, in the order in which they are given up.
    pub classes: Vec<ClassCounts>,
}

/// One class of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassCounts {
    /// Its name.
    pub class: &'static str,
    /// Taken in.
    pub admitted: u64,
    /// Refused because of overload.
    pub refused: u64,
}

/// What a node that agrees with other operators knows of them now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsortiumFacts {
    /// The epoch under way.
    pub epoch: u64,
    /// What this node does in it.
    pub role: ConsortiumRole,
    /// Validators of the epoch.
    pub validators: u64,
    /// Of them, those heard of lately.
    pub heard: u64,
    /// Height of the last block with a certificate kept here.
    pub certified_height: u64,
    /// How often this node refused to vote for a block since its start, by stable name of the reason.
    pub refusals: Vec<(&'static str, u64)>,
}

/// What a node does in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConsortiumRole {
    /// It votes.
    Votes,
    /// It is a validator and follows without a vote until the next epoch: it may have lost what it voted before.
    Silent,
    /// It is no validator.
    #[default]
    Follows,
}

impl ConsortiumRole {
    /// All of them, with the names that metrics have for them.
    pub const ALL: [(Self, &'static str); 3] = [(Self::Votes, "votes"), (Self::Silent, "silent"), (Self::Follows, "follows")];
}

/// A participant and whether it is there.
pub(crate) struct Bank {
    pub(crate) view: ParticipantView,
    pub(crate) presence: Presence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Online,
    Offline,
    /// It announced that it is not there, or has not answered for a while.
    Away,
    ReceiveOnly,
    SendOnly,
    Suspended,
    /// Applied or certified, not live yet.
    Joining,
    Left,
}

impl Facts {
    pub(crate) fn gather(deps: &MonitorDeps) -> Self {
        let model = &deps.model;
        let now_ns = (deps.now_ns)();
        let now_s = now_ns / 1_000_000_000;
        let pulses = model.pulses(now_s, SPARK_SECONDS + 1);
        let durations = model.durations_us(now_s, LATENCY_SECONDS);
        let bank = |view: ParticipantView| {
            let presence = match view.status {
                ParticipantStatus::Suspended => Presence::Suspended,
                ParticipantStatus::Applied | ParticipantStatus::Certified => Presence::Joining,
                ParticipantStatus::Left => Presence::Left,
                ParticipantStatus::Live | ParticipantStatus::ReceiveOnly | ParticipantStatus::SendOnly
                    if view.presence.is_away(Time(now_ns)) =>
                {
                    Presence::Away
                }
                ParticipantStatus::ReceiveOnly => Presence::ReceiveOnly,
                ParticipantStatus::SendOnly => Presence::SendOnly,
                ParticipantStatus::Live if (deps.online)(view.id) => Presence::Online,
                ParticipantStatus::Live => Presence::Offline,
            };
            Bank { view, presence }
        };
        Self {
            rate_tenths: rate_tenths(whole(&pulses)),
            pulses,
            p50_us: per_mille(&durations, 500),
            p99_us: per_mille(&durations, 990),
            counts: model.counts(),
            tip: model.tip(),
            stopped: (deps.stopped)(),
            door: (deps.door)(),
            laws: model.laws(),
            banks: model.participants().into_iter().map(bank).collect(),
            accounts: model.accounts(),
            sponsorships: model.sponsorships(),
            days: model.business_days(),
            evidence: (deps.evidence)(),
            consortium: (deps.consortium)(),
        }
    }

    /// Counts of the last minute's seconds that are over.
    pub(crate) fn whole_pulses(&self) -> &[Pulse] {
        whole(&self.pulses)
    }
}

/// The seconds that are over; the one under way would always look like a fall.
fn whole(pulses: &[Pulse]) -> &[Pulse] {
    &pulses[..pulses.len().saturating_sub(1)]
}

fn per_mille(sorted: &[u64], at: usize) -> Option<u64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get(last * at / 1000).copied()
}

fn rate_tenths(whole: &[Pulse]) -> u64 {
    let last = &whole[whole.len().saturating_sub(RATE_SECONDS as usize)..];
    last.iter().map(|pulse| pulse.received).sum::<u64>() * 10 / RATE_SECONDS
}

/// The payments that events tell of, each once as it stands after the last of them, in the order they came up.
pub(crate) fn payments_of(events: &[FeedEvent]) -> Vec<PaymentView> {
    let mut found: Vec<PaymentView> = Vec::new();
    for view in events.iter().filter_map(|feed| payment_of(&feed.event.kind)) {
        found.retain(|known| known.uetr != view.uetr);
        found.push(*view);
    }
    found.drain(..found.len().saturating_sub(ROWS_MAX));
    found
}

fn payment_of(kind: &EventKind) -> Option<&PaymentView> {
    match kind {
        EventKind::PaymentHeld(view)
        | EventKind::PaymentSettled(view)
        | EventKind::PaymentRejected(view)
        | EventKind::PaymentReturned(view)
        | EventKind::PaymentCredited(view)
        | EventKind::PaymentReviewed(view) => Some(view),
        EventKind::LedgerOpened(_)
        | EventKind::ParticipantRegistered { .. }
        | EventKind::StatusChanged { .. }
        | EventKind::Funded { .. }
        | EventKind::RatePublished { .. }
        | EventKind::QuoteIssued(_)
        | EventKind::OrderCarriedOut { .. }
        | EventKind::OfficersAppointed(_)
        | EventKind::NodesSet(_)
        | EventKind::PaymentWaiting(_)
        | EventKind::RulebookSet(_)
        | EventKind::Recall(_)
        | EventKind::Arranged(_)
        | EventKind::Settlement(_)
        | EventKind::Letter(_)
        | EventKind::SchemeTermsSet(_)
        | EventKind::Sponsorship(_)
        | EventKind::Day(_)
        | EventKind::Matter(_) => None,
    }
}

/// The newest payments, newest first, and the position they are up to date with.
///
/// Payments are numbered as they arrive, so that a fresh start with an empty feed still shows the last ones.
pub(crate) fn newest_payments(deps: &MonitorDeps) -> (Vec<PaymentView>, u64) {
    let position = deps.model.newest_events(1).first().map_or(0, |feed| feed.event.position.0);
    let (all, _, _) = deps.model.counts();
    let indices = (0..all).rev().take(ROWS_MAX).map(clearing::PaymentIndex);
    let views = indices.filter_map(|at| deps.model.payment_at(at).ok().flatten()).collect();
    (views, position)
}
