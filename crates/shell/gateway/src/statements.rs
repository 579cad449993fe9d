//! Statements of a participant's own settlement accounts: asked for by `GET` or by `camt.060`, and totals to reconcile with.
//!
//! ```text
//!  GET /v1/reconciliation ─▶ how many entries, and their sums        (totals first)
//!  GET /v1/statement      ─▶ camt.052, camt.053 or camt.054, a page  (then the details)
//!  camt.060               ─▶ the same as signed items of the inbox, all pages
//!  camt.060 with RptgPrd  ─▶ from then on a camt.053 at the end of each business day, in the inbox for good
//! ```
//! Spans are of positions, the chain's own: the same span has the same content and hash for ever. Times are looked up to
//! positions first.
//!
//! # Limits
//! [`PAGE_MAX`] entries a page, and in the statement of a day: whoever had more goes on behind it by `GET`; [`PAGES_MAX`] pages for one `camt.060`, the last of which says that more follow.

use crate::admission::Permit;
use crate::answer;
use crate::auth::Authenticated;
use crate::door::Door;
use crate::http::{Answer, XML, empty, reply};
use crate::lists::{number, time, unescaped};
use crate::reads::{decimal, json_reply};
use crate::refusal::{GatewayRefusal, Problem};
use crate::registry::{LiveItem, Participant};
use crate::transfers::enter;
use crate::wire::{self, Fault};
use clearing::{AskStatements, Bic, BusinessDate, Command, DayCommand, ParticipantId, Position, StatementDue, Time};
use history::{AccountKey, AccountTotals, StatementPage, StatementQuery};
use iso20022::view::{StatementDayView, StatementForm, StatementRequestView};
use money::{Currency, CurrencyCode};
use serde_json::{Value, json};
use std::sync::Arc;

/// Entries of a page, at most and unless asked otherwise.
const PAGE_MAX: u64 = 500;
const PAGE: usize = 100;
/// Pages of one answer to a `camt.060`.
const PAGES_MAX: u32 = 20;
/// How long they wait in the inbox for a reader.
const ANSWER_NS: u64 = 60_000_000_000;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Wish {
    currency: Option<CurrencyCode>,
    after: Option<u64>,
    to: Option<u64>,
    from_time: Option<Time>,
    to_time: Option<Time>,
    form: Option<StatementForm>,
    limit: Option<usize>,
}

/// `GET /v1/statement`: one page.
pub(crate) fn statement(door: &Door, caller: &Participant, query: &str) -> Result<Answer, Problem> {
    let wish = Wish::parse(query)?;
    let code = wish.currency.ok_or_else(|| Problem::from(GatewayRefusal::Parameter).with_field("currency"))?;
    let currency = own_currency(door, caller, code)?;
    let (after, to) = span(door, caller, code, &wish)?;
    let account = AccountKey { participant: caller.id(), currency: code };
    let page = door.past.statement(&StatementQuery { account, after, to, limit: wish.limit.unwrap_or(PAGE) })?;
    let form = wish.form.unwrap_or(StatementForm::Report);
    let number = if wish.after.is_some() && after.0 > 0 { 2 } else { 1 };
    let message = wire::statement(door, caller.view.bic, currency, form, &page, number, None);
    let mut answer = reply(200, XML, message);
    let headers = answer.headers_mut();
    headers.insert("luohu-statement-to", ::http::HeaderValue::from(page.to.0));
    headers.insert("luohu-statement-more", ::http::HeaderValue::from_static(if page.is_cut { "true" } else { "false" }));
    Ok(answer)
}

/// `GET /v1/reconciliation`: totals of one currency or all.
pub(crate) fn reconciliation(door: &Door, caller: &Participant, query: &str) -> Result<Answer, Problem> {
    let wish = Wish::parse(query)?;
    if let Some(field) = [("form", wish.form.is_some()), ("limit", wish.limit.is_some())].iter().find(|(_, given)| *given) {
        return Err(Problem::from(GatewayRefusal::Parameter).with_field(field.0));
    }
    let currencies = match wish.currency {
        Some(code) => vec![code],
        None => caller.view.currencies.clone(),
    };
    let mut accounts = Vec::new();
    for code in currencies {
        let currency = own_currency(door, caller, code)?;
        let (after, to) = span(door, caller, code, &wish)?;
        let account = AccountKey { participant: caller.id(), currency: code };
        accounts.push(totals_json(currency, &door.past.totals(account, after, to)?));
    }
    Ok(json_reply(200, &json!({ "accounts": accounts })))
}

/// `camt.060`: every page as an item of the inbox, each with a signature of its own there.
pub(crate) async fn take(
    door: &Arc<Door>,
    request: &Authenticated,
    asked: &StatementRequestView,
    permit: Permit,
) -> Result<Answer, Problem> {
    let caller = request.sender();
    let bic = caller.view.bic;
    if asked.owner != bic.as_str() {
        return Err(Problem::from(GatewayRefusal::NotSender).with_field("AcctOwnr"));
    }
    if asked.days.is_some() {
        return schedule(door, request, asked, permit).await;
    }
    let code = asked.currency.parse().map_err(|_| Problem::from(GatewayRefusal::Parameter).with_field("Acct/Ccy"))?;
    let currency = own_currency(door, caller, code)?;
    let account = AccountKey { participant: caller.id(), currency: code };
    let (after, to) = asked.span.unwrap_or((0, u64::MAX));
    if after > to {
        return Err(Problem::from(GatewayRefusal::Parameter).with_field("RptgSeq/FrToSeq"));
    }
    let now = door.world.now_ns();
    let mut query = StatementQuery { account, after: Position(after), to: Position(to), limit: PAGE };
    for number in 1..=PAGES_MAX {
        let page = door.past.statement(&query)?;
        let message = wire::statement(door, bic, currency, asked.form, &page, number, None).into();
        let item = LiveItem { message_type: asked.form.message_name(), message, expires_at_ns: now.saturating_add(ANSWER_NS) };
        if !caller.lane.offer(item, now) {
            return Err(GatewayRefusal::Overloaded.into());
        }
        if !page.is_cut {
            break;
        }
        query.after = page.to;
    }
    Ok(empty(202))
}

/// `camt.060` with a period: a statement at the end of each business day from now on.
async fn schedule(
    door: &Arc<Door>,
    request: &Authenticated,
    asked: &StatementRequestView,
    permit: Permit,
) -> Result<Answer, Problem> {
    let bad = |field: &'static str| Problem::from(GatewayRefusal::Parameter).with_field(field);
    let command = ask_command(asked, request.sender().id()).map_err(bad)?;
    match enter(door, request, command, permit).await? {
        None => Ok(empty(202)),
        Some(refusal) => answer::fault(door, request, &Fault::of_code(&asked.message_id, refusal)),
    }
}

/// The command that a request with a period asks for: the same at the door and wherever another operator checks it.
///
/// # Errors
/// The element that is wrong.
pub(crate) fn ask_command(asked: &StatementRequestView, participant: ParticipantId) -> Result<Command, &'static str> {
    let (from, until) = asked.days.as_ref().ok_or("RptgPrd")?;
    let date = |text: &str| BusinessDate::parse(text).ok_or("RptgPrd/FrToDt");
    // A day's statement has one form.
    if asked.form != StatementForm::Statement {
        return Err("ReqdMsgNmId");
    }
    Ok(Command::Day(DayCommand::AskStatements(AskStatements {
        participant,
        currency: asked.currency.parse().map_err(|_| "Acct/Ccy")?,
        from: date(from)?,
        until: until.as_deref().map(date).transpose()?,
        is_ordered: false,
    })))
}

/// The statement of a day that has closed, at its time; the same bytes whenever it is read.
pub(crate) fn of_day(door: &Door, reader: Bic, due: &StatementDue, closed_at: Time) -> Result<Vec<u8>, Problem> {
    let missing = || Problem::from(GatewayRefusal::HistoryUnavailable);
    let owner = door.hub.registry.by_bic(reader).ok_or_else(missing)?;
    let currency = door.hub.registry.currency(due.currency).ok_or_else(missing)?;
    let account = AccountKey { participant: owner.id(), currency: due.currency };
    let query = StatementQuery { account, after: due.after, to: due.to, limit: PAGE_MAX as usize };
    let page = StatementPage { at: closed_at, ..door.past.statement(&query)? };
    let day = StatementDayView { date: due.date.to_string(), sequence: due.sequence };
    Ok(wire::statement(door, reader, currency, StatementForm::Statement, &page, 1, Some(day)))
}

/// A currency the caller settles in.
fn own_currency(door: &Door, caller: &Participant, code: CurrencyCode) -> Result<Currency, Problem> {
    let known = door.hub.registry.currency(code).filter(|_| caller.view.currencies.contains(&code));
    known.ok_or_else(|| {
        Problem::from(GatewayRefusal::Parameter).with_field("currency").with_detail("the caller has no settlement account in it")
    })
}

/// Positions, given as such or found by times.
fn span(door: &Door, caller: &Participant, code: CurrencyCode, wish: &Wish) -> Result<(Position, Position), Problem> {
    let account = AccountKey { participant: caller.id(), currency: code };
    let at = |time: Option<Time>| time.map(|time| door.past.position_before(account, time)).transpose();
    let after = wish.after.map(Position).or(at(wish.from_time)?).unwrap_or(Position(0));
    let to = wish.to.map(Position).or(at(wish.to_time)?).unwrap_or(Position(u64::MAX));
    if after > to {
        return Err(Problem::from(GatewayRefusal::Parameter).with_field("to").with_detail("it lies before the beginning"));
    }
    Ok((after, to))
}

fn totals_json(currency: Currency, found: &AccountTotals) -> Value {
    let amount = |minor: i128| decimal(minor, currency);
    let sum = |minor: u128| decimal(i128::try_from(minor).unwrap_or(i128::MAX), currency);
    json!({
        "currency": currency.code.as_str(),
        "after": found.after.0,
        "to": found.to.0,
        "height": found.height,
        "opening": amount(found.opening),
        "credits": { "count": found.totals.credits, "sum": sum(found.totals.credited) },
        "debits": { "count": found.totals.debits, "sum": sum(found.totals.debited) },
        "closing": amount(found.closing),
    })
}

impl Wish {
    /// Reads a query strictly: what is not known, empty or there twice is refused by its name.
    fn parse(text: &str) -> Result<Self, Problem> {
        let mut wish = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let bad = || Problem::from(GatewayRefusal::Parameter).with_field(name);
            let clashes = match name {
                "from_time" => seen.contains(&"after"),
                "after" => seen.contains(&"from_time"),
                "to_time" => seen.contains(&"to"),
                "to" => seen.contains(&"to_time"),
                _ => false,
            };
            if seen.contains(&name) || clashes {
                return Err(bad().with_detail("it is there twice, as a position or a time"));
            }
            seen.push(name);
            let value = unescaped(value).ok_or_else(bad)?;
            wish.take(name, &value).ok_or_else(bad)?;
        }
        Ok(wish)
    }

    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "currency" => self.currency = Some(value.parse().ok()?),
            "after" => self.after = Some(number(value)?),
            "to" => self.to = Some(number(value)?),
            "from_time" => self.from_time = Some(time(value)?),
            "to_time" => self.to_time = Some(time(value)?),
            "form" => self.form = Some(StatementForm::of_name(value)?),
            "limit" => self.limit = Some(number(value).filter(|limit| (1..=PAGE_MAX).contains(limit))? as usize),
            _ => return None,
        }
        Some(())
    }
}

/// A page as the canonical statement whose hash proves it.
pub(crate) fn canonical(bic: clearing::Bic, currency: Currency, page: &StatementPage) -> chain::Statement {
    let line = |entry: &history::Entry| chain::StatementLine {
        position: entry.position.0,
        height: entry.height,
        is_credit: entry.side == clearing::Side::Credit,
        kind: entry.kind.number(),
        amount_minor: entry.amount.0,
        reference: entry.reference,
    };
    chain::Statement {
        bic: bic.bytes(),
        currency: currency.code.bytes(),
        exponent: currency.exponent,
        after: page.after.0,
        to: page.to.0,
        height: page.height,
        opening: page.opening,
        closing: page.closing,
        lines: page.entries.iter().map(line).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read_strictly() {
        let wish = Wish::parse("currency=HKD&after=7&to_time=2026-03-01T00:00:00Z&form=camt.053.001.08&limit=500").unwrap();
        assert_eq!((wish.after, wish.to, wish.limit), (Some(7), None, Some(500)));
        assert_eq!(wish.form, Some(StatementForm::Statement));
        assert_eq!(wish.to_time, Some(Time(1_772_323_200_000_000_000)));
        for (bad, field) in [
            ("currency=hk", "currency"),
            ("after=-1", "after"),
            ("after=1&after=2", "after"),
            ("after=1&from_time=2026-03-01T00:00:00Z", "from_time"),
            ("to=1&to_time=2026-03-01T00:00:00Z", "to_time"),
            ("form=camt.060.001.05", "form"),
            ("limit=0", "limit"),
            ("limit=501", "limit"),
            ("page=1", "page"),
        ] {
            assert_eq!(Wish::parse(bad).unwrap_err().field.as_deref(), Some(field), "{bad}");
        }
    }
}
