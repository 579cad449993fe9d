//! Exchange quotes and standing rates, in JSON.
//!
//! A provider sees nobody's rate but its own: a quote names the best offer to the debtor agent that asked, and nothing of the
//! others, and what was published is read by nobody.

use crate::auth::Authenticated;
use crate::clock::rfc3339;
use crate::door::Door;
use crate::http::{Answer, JSON};
use crate::proof::Acquaintance;
use crate::refusal::{GatewayRefusal, Problem};
use crate::rules::{DescribedBody, charges_json};
use clearing::{
    Bic, Command, Country, Cover, FixedSide, Improvements, OfferRate, Outcome, ParticipantId, PublishRate, Question, QuoteCap,
    QuoteId, QuoteTerms, Refusal, Relation, RequestQuote, Terms, Tier, Time,
};
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
    /// Whether less is taken where all cannot be had.
    #[serde(default)]
    capped: bool,
    /// The payment it is for: its fees are told, and the rulebook's limits cap it.
    #[serde(default, borrow)]
    payment: Option<DescribedBody<'a>>,
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
    #[serde(default, borrow)]
    tiers: Vec<TierBody<'a>>,
    #[serde(default, borrow)]
    relations: Vec<RelationBody<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierBody<'a> {
    from: &'a str,
    improvement_ppm: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RelationBody<'a> {
    debtor_agent: &'a str,
    improvement_ppm: u32,
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
    let command = quote_command(request.body(), request.sender().id(), quote, &**door)?;
    let cover = if let Command::RequestQuote(asked) = &command { asked.cover } else { None };
    match outcome(door, command, request).await? {
        Outcome::Quoted(terms) => {
            let body = serde_json::to_vec(&terms_json(door, &terms, cover.as_ref())).expect("values of text are JSON");
            Ok(door.signed(200, JSON, body, request.digest_field()))
        }
        Outcome::Refused(refusal) => Err(refusal.into()),
        other @ (Outcome::Done
        | Outcome::Registered(_)
        | Outcome::Payment { .. }
        | Outcome::Waiting { .. }
        | Outcome::Matter { .. }) => {
            unreachable!("a quote request is quoted or refused, not {other:?}")
        }
    }
}

/// `POST /v1/rates`: a provider's standing rate.
pub(crate) async fn publish(door: &Arc<Door>, request: &Authenticated) -> Result<Answer, Problem> {
    let (offer, valid_for_s) = rate_command(request.body(), request.sender().id(), &**door)?;
    let command = offered(offer, door.now().after(valid_for_s * 1_000_000_000));
    match outcome(door, command, request).await? {
        Outcome::Done => Ok(door.signed(200, JSON, b"{\"status\":\"published\"}".to_vec(), request.digest_field())),
        Outcome::Refused(refusal) => Err(refusal.into()),
        other @ (Outcome::Quoted(_)
        | Outcome::Registered(_)
        | Outcome::Payment { .. }
        | Outcome::Waiting { .. }
        | Outcome::Matter { .. }) => {
            unreachable!("a rate is published or refused, not {other:?}")
        }
    }
}

/// Reads the body of a quote request.
pub(crate) fn read_quote(body: &[u8], known: Known<'_>) -> Result<QuoteAsked, Problem> {
    quote_asked(&read(body)?, known)
}

fn quote_asked(body: &QuoteBody<'_>, known: Known<'_>) -> Result<QuoteAsked, Problem> {
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
    rate_offered(&read(body)?, known)
}

fn rate_offered(body: &RateBody<'_>, known: Known<'_>) -> Result<RateOffered, Problem> {
    let debit = currency(known, "debit_currency", body.debit_currency)?;
    let credit = currency(known, "credit_currency", body.credit_currency)?;
    let rate = Rate::parse(body.rate).map_err(|error| bad("rate", error))?;
    if body.valid_for_s == 0 || body.valid_for_s > RATE_VALID_S_MAX {
        return Err(bad("valid_for_s", "from 1 to 86400 seconds"));
    }
    let credit_max = amount("credit_max", body.credit_max, credit)?;
    Ok(RateOffered { debit, credit, rate, spread_ppm: body.spread_ppm, credit_max, valid_for_s: body.valid_for_s })
}

fn quote_command(body: &[u8], debtor_agent: ParticipantId, quote: QuoteId, known: &dyn Acquaintance) -> Result<Command, Problem> {
    let body: QuoteBody<'_> = read(body)?;
    let QuoteAsked { debit, credit, fixed } = quote_asked(&body, &|code| known.currency(code))?;
    let (debit_currency, credit_currency) = (debit.code, credit.code);
    let payment = body.payment.as_ref().map(|payment| payment.terms(known)).transpose()?;
    if payment.is_some() && !body.capped {
        return Err(bad("payment", "a quote for a payment may be capped: `capped` must be true"));
    }
    let cover = body.capped.then(|| match payment {
        Some((creditor_agent, terms)) => Cover { creditor_agent: Some(creditor_agent), terms },
        None => Cover { creditor_agent: None, terms: Terms::default() },
    });
    Ok(Command::RequestQuote(RequestQuote { quote, debtor_agent, debit_currency, credit_currency, fixed, cover }))
}

/// A rate without its end, and for how many seconds it is to be valid.
fn rate_command(body: &[u8], provider: ParticipantId, known: &dyn Acquaintance) -> Result<(OfferRate, u64), Problem> {
    let body: RateBody<'_> = read(body)?;
    let offered = rate_offered(&body, &|code| known.currency(code))?;
    let improvements = improvements(&body, offered.debit, known)?;
    let RateOffered { debit, credit, rate, spread_ppm, credit_max, valid_for_s } = offered;
    let (debit_currency, credit_currency, credit_max) = (debit.code, credit.code, credit_max.minor);
    let valid_until = Time(0);
    let rate = PublishRate { provider, debit_currency, credit_currency, rate, spread_ppm, credit_max, valid_until };
    Ok((OfferRate { rate, improvements }, valid_for_s))
}

fn improvements(body: &RateBody<'_>, debit: Currency, known: &dyn Acquaintance) -> Result<Improvements, Problem> {
    let most = |field, count: usize, most: usize| match count > most {
        true => Err(bad(field, format!("at most {most}"))),
        false => Ok(()),
    };
    most("tiers", body.tiers.len(), Improvements::TIERS_MAX)?;
    most("relations", body.relations.len(), Improvements::RELATIONS_MAX)?;
    let tier = |tier: &TierBody<'_>| {
        Ok(Tier { from: amount("tiers/from", tier.from, debit)?.minor, improvement_ppm: tier.improvement_ppm })
    };
    let relation = |relation: &RelationBody<'_>| {
        let agent = Bic::parse(relation.debtor_agent).and_then(|bic| known.by_bic(bic));
        let agent = agent.ok_or_else(|| Problem::from(Refusal::UnknownParticipant).with_field("relations/debtor_agent"))?;
        Ok(Relation { debtor_agent: agent.id, improvement_ppm: relation.improvement_ppm })
    };
    let mut relations = body.relations.iter().map(relation).collect::<Result<Vec<_>, Problem>>()?;
    relations.sort_by_key(|relation| relation.debtor_agent);
    Ok(Improvements { tiers: body.tiers.iter().map(tier).collect::<Result<_, Problem>>()?, relations })
}

/// A rate without improvements is written as it was before there were any.
fn offered(offer: OfferRate, valid_until: Time) -> Command {
    let rate = PublishRate { valid_until, ..offer.rate };
    match offer.improvements == Improvements::default() {
        true => Command::PublishRate(rate),
        false => Command::OfferRate(OfferRate { rate, improvements: offer.improvements }),
    }
}

/// The quote request a signed body asks for, as another operator reads it.
pub(crate) fn quote_terms_of(
    body: &[u8],
    debtor_agent: ParticipantId,
    quote: QuoteId,
    known: &dyn Acquaintance,
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
    known: &dyn Acquaintance,
) -> Result<Command, &'static str> {
    let (offer, valid_for_s) = rate_command(body, provider, known).map_err(|_| "the body is no rate")?;
    let latest = now.after((valid_for_s + signing::CREATED_SKEW_S) * 1_000_000_000);
    if valid_until > latest {
        return Err("the rate is valid for longer than was signed");
    }
    Ok(offered(offer, valid_until))
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

/// What the payment a quote is for would be charged; nothing where it was not said which.
fn fees(door: &Door, terms: &QuoteTerms, cover: Option<&Cover>) -> Vec<Value> {
    let bic = |id| door.hub.registry.by_id(id).map(|known| known.view.bic);
    let agents = (bic(terms.debtor_agent), cover.and_then(|cover| cover.creditor_agent).and_then(bic));
    let (Some(cover), (Some(debtor), Some(creditor))) = (cover, agents) else { return Vec::new() };
    let question = Question {
        from: Country::of(debtor),
        to: Country::of(creditor),
        bank: terms.debtor_agent,
        debit: terms.debit,
        credit: terms.credit,
        terms: cover.terms,
        time: door.now(),
    };
    charges_json(door, &question).into_iter().collect()
}

fn terms_json(door: &Door, terms: &QuoteTerms, cover: Option<&Cover>) -> Value {
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
        "fees": fees(door, terms, cover),
        "capped": terms.capped.map(|cap| match cap {
            QuoteCap::Provider => "provider",
            QuoteCap::Rulebook => "rulebook",
        }),
        "expires_at": rfc3339(terms.expires_at),
        "expires_in_ms": terms.expires_at.0.saturating_sub(door.world.now_ns()) / 1_000_000,
    })
}
