//! Orders of two officers, as the model reads the rules: both officers, two of them, still valid, once.

use super::{Expected, Model};
use clearing::{Command, Order, SetNodes};
use std::collections::{BTreeMap, BTreeSet};

/// A week: the longest an order may be valid.
const VALID_MOST_NS: u64 = 7 * 86_400 * 1_000_000_000;

/// What is remembered of governance.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders {
    officers: BTreeSet<[u8; 32]>,
    carried_out: BTreeMap<[u8; 16], Order>,
    nodes_version: u64,
}

impl Model {
    /// The first officers come with the chain.
    pub(super) fn appoint_first(&mut self, keys: impl Iterator<Item = [u8; 32]>) -> Result<Expected, &'static str> {
        if !self.orders.officers.is_empty() {
            return Err("CLR-1034");
        }
        self.orders.officers.extend(keys);
        Ok(Expected::Done)
    }

    pub(super) fn order(&mut self, order: &Order) -> Result<Expected, &'static str> {
        let [first, second] = &order.officers;
        if first == second || !self.orders.officers.contains(first) || !self.orders.officers.contains(second) {
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
        let done = match &*order.does {
            Command::SetNodes(set) => self.set_nodes(set)?,
            Command::AppointOfficers(officers) if officers.len() < 2 => return Err("CLR-1035"),
            Command::AppointOfficers(officers) => {
                self.orders.officers = officers.iter().map(|officer| officer.key).collect();
                Expected::Done
            }
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
