//! Rulebook and tariff read, and what would become of a payment and what it would cost: `GET /v1/rulebook`, `GET /v1/tariff`,
//! `POST /v1/what-if`.
//!
//! Asking changes nothing. The answer is that of the last durable block: by the time the payment comes, others of the same
//! person may have used the quota.

use crate::auth::Authenticated;
use crate::clock::rfc3339;
use crate::door::Door;
use crate::http::{Answer, JSON};
use crate::proof::Acquaintance;
use crate::quotes::{amount, bad, currency, read};
use crate::reads::{charge_json, json_reply};
use crate::refusal::Problem;
use crate::terms;
use clearing::{
    Basis, Bic, Corridor, Country, Hours, Limit, Most, OutsideHours, ParticipantId, PartyKind, Period, Price, Purpose, Question,
    QuotaView, Refusal, Rulebook, Scope, Tariff, TariffLine, Terms, WhatIf,
};
use iso20022::view::IdentityView;
use money::{Amount, MinorUnits};
use serde::Deserialize;
use serde_json::{Value, json};
use signing::HashKey;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuestionBody<'a> {
    creditor_agent: &'a str,
    debit: AmountBody<'a>,
    #[serde(default, borrow)]
    credit: Option<AmountBody<'a>>,
    #[serde(default)]
    debtor: Kind,
    #[serde(default)]
    creditor: Kind,
    #[serde(default)]
    purpose: Option<&'a str>,
    #[serde(default)]
    document: Option<DocumentBody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AmountBody<'a> {
    currency: &'a str,
    amount: &'a str,
}

/// A payment as a quote names it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DescribedBody<'a> {
    creditor_agent: &'a str,
    #[serde(default)]
    debtor: Kind,
    #[serde(default)]
    creditor: Kind,
    #[serde(default)]
    purpose: Option<&'a str>,
    #[serde(default)]
    document: Option<DocumentBody>,
}

impl DescribedBody<'_> {
    /// Who is to be credited, and what the rulebook asks about.
    pub(crate) fn terms(&self, known: &dyn Acquaintance) -> Result<(ParticipantId, Terms), Problem> {
        let creditor_agent = Bic::parse(self.creditor_agent).and_then(|bic| known.by_bic(bic)).map(|view| view.id);
        let creditor_agent = creditor_agent.ok_or_else(|| unknown_creditor_agent("payment/creditor_agent"))?;
        let terms = terms_from((self.debtor, self.creditor), self.purpose, self.document.clone(), known.persons())?;
        Ok((creditor_agent, terms))
    }
}

fn unknown_creditor_agent(field: &'static str) -> Problem {
    Problem::from(Refusal::UnknownParticipant).with_field(field)
}

fn terms_from(
    (debtor, creditor): (Kind, Kind),
    purpose: Option<&str>,
    document: Option<DocumentBody>,
    persons: &HashKey,
) -> Result<Terms, Problem> {
    let purpose = purpose.map(|text| Purpose::parse(text).ok_or_else(|| bad("purpose", "four capitals or digits")));
    let document = document.map(|document| IdentityView {
        is_organisation: false,
        scheme: Some(document.scheme),
        issuer: Some(document.issuer),
        number: document.number,
    });
    Ok(Terms {
        debtor: debtor.into(),
        creditor: creditor.into(),
        purpose: purpose.transpose()?,
        person: document.and_then(|document| terms::person(&document, persons)),
        execute_at: None,
        basis: Basis::Plain,
        pair: None,
        new_payee: false,
    })
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct DocumentBody {
    scheme: String,
    issuer: String,
    number: String,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Person,
    Institution,
}

impl From<Kind> for PartyKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Person => Self::Person,
            Kind::Institution => Self::Institution,
        }
    }
}

/// `GET /v1/rulebook`: the rulebook that holds now; `null` where there is none.
pub(crate) fn rulebook(door: &Door) -> Answer {
    json_reply(200, &door.past.rulebook(door.now()).as_ref().map_or(Value::Null, book_json))
}

/// `POST /v1/what-if`.
pub(crate) fn what_if(door: &Door, request: &Authenticated) -> Result<Answer, Problem> {
    let question = question(door, request)?;
    let mut answer = match door.past.what_if(&question) {
        None => json!({ "corridor": null, "allowed": true, "quotas": [] }),
        Some(Err(rejection)) => json!({ "corridor": null, "allowed": false, "reason": reason_json(rejection), "quotas": [] }),
        Some(Ok(found)) => found_json(&found),
    };
    if let Some(charges) = charges_json(door, &question) {
        answer["charges"] = charges;
    }
    let body = serde_json::to_vec(&answer).expect("values of text and numbers are JSON");
    Ok(door.signed(200, JSON, body, request.digest_field()))
}

fn question(door: &Door, request: &Authenticated) -> Result<Question, Problem> {
    let body: QuestionBody<'_> = read(request.body())?;
    let known = |code| door.hub.registry.currency(code);
    let side = |field, side: &AmountBody<'_>| -> Result<Amount, Problem> {
        amount(field, side.amount, currency(&known, field, side.currency)?)
    };
    let debit = side("debit", &body.debit)?;
    let credit = body.credit.as_ref().map(|credit| side("credit", credit)).transpose()?;
    let creditor_agent = Bic::parse(body.creditor_agent).and_then(|bic| door.hub.registry.by_bic(bic));
    let creditor_agent = creditor_agent.ok_or_else(|| unknown_creditor_agent("creditor_agent"))?;
    let sender = &request.sender().view;
    Ok(Question {
        from: Country::of(sender.bic),
        to: Country::of(creditor_agent.view.bic),
        bank: sender.id,
        debit,
        credit: credit.unwrap_or(debit),
        terms: terms_from((body.debtor, body.creditor), body.purpose, body.document, &door.persons)?,
        time: door.now(),
    })
}

/// What a payment that is accepted now would be charged; `None`: nothing, by no line.
pub(crate) fn charges_json(door: &Door, question: &Question) -> Option<Value> {
    let corridor = door.past.what_if(question).and_then(Result::ok).map(|found| found.corridor);
    let priced = door.past.price(question, corridor)?;
    let (debit, credit) = (question.debit, question.credit);
    let total = debit.minor.checked_add(priced.charges.debtor)?;
    let net = credit.minor.checked_sub(priced.charges.creditor).unwrap_or(MinorUnits::ZERO);
    Some(json!({
        "tariff": priced.tariff,
        "line": priced.code.as_str(),
        "bearer": priced.bearer.iso(),
        "debtor": charge_json(priced.charges.debtor, debit.currency),
        "creditor": charge_json(priced.charges.creditor, credit.currency),
        "debit_total": charge_json(total, debit.currency),
        "credit_net": charge_json(net, credit.currency),
    }))
}

/// `GET /v1/tariff`: the tariff for what is accepted now; `null` where there is none.
pub(crate) fn tariff(door: &Door) -> Answer {
    json_reply(200, &door.past.tariff(door.now()).as_ref().map_or(Value::Null, tariff_json))
}

fn tariff_json(tariff: &Tariff) -> Value {
    json!({
        "version": tariff.version,
        "effective_from": rfc3339(tariff.effective_from),
        "lines": tariff.lines.iter().map(line_json).collect::<Vec<_>>(),
    })
}

fn line_json(line: &TariffLine) -> Value {
    let amount = |minor, price: &Price| Amount { minor, currency: price.currency }.to_string();
    let price = |price: &Price| {
        json!({
            "currency": price.currency.code.as_str(),
            "flat": amount(price.flat, price),
            "ppm": price.ppm,
            "min": amount(price.min, price),
            "max": (price.max.0 < u64::MAX).then(|| amount(price.max, price)),
        })
    };
    json!({
        "code": line.code.as_str(),
        "corridor": line.corridor.map(|code| code.as_str().to_owned()),
        "debtor": line.debtor.map(kind_word),
        "creditor": line.creditor.map(kind_word),
        "purposes": purposes(&line.purposes),
        "bearer": line.bearer.iso(),
        "prices": line.prices.iter().map(price).collect::<Vec<_>>(),
    })
}

fn found_json(found: &WhatIf) -> Value {
    let mut value = json!({
        "corridor": found.corridor.as_str(),
        "allowed": found.rejection.is_none(),
        "quotas": found.quotas.iter().map(quota_json).collect::<Vec<_>>(),
    });
    if let Some(until) = found.waits_until {
        value["waits_until"] = rfc3339(until).into();
    }
    if let Some(rejection) = found.rejection {
        value["reason"] = reason_json(rejection);
    }
    value
}

fn reason_json(rejection: clearing::Rejection) -> Value {
    json!({ "iso": rejection.iso_reason().to_string(), "code": rejection.code(), "text": rejection.to_string() })
}

fn quota_json(quota: &QuotaView) -> Value {
    let number = |value: u64| match quota.currency {
        Some(currency) => Amount::from_minor(value, currency).to_string(),
        None => value.to_string(),
    };
    json!({
        "limit": quota.limit.as_str(),
        "per": scope_word(quota.scope),
        "currency": quota.currency.map(|currency| currency.code.as_str().to_owned()),
        "used": number(quota.used),
        "remaining": number(quota.remaining()),
        "most": number(quota.most),
    })
}

fn book_json(book: &Rulebook) -> Value {
    json!({
        "version": book.version,
        "effective_from": rfc3339(book.effective_from),
        "corridors": book.corridors.iter().map(corridor_json).collect::<Vec<_>>(),
        "reference_rates": book.reference_rates.iter().map(|rate| json!({
            "from": rate.from.as_str(), "to": rate.to.as_str(), "rate": rate.rate.to_string(),
        })).collect::<Vec<_>>(),
    })
}

fn corridor_json(corridor: &Corridor) -> Value {
    let country = |country: Option<Country>| country.map(|country| String::from_utf8_lossy(&country.0).into_owned());
    json!({
        "code": corridor.code.as_str(),
        "from": country(corridor.from),
        "to": country(corridor.to),
        "debtor": corridor.debtor.map(kind_word),
        "creditor": corridor.creditor.map(kind_word),
        "purposes": purposes(&corridor.purposes),
        "currencies": corridor.currencies.iter().map(|(debit, credit)| format!("{debit}/{credit}")).collect::<Vec<_>>(),
        "hours": hours_json(&corridor.hours),
        "outside_hours": match corridor.outside_hours {
            OutsideHours::Reject => "reject",
            OutsideHours::Queue => "queue",
        },
        "limits": corridor.limits.iter().map(limit_json).collect::<Vec<_>>(),
    })
}

fn hours_json(hours: &Hours) -> Value {
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    json!({
        "utc_offset_minutes": hours.utc_offset_minutes,
        "opens": clock(hours.opens),
        "closes": clock(hours.closes),
        "weekdays": (0..7).map(|day| hours.weekdays >> day & 1 == 1).collect::<Vec<_>>(),
        "closed_days": hours.closed_days.iter().map(|&day| rfc3339(clearing::Time(u64::from(day) * 86_400_000_000_000))[..10].to_owned())
            .collect::<Vec<_>>(),
    })
}

fn limit_json(limit: &Limit) -> Value {
    let most = match limit.most {
        Most::Amount { currency, minor } => {
            json!({ "currency": currency.code.as_str(), "amount": Amount::from_minor(minor.0, currency).to_string() })
        }
        Most::Payments(most) => json!({ "payments": most }),
    };
    json!({ "code": limit.code.as_str(), "per": scope_word(limit.scope), "most": most, "exempt": purposes(&limit.exempt) })
}

fn purposes(all: &[Purpose]) -> Vec<&str> {
    all.iter().map(Purpose::as_str).collect()
}

const fn kind_word(kind: PartyKind) -> &'static str {
    match kind {
        PartyKind::Person => "person",
        PartyKind::Institution => "institution",
    }
}

const fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::Payment => "payment",
        Scope::PerBank(Period::Day) => "bank_day",
        Scope::PerBank(Period::Year) => "bank_year",
        Scope::AcrossBanks(Period::Day) => "person_day",
        Scope::AcrossBanks(Period::Year) => "person_year",
    }
}
