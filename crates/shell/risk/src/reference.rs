//! The page `docs/reference/risk-rules.md`, written from the register.

use crate::engine::SCORE_WITHOUT_MATCH_MAX;
use crate::register::{Language, RULES};
use crate::settings::RiskSettings;
use core::fmt::Write;

/// The page, as it must be committed.
pub fn reference_page() -> String {
    let settings = RiskSettings::default();
    let mut page = String::from(
        "# Risk rules\n\nGenerated from `crates/shell/risk/src/register.rs`; `cargo xtask bless` writes it anew.\n\n",
    );
    let _ = writeln!(
        page,
        "A payment's score is the sum of the weights of the rules that fire, each once, and at most 1000. Without RSK-05 it ends\n\
         at {SCORE_WITHOUT_MATCH_MAX}. From `review_at` ({}) on it is shown to the operator for review, from `block_at` ({}) on it is rejected with\n\
         ISO reason RR04. The decision, the score and the bits are in the chain; names and account numbers are not.\n",
        settings.review_at, settings.block_at
    );
    let _ = writeln!(page, "| Bit | Rule | Weight | Name | 名稱 | 名称 |\n|---|---|---|---|---|---|");
    for rule in &RULES {
        let [en, hant, hans] = rule.names;
        let _ = writeln!(page, "| {} | {} | {} | {en} | {hant} | {hans} |", rule.bit, rule.code, rule.weight);
    }
    for rule in &RULES {
        let _ = writeln!(page, "\n## {}: {}\n", rule.code, rule.name(Language::En));
        let texts: Vec<_> = rule.texts.iter().map(|text| format!("- {text}")).collect();
        let _ = writeln!(page, "{}", texts.join("\n"));
    }
    write_settings(&mut page, &settings);
    page
}

fn write_settings(page: &mut String, settings: &RiskSettings) {
    let _ = writeln!(page, "\n## Settings\n\n| Setting | Default | Used by |\n|---|---|---|");
    let seconds = |ns: u64| format!("{} s", ns / 1_000_000_000);
    for (name, value, rules) in [
        ("short window", seconds(settings.short_window_ns), "RSK-01"),
        ("payments in the short window", settings.count_max.to_string(), "RSK-01"),
        ("long window", seconds(settings.long_window_ns), "RSK-02, RSK-07, RSK-09"),
        ("payments just below the limit", settings.structuring_count.to_string(), "RSK-07"),
        ("payments before history counts", settings.history_min.to_string(), "RSK-04"),
        ("accounts remembered", settings.accounts_max.to_string(), "RSK-01, RSK-02, RSK-04, RSK-07"),
        ("pairs of accounts remembered", settings.pairs_max.to_string(), "RSK-03, RSK-09"),
        ("names whose screening is remembered", settings.names_max.to_string(), "RSK-05, RSK-06, RSK-08"),
    ] {
        let _ = writeln!(page, "| {name} | {value} | {rules} |");
    }
    let _ = writeln!(page, "\n| Currency | Sum of the long window (RSK-02) | Limit (RSK-07) |\n|---|---|---|");
    let rows = settings.limits.iter().map(|(code, limits)| (code.to_string(), *limits));
    for (code, limits) in rows.chain([("other".to_owned(), settings.other_limits)]) {
        let _ = writeln!(page, "| {code} | {} | {} |", limits.sum_max, limits.reporting_limit);
    }
    let _ = writeln!(
        page,
        "\nThe account, or pair, not seen for longest is forgotten first. What is remembered starts empty with the process."
    );
}
