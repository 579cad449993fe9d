//! Whether every bank's books agree with the centre: at any time in what both say is final, at rest in everything.

use crate::observer::Observer;
use crate::participant::{BankSetup, Hands};
use crate::stage::SharedStage;
use bank::books::{BooksReport, Direction};
use clearing::{ParticipantId, PaymentState, PaymentView, Uetr};
use history::{InboxItem, ReadModel, Tells};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a bank says of a payment, in the centre's words; `None`: not final there.
fn end_said(state: &str) -> Option<PaymentState> {
    match state {
        "Settled" | "Credited" => Some(PaymentState::Settled),
        "Rejected" | "Ended" => Some(PaymentState::Rejected),
        _ => None,
    }
}

/// No disk is under the index of a simulated centre.
const ANSWERS: &str = "an index in memory answers";

/// Reads a bank's books: none of its own laws may be broken, and no end may differ from the centre's (PAY-02, ORD-01).
/// `centre`: what the centre knows, if it serves.
pub async fn look(
    stage: &SharedStage,
    bank: &BankSetup,
    hands: &Hands,
    centre: impl FnOnce() -> Option<Arc<ReadModel>>,
) -> Option<BooksReport> {
    let report = hands.desk.books_report().await.ok()?;
    // What the centre knows is looked at after the books: it knows first.
    let model = centre();
    let name = bank.machine.name;
    if let Some(broken) = report.breaks.first() {
        stage.broke(broken.get(..6).unwrap_or("BNK"), format_args!("{name}: {broken}"));
    }
    for payment in &report.payments {
        let (Some(said), Some(model), Some(uetr)) = (end_said(&payment.state), model.as_ref(), Uetr::parse(&payment.uetr)) else {
            continue;
        };
        match model.payment(uetr).expect(ANSWERS) {
            Some(view) if view.state == said => {}
            Some(view) => {
                stage.broke(
                    "PAY-02",
                    format_args!("{name} has payment {uetr} as {}, the centre as {:?}", payment.state, view.state),
                );
            }
            // Refused at the door: the centre never had it.
            None if said == PaymentState::Rejected && payment.direction == Direction::Out => {}
            None => {
                stage.broke("ORD-01", format_args!("{name} has payment {uetr} as {}, the centre does not know it", payment.state))
            }
        }
    }
    Some(report)
}

/// Why things are not at rest yet, if they are not.
pub fn unrest(bank: &BankSetup, report: &BooksReport, id: ParticipantId, model: &ReadModel) -> Option<String> {
    let name = bank.machine.name;
    if let Some(open) = report.payments.iter().find(|payment| end_said(&payment.state).is_none()) {
        return Some(format!("{name} has payment {} as {}", open.uetr, open.state));
    }
    if report.outbox > 0 {
        return Some(format!("{name} has {} messages to send", report.outbox));
    }
    is_behind(model, id, report.cursor).then(|| format!("{name} has not read its inbox behind {}", report.cursor))
}

/// Whether an inbox has something to tell behind a cursor. A funding nobody asked for by message is told to who wants to know, and
/// moves no cursor.
pub fn is_behind(model: &ReadModel, id: ParticipantId, cursor: u64) -> bool {
    let is_told = |item: &InboxItem| match &item.tells {
        Tells::Note(note) => note.kind.entry().is_none() || note.agent.is_some(),
        Tells::Payment(..) | Tells::Letter(_) | Tells::Matter(..) => true,
    };
    model.inbox(id, clearing::Position(cursor), 1000).expect(ANSWERS).iter().any(is_told)
}

/// At rest: every payment and every cent.
pub fn settle_up(
    stage: &SharedStage,
    observer: &Observer,
    bank: &BankSetup,
    report: &BooksReport,
    id: ParticipantId,
    model: &ReadModel,
) {
    let name = bank.machine.name;
    for &currency in &bank.sample.currencies {
        let out = report.currencies.get(currency.as_str()).copied().unwrap_or_default();
        let (settled, own) = observer.ask(|model| (model.settled(id.0, currency), model.own_money(id.0, currency)));
        // What moves over its account for others is not in its books.
        let settled = settled - observer.ask(|model| model.carried(id.0, currency));
        if settled != own - out.paid_out_net {
            let text = format!("{name}: the centre has {settled} {currency}, the books say {}", own - out.paid_out_net);
            stage.broke("AGREE", text);
        }
        if out.held != 0 || out.suspense != 0 {
            stage.broke("AGREE", format_args!("{name}: {} {currency} held, {} on suspense at rest", out.held, out.suspense));
        }
    }
    let ours = |view: &PaymentView| view.debtor_agent == id || view.creditor_agent == id && view.creditor_agent_knows();
    let (all, _, _) = model.counts();
    let mut returned: BTreeMap<String, u64> = BTreeMap::new();
    for view in (0..all).filter_map(|at| model.payment_at(clearing::PaymentIndex(at)).expect(ANSWERS)).filter(ours) {
        if let Some(of) = view.returns {
            let side = if view.debtor_agent == id { view.debit } else { view.credit };
            *returned.entry(of.original.to_string()).or_default() += side.minor.0;
            continue;
        }
        let direction = if view.debtor_agent == id { Direction::Out } else { Direction::In };
        let uetr = view.uetr.to_string();
        let booked = report.payments.iter().find(|payment| payment.uetr == uetr && payment.direction == direction);
        // Who was not there to be asked hears of the reject alone and has nothing to book.
        let nothing_to_book = booked.is_none() && direction == Direction::In && view.state == PaymentState::Rejected;
        if !nothing_to_book && booked.and_then(|payment| end_said(&payment.state)) != Some(view.state) {
            let said = booked.map_or("nothing", |payment| payment.state.as_str());
            stage.broke("PAY-02", format_args!("{name} knows {said} of payment {uetr}, which is {:?}", view.state));
        }
    }
    for payment in &report.payments {
        let told = returned.get(&payment.uetr).copied().unwrap_or(0);
        if payment.returned != told {
            let text = format!("{name}: {} of payment {} came back, the centre says {told}", payment.returned, payment.uetr);
            stage.broke("RET-01", text);
        }
    }
}
