//! What customers and banks' staff do: pay, look at receipts, send again.

use crate::outsider::cancellation;
use crate::participant::{Hands, checkpoint_key};
use crate::plan::{PayeeKind, PaymentOrder, What};
use crate::stage::SharedStage;
use bank::books::records::Outgoing;
use bank::books::state::OutgoingState;
use bank::order::TypedOrder;
use bank::{SampleBank, TypedRequest};
use chain::{FinalState, Receipt};
use clearing::Uetr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// How long after confirming a customer asks for the receipt.
const RECEIPT_AFTER: Duration = Duration::from_secs(6);

/// A payment that was confirmed.
#[derive(Debug, Clone)]
pub struct Confirmed {
    /// Its bank, from zero.
    pub bank: usize,
    /// Whose.
    pub sign_in: String,
    /// Its UETR.
    pub uetr: String,
}

/// Payments confirmed so far.
pub type ConfirmedList = Arc<Mutex<Vec<Confirmed>>>;

/// What the customer types.
fn typed(order: &PaymentOrder, banks: &[SampleBank]) -> TypedOrder {
    let (from, to) = (&banks[order.bank].customers[order.customer], &banks[order.to_bank].customers[order.to_customer]);
    let payee = match (order.payee, to.mobile) {
        (PayeeKind::Mobile, Some(mobile)) => mobile.to_owned(),
        (PayeeKind::Unknown, _) => "9990001112223".to_owned(),
        (PayeeKind::Account | PayeeKind::WrongName | PayeeKind::Mobile, _) => to.account.to_owned(),
    };
    TypedOrder {
        from: format!("{}/{}", from.account, order.debit),
        agent: banks[order.to_bank].bic.to_owned(),
        payee,
        name: if order.payee == PayeeKind::WrongName { "HO Siu Ming".to_owned() } else { to.name.replace(',', "") },
        amount: format!("{}.{:02}", order.minor / 100, order.minor % 100),
        fixed: if order.fixed_credit { "credit" } else { "debit" }.to_owned(),
        credit_currency: order.credit.clone(),
        purpose: "GDDS".to_owned(),
        note: String::new(),
        ..TypedOrder::default()
    }
}

/// A customer pays: types, thinks, confirms, and later looks at the receipt.
pub async fn pay(stage: SharedStage, hands: Hands, order: PaymentOrder, banks: Arc<Vec<SampleBank>>, confirmed: ConfirmedList) {
    let sign_in = banks[order.bank].customers[order.customer].sign_in;
    let who = banks[order.bank].bic[..4].to_ascii_lowercase();
    let draft = match hands.desk.draft(sign_in, &typed(&order, &banks)).await {
        Ok(draft) => draft,
        Err(error) => {
            stage.count("orders not taken");
            return stage.say(&who, format_args!("{sign_in} cannot pay: {error}"));
        }
    };
    sleep(Duration::from_millis(order.thinks_ms)).await;
    match hands.desk.confirm(sign_in, &draft.uetr, true).await {
        Ok(payment) => {
            stage.count("payments");
            stage.say(&who, format_args!("{sign_in} pays {} {} as {}", payment.debit, payment.debit.currency.code, payment.uetr));
        }
        Err(error) => {
            stage.count("orders not confirmed");
            return stage.say(&who, format_args!("{sign_in} cannot confirm: {error}"));
        }
    }
    let entry = Confirmed { bank: order.bank, sign_in: sign_in.to_owned(), uetr: draft.uetr.clone() };
    confirmed.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    sleep(RECEIPT_AFTER).await;
    if let Ok(payment) = hands.desk.payment(sign_in, &draft.uetr).await {
        look_at_receipt(&stage, &hands, &payment).await;
    }
}

/// A customer asks somebody at another bank to pay. What comes of it is the two banks' and the centre's.
pub async fn ask(stage: SharedStage, hands: Hands, what: What, banks: Arc<Vec<SampleBank>>) {
    let What::Ask { bank, customer, of_bank, of_customer, minor, life_s } = what else { return };
    let (from, of) = (&banks[bank].customers[customer], &banks[of_bank].customers[of_customer]);
    let typed = TypedRequest {
        agent: banks[of_bank].bic.to_owned(),
        debtor: of.account.to_owned(),
        name: of.name.replace(',', ""),
        amount: format!("{}.{:02}", minor / 100, minor % 100),
        currency: from.balances[0].0.as_str().to_owned(),
        note: String::new(),
        life_s,
    };
    let who = banks[bank].bic[..4].to_ascii_lowercase();
    match hands.desk.ask_to_pay(from.sign_in, &typed).await {
        Ok(asked) => {
            stage.count("requests to pay");
            stage.say(&who, format_args!("{} asks for {} as {}: {:?}", from.sign_in, typed.amount, asked.uetr, asked.status));
        }
        Err(error) => stage.say(&who, format_args!("{} cannot ask: {error}", from.sign_in)),
    }
}

/// A receipt of an ended payment must verify offline and say the same as the books (CHN-03).
pub async fn look_at_receipt(stage: &SharedStage, hands: &Hands, payment: &Outgoing) {
    let ended = match payment.state {
        OutgoingState::Settled => FinalState::Settled,
        OutgoingState::Rejected => FinalState::Rejected,
        OutgoingState::Draft | OutgoingState::Reserved | OutgoingState::Sent | OutgoingState::Held => return,
    };
    // A payment refused at the door has none; a centre that is away gives none.
    let Ok(text) = hands.desk.receipt(payment).await else { return };
    stage.count("receipts");
    let verified = Receipt::parse(&text).and_then(|receipt| receipt.verify(&[checkpoint_key()]));
    let hex = |bytes: [u8; 16]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match verified {
        Err(error) => stage.broke("CHN-03", format_args!("the receipt of {} does not verify: {error}", payment.uetr)),
        Ok(proved) => {
            let record = proved.record;
            // A rejected payment may have named a quote that nobody knew any more; then the centre knows no credit.
            // What the creditor agent is charged does not arrive; that it is the tariff's is FEE-01's to judge.
            let credit_same = record.credit_minor <= payment.credit.minor.0 || record.state == FinalState::Rejected;
            let same = record.state == ended
                && hex(record.uetr) == payment.uetr.replace('-', "")
                && record.debit_minor == payment.debit.minor.0
                && credit_same;
            if !same {
                stage.broke(
                    "CHN-03",
                    format_args!("the receipt of {} says {record:?}, the books {:?}", payment.uetr, payment.state),
                );
            }
        }
    }
}

/// The bank asks for a payment back. It succeeds while the payment waits; the end comes through the inbox.
pub async fn take_back(stage: SharedStage, hands: Hands, payment: Confirmed, own: &'static str) {
    let world = hands.life.world();
    let (id, now) = (world.uuid().simple().to_string(), world.now_ms() * 1_000_000);
    let asked = Uetr::parse(&payment.uetr).and_then(|uetr| cancellation(own, uetr.0, &id, now));
    let Some(message) = asked else { return };
    stage.count("cancellations");
    let said = hands.raw.send_message(&message, 0).await;
    let said = said.map_or_else(|error| error.to_string(), |answer| answer.status.to_string());
    stage.say("back", format_args!("{}: {said}", payment.uetr));
}

/// The bank sends a payment's message again, the same or changed.
pub async fn resend(stage: SharedStage, hands: Hands, payment: Confirmed, changed: bool) {
    let Ok(known) = hands.desk.payment(&payment.sign_in, &payment.uetr).await else { return };
    let Some(message) = known.message else { return };
    // Before the centre has the first, the changed one would be the payment, and the bank its own enemy.
    if changed && !matches!(known.state, OutgoingState::Held | OutgoingState::Settled) {
        return;
    }
    // What the door refused is not on record, and the centre may take it when its reason has passed: a bank that gave the money
    // back and sends it again pays it.
    if known.state == OutgoingState::Rejected && known.times.held_ms.is_none() {
        return;
    }
    let sent = if changed { format!("{message}\n") } else { message };
    match hands.raw.send_message(&sent, 0).await {
        Ok(answer) => {
            stage.count("resends");
            stage.say("again", format_args!("{} changed={changed}: {}", payment.uetr, answer.status));
            if changed && answer.taken() {
                stage.broke("PAY-03", format_args!("payment {} was taken again with other content", payment.uetr));
            }
        }
        Err(error) => stage.say("again", format_args!("{} changed={changed}: {error}", payment.uetr)),
    }
}
