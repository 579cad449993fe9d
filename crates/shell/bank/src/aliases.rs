//! Aliases: customers' own, registered in the scheme's directory; and payees', looked up there before a payment.

use crate::books::records::{Customer, NameCheck, Outgoing, Payee, PayeeAlias};
use crate::books::{Books, BooksError};
use crate::engine::{self, Pause, PayeeAnswer};
use crate::inner::{Inner, Shared};
use crate::order::{Field, FieldFault, Order, OrderFault, TypedOrder};
use crate::service::ServiceError;
use banklink::{ALIAS_CHANGES_MAX, AliasChange, LinkError};
use iso20022::codes::ProxyAccountType;

/// Customers registered at a start: sample banks have few. A bank with more would register each when it changes.
const CUSTOMERS_MAX: usize = 1_000;

/// A payee found by its alias.
pub(crate) struct Found {
    /// The order with bank, account and name filled in.
    pub(crate) typed: TypedOrder,
    pub(crate) alias: PayeeAlias,
    masked_name: String,
    /// Whether the customer gave a name to be checked.
    named: bool,
}

/// Looks up the payee of an order that names one by an alias; `None` if it does not.
pub(crate) async fn find(inner: &Inner, sign_in: &str, typed: &TypedOrder) -> Result<Option<Found>, ServiceError> {
    let Some(alias) = typed.alias() else { return Ok(None) };
    let found = inner.link.look_up_alias(alias, &pseudonym(inner, sign_in)).await.map_err(fault_of)?;
    let named = !typed.name.trim().is_empty();
    let mut filled = TypedOrder { agent: found.agent, payee: found.account, ..typed.clone() };
    if !named {
        // Messages carry names in Latin letters.
        filled.name.clone_from(&found.masked_name);
    }
    // The customer sees it in the script the payee's side writes in, where it has one.
    let shown = match found.masked_name_han {
        Some(han) if filled.agent.get(4..6) == Some("CN") => format!("{han} {}", found.masked_name),
        Some(_) | None => found.masked_name,
    };
    let (warning, cool_off_hours) = (found.warning, found.cool_off_hours);
    let alias = PayeeAlias { text: found.alias, kind: found.kind, warning, cool_off_hours, proof: found.proof };
    Ok(Some(Found { typed: filled, alias, masked_name: shown, named }))
}

/// Who asks, without saying who it is: the same for every question of a customer.
fn pseudonym(inner: &Inner, sign_in: &str) -> String {
    let text = format!("payer {} {sign_in}", inner.config.bic);
    chain::sha256(text.as_bytes()).to_string().chars().take(32).collect()
}

fn fault_of(error: LinkError) -> ServiceError {
    let LinkError::Refused(problem) = &error else { return ServiceError::Centre(error) };
    let fault = match problem.code.as_str() {
        "DIR-1001" => FieldFault::UnknownAlias,
        "DIR-1002" => FieldFault::NotANumber,
        "DIR-1010" | "DIR-1011" => FieldFault::TooManyLookups,
        "DIR-1012" => FieldFault::Blocked,
        _ => return ServiceError::Centre(error),
    };
    OrderFault { field: Field::Payee, fault }.into()
}

/// What is known of the payee's name: asked of its bank, unless the directory has shown it and there is nothing to compare.
pub(crate) async fn check(inner: &Inner, order: &Order, found: Option<&Found>) -> PayeeAnswer {
    match found.filter(|found| !found.named) {
        Some(found) => {
            let account = Some(order.payee.as_str().to_owned());
            PayeeAnswer { check: NameCheck::Shown, masked_name: Some(found.masked_name.clone()), account }
        }
        None => engine::ask_payee(inner, &order.agent, &order.payee, &order.name).await,
    }
}

/// From when on a draft to a payee of the tier `cool_off` may be confirmed.
pub(crate) fn cool_off_until(draft: &Outgoing) -> Option<u64> {
    cool_off_of(&draft.payee, draft.times.drafted_ms)
}

/// The same of a payee, and of when something was drafted for it.
pub(crate) fn cool_off_of(payee: &Payee, drafted_ms: u64) -> Option<u64> {
    let alias = payee.alias.as_ref().filter(|alias| alias.cool_off_hours > 0)?;
    Some(drafted_ms.saturating_add(u64::from(alias.cool_off_hours) * 3_600_000))
}

/// An alias as messages carry it: code of the proxy's type, and text.
pub(crate) fn proxy(alias: &PayeeAlias) -> (String, String) {
    let code = match alias.kind.as_str() {
        "mobile" => ProxyAccountType::Mbno,
        "email" => ProxyAccountType::Emal,
        // A scheme identifier.
        _ => ProxyAccountType::Shid,
    };
    (code.to_string(), alias.text.clone())
}

/// Registers what customers can be paid by, once at each start: what is registered already stays as it is.
pub(crate) async fn register_all(inner: Shared) {
    let mut pause = Pause::new();
    loop {
        match register(&inner).await {
            Ok(()) => return,
            Err(error) if error.retry_later() => pause.wait(error.retry_after_ms()).await,
            Err(error) => {
                tracing::warn!(bank = inner.config.bic, %error, "customers' aliases are not registered");
                return;
            }
        }
    }
}

async fn register(inner: &Inner) -> Result<(), LinkError> {
    let customers = inner.books(|books: &Books| books.customers(CUSTOMERS_MAX)).await.unwrap_or_default();
    let wanted: Vec<(String, AliasChange)> = customers.iter().flat_map(changes_of).collect();
    for batch in wanted.chunks(ALIAS_CHANGES_MAX) {
        let changes: Vec<AliasChange> = batch.iter().map(|(_, change)| change.clone()).collect();
        let outcomes = inner.link.change_aliases(&changes).await?;
        for ((sign_in, change), outcome) in batch.iter().zip(outcomes) {
            match (change, outcome.alias) {
                (AliasChange::Register { alias: None, .. }, Some(drawn)) => keep_scheme_id(inner, sign_in, drawn).await,
                (_, None) => tracing::warn!(bank = inner.config.bic, sign_in, code = outcome.code, "an alias was refused"),
                (_, Some(_)) => {}
            }
        }
    }
    Ok(())
}

/// What a customer is to be paid by. A closed account is registered all the same: its bank says so when it is asked.
fn changes_of(customer: &Customer) -> Vec<(String, AliasChange)> {
    let Some(account) = customer.accounts.first() else { return Vec::new() };
    let register = |alias: Option<String>| AliasChange::Register {
        alias,
        account: account.clone(),
        name: customer.name.clone(),
        name_han: customer.name_zh_hant.clone(),
        company: customer.company,
        default: false,
    };
    let known = [customer.mobile.clone(), customer.email.clone(), customer.scheme_id.clone()].into_iter().flatten().map(Some);
    let drawn = customer.scheme_id.is_none().then_some(None);
    known.chain(drawn).map(|alias| (customer.sign_in.clone(), register(alias))).collect()
}

/// Crash note: an identifier that was drawn and not kept stays registered and unknown to its holder; the next start draws another.
async fn keep_scheme_id(inner: &Inner, sign_in: &str, drawn: String) {
    let name = sign_in.to_owned();
    let kept: Result<(), BooksError> = inner.books(move |books| books.set_scheme_id(&name, &drawn)).await;
    if let Err(error) = kept {
        tracing::error!(bank = inner.config.bic, sign_in, %error, "a scheme identifier could not be kept");
    }
}
