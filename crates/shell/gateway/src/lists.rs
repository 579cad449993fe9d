//! `GET /v1/payments`: a participant's own payments, page by page, or by an identifier.
//!
//! With `uetr`, `message_id` or `receipt` the answer holds that payment or none; otherwise it is a page of a list, from `from`
//! until before `to`, the newest first unless `order=oldest`. A page is opaque about where the next one begins: `next` goes
//! into `cursor`. What comes in meanwhile moves nothing. A page may be short, even empty, and still have a `next`.

use crate::door::Door;
use crate::http::Answer;
use crate::messages::message_id_hash;
use crate::reads::{is_party, json_reply, payment_json};
use crate::refusal::{GatewayRefusal, Problem};
use crate::registry::Participant;
use clearing::{Bic, PaymentState, PaymentView, Time, Uetr};
use history::{Key, Order, PaymentQuery};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Payments of a page, at most and unless asked otherwise.
const PAGE_MAX: u64 = 500;
const PAGE: usize = 50;
/// Characters of a message identification, at most (ISO 20022 `Max35Text`).
const MESSAGE_ID_MAX: usize = 35;
/// What every cursor begins with: another kind of list would have another.
const CURSOR: &str = "p1-";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Wish {
    from: Option<Time>,
    to: Option<Time>,
    state: Option<PaymentState>,
    counterparty: Option<Bic>,
    order: Order,
    cursor: Option<u64>,
    limit: Option<usize>,
    uetr: Option<Uetr>,
    message_id: Option<String>,
    receipt: Option<u64>,
}

pub(crate) fn payments(door: &Door, caller: &Participant, query: &str) -> Result<Answer, Problem> {
    let wish = Wish::parse(query)?;
    let (found, next) = match wish.is_for_one() {
        true => (one(door, caller, &wish)?.into_iter().collect(), None),
        false => list(door, caller, &wish)?,
    };
    let next = next.map(|next| format!("{CURSOR}{next}"));
    let payments: Vec<Value> = found.iter().map(payment_json).collect();
    Ok(json_reply(200, &json!({ "payments": payments, "next": next })))
}

/// The payment with every identifier named, if it is the caller's.
fn one(door: &Door, caller: &Participant, wish: &Wish) -> Result<Option<PaymentView>, Problem> {
    let mut found = None;
    if let Some(uetr) = wish.uetr {
        found = Some(door.past.find(Key::Uetr(uetr))?);
    }
    if let Some(receipt) = wish.receipt {
        found = Some(both(found, door.past.payment_of_leaf(receipt)?));
    }
    if let Some(message_id) = &wish.message_id {
        // An identification means something with its sender: the caller, or the counterparty named.
        let mut known = door.past.find(Key::Message(message_id_hash(caller.view.bic, message_id)))?;
        if let (None, Some(sender)) = (known, wish.counterparty) {
            known = door.past.find(Key::Message(message_id_hash(sender, message_id)))?;
        }
        found = Some(both(found, known));
    }
    Ok(found.flatten().filter(|payment| is_party(payment, caller)))
}

/// The payment found, if it is also the one found before.
fn both(before: Option<Option<PaymentView>>, found: Option<PaymentView>) -> Option<PaymentView> {
    match before {
        None => found,
        Some(before) => found.filter(|found| before.is_some_and(|before| before.index == found.index)),
    }
}

type Listed = (Vec<PaymentView>, Option<u64>);

fn list(door: &Door, caller: &Participant, wish: &Wish) -> Result<Listed, Problem> {
    let counterparty = match wish.counterparty {
        None => None,
        Some(bic) => match door.hub.registry.by_bic(bic) {
            Some(other) => Some(other.id()),
            None => return Ok((Vec::new(), None)),
        },
    };
    let page = door.past.payments_of(&PaymentQuery {
        who: caller.id(),
        from: wish.from,
        to: wish.to,
        state: wish.state,
        counterparty,
        order: wish.order,
        next: wish.cursor,
        limit: wish.limit.unwrap_or(PAGE),
    })?;
    Ok((page.payments, page.next))
}

impl Wish {
    fn is_for_one(&self) -> bool {
        self.uetr.is_some() || self.message_id.is_some() || self.receipt.is_some()
    }

    /// Reads a query strictly: what is not known, empty or there twice is refused by its name.
    fn parse(text: &str) -> Result<Self, Problem> {
        let mut wish = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let bad = || Problem::from(GatewayRefusal::Parameter).with_field(name);
            if seen.contains(&name) {
                return Err(bad().with_detail("it is there twice"));
            }
            seen.push(name);
            let value = unescaped(value).ok_or_else(bad)?;
            wish.take(name, value).ok_or_else(bad)?;
        }
        let excluding = ["from", "to", "state", "order", "cursor", "limit"];
        match excluding.into_iter().find(|name| wish.is_for_one() && seen.contains(name)) {
            Some(name) => Err(Problem::from(GatewayRefusal::Parameter)
                .with_field(name)
                .with_detail("who names an identifier gets that payment and no list")),
            None => Ok(wish),
        }
    }

    fn take(&mut self, name: &str, value: String) -> Option<()> {
        match name {
            "from" => self.from = Some(time(&value)?),
            "to" => self.to = Some(time(&value)?),
            "state" => {
                self.state = Some(match value.as_str() {
                    "held" => PaymentState::Held,
                    "settled" => PaymentState::Settled,
                    "rejected" => PaymentState::Rejected,
                    _ => return None,
                });
            }
            "counterparty" => self.counterparty = Some(Bic::parse(&value)?),
            "order" => {
                self.order = match value.as_str() {
                    "newest" => Order::Newest,
                    "oldest" => Order::Oldest,
                    _ => return None,
                }
            }
            "cursor" => self.cursor = Some(number(value.strip_prefix(CURSOR)?)?),
            "limit" => self.limit = Some(number(&value).filter(|limit| (1..=PAGE_MAX).contains(limit))? as usize),
            "uetr" => self.uetr = Some(Uetr::parse(&value)?),
            "receipt" => self.receipt = Some(number(&value)?),
            "message_id" => self.message_id = Some(value).filter(|id| (1..=MESSAGE_ID_MAX).contains(&id.chars().count())),
            _ => return None,
        }
        (name != "message_id" || self.message_id.is_some()).then_some(())
    }
}

/// Digits and nothing else.
pub(crate) fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// RFC 3339, as times are told everywhere here.
pub(crate) fn time(text: &str) -> Option<Time> {
    let timestamp: Timestamp = text.parse().ok()?;
    u64::try_from(timestamp.as_nanosecond()).ok().map(Time)
}

/// Resolves `%41`; a plus sign is itself.
pub(crate) fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read_strictly() {
        let wish = Wish::parse(
            "from=2026-03-01T00:00:00Z&to=2026-03-02T08:00:00%2B08:00&state=rejected&counterparty=PENGCNBS&order=oldest&cursor=p1-7&limit=500",
        )
        .unwrap();
        let day = 1_772_323_200_000_000_000;
        assert_eq!((wish.from, wish.to), (Some(Time(day)), Some(Time(day + 86_400_000_000_000))));
        assert_eq!(
            (wish.state, wish.order, wish.cursor, wish.limit),
            (Some(PaymentState::Rejected), Order::Oldest, Some(7), Some(500))
        );
        assert_eq!(Wish::parse("").unwrap(), Wish::default());
        assert_eq!(Wish::parse("message_id=A%2Fb%20c").unwrap().message_id.as_deref(), Some("A/b c"));
        for (bad, field) in [
            ("cursor=7", "cursor"),
            ("cursor=p1-", "cursor"),
            ("cursor=p1--1", "cursor"),
            ("cursor=p1-99999999999999999999", "cursor"),
            ("limit=0", "limit"),
            ("limit=501", "limit"),
            ("limit=+5", "limit"),
            ("from=yesterday", "from"),
            ("to=2026-03-01", "to"),
            ("from=1969-12-31T23:59:59Z", "from"),
            ("state=open", "state"),
            ("state=held&state=held", "state"),
            ("counterparty=NOBODY", "counterparty"),
            ("order=random", "order"),
            ("uetr=1", "uetr"),
            ("receipt=x", "receipt"),
            ("message_id=", "message_id"),
            ("message_id=%4", "message_id"),
            ("message_id=123456789012345678901234567890123456", "message_id"),
            ("message_id=a&limit=3", "limit"),
            ("colour=red", "colour"),
        ] {
            let problem = Wish::parse(bad).unwrap_err();
            assert_eq!(problem.field.as_deref(), Some(field), "{bad}");
        }
    }
}
