//! Orders of two officers, as the model reads the rules: both officers, two of them, still valid, once, each with the role it takes.

use super::{Expected, Model};
use clearing::{Arrangement, Command, DayCommand, Officer, OfficerRole, Order, SetNodes};
use std::collections::{BTreeMap, BTreeSet};

/// A week: the longest an order may be valid.
const VALID_MOST_NS: u64 = 7 * 86_400 * 1_000_000_000;

/// What is remembered of governance.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders {
    /// What each of them may sign.
    officers: BTreeMap<[u8; 32], BTreeSet<OfficerRole>>,
    carried_out: BTreeMap<[u8; 16], Order>,
    nodes_version: u64,
}

impl Model {
    /// The first officers come with the chain.
    pub(super) fn appoint_first(&mut self, officers: &[Officer]) -> Result<Expected, &'static str> {
        if !self.orders.officers.is_empty() {
            return Err("CLR-1034");
        }
        self.appoint(officers)
    }

    pub(super) fn order(&mut self, order: &Order) -> Result<Expected, &'static str> {
        let [first, second] = &order.officers;
        if first == second || !self.orders.officers.contains_key(first) || !self.orders.officers.contains_key(second) {
            return Err("CLR-1030");
        }
        if order.valid_until.0 < self.time_ns {
            return Err("CLR-1031");
        }
        if order.valid_until.0 > self.time_ns.saturating_add(VALID_MOST_NS) {
            return Err("CLR-1032");
        }
        // A story lasts minutes: none of its orders is old enough to be forgotten.
        match self.orders.carried_out.get(&order.id.0) {
            Some(known) if known == order => return Ok(Expected::Done),
            Some(_) => return Err("CLR-1033"),
            None => {}
        }
        let holds = |key: &[u8; 32], role| self.orders.officers[key].contains(&role);
        if needed(&order.does).is_some_and(|role| !holds(first, role) || !holds(second, role)) {
            return Err("CLR-1170");
        }
        let done = match &*order.does {
            Command::SetNodes(set) => self.set_nodes(set)?,
            Command::AppointOfficers(officers) => self.appoint(officers)?,
            Command::Broadcast(broadcast) if broadcast.text.trim().is_empty() => return Err("CLR-1043"),
            Command::Broadcast(_) => Expected::Done,
            does @ (Command::Configure(_)
            | Command::OpenLedger(_)
            | Command::RegisterParticipant(_)
            | Command::Fund(_)
            | Command::SetRulebook(_)
            | Command::Settle(_)
            | Command::Arrange(_)
            | Command::Notice(_)
            | Command::SetReturnTerms(_)
            | Command::SchemeTerms(_)
            | Command::Sponsorship(_)
            | Command::Day(_)
            | Command::SetStatus { .. }) => self.apply(does)?,
            Command::Cancel { .. }
            | Command::Return(_)
            | Command::Recall(_)
            | Command::AnswerRecall(_)
            | Command::Matter(_)
            | Command::Order(_)
            | Command::PublishRate(_)
            | Command::RequestQuote(_)
            | Command::Pay(_)
            | Command::Answer(_)
            | Command::ReportCredited { .. }
            | Command::ReportPosting(_)
            | Command::OfferRate(_) => return Err("CLR-1034"),
        };
        self.orders.carried_out.insert(order.id.0, order.clone());
        Ok(done)
    }

    fn appoint(&mut self, officers: &[Officer]) -> Result<Expected, &'static str> {
        if officers.len() < 2 {
            return Err("CLR-1035");
        }
        let audits = |officer: &&Officer| officer.roles.holds(OfficerRole::Auditor);
        let of_nothing = officers.iter().any(|officer| officer.roles.iter().next().is_none());
        if of_nothing || officers.iter().filter(audits).any(|officer| officer.roles.iter().count() > 1) {
            return Err("CLR-1172");
        }
        let signing = OfficerRole::ALL.into_iter().filter(|role| *role != OfficerRole::Auditor);
        for role in signing {
            if officers.iter().filter(|officer| officer.roles.holds(role)).count() < 2 {
                return Err("CLR-1171");
            }
        }
        self.orders.officers = officers.iter().map(|officer| (officer.key, officer.roles.iter().collect())).collect();
        Ok(Expected::Done)
    }

    /// The version the next nodes have.
    pub fn next_nodes(&self) -> u64 {
        self.orders.nodes_version + 1
    }

    fn set_nodes(&mut self, set: &SetNodes) -> Result<Expected, &'static str> {
        if set.version != self.orders.nodes_version + 1 {
            return Err("CLR-1036");
        }
        let keys: BTreeSet<_> = set.nodes.iter().map(|node| node.key).collect();
        if keys.len() != set.nodes.len() || set.nodes.iter().all(|node| !node.votes) {
            return Err("CLR-1037");
        }
        self.orders.nodes_version += 1;
        Ok(Expected::Done)
    }
}

/// The role that both must hold who order it.
fn needed(does: &Command) -> Option<OfficerRole> {
    Some(match does {
        Command::SetStatus { .. } | Command::RegisterParticipant(_) | Command::SetNodes(_) | Command::Notice(_) => {
            OfficerRole::Membership
        }
        Command::Arrange(Arrangement::Apply(_) | Arrangement::SetKey(_)) => OfficerRole::Membership,
        Command::Fund(_) | Command::Settle(_) | Command::Sponsorship(_) | Command::Arrange(Arrangement::SetLiquidity(_)) => {
            OfficerRole::Money
        }
        Command::Configure(_)
        | Command::OpenLedger(_)
        | Command::SetRulebook(_)
        | Command::SetReturnTerms(_)
        | Command::SchemeTerms(_)
        | Command::Day(DayCommand::SetCalendar(_))
        | Command::Arrange(Arrangement::SetBreaker(_)) => OfficerRole::Rules,
        Command::Day(DayCommand::AskStatements(_)) => OfficerRole::Money,
        Command::Broadcast(_) => OfficerRole::Communications,
        Command::AppointOfficers(_) => OfficerRole::Security,
        Command::Cancel { .. }
        | Command::Return(_)
        | Command::Recall(_)
        | Command::AnswerRecall(_)
        | Command::Matter(_)
        | Command::Order(_)
        | Command::PublishRate(_)
        | Command::RequestQuote(_)
        | Command::Pay(_)
        | Command::Answer(_)
        | Command::ReportCredited { .. }
        | Command::ReportPosting(_)
        | Command::OfferRate(_) => return None,
    })
}
