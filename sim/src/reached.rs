//! What a run can reach: each kind of event, each rejection, each refusal; and what the recorded stories must reach.
//!
//! A file lists what they do not reach and why. It may only get shorter: what is missing and not listed fails, and so does what
//! is listed and was reached.

use anyhow::{Context, Result, bail};
use clearing::{Arranged, DayEvent, EventKind, Refusal, Rejection};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Names of what was reached: event names, rejection and refusal codes.
pub type Marks = BTreeSet<&'static str>;

/// Names each kind of event; the compiler asks for new ones.
macro_rules! register {
    ($($pattern:pat => $name:literal,)*) => {
        const EVENTS: &[&str] = &[$($name),*];

        /// The stable name of an event.
        pub fn event_name(kind: &EventKind) -> &'static str {
            match kind {
                $($pattern => $name,)*
            }
        }
    };
}

register! {
    EventKind::LedgerOpened(_) => "ledger-opened",
    EventKind::ParticipantRegistered { .. } => "participant-registered",
    EventKind::StatusChanged { .. } => "status-changed",
    EventKind::Funded { .. } => "funded",
    EventKind::RatePublished { .. } => "rate-published",
    EventKind::QuoteIssued(_) => "quote-issued",
    EventKind::PaymentHeld(_) => "payment-held",
    EventKind::PaymentSettled(_) => "payment-settled",
    EventKind::PaymentRejected(_) => "payment-rejected",
    EventKind::PaymentCredited(_) => "payment-credited",
    EventKind::OrderCarriedOut { .. } => "order-carried-out",
    EventKind::OfficersAppointed(_) => "officers-appointed",
    EventKind::NodesSet(_) => "nodes-set",
    EventKind::PaymentWaiting(_) => "payment-waiting",
    EventKind::RulebookSet(_) => "rulebook-set",
    EventKind::Letter(_) => "letter",
    EventKind::Settlement(_) => "settlement",
    EventKind::PaymentReturned(_) => "payment-returned",
    EventKind::Recall(_) => "recall",
    EventKind::SchemeTermsSet(_) => "scheme-terms-set",
    EventKind::PaymentReviewed(_) => "payment-reviewed",
    EventKind::Matter(_) => "matter",
    EventKind::Sponsorship(_) => "sponsorship",
    EventKind::Day(DayEvent::Calendar(_)) => "day-calendar",
    EventKind::Day(DayEvent::Step(_)) => "day-step",
    EventKind::Day(DayEvent::Statements(_)) => "day-statements",
    EventKind::Arranged(Arranged::Applied(_)) => "applied",
    EventKind::Arranged(Arranged::Presence { .. }) => "presence",
    EventKind::Arranged(Arranged::KeysSet { .. }) => "keys-set",
    EventKind::Arranged(Arranged::BreakerSet(_)) => "breaker-set",
    EventKind::Arranged(Arranged::LiquiditySet(_)) => "liquidity-set",
    EventKind::Arranged(Arranged::LiquidityLow { .. }) => "liquidity-low",
    EventKind::Arranged(Arranged::LiquidityRestored { .. }) => "liquidity-restored",
}

/// Everything there is to reach, with words: events, then rejections, then refusals.
pub fn register() -> Vec<(&'static str, String)> {
    let events = EVENTS.iter().map(|name| (*name, "event".to_owned()));
    let rejections = Rejection::ALL.into_iter().map(|rejection| (rejection.code(), rejection.to_string()));
    let refusals = Refusal::ALL.into_iter().map(|refusal| (refusal.code(), refusal.to_string()));
    events.chain(rejections).chain(refusals).collect()
}

/// What is not reached, and why.
///
/// # Errors
/// If the file cannot be read, or names what nobody can reach.
pub fn read_missing(path: &Path) -> Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let rows = lines.map(|line| line.split_once('#').map(|(name, why)| (name.trim().to_owned(), why.trim().to_owned())));
    let rows: BTreeMap<_, _> =
        rows.collect::<Option<_>>().with_context(|| format!("a line of {} has no reason", path.display()))?;
    let known: BTreeSet<_> = register().into_iter().map(|(name, _)| name).collect();
    match rows.keys().find(|name| !known.contains(name.as_str())) {
        Some(unknown) => bail!("{} lists {unknown}, which is neither event, rejection nor refusal", path.display()),
        None => Ok(rows),
    }
}

/// Judges what the recorded stories reached.
///
/// # Errors
/// What is missing and not listed, or listed and reached.
pub fn judge(reached: &Marks, path: &Path) -> Result<()> {
    let listed = read_missing(path)?;
    let all = register();
    let missing: Vec<_> = all.iter().map(|(name, _)| *name).filter(|name| !reached.contains(name)).collect();
    println!("the recorded stories reach {} of {} events, rejections and refusals", all.len() - missing.len(), all.len());
    let new: Vec<_> = missing.into_iter().filter(|name| !listed.contains_key(*name)).collect();
    let gone: Vec<_> = listed.keys().filter(|name| reached.contains(name.as_str())).map(String::as_str).collect();
    if !new.is_empty() {
        bail!("no recorded story reaches {}: it takes a seed or plan that does", new.join(", "));
    }
    if !gone.is_empty() {
        bail!("reached and still listed in {}: {}", path.display(), gone.join(", "));
    }
    Ok(())
}

/// The page of what is reached, from the list alone.
pub fn page(missing: &BTreeMap<String, String>) -> String {
    let mut page = String::from(
        "# What the simulator reaches\n\nWritten by `cargo xtask bless`. The plans and seeds that step `sim` plays every time \
         reach every event, rejection\nand refusal of this table but those with a reason. `sim/not-reached.txt` lists these and may \
         only get shorter: the step fails\nwhen one that is not listed is missing, or one that is listed was reached.\n\n| Name | \
         What | Reached |\n|---|---|---|\n",
    );
    for (name, words) in register() {
        let reached = missing.get(name).map_or("yes".to_owned(), |why| format!("no: {why}"));
        page.push_str(&format!("| `{name}` | {words} | {reached} |\n"));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("luohu-reached-{}-{}", std::process::id(), text.len()));
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn what_is_missing_must_be_listed_and_nothing_else() {
        let all: Marks = register().into_iter().map(|(name, _)| name).collect();
        let but_one: Marks = all.iter().copied().filter(|name| *name != "PAY-2011").collect();
        let (nothing, one) = (list("# nothing\n"), list("PAY-2011 # sums end before\n"));
        assert!(judge(&all, &nothing).is_ok() && judge(&but_one, &one).is_ok());
        assert!(judge(&but_one, &nothing).unwrap_err().to_string().contains("PAY-2011"));
        assert!(judge(&all, &one).unwrap_err().to_string().contains("PAY-2011"));
        assert!(judge(&all, &list("PAY-9999 # nobody\n")).is_err());
        assert!(judge(&all, &list("PAY-2011 without a reason\n")).is_err());
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = register().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), register().len());
    }
}
