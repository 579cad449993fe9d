//! Exchange quotes and standing rates, in JSON.

use crate::auth::Authenticated;
use crate::clock::rfc3339;
use crate::door::Door;
use crate::http::{Answer, JSON};
use crate::refusal::{GatewayRefusal, Problem};
use clearing::{Command, FixedSide, Outcome, ParticipantId, PublishRate, QuoteId, QuoteTerms, RequestQuote, Time};
use money::{Amount, Currency, CurrencyCode, Rate};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Longest time a standing rate may be valid: a day.
const RATE_VALID_S_MAX: u64 = 86_400;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuoteBody<'a> {
    debit_currency: &'a str,
    credit_currency: &'a str,
    fixed: Side,
    amount: &'a str,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Side {
    Debit,
    Credit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateBody<'a> {
    debit_currency: &'a str,
    credit_currency: &'a str,
    rate: &'a str,
    spread_ppm: u32,
    credit_max: &'a str,
    valid_for_s: u64,
}

/// What a quote is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuoteAsked {
    /// What is paid.
    pub debit: Currency,
    /// What arrives.
    pub credit: Currency,
    /// The side whose amount is given.
    pub fixed: FixedSide,
}

/// What a provider offers until further notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateOffered {
    /// What is paid.
    pub debit: Currency,
    /// What arrives.
    pub credit: Currency,
    /// The rate before the spread.
    pub rate: Rate,
    /// Millionths of the debit that the provider earns.
    pub spread_ppm: u32,
    /// Most that one quote gives.
    pub credit_max: Amount,
    /// From 1 to 86,400 seconds.
    pub valid_for_s: u64,
}

/// The scheme's currency under a code.
type Known<'a> = &'a dyn Fn(CurrencyCode) -> Option<Currency>;

/// `POST /v1/quotes`: the best firm quote of all providers.
pub(crate) async fn request(door: &Arc<Door>, request: &Authenticated) -> Result<Answer, Problem> {
    let quote = QuoteId(door.world.uuid().into_bytes());
    let command = quote_command(request.body(), request.sender().id(), quote, &|code| door.hub.registry.currency(code))?;
    match outcome(door, command, request).await? {
        Outcome::Quoted(terms) => {
            let body = serde_json::to_vec(&terms_json(door, &terms)).expect("values of text are JSON");
            Ok(door.signed(200, JSON, body, request.digest_field()))
        }
        Outcome::Refused(refusal) => Err(refusal.into()),
        other @ (Outcome::Done | Outcome::Registered(_) | Outcome::Payment { .. } | Outcome::Waiting { .. }) => {
            unreachable!("a quote request is quoted or refused, not {other:?}")
        }
    }
}

/// `POST /v1/rates`: a provider's standing rate.
pub(crate) async fn publish(door: &Arc<Door>, request: &Authenticated) -> Result<Answer, Problem> {
    let (publish, valid_for_s) = rate_command(request.body(), request.sender().id(), &|code| door.hub.registry.currency(code))?;
    let command = Command::PublishRate(PublishRate { valid_until: door.now().after(valid_for_s * 1_000_000_000), ..publish });
    match outcome(door, command, request).await? {
        Outcome::Done => Ok(door.signed(200, JSON, b"{\"status\":\"published\"}".to_vec(), request.digest_field())),
        Outcome::Refused(refusal) => Err(refusal.into()),
        other @ (Outcome::Quoted(_) | Outcome::Registered(_) | Outcome::Payment { .. } | Outcome::Waiting { .. }) => {
            unreachable!("a rate is published or refused, not {other:?}")
        }
    }
}

/// Reads the body of a quote request.
pub(crate) fn read_quote(body: &[u8], known: Known<'_>) -> Result<QuoteAsked, Problem> {
    let body: QuoteBody<'_> = read(body)?;
    let debit = currency(known, "debit_currency", body.debit_currency)?;
    let credit = currency(known, "credit_currency", body.credit_currency)?;
    let fixed = match body.fixed {
        Side::Debit => FixedSide::Debit(amount("amount", body.amount, debit)?.minor),
        Side::Credit => FixedSide::Credit(amount("amount", body.amount, credit)?.minor),
    };
    Ok(QuoteAsked { debit, credit, fixed })
}

/// Reads the body of a standing rate.
pub(crate) fn read_rate(body: &[u8], known: Known<'_>) -> Result<RateOffered, Problem> {
    let body: RateBody<'_> = read(body)?;
    let debit = currency(known, "debit_currency", body.debit_currency)?;
    let credit = currency(known, "credit_currency", body.credit_currency)?;
    let rate = Rate::parse(body.rate).map_err(|error| bad("rate", error))?;
    if body.valid_for_s == 0 || body.valid_for_s > RATE_VALID_S_MAX {
        return Err(bad("valid_for_s", "from 1 to 86400 seconds"));
    }
    let credit_max = amount("credit_max", body.credit_max, credit)?;
    Ok(RateOffered { debit, credit, rate, spread_ppm: body.spread_ppm, credit_max, valid_for_s: body.valid_for_s })
}

fn quote_command(body: &[u8], debtor_agent: ParticipantId, quote: QuoteId, known: Known<'_>) -> Result<Command, Problem> {
    let QuoteAsked { debit, credit, fixed } = read_quote(body, known)?;
    let (debit_currency, credit_currency) = (debit.code, credit.code);
    Ok(Command::RequestQuote(RequestQuote { quote, debtor_agent, debit_currency, credit_currency, fixed }))
}

/// A rate without its end, and for how many seconds it is to be valid.
fn rate_command(body: &[u8], provider: ParticipantId, known: Known<'_>) -> Result<(PublishRate, u64), Problem> {
    let RateOffered { debit, credit, rate, spread_ppm, credit_max, valid_for_s } = read_rate(body, known)?;
    let (debit_currency, credit_currency, credit_max) = (debit.code, credit.code, credit_max.minor);
    let valid_until = Time(0);
    Ok((PublishRate { provider, debit_currency, credit_currency, rate, spread_ppm, credit_max, valid_until }, valid_for_s))
}

/// The quote request a signed body asks for, as another operator reads it.
pub(crate) fn quote_terms_of(
    body: &[u8],
    debtor_agent: ParticipantId,
    quote: QuoteId,
    known: Known<'_>,
) -> Result<Command, &'static str> {
    quote_command(body, debtor_agent, quote, known).map_err(|_| "the body is no quote request")
}

/// The rate a signed body publishes, as another operator reads it. Its end depends on the clock of the door of entry; it must
/// lie no further ahead of ours than the body asks and messages may be old.
pub(crate) fn rate_of(
    body: &[u8],
    provider: ParticipantId,
    valid_until: Time,
    now: Time,
    known: Known<'_>,
) -> Result<Command, &'static str> {
    let (publish, valid_for_s) = rate_command(body, provider, known).map_err(|_| "the body is no rate")?;
    let latest = now.after((valid_for_s + signing::CREATED_SKEW_S) * 1_000_000_000);
    if valid_until > latest {
        return Err("the rate is valid for longer than was signed");
    }
    Ok(Command::PublishRate(PublishRate { valid_until, ..publish }))
}

async fn outcome(door: &Door, command: Command, request: &Authenticated) -> Result<Outcome, Problem> {
    // Between operators the others check the signed body; a single operator has done so.
    let attachment = door.hub.has_peers().then(|| request.to_vault());
    let pending = door.submit(command, attachment, false)?;
    Ok(pending.outcome.await.map_err(|_| GatewayRefusal::InDoubt)?)
}

pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::from(GatewayRefusal::Json).with_detail(error.to_string()))
}

pub(crate) fn currency(known: Known<'_>, field: &'static str, text: &str) -> Result<Currency, Problem> {
    let code: CurrencyCode = text.parse().map_err(|error| bad(field, error))?;
    known(code).ok_or_else(|| Problem::from(clearing::Refusal::UnknownCurrency).with_field(field))
}

pub(crate) fn amount(field: &'static str, text: &str, currency: Currency) -> Result<Amount, Problem> {
    Amount::parse(text, currency).map_err(|error| bad(field, error))
}

pub(crate) fn bad(field: &'static str, why: impl ToString) -> Problem {
    Problem::from(GatewayRefusal::Json).with_field(field).with_detail(why.to_string())
}

fn terms_json(door: &Door, terms: &QuoteTerms) -> Value {
    let money = |amount: &Amount| json!({ "currency": amount.currency.code.as_str(), "amount": amount.to_string() });
    let provider = door.hub.registry.by_id(terms.provider);
    json!({
        "quote_id": terms.quote.to_string(),
        "provider": provider.map(|provider| provider.view.bic.to_string()),
        "debit": money(&terms.debit),
        "credit": money(&terms.credit),
        "rate": terms.rate.to_string(),
        "principal": terms.principal.to_string(),
        "spread": terms.spread.to_string(),
        "remainder": terms.remainder.to_string(),
        "fees": [],
        "expires_at": rfc3339(terms.expires_at),
        "expires_in_ms": terms.expires_at.0.saturating_sub(door.world.now_ns()) / 1_000_000,
    })
}
