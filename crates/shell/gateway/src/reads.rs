//! What can be read: participants, own accounts, own payments, receipts, checkpoint, keys.

use crate::clock::rfc3339;
use crate::door::Door;
use crate::http::{Answer, JSON, TEXT, reply};
use crate::openapi;
use crate::proof;
use crate::refusal::{GatewayRefusal, Problem};
use crate::registry::Participant;
use crate::window;
use crate::wire;
use bytes::Bytes;
use clearing::{AccountPurpose, PaymentState, PaymentView, Uetr, WaitReason, WaitingView};
use money::{Amount, Currency, MinorUnits};
use serde_json::{Value, json};

pub(crate) fn openapi() -> Answer {
    reply(200, JSON, Bytes::from_static(openapi::DOCUMENT.as_bytes()))
}

/// 200 while the journal takes commands, 503 after it stopped.
pub(crate) fn health(door: &Door) -> Answer {
    let (status, word) = if door.hub.is_stopped() { (503, "stopped") } else { (200, "ok") };
    let tip = door.past.tip();
    json_reply(status, &json!({ "status": word, "height": tip.height, "payments_final": tip.size }))
}

/// The keys everything the centre signs is verified with, one a line.
pub(crate) fn keys(door: &Door) -> Answer {
    reply(200, TEXT, format!("{}\n", door.verifier_key()))
}

pub(crate) fn checkpoint(door: &Door) -> Result<Answer, Problem> {
    Ok(reply(200, TEXT, door.checkpoint(&door.past.tip()).to_text()))
}

pub(crate) fn participants(door: &Door) -> Answer {
    let now = door.world.now_ns();
    let all: Vec<Value> = door
        .hub
        .registry
        .all()
        .iter()
        .map(|participant| {
            let view = &participant.view;
            json!({
                "bic": view.bic.as_str(),
                "name": view.name,
                "status": view.status.name(),
                "away": view.presence.is_away(clearing::Time(now)),
                "provides_exchange": view.provides_exchange,
                "currencies": view.currencies.iter().map(|code| code.as_str()).collect::<Vec<_>>(),
                "online": participant.lane.is_online(now),
            })
        })
        .collect();
    json_reply(200, &Value::Array(all))
}

pub(crate) fn accounts(door: &Door, caller: &Participant) -> Answer {
    let own: Vec<Value> = door
        .past
        .accounts(caller.id())
        .iter()
        .map(|account| {
            json!({
                "purpose": match account.purpose {
                    AccountPurpose::Settlement => "settlement",
                    AccountPurpose::Exchange => "exchange",
                    AccountPurpose::Spread => "spread",
                    AccountPurpose::Fees => "fees",
                },
                "currency": account.currency.code.as_str(),
                "posted": decimal(account.posted, account.currency),
                "held": decimal(i128::from(account.held_debit), account.currency),
                "available": decimal(account.available, account.currency),
                "cap": decimal(i128::from(account.overdraft), account.currency),
                "low": account.is_low,
            })
        })
        .collect();
    json_reply(200, &Value::Array(own))
}

pub(crate) fn payment(door: &Door, caller: &Participant, uetr: &str) -> Result<Answer, Problem> {
    if let Some(waiting) = Uetr::parse(uetr).and_then(|uetr| own_waiting(door, caller, uetr)) {
        return Ok(json_reply(200, &waiting_json(&waiting)));
    }
    let payment = find(door, caller, uetr)?;
    Ok(json_reply(200, &payment_json(&payment)))
}

/// A payment that waits and that the caller sent. Its creditor agent does not know of it yet.
pub(crate) fn own_waiting(door: &Door, caller: &Participant, uetr: Uetr) -> Option<WaitingView> {
    door.past.waiting(uetr).filter(|waiting| waiting.debtor_agent == caller.id())
}

fn waiting_json(payment: &WaitingView) -> Value {
    json!({
        "uetr": payment.uetr.to_string(),
        "state": "waiting",
        "waits_for": match payment.reason {
            WaitReason::AsAsked => "execution_time",
            WaitReason::CorridorClosed => "corridor_opening",
            WaitReason::FirstPayment => "first_payment",
            WaitReason::RiskReview => "risk_review",
        },
        "until": rfc3339(payment.until),
        "debtor_agent": payment.debtor_bic.as_str(),
        "creditor_agent": payment.creditor_bic.as_str(),
        "debit": { "currency": payment.debit.currency.code.as_str(), "amount": payment.debit.to_string() },
        "received_at": rfc3339(payment.received_at),
    })
}

/// A receipt of a final payment under the newest checkpoint.
pub(crate) fn receipt(door: &Door, caller: &Participant, uetr: &str) -> Result<Answer, Problem> {
    let payment = find(door, caller, uetr)?;
    if payment.finality.is_none() {
        return Err(GatewayRefusal::NotFinal.into());
    }
    let receipt = window::receipt(door, &payment)?.ok_or(GatewayRefusal::HistoryUnavailable)?;
    Ok(reply(200, TEXT, receipt.to_text()))
}

/// The message by which the caller sent a payment or a return, as it was received, with the fields that sign it. Only who sent
/// it is told: the other agent has it in its inbox, as the centre forwarded it.
pub(crate) fn message(door: &Door, caller: &Participant, uetr: &str) -> Result<Answer, Problem> {
    let payment = find(door, caller, uetr)?;
    if payment.debtor_agent != caller.id() {
        return Err(GatewayRefusal::UnknownPayment.into());
    }
    let stored = wire::stored(payment.uetr, door.past.message(&payment))?;
    let (fields, body) = proof::split(&stored).ok_or(GatewayRefusal::MessageUnreadable)?;
    let field = |name: &str| fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
    Ok(json_reply(
        200,
        &json!({
            "uetr": payment.uetr.to_string(),
            "digest": field("content-digest"),
            "signature_input": field("signature-input"),
            "signature": field("signature"),
            "message": String::from_utf8_lossy(body),
        }),
    ))
}

/// A payment the caller is an agent of. Others are told the same as if there were none.
pub(crate) fn find(door: &Door, caller: &Participant, uetr: &str) -> Result<PaymentView, Problem> {
    let uetr = Uetr::parse(uetr).ok_or(GatewayRefusal::UnknownPayment)?;
    let payment = door.past.payment(uetr)?.filter(|payment| is_party(payment, caller));
    Ok(payment.ok_or(GatewayRefusal::UnknownPayment)?)
}

/// Whether the participant is the payment's debtor agent, or its creditor agent and was asked.
pub(crate) fn is_party(payment: &PaymentView, participant: &Participant) -> bool {
    let asked = payment.creditor_agent_knows() && payment.creditor_agent == participant.id();
    payment.debtor_agent == participant.id() || asked
}

pub(crate) fn payment_json(payment: &PaymentView) -> Value {
    let mut value = json!({
        "uetr": payment.uetr.to_string(),
        "state": match payment.state {
            PaymentState::Held => "held",
            PaymentState::Settled => "settled",
            PaymentState::Rejected => "rejected",
        },
        "debtor_agent": payment.debtor_bic.as_str(),
        "creditor_agent": payment.creditor_bic.as_str(),
        "debit": { "currency": payment.debit.currency.code.as_str(), "amount": payment.debit.to_string() },
        "credit": { "currency": payment.credit.currency.code.as_str(), "amount": payment.credit.to_string() },
        "credited": payment.credited,
        "posting": payment.posting.name(),
        "received_at": rfc3339(payment.received_at),
        "deadline": rfc3339(payment.deadline),
    });
    if let Some(bearer) = payment.charges.bearer().filter(|_| payment.state != PaymentState::Rejected) {
        value["charges"] = json!({
            "bearer": bearer.iso(),
            "debtor": charge_json(payment.charges.debtor, payment.debit.currency),
            "creditor": charge_json(payment.charges.creditor, payment.credit.currency),
        });
    }
    if let Some(quote) = payment.quote {
        value["quote_id"] = quote.to_string().into();
    }
    if let Some(of) = payment.returns {
        value["returns"] = json!({ "uetr": of.original.to_string(), "reason": of.reason.to_string() });
    }
    if let Some(preauth) = payment.captured_from {
        value["captured_from"] = preauth.to_string().into();
    }
    if let Some(rejection) = payment.rejection {
        value["reason"] = json!({
            "iso": rejection.iso_reason().to_string(),
            "code": rejection.code(),
            "text": rejection.to_string(),
        });
    }
    if let Some(finality) = payment.finality {
        value["final_at"] = rfc3339(finality.at).into();
        value["height"] = finality.height.into();
        value["cursor"] = finality.position.0.into();
    }
    value
}

pub(crate) fn charge_json(minor: MinorUnits, currency: Currency) -> Value {
    json!({ "currency": currency.code.as_str(), "amount": Amount { minor, currency }.to_string() })
}

pub(crate) fn json_reply(status: u16, value: &Value) -> Answer {
    reply(status, JSON, serde_json::to_vec(value).expect("values of text and numbers are JSON"))
}

/// Minor units, possibly negative, as decimal text.
pub(crate) fn decimal(minor: i128, currency: Currency) -> String {
    let per_major = u128::from(currency.minor_per_major());
    let (sign, minor) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    match currency.exponent {
        0 => format!("{sign}{minor}"),
        exponent => format!("{sign}{}.{:0width$}", minor / per_major, minor % per_major, width = usize::from(exponent)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::CurrencyCode;

    #[test]
    fn balances_print_with_their_sign() {
        let hkd = Currency { code: CurrencyCode::HKD, exponent: 2 };
        for (minor, text) in [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (-123_456, "-1234.56")] {
            assert_eq!(decimal(minor, hkd), text);
        }
        assert_eq!(decimal(-7, Currency { code: CurrencyCode::HKD, exponent: 0 }), "-7");
    }
}
