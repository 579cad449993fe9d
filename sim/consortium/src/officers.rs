//! The officers: two people who sign orders, and what they order.

use crate::operator::{Operator, chain_name};
use crate::plan::Ordered;
use clearing::{ChainNode, Command, Officer, OrderId, ParticipantId, ParticipantStatus, Roles, SetNodes, Time};
use gateway::OrderDocument;
use ordering::{OrderedLog as _, Submission};
use signing::{FileSigner, Signer as _};

/// How long an order is valid: longer than a run.
const VALID_NS: u64 = 3_600_000_000_000;

fn signers() -> [FileSigner; 2] {
    [1, 2].map(|n| FileSigner::from_seed(&format!("officer-{n}"), &[n + 60; 32]))
}

/// Who the chain begins with.
pub fn appointed() -> Vec<Officer> {
    let officer = |signer: &FileSigner| Officer { key: signer.public_key(), name: "officer".to_owned(), roles: Roles::SIGNING };
    signers().iter().map(officer).collect()
}

/// What an order says, in the centre's words. `version` is the one the nodes have; `keys` are all operators'.
pub fn command(does: &Ordered, version: u64, keys: &[[u8; 32]]) -> Command {
    match does {
        Ordered::Voters(voters) => {
            let node = |(at, key): (usize, &[u8; 32])| ChainNode {
                key: *key,
                name: format!("operator {at}"),
                address: format!("10.0.0.{at}:7000"),
                votes: voters >> at & 1 == 1,
            };
            Command::SetNodes(SetNodes { version: version + 1, nodes: keys.iter().enumerate().map(node).collect() })
        }
        Ordered::Suspend { bank, suspended } => {
            let status = if *suspended { ParticipantStatus::Suspended } else { ParticipantStatus::Live };
            Command::SetStatus { participant: ParticipantId(*bank as u32), status }
        }
    }
}

/// Both sign, and bring the document to an operator's door. Whether the door took it.
pub fn bring(operator: &Operator, id: [u8; 16], now: Time, does: &Command) -> bool {
    let Some(serving) = operator.running() else { return false };
    let drafted = OrderDocument::draft(&chain_name(), OrderId(id), now.after(VALID_NS), does);
    let mut document = drafted.expect("nodes and status can be ordered");
    for officer in signers() {
        document.sign(&officer).expect("it says what was just put in");
    }
    let order = document.proved(&chain_name()).expect("two officers have signed it");
    let attachment = Some(document.to_text().into_bytes().into());
    serving.node.submit(Submission { ticket: 0, command: Command::Order(order), attachment }).is_ok()
}
