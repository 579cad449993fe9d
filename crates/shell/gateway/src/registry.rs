//! Who participates: what the chain says of each, and the lane each has at this door.
//!
//! A [`Participant`] is replaced whole when the chain says something new; its [`Lane`] (counters, waiting readers, payee
//! checks) lives as long as the gateway.

use crate::admission::Backlog;
use crate::limits::{Gauge, Limits, RateLimit};
use bytes::Bytes;
use clearing::{
    Bic, Clearing, Event, EventKind, Officer, ParticipantId, ParticipantView, PaymentState, PaymentView, SetNodes, Time,
};
use core::sync::atomic::{AtomicU64, Ordering};
use money::{Currency, CurrencyCode};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::Notify;

/// A participant as the chain has it.
#[derive(Debug, Clone)]
pub(crate) struct Participant {
    pub(crate) view: ParticipantView,
    pub(crate) lane: Arc<Lane>,
}

impl Participant {
    pub(crate) fn id(&self) -> ParticipantId {
        self.view.id
    }

    /// Whether payments and questions to it are of use now, as far as the chain knows.
    pub(crate) fn receives(&self, now_ns: u64) -> bool {
        self.view.status.receives() && !self.view.presence.is_away(Time(now_ns))
    }
}

/// A participant's lane at the door.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) rate: RateLimit,
    pub(crate) enquiries: RateLimit,
    pub(crate) in_flight: Arc<Gauge>,
    pub(crate) readers: Arc<Gauge>,
    /// Told when the chain has something new for the participant, or a live item waits.
    news: Notify,
    /// Time of the last inbox read, in nanoseconds since 1970.
    read_at_ns: AtomicU64,
    live: Mutex<VecDeque<LiveItem>>,
    live_max: usize,
    backlog: Mutex<Backlog>,
}

/// An item without a place in the chain: it is delivered once, to whoever reads first, or not at all.
#[derive(Debug, Clone)]
pub(crate) struct LiveItem {
    pub(crate) message_type: &'static str,
    pub(crate) message: Bytes,
    /// When nobody waits for the answer any more, in nanoseconds since 1970.
    pub(crate) expires_at_ns: u64,
}

impl Lane {
    fn new(limits: &Limits) -> Self {
        Self {
            rate: RateLimit::new(limits.requests_per_second, limits.burst),
            enquiries: RateLimit::new(limits.enquiries_per_second, limits.enquiry_burst),
            in_flight: Gauge::new(limits.in_flight_max),
            readers: Gauge::new(limits.readers_max),
            news: Notify::new(),
            read_at_ns: AtomicU64::new(0),
            live: Mutex::default(),
            live_max: limits.payee_checks_max,
            backlog: Mutex::default(),
        }
    }

    /// What waits for this participant's answer.
    pub(crate) fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody who reads the inbox.
    pub(crate) fn wake(&self) {
        self.news.notify_waiters();
    }

    /// Waits for the next [`Self::wake`] after this call.
    pub(crate) fn news(&self) -> tokio::sync::futures::Notified<'_> {
        self.news.notified()
    }

    pub(crate) fn note_read(&self, now_ns: u64) {
        self.read_at_ns.store(now_ns, Ordering::Relaxed);
    }

    /// Whether somebody reads the inbox this moment: a stream is open, or a poll waits.
    pub(crate) fn is_read(&self) -> bool {
        self.readers.count() > 0
    }

    /// Whether somebody reads the inbox: a stream is open, or a poll came within a minute and a half.
    pub(crate) fn is_online(&self, now_ns: u64) -> bool {
        const POLL_AGE_NS: u64 = 90_000_000_000;
        self.is_read() || self.read_at_ns.load(Ordering::Relaxed).saturating_add(POLL_AGE_NS) > now_ns
    }

    /// Queues a live item; `false` when too many wait.
    pub(crate) fn offer(&self, item: LiveItem, now_ns: u64) -> bool {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.retain(|waiting| waiting.expires_at_ns > now_ns);
        if live.len() >= self.live_max {
            return false;
        }
        live.push_back(item);
        drop(live);
        self.wake();
        true
    }

    /// Takes the live items that somebody still waits for.
    pub(crate) fn take_live(&self, now_ns: u64) -> Vec<LiveItem> {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.drain(..).filter(|item| item.expires_at_ns > now_ns).collect()
    }
}

/// All participants and currencies.
#[derive(Debug)]
pub(crate) struct Registry {
    limits: Limits,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_id: Vec<Arc<Participant>>,
    by_bic: HashMap<Bic, ParticipantId>,
    currencies: Vec<Currency>,
    officers: Vec<Officer>,
    nodes: SetNodes,
}

impl Registry {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, inner: RwLock::default() }
    }

    /// What a recovered centre knows.
    pub(crate) fn load(&self, clearing: &Clearing) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        inner.currencies = clearing.currencies().to_vec();
        inner.officers = clearing.officers().to_vec();
        inner.nodes = SetNodes { version: clearing.nodes_version(), nodes: clearing.nodes().to_vec() };
        clearing.participants().for_each(|view| inner.put(view, &self.limits));
        for payment in clearing.payments().filter(|payment| payment.state == PaymentState::Held) {
            inner.note_payment(&payment);
        }
    }

    /// What a block changed.
    pub(crate) fn note(&self, events: &[Event]) {
        for event in events {
            match &event.kind {
                EventKind::LedgerOpened(currency) => self.write(|inner, _| inner.currencies.push(*currency)),
                EventKind::ParticipantRegistered { .. } | EventKind::StatusChanged { .. } | EventKind::Arranged(_) => {
                    self.write(|inner, limits| {
                        let known = |id: ParticipantId| inner.by_id.get(id.0 as usize).map(|known| known.view.clone());
                        if let Some(view) = ParticipantView::after(&event.kind, known) {
                            inner.put(view, limits);
                        }
                    });
                }
                EventKind::PaymentHeld(payment) | EventKind::PaymentSettled(payment) | EventKind::PaymentRejected(payment) => {
                    self.read(|inner| inner.note_payment(payment));
                }
                EventKind::OfficersAppointed(officers) => self.write(|inner, _| inner.officers.clone_from(officers)),
                EventKind::NodesSet(nodes) => self.write(|inner, _| inner.nodes.clone_from(nodes)),
                EventKind::Funded { .. }
                | EventKind::Settlement(_)
                | EventKind::RatePublished { .. }
                | EventKind::QuoteIssued(_)
                | EventKind::PaymentCredited(_)
                | EventKind::OrderCarriedOut { .. }
                | EventKind::PaymentWaiting(_)
                | EventKind::PaymentReturned(_)
                | EventKind::Recall(_)
                | EventKind::RulebookSet(_)
                | EventKind::Letter(_)
                | EventKind::SchemeTermsSet(_)
                | EventKind::PaymentReviewed(_)
                | EventKind::Sponsorship(_)
                | EventKind::Day(_)
                | EventKind::Matter(_) => {}
            }
        }
    }

    fn write(&self, change: impl FnOnce(&mut Inner, &Limits)) {
        change(&mut self.inner.write().unwrap_or_else(PoisonError::into_inner), &self.limits);
    }

    fn read<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        look(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn by_bic(&self, bic: Bic) -> Option<Arc<Participant>> {
        self.read(|inner| inner.by_id.get(inner.by_bic.get(&bic)?.0 as usize).cloned())
    }

    pub(crate) fn by_id(&self, id: ParticipantId) -> Option<Arc<Participant>> {
        self.read(|inner| inner.by_id.get(id.0 as usize).cloned())
    }

    pub(crate) fn all(&self) -> Vec<Arc<Participant>> {
        self.read(|inner| inner.by_id.clone())
    }

    /// Decimals by currency.
    pub(crate) fn decimals(&self) -> BTreeMap<String, u8> {
        self.read(|inner| inner.currencies.iter().map(|currency| (currency.code.to_string(), currency.exponent)).collect())
    }

    /// Officers and nodes, as the chain has them.
    pub(crate) fn governance(&self) -> (Vec<Officer>, SetNodes) {
        self.read(|inner| (inner.officers.clone(), inner.nodes.clone()))
    }

    pub(crate) fn currency(&self, code: CurrencyCode) -> Option<Currency> {
        self.read(|inner| inner.currencies.iter().find(|currency| currency.code == code).copied())
    }
}

impl Inner {
    /// Enters a payment in the creditor agent's backlog, or takes it out.
    fn note_payment(&self, payment: &PaymentView) {
        let Some(agent) = self.by_id.get(payment.creditor_agent.0 as usize) else { return };
        match payment.state {
            PaymentState::Held => agent.lane.backlog().held(payment.index, payment.received_at.0),
            PaymentState::Settled | PaymentState::Rejected => {
                let at_ns = payment.finality.map_or(payment.received_at.0, |finality| finality.at.0);
                agent.lane.backlog().ended(payment.index, at_ns);
            }
        }
    }

    fn put(&mut self, view: ParticipantView, limits: &Limits) {
        let at = view.id.0 as usize;
        let lane = self.by_id.get(at).map_or_else(|| Arc::new(Lane::new(limits)), |known| Arc::clone(&known.lane));
        self.by_bic.insert(view.bic, view.id);
        let participant = Arc::new(Participant { view, lane });
        match self.by_id.get_mut(at) {
            Some(known) => *known = participant,
            // Participants are numbered in order of registration, and events come in order.
            None => self.by_id.push(participant),
        }
    }
}
