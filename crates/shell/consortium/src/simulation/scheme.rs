//! A toy scheme of messages: a payment is signed by a hash only its debtor agent could have made.

use super::common::{genesis, uetr};
use crate::authorise::{Authorise, Known, Unauthorised};
use chain::{BlockHeader, Hash, sha256};
use clearing::{
    Clearing, Command, ContentHash, IndexSeed, MessageIdHash, Officer, Order, OrderId, ParticipantId, Pay, Priority,
    RiskDecision, Roles, Terms, Time,
};
use money::{CurrencyCode, MinorUnits};
use ordering::{Attachment, FollowedBlock, encode_body, header_of};

/// Block time of the base: the simulator's clock begins at 1970.
const BASE_TIME: Time = Time(1);

/// An order of the two officers.
pub(super) fn order(n: u8, does: Command) -> Command {
    let officers = [[1; 32], [2; 32]];
    Command::Order(Order { id: OrderId([n; 16]), valid_until: Time(86_400_000_000_000), officers, does: Box::new(does) })
}

/// The first block, the same for everybody: two banks with money, and two officers.
pub(super) fn base() -> (FollowedBlock, BlockHeader) {
    let mut commands = genesis();
    commands.push(Command::AppointOfficers(
        [1, 2].map(|n| Officer { key: [n; 32], name: format!("officer {n}"), roles: Roles::SIGNING }).to_vec(),
    ));
    let body = encode_body(&commands);
    let applied = Clearing::new(IndexSeed(1)).apply_block(BASE_TIME, &commands);
    let header = header_of(Hash::default(), 1, BASE_TIME, &body, commands.len(), &applied);
    let tickets = vec![0; commands.len()];
    (FollowedBlock { header, body, commands, tickets, further: Vec::new(), attachments: Vec::new() }, header)
}

/// Payment `n` of an operator's door.
pub(super) fn payment(door: u64, n: u64) -> Command {
    let id = uetr(door << 32 | n);
    let debtor = (n % 2) as u32;
    Command::Pay(Pay {
        uetr: id,
        content: ContentHash([7; 32]),
        message_id: MessageIdHash(id.0),
        debtor_agent: ParticipantId(debtor),
        creditor_agent: ParticipantId(1 - debtor),
        debit: MinorUnits(100 + n),
        debit_currency: CurrencyCode::HKD,
        quote: None,
        priority: Priority::Normal,
        accepted_at: Time(u64::MAX / 2),
        risk: RiskDecision::PASS,
        terms: Terms::default(),
    })
}

/// The "signature" over a command.
pub(super) fn message(command: &Command) -> Attachment {
    let mut bytes = b"secret of the sender".to_vec();
    command.encode(&mut bytes);
    sha256(&bytes).0.as_slice().into()
}

/// Every command that moves money must come with its message.
#[derive(Debug)]
pub(super) struct Signed;

impl Authorise for Signed {
    fn needs_message(&self, command: &Command) -> bool {
        matches!(command, Command::Pay(_) | Command::Answer(_) | Command::ReportCredited { .. } | Command::Order(_))
    }

    fn authorise(&self, command: &Command, given: Option<&[u8]>, _: &Known) -> Result<(), Unauthorised> {
        let good = given.is_some_and(|given| given == &*message(command));
        if good { Ok(()) } else { Err(Unauthorised("the message does not say so")) }
    }

    fn belongs(&self, command: &Command, given: &[u8]) -> bool {
        given == &*message(command)
    }
}
