//! What a scheme needs before its first payment: ledgers, times, participants, money.

use clearing::{
    AccountPurpose, Bic, Clearing, Command, Fund, FundDirection, Officer, ParticipantId, ParticipantKey, RegisterParticipant,
    Rulebook, Settings, VerifyingKey,
};
use money::{Currency, CurrencyCode, MinorUnits};

/// A participant to register.
#[derive(Debug, Clone)]
pub struct Member {
    /// BIC.
    pub bic: Bic,
    /// Name.
    pub name: String,
    /// Public key.
    pub key: [u8; 32],
    /// Whether it publishes rates.
    pub provides_exchange: bool,
    /// Settlement currencies.
    pub currencies: Vec<CurrencyCode>,
}

/// Commands that bring the centre to what the configuration says; none when it is there already.
pub fn configuration(wanted: Settings, currencies: &[Currency], clearing: &Clearing) -> Vec<Command> {
    let mut commands = Vec::new();
    if clearing.settings() != wanted {
        commands.push(Command::Configure(wanted));
    }
    let open = |code: CurrencyCode| clearing.currencies().iter().any(|currency| currency.code == code);
    let absent = currencies.iter().filter(|currency| !open(currency.code));
    commands.extend(absent.copied().map(Command::OpenLedger));
    commands
}

/// Appoints the first officers, if the chain has none yet.
pub fn officers(wanted: &[Officer], clearing: &Clearing) -> Vec<Command> {
    let first = clearing.officers().is_empty() && !wanted.is_empty();
    if first { vec![Command::AppointOfficers(wanted.to_vec())] } else { Vec::new() }
}

/// The rulebook a chain begins with. Later ones are ordered, and a chain from before there was one goes on without.
pub fn rulebook(wanted: Option<Rulebook>, clearing: &Clearing) -> Vec<Command> {
    let first = wanted.filter(|_| clearing.height() == 0);
    first.map(Command::SetRulebook).into_iter().collect()
}

/// Registers members that are new or changed, and gives new ones their prefunding: once, by its reference.
pub fn members(members: &[Member], clearing: &Clearing) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut next = clearing.participants().count() as u32;
    for member in members {
        let known = clearing.participants().find(|known| known.bic == member.bic);
        let id = known.as_ref().map_or(ParticipantId(next), |known| known.id);
        // Once there is a second key, keys change by orders alone.
        let own = VerifyingKey::Ed25519(member.key);
        let has_another = |keys: &[ParticipantKey]| matches!(keys, [only] if only.number == 1 && only.key != own);
        if known.as_ref().is_none_or(|known| has_another(&known.keys) || known.name != member.name) {
            commands.push(Command::RegisterParticipant(RegisterParticipant {
                bic: member.bic,
                name: member.name.clone(),
                key: member.key,
                provides_exchange: member.provides_exchange,
                currencies: member.currencies.clone(),
            }));
        }
        if known.is_none() {
            next += 1;
            commands.extend(prefunding(member, id));
        }
    }
    commands
}

/// Invented cover of a member: 200 million in each currency, and as much in each pool of an exchange provider.
pub const PREFUNDED_MINOR: u64 = 20_000_000_000;

fn prefunding(member: &Member, id: ParticipantId) -> Vec<Command> {
    let purposes = [Some(AccountPurpose::Settlement), member.provides_exchange.then_some(AccountPurpose::Exchange)];
    let fund = |purpose: AccountPurpose, currency: CurrencyCode| {
        let mut reference = [0; 16];
        reference[..4].copy_from_slice(&id.0.to_le_bytes());
        reference[4..7].copy_from_slice(&currency.bytes());
        reference[7] = purpose as u8 + 1;
        Command::Fund(Fund {
            participant: id,
            currency,
            purpose,
            direction: FundDirection::In,
            amount: MinorUnits(PREFUNDED_MINOR),
            reference,
        })
    };
    purposes
        .into_iter()
        .flatten()
        .flat_map(|purpose| member.currencies.iter().map(move |&currency| fund(purpose, currency)))
        .collect()
}
