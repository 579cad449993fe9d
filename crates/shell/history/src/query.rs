//! Lists of a participant's payments, page by page.
//!
//! A page says where the next one begins: a payment's number, so that what comes in meanwhile moves nothing. A page looks at
//! [`SCANNED_MAX`] payments at most; when few of them are wanted it is short, or empty, and still says where to go on.

use crate::model::ReadModel;
use crate::port::{IndexError, Order, Span};
use clearing::{ParticipantId, PaymentIndex, PaymentState, PaymentView, Time};

/// Payments a page looks at, at most: some milliseconds.
pub(crate) const SCANNED_MAX: usize = 4096;
/// Payments asked of the index at once.
const PIECE: usize = 256;

/// Which payments are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentQuery {
    /// Whose: sent, or asked about.
    pub who: ParticipantId,
    /// Taken in at that time or later.
    pub from: Option<Time>,
    /// Taken in before that time.
    pub to: Option<Time>,
    /// Only in that state.
    pub state: Option<PaymentState>,
    /// Only with that other agent.
    pub counterparty: Option<ParticipantId>,
    /// From which end.
    pub order: Order,
    /// Where the last page said to go on.
    pub next: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// Some payments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PaymentPage {
    /// In the order asked for.
    pub payments: Vec<PaymentView>,
    /// Where to go on; `None`: there are no more.
    pub next: Option<u64>,
}

impl PaymentQuery {
    fn wants(&self, view: &PaymentView) -> bool {
        let sent = view.debtor_agent == self.who;
        let received = view.creditor_agent == self.who && view.creditor_agent_knows();
        let other = if sent { view.creditor_agent } else { view.debtor_agent };
        (sent || received)
            && self.state.is_none_or(|state| state == view.state)
            && self.counterparty.is_none_or(|counterparty| counterparty == other)
    }
}

/// A page under way.
struct Gathering<'a> {
    query: &'a PaymentQuery,
    found: Vec<PaymentView>,
    looked_at: usize,
    /// The last payment looked at.
    last: Option<u64>,
}

impl Gathering<'_> {
    /// Looks at a payment; `false`: the page is full.
    fn look(&mut self, view: &PaymentView) -> bool {
        if self.found.len() == self.query.limit || self.looked_at == SCANNED_MAX {
            return false;
        }
        self.looked_at += 1;
        self.last = Some(view.index.0);
        if self.query.wants(view) {
            self.found.push(*view);
        }
        true
    }
}

impl ReadModel {
    /// A page of a participant's payments.
    ///
    /// # Errors
    /// If the index does not answer.
    pub fn payments_of(&self, query: &PaymentQuery) -> Result<PaymentPage, IndexError> {
        let (first, count) = self.memory_span();
        let from = query.from.map_or(Ok(0), |time| self.first_at(time, first, count))?;
        let to = query.to.map_or(Ok(count), |time| self.first_at(time, first, count))?;
        let numbers = match (query.order, query.next) {
            (Order::Oldest, Some(next)) => from.max(next)..to,
            (Order::Newest, Some(next)) => from..to.min(next.saturating_add(1)),
            (_, None) => from..to,
        };
        let mut gathering = Gathering { query, found: Vec::new(), looked_at: 0, last: None };
        let full = match query.order {
            Order::Newest => {
                let (full, first) = self.look_at_recent(&mut gathering, numbers.clone());
                full || self.look_at_index(&mut gathering, numbers.start..numbers.end.min(first))?
            }
            Order::Oldest => self.look_from_oldest(&mut gathering, numbers)?,
        };
        let next = gathering.last.filter(|_| full).and_then(|last| match query.order {
            Order::Oldest => Some(last + 1),
            Order::Newest => last.checked_sub(1),
        });
        Ok(PaymentPage { payments: gathering.found, next })
    }

    /// `true`: the page is full.
    fn look_from_oldest(&self, gathering: &mut Gathering<'_>, mut numbers: core::ops::Range<u64>) -> Result<bool, IndexError> {
        loop {
            let (first, _) = self.memory_span();
            if numbers.start >= first.min(numbers.end) {
                let (full, first) = self.look_at_recent(gathering, numbers.clone());
                // What leaves memory meanwhile is in the index before it does.
                if full || first <= numbers.start || numbers.is_empty() {
                    return Ok(full);
                }
                continue;
            }
            let indexed = numbers.start..first.min(numbers.end);
            numbers.start = indexed.end;
            if self.look_at_index(gathering, indexed)? {
                return Ok(true);
            }
        }
    }

    /// `true`: the page is full.
    fn look_at_index(&self, gathering: &mut Gathering<'_>, mut numbers: core::ops::Range<u64>) -> Result<bool, IndexError> {
        let query = gathering.query;
        if query.state == Some(PaymentState::Held) {
            return Ok(false);
        }
        let rejected_only = query.state == Some(PaymentState::Rejected);
        while numbers.start < numbers.end {
            let span = Span { who: query.who, numbers: numbers.clone(), rejected_only, order: query.order, limit: PIECE };
            let piece = self.index().payments_of(&span)?;
            for view in self.views(&piece)? {
                if !gathering.look(&view) {
                    return Ok(true);
                }
            }
            match (piece.last(), query.order) {
                (Some(last), Order::Newest) if piece.len() == PIECE => numbers.end = last.0,
                (Some(last), Order::Oldest) if piece.len() == PIECE => numbers.start = last.0 + 1,
                (Some(_) | None, _) => break,
            }
        }
        Ok(false)
    }

    fn first_at(&self, time: Time, first: u64, count: u64) -> Result<u64, IndexError> {
        let (mut low, mut high) = (first, count);
        while low < high {
            let middle = low.midpoint(high);
            match self.views(&[PaymentIndex(middle)])?.first() {
                Some(view) if view.received_at < time => low = middle + 1,
                Some(_) | None => high = middle,
            }
        }
        if low > first { Ok(low) } else { self.index().first_at(time, first) }
    }

    /// Where memory begins, and where it ends.
    fn memory_span(&self) -> (u64, u64) {
        let tables = self.read();
        (tables.recent.first(), tables.recent.count())
    }

    /// Whether the page is full, and where memory began when it was looked at.
    fn look_at_recent(&self, gathering: &mut Gathering<'_>, numbers: core::ops::Range<u64>) -> (bool, u64) {
        let tables = self.read();
        let first = tables.recent.first();
        if gathering.query.order == Order::Oldest && first > numbers.start {
            // The index has what is to come first.
            return (false, first);
        }
        let mut rows = tables.recent.rows(numbers);
        let all = match gathering.query.order {
            Order::Newest => rows.rev().all(|view| gathering.look(view)),
            Order::Oldest => rows.all(|view| gathering.look(view)),
        };
        (!all, first)
    }
}
