//! How an operator checks what the others' doors took in: by the message itself, with the function its own door uses.

use clearing::{Bic, Command, Facts, ParticipantId, ParticipantView, PublicKey, Uetr};
use consortium::{Authorise, Known, Unauthorised};
use gateway::{LatePast, proof};
use money::{Currency, CurrencyCode};
use signing::HashKey;
use std::sync::Arc;
use world::SharedWorld;

/// Participants' commands must come with the message they signed, operators' with two officers' signatures.
pub struct SignedMessages {
    /// The scheme's currencies.
    pub currencies: Vec<Currency>,
    /// The chain's name, as orders carry it.
    pub chain: String,
    /// Our clock.
    pub world: SharedWorld,
    /// Names persons whose quotas are counted; the same at all operators.
    pub persons: Arc<HashKey>,
    /// Our own past, once it is there.
    pub past: Arc<LatePast>,
}

struct Met<'a>(&'a Known, &'a SignedMessages);

impl proof::Acquaintance for Met<'_> {
    fn by_id(&self, id: ParticipantId) -> Option<ParticipantView> {
        self.0.by_id(id)
    }
    fn by_bic(&self, bic: Bic) -> Option<ParticipantView> {
        self.0.by_bic(bic)
    }
    fn currency(&self, code: CurrencyCode) -> Option<Currency> {
        self.1.currencies.iter().copied().find(|currency| currency.code == code)
    }
    fn chain(&self) -> &str {
        &self.1.chain
    }
    fn persons(&self) -> &HashKey {
        &self.1.persons
    }
    fn facts(&self, uetr: Uetr) -> Option<Facts> {
        self.1.past.facts(&self.1.persons, uetr)
    }
    fn is_officer(&self, key: &PublicKey) -> bool {
        self.0.is_officer(key)
    }
}

impl Authorise for SignedMessages {
    fn needs_message(&self, _: &Command) -> bool {
        true
    }

    fn authorise(&self, command: &Command, message: Option<&[u8]>, known: &Known) -> Result<(), Unauthorised> {
        if !proof::needs_message(command) {
            return Err(Unauthorised("operators' commands are taken as orders only"));
        }
        let message = message.ok_or(Unauthorised("it comes without its signed message"))?;
        proof::prove(command, message, self.world.now_s(), &Met(known, self)).map_err(Unauthorised)
    }

    fn belongs(&self, command: &Command, message: &[u8]) -> bool {
        proof::belongs(command, message)
    }
}
