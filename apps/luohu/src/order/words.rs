//! Orders in words, for people who are about to sign them.

use chain::Hash;
use clearing::{Command, CoolingRule, FundDirection, ParticipantStatus, Price, SchemeTerms, TariffLine};
use money::{Amount, Currency, MinorUnits};

/// What a command does.
pub fn of(command: &Command) -> String {
    match command {
        Command::Configure(settings) => format!("set the scheme's times: {settings:?}"),
        Command::OpenLedger(currency) => format!("open a ledger in {} with {} decimals", currency.code, currency.exponent),
        Command::RegisterParticipant(register) => {
            let currencies: Vec<_> = register.currencies.iter().map(|code| code.as_str()).collect();
            let exchange = if register.provides_exchange { ", provides exchange" } else { "" };
            let key = Hash(register.key);
            format!("register {} ({}), key {key}, in {}{exchange}", register.bic, register.name, currencies.join(" "))
        }
        Command::Fund(fund) => {
            let way = match fund.direction {
                FundDirection::In => "onto",
                FundDirection::Out => "off",
            };
            let (amount, currency) = (fund.amount.0, fund.currency);
            format!(
                "{amount} minor units of {currency} {way} the {:?} account of participant {}",
                fund.purpose, fund.participant.0
            )
        }
        Command::SetStatus { participant, status } => match status {
            ParticipantStatus::Live => format!("let participant {} send and receive again", participant.0),
            ParticipantStatus::Suspended => format!("suspend participant {}", participant.0),
            ParticipantStatus::Left => format!("participant {} leaves the scheme", participant.0),
            ParticipantStatus::Applied
            | ParticipantStatus::Certified
            | ParticipantStatus::ReceiveOnly
            | ParticipantStatus::SendOnly => format!("set participant {} {}", participant.0, status.name()),
        },
        Command::Arrange(arrangement) => super::affairs::arrangement_words(arrangement),
        Command::Notice(notice) => super::affairs::notice_words(notice),
        Command::Broadcast(broadcast) => format!("tell all participants {}: {}", broadcast.event.as_str(), broadcast.text),
        Command::AppointOfficers(officers) => {
            let all: Vec<_> =
                officers.iter().map(|officer| format!("{} {} ({})", officer.name, Hash(officer.key), officer.roles)).collect();
            format!("make these, and nobody else, officers: {}", all.join("; "))
        }
        Command::SetReturnTerms(terms) => super::affairs::return_terms_words(terms),
        Command::SetNodes(set) => {
            let node = |node: &clearing::ChainNode| {
                let what = if node.votes { "validator" } else { "observer" };
                format!("{what} {} at {} {}", node.name, node.address, Hash(node.key))
            };
            let all: Vec<_> = set.nodes.iter().map(node).collect();
            format!("nodes, version {}, from the next epoch on: {}", set.version, all.join("; "))
        }
        Command::SetRulebook(book) => {
            let names: Vec<_> = book.corridors.iter().map(|corridor| corridor.code.as_str()).collect();
            let from = gateway::rfc3339(book.effective_from);
            format!("rulebook, version {}, from {from} on, with the corridors {}", book.version, names.join(", "))
        }
        Command::Settle(command) => super::affairs::settlement_words(command),
        Command::Sponsorship(command) => super::sponsor::words(command),
        Command::Day(command) => super::days::words(command),
        Command::SchemeTerms(terms) => scheme_terms(terms),
        Command::Order(_)
        | Command::Cancel { .. }
        | Command::Return(_)
        | Command::Recall(_)
        | Command::AnswerRecall(_)
        | Command::ReportPosting(_)
        | Command::OfferRate(_)
        | Command::PublishRate(_)
        | Command::RequestQuote(_)
        | Command::Pay(_)
        | Command::Answer(_)
        | Command::ReportCredited { .. }
        | Command::Matter(_) => "nothing that can be ordered".to_owned(),
    }
}

fn scheme_terms(terms: &SchemeTerms) -> String {
    match terms {
        SchemeTerms::Tariff(tariff) => {
            let from = gateway::rfc3339(tariff.effective_from);
            let lines: Vec<_> = tariff.lines.iter().map(tariff_line).collect();
            format!("tariff, version {}, for what is accepted from {from} on: {}", tariff.version, lines.join("; "))
        }
        SchemeTerms::CoolingOff(terms) => {
            let rule = |rule: &CoolingRule| {
                let from = Amount { minor: rule.from, currency: rule.currency };
                let corridor = rule.corridor.map_or("any corridor".to_owned(), |code| code.to_string());
                format!("{corridor} from {} {from} on {} s", rule.currency.code, rule.wait_ns / 1_000_000_000)
            };
            let rules: Vec<_> = terms.rules.iter().map(rule).collect();
            let review_s = terms.review_wait_ns / 1_000_000_000;
            format!("first payments to a payee wait: {}; what risk would review waits {review_s} s", rules.join(", "))
        }
        SchemeTerms::Preauths(terms) => {
            let most = |(currency, most): &(Currency, MinorUnits)| {
                format!(", {} {} at most", currency.code, Amount { minor: *most, currency: *currency })
            };
            let amounts: String = terms.amounts.iter().map(most).collect();
            format!("pre-authorisations for {} days at most, in {} captures{amounts}", terms.days_max, terms.captures_max)
        }
        SchemeTerms::Reviews(terms) => {
            format!("let creditor agents review settled payments for {} s", terms.review_ns / 1_000_000_000)
        }
    }
}

fn tariff_line(line: &TariffLine) -> String {
    let price = |price: &Price| {
        let amount = |minor| Amount { minor, currency: price.currency };
        let most = if price.max.0 == u64::MAX { String::new() } else { format!(" at most {}", amount(price.max)) };
        format!("{} {} + {} ppm, at least {}{most}", price.currency.code, amount(price.flat), price.ppm, amount(price.min))
    };
    let prices: Vec<_> = line.prices.iter().map(price).collect();
    format!("{} ({}) {}", line.code, line.bearer.iso(), if prices.is_empty() { "free".to_owned() } else { prices.join(", ") })
}
