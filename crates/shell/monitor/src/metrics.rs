//! Metrics in the OpenMetrics text format, from a register that is also the page `docs/metrics.md`.

use crate::facts::{ClassCounts, ConsortiumFacts, ConsortiumRole, Facts, Presence};
use clearing::{AccountPurpose, AccountView};
use core::fmt::Write;

/// One family of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Name of the family; ends in its unit.
    pub name: &'static str,
    /// `counter` or `gauge`.
    pub kind: &'static str,
    /// Labels, in order.
    pub labels: &'static [&'static str],
    /// What it counts.
    pub help: &'static str,
}

const ACCOUNT_LABELS: &[&str] = &["participant", "currency", "purpose"];

/// Every family, in the order they are written.
pub const METRICS: [Metric; 28] = [
    gauge("luohu_up", &[], "1 while payments are taken, 0 after the journal stopped."),
    counter("luohu_payments", &[], "Payments taken in, with those of earlier runs."),
    counter("luohu_payments_settled", &[], "Payments settled, with those of earlier runs."),
    counter("luohu_payments_rejected", &[], "Payments rejected, with those of earlier runs."),
    gauge("luohu_payments_held", &[], "Payments that wait for the creditor agent's answer."),
    gauge("luohu_payments_per_second", &[], "Payments taken in a second, over the last five whole seconds."),
    gauge(
        "luohu_settlement_duration_seconds",
        &["quantile"],
        "Time from taking in to settlement of the last minute's payments, at most 2,000, block time; none without any.",
    ),
    gauge("luohu_chain_height_blocks", &[], "Height of the last durable block."),
    gauge("luohu_chain_time_seconds", &[], "Time of the last durable block, since 1970-01-01 UTC."),
    gauge("luohu_tree_size_payments", &[], "Final payments in the tree under the checkpoint."),
    gauge("luohu_law_holds", &["law"], "1 while a law that is judged all the time holds, 0 while it is broken: call somebody."),
    gauge("luohu_participant_online", &["participant"], "1 while a participant is connected and not suspended."),
    gauge("luohu_account_posted_minor", ACCOUNT_LABELS, "Posted balance of an account in minor units."),
    gauge("luohu_account_held_minor", ACCOUNT_LABELS, "Debits of open holds on an account in minor units."),
    gauge("luohu_account_available_minor", ACCOUNT_LABELS, "What a participant's account has available, in minor units."),
    gauge("luohu_account_cap_minor", ACCOUNT_LABELS, "How far a participant's account may fall below zero, in minor units."),
    gauge(
        "luohu_account_low",
        ACCOUNT_LABELS,
        "1 from when an account's room falls below its floor until it is back at its target.",
    ),
    counter(
        "luohu_door_admitted",
        CLASS_LABELS,
        "Requests taken in at the participants' door since the start, by what they are for.",
    ),
    counter(
        "luohu_door_shed",
        CLASS_LABELS,
        "Requests refused with 503 because of overload since the start: polls go first, answers never.",
    ),
    gauge(
        "luohu_door_limit_requests",
        &[],
        "Requests the door works on at once at most; falls while the wait for durable blocks is too long.",
    ),
    gauge(
        "luohu_consortium_evidence",
        &[],
        "Proofs on this node that a validator contradicted itself, at most 1,000: call the operators of the chain.",
    ),
    gauge("luohu_consortium_epoch", &[], "The epoch under way. None of these for a single node."),
    gauge(
        "luohu_consortium_role",
        &["role"],
        "1 for what this node does in the epoch: `votes`; `silent`, a validator that may have lost its votes; `follows`.",
    ),
    gauge("luohu_consortium_validators", &[], "Validators of the epoch."),
    gauge(
        "luohu_consortium_heard_validators",
        &[],
        "Validators of the epoch whose signature was seen in the last 128 views: call an operator who is missing.",
    ),
    gauge(
        "luohu_consortium_certified_height_blocks",
        &[],
        "Height of the last block whose certificate is kept here: alert when it stands still.",
    ),
    counter(
        "luohu_consortium_refused_blocks",
        &["reason"],
        "Blocks of others this node refused to vote for since its start, by reason; those not shown never happened.",
    ),
    gauge("luohu_door_working_requests", &[], "Requests the door works on now, streams and waits for other banks not counted."),
];

const CLASS_LABELS: &[&str] = &["class"];

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: "gauge", labels, help }
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: "counter", labels, help }
}

/// The page, as it must be committed.
pub fn metrics_page() -> String {
    let mut page = String::from(
        "# Metrics\n\nGenerated from `crates/shell/monitor/src/metrics.rs`; `cargo xtask bless` writes it anew.\n\n\
         The monitor serves them at `/metrics` in the OpenMetrics text format. Counters carry `_total`, as the format wants.\n\
         No metric holds names or account numbers of customers; participants are named by their BIC.\n\n\
         | Metric | Kind | Labels | Meaning |\n|---|---|---|---|\n",
    );
    for metric in &METRICS {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", sample_name(metric), metric.kind, labels.join(", "), metric.help);
    }
    page
}

fn sample_name(metric: &Metric) -> String {
    if metric.kind == "counter" { format!("{}_total", metric.name) } else { metric.name.to_owned() }
}

/// All metrics as they stand.
pub(crate) fn render(facts: &Facts) -> String {
    let mut text = String::new();
    for metric in &METRICS {
        let _ = writeln!(text, "# TYPE {} {}\n# HELP {} {}", metric.name, metric.kind, metric.name, metric.help);
        for (labels, value) in samples(metric.name, facts) {
            let pairs: Vec<_> =
                metric.labels.iter().zip(&labels).map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            let labels = if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) };
            let _ = writeln!(text, "{}{labels} {value}", sample_name(metric));
        }
    }
    text.push_str("# EOF\n");
    text
}

type Samples = Vec<(Vec<String>, String)>;

fn samples(name: &str, facts: &Facts) -> Samples {
    let (all, settled, rejected) = facts.counts;
    let one = |value: u64| vec![(vec![], value.to_string())];
    match name {
        "luohu_up" => one(u64::from(!facts.stopped)),
        "luohu_payments" => one(all),
        "luohu_payments_settled" => one(settled),
        "luohu_payments_rejected" => one(rejected),
        "luohu_payments_held" => one(all.saturating_sub(settled + rejected)),
        "luohu_payments_per_second" => vec![(vec![], format!("{}.{}", facts.rate_tenths / 10, facts.rate_tenths % 10))],
        "luohu_settlement_duration_seconds" => durations(facts),
        "luohu_consortium_evidence" => one(facts.evidence.len() as u64),
        "luohu_consortium_epoch" => consortium(facts, |known| vec![(vec![], known.epoch.to_string())]),
        "luohu_consortium_role" => consortium(facts, roles),
        "luohu_consortium_validators" => consortium(facts, |known| vec![(vec![], known.validators.to_string())]),
        "luohu_consortium_heard_validators" => consortium(facts, |known| vec![(vec![], known.heard.to_string())]),
        "luohu_consortium_certified_height_blocks" => {
            consortium(facts, |known| vec![(vec![], known.certified_height.to_string())])
        }
        "luohu_consortium_refused_blocks" => consortium(facts, |known| {
            known.refusals.iter().map(|(reason, count)| (vec![(*reason).to_owned()], count.to_string())).collect()
        }),
        "luohu_chain_height_blocks" => one(facts.tip.height),
        "luohu_chain_time_seconds" => vec![(vec![], decimal(facts.tip.time.0 / 1000))],
        "luohu_tree_size_payments" => one(facts.tip.size),
        "luohu_law_holds" => {
            facts.laws.iter().map(|status| (vec![status.law.to_owned()], u64::from(status.holds).to_string())).collect()
        }
        "luohu_participant_online" => online(facts),
        "luohu_account_posted_minor" => accounts(facts, |account| Some(account.posted)),
        "luohu_account_held_minor" => accounts(facts, |account| Some(i128::from(account.held_debit))),
        "luohu_account_available_minor" => accounts(facts, |account| account.participant.map(|_| account.available)),
        "luohu_account_cap_minor" => accounts(facts, |account| account.participant.map(|_| i128::from(account.overdraft))),
        "luohu_account_low" => accounts(facts, |account| account.participant.map(|_| i128::from(account.is_low))),
        "luohu_door_admitted" => classes(facts, |class| class.admitted),
        "luohu_door_shed" => classes(facts, |class| class.refused),
        "luohu_door_limit_requests" => one(facts.door.limit),
        "luohu_door_working_requests" => one(facts.door.working),
        other => unreachable!("no metric {other}"),
    }
}

/// Nothing for a single node.
fn consortium(facts: &Facts, samples: impl Fn(&ConsortiumFacts) -> Samples) -> Samples {
    facts.consortium.as_ref().map_or_else(Vec::new, samples)
}

fn roles(known: &ConsortiumFacts) -> Samples {
    let sample = |(role, name): (ConsortiumRole, &str)| (vec![name.to_owned()], u64::from(role == known.role).to_string());
    ConsortiumRole::ALL.into_iter().map(sample).collect()
}

fn classes(facts: &Facts, value: impl Fn(&ClassCounts) -> u64) -> Samples {
    facts.door.classes.iter().map(|class| (vec![class.class.to_owned()], value(class).to_string())).collect()
}

fn durations(facts: &Facts) -> Samples {
    let quantiles = [("0.5", facts.p50_us), ("0.99", facts.p99_us)];
    quantiles.into_iter().filter_map(|(quantile, us)| Some((vec![quantile.to_owned()], decimal(us?)))).collect()
}

/// Microseconds as seconds.
fn decimal(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

fn online(facts: &Facts) -> Samples {
    let value = |presence| u64::from(presence == Presence::Online).to_string();
    facts.banks.iter().map(|bank| (vec![bank.view.bic.to_string()], value(bank.presence))).collect()
}

fn accounts(facts: &Facts, value: impl Fn(&AccountView) -> Option<i128>) -> Samples {
    let owner = |account: &AccountView| {
        let bank = account.participant.and_then(|id| facts.banks.get(id.0 as usize));
        bank.map_or_else(|| "scheme".to_owned(), |bank| bank.view.bic.to_string())
    };
    let purpose = |account: &AccountView| match account.purpose {
        AccountPurpose::Settlement => "settlement",
        AccountPurpose::Exchange => "exchange",
        AccountPurpose::Spread => "spread",
        AccountPurpose::Fees => "fees",
    };
    let labels = |account: &AccountView| vec![owner(account), account.currency.code.to_string(), purpose(account).to_owned()];
    facts.accounts.iter().filter_map(|account| Some((labels(account), value(account)?.to_string()))).collect()
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
