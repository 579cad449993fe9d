//! A person's data as JSON.

use super::{Gathered, KeptMessage};
use crate::clock::rfc3339;
use crate::reads::payment_json;
use clearing::{Clearing, ParticipantView, Period, PersonKey};
use ordering::{Forgotten, KeptRows};
use serde_json::{Value, json};

impl Gathered {
    /// Payments and their messages, oldest first. The messages are as they were received, so they name the other side as
    /// well: whoever hands them on decides what of that may be.
    pub fn export(&self, clearing: &Clearing, forgotten: &dyn KeptRows<Forgotten>) -> Value {
        let mut known = std::collections::BTreeMap::new();
        for row in forgotten.from(0).map_while(Result::ok) {
            if self.payments.contains_key(&row.payment.uetr) {
                known.insert(row.payment.uetr, row.payment);
            }
        }
        let mut payments: Vec<_> = self.payments.iter().collect();
        payments.sort_by_key(|(uetr, messages)| (messages.iter().map(|message| message.at).min(), **uetr));
        let payment = |(uetr, messages): (&clearing::Uetr, &Vec<KeptMessage>)| {
            let view = clearing.payment(*uetr).or_else(|| known.get(uetr).copied());
            json!({
                "uetr": uetr.to_string(),
                // None: a request that was not paid, or a payment that waits.
                "payment": view.map(|view| payment_json(&view)),
                "messages": messages.iter().map(message).collect::<Vec<_>>(),
            })
        };
        Value::Array(payments.into_iter().map(payment).collect())
    }
}

fn message(kept: &KeptMessage) -> Value {
    let field = |field: &iso20022::NamedField| json!({ "path": field.path, "is": field.data.name(), "text": field.text });
    json!({
        "what": kept.what,
        "block": kept.height,
        "received_at": rfc3339(kept.at),
        "erased": kept.text.is_none(),
        "says": kept.fields.iter().map(field).collect::<Vec<_>>(),
        "message": kept.text.as_deref().map(String::from_utf8_lossy),
    })
}

/// What quotas have counted of a person, whose key is given.
pub fn quotas(clearing: &Clearing, person: PersonKey) -> Value {
    let bic = |at: clearing::ParticipantId| {
        let known: Option<ParticipantView> = clearing.participants().find(|view| view.id == at);
        known.map(|view| view.bic.to_string())
    };
    let row = |(key, used): (clearing::CounterKey, u64)| {
        let (period, number) = key.period();
        json!({
            "limit": key.limit().to_string(),
            "bank": key.bank().and_then(bic),
            "period": match period {
                Period::Day => "day since 1970-01-01",
                Period::Year => "year",
            },
            "number": number,
            "used_minor": used,
        })
    };
    let mut rows: Vec<_> = clearing.counters().filter(|(key, _)| key.person() == person).collect();
    rows.sort_unstable();
    Value::Array(rows.into_iter().map(row).collect())
}
