//! Roles: what an officer may sign, and how officers are written with theirs.
//!
//! [`Command::if_ordered`](crate::Command::if_ordered) says which kind of order needs which role. Officers appointed before there
//! were roles hold all that sign ([`Roles::SIGNING`]), and are written as they were: a chain from then keeps its bytes.
//!
//! # Not here
//! Who signed: whoever takes an order in checks that, and `governance` that both are officers.

use crate::codec::{put_text, take, take_text};
use crate::{Clearing, DecodeError, Officer, PublicKey, Refusal};

/// What an officer is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OfficerRole {
    /// Participants and nodes: who takes part, and what it may do.
    Membership,
    /// Funding, liquidity, settlement agents.
    Money,
    /// The rulebook, the tariff, the terms and times of the scheme.
    Rules,
    /// Word to all participants.
    Communications,
    /// Who the officers are, and with which keys and roles.
    Security,
    /// Reads, and signs nothing.
    Auditor,
}

impl OfficerRole {
    /// All of them, in the order of their bits.
    pub const ALL: [Self; 6] = [Self::Membership, Self::Money, Self::Rules, Self::Communications, Self::Security, Self::Auditor];

    /// Stable name, as files and records show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Membership => "membership",
            Self::Money => "money",
            Self::Rules => "rules",
            Self::Communications => "communications",
            Self::Security => "security",
            Self::Auditor => "auditor",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// On disk, for ever.
    const fn bit(self) -> u8 {
        match self {
            Self::Membership => 1,
            Self::Money => 1 << 1,
            Self::Rules => 1 << 2,
            Self::Communications => 1 << 3,
            Self::Security => 1 << 4,
            Self::Auditor => 1 << 5,
        }
    }
}

impl core::fmt::Display for OfficerRole {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Roles(u8);

impl Roles {
    /// Every role that signs: what an officer holds of whom nothing else is said.
    pub const SIGNING: Self = Self(0b01_1111);
    const KNOWN: u8 = 0b11_1111;

    /// These.
    pub fn of(roles: &[OfficerRole]) -> Self {
        Self(roles.iter().fold(0, |bits, role| bits | role.bit()))
    }

    /// Whether a role is among them.
    pub const fn holds(self, role: OfficerRole) -> bool {
        self.0 & role.bit() != 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = OfficerRole> {
        OfficerRole::ALL.into_iter().filter(move |role| self.holds(*role))
    }

    /// At least one; and who audits does nothing that is audited.
    pub fn is_valid(self) -> bool {
        self.0 != 0 && (!self.holds(OfficerRole::Auditor) || self == Self::of(&[OfficerRole::Auditor]))
    }
}

impl core::fmt::Display for Roles {
    /// Their names, with a space between them.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.iter().enumerate().try_for_each(|(at, role)| write!(f, "{}{role}", if at == 0 { "" } else { " " }))
    }
}

/// Roles that orders need and fewer than two of these officers hold.
pub fn unmanned(officers: &[Officer]) -> impl Iterator<Item = OfficerRole> {
    let held_by = |role| officers.iter().filter(|officer| officer.roles.holds(role)).count();
    Roles::SIGNING.iter().filter(move |role| held_by(*role) < 2)
}

impl Clearing {
    /// Whether both hold the role.
    pub(crate) fn check_roles(&self, officers: &[PublicKey; 2], role: OfficerRole) -> Result<(), Refusal> {
        let holds = |key: &PublicKey| self.officers().iter().any(|officer| officer.key == *key && officer.roles.holds(role));
        if officers.iter().all(holds) { Ok(()) } else { Err(Refusal::RoleMissing) }
    }
}

/// Whether these can be the officers of a chain, as far as their roles go.
pub(crate) fn check(officers: &[Officer]) -> Result<(), Refusal> {
    if !officers.iter().all(|officer| officer.roles.is_valid()) {
        return Err(Refusal::RolesNotValid);
    }
    // Nobody could order the things of such a role any more; of security, nobody could mend that.
    if unmanned(officers).next().is_some() { Err(Refusal::RoleUnmanned) } else { Ok(()) }
}

/// Officers of whom each holds every role that signs.
pub(crate) const PLAIN_TAG: u8 = 21;
/// Officers with a byte of roles each.
pub(crate) const WITH_ROLES_TAG: u8 = 64;

/// Appends them, the tag first: that of a command and of a block's change alike.
pub(crate) fn encode_officers(officers: &[Officer], out: &mut Vec<u8>) {
    let is_plain = officers.iter().all(|officer| officer.roles == Roles::SIGNING);
    out.push(if is_plain { PLAIN_TAG } else { WITH_ROLES_TAG });
    out.push(officers.len() as u8);
    for officer in officers {
        out.extend_from_slice(&officer.key);
        put_text(out, &officer.name);
        if !is_plain {
            out.push(officer.roles.0);
        }
    }
}

/// Reads what follows the tag.
pub(crate) fn decode_officers(tag: u8, bytes: &mut &[u8]) -> Result<Vec<Officer>, DecodeError> {
    let is_plain = tag == PLAIN_TAG;
    let [count] = take(bytes)?;
    let officer = |bytes: &mut &[u8]| {
        let (key, name) = (take(bytes)?, take_text(bytes)?);
        let roles = if is_plain { Roles::SIGNING } else { take_roles(bytes)? };
        Ok(Officer { key, name, roles })
    };
    let officers: Vec<Officer> = (0..count).map(|_| officer(bytes)).collect::<Result<_, _>>()?;
    // One encoding each: officers without anything to say of their roles are written without.
    if !is_plain && officers.iter().all(|officer| officer.roles == Roles::SIGNING) {
        return Err(DecodeError::Unknown("roles"));
    }
    Ok(officers)
}

fn take_roles(bytes: &mut &[u8]) -> Result<Roles, DecodeError> {
    let [bits] = take(bytes)?;
    if bits & !Roles::KNOWN == 0 { Ok(Roles(bits)) } else { Err(DecodeError::Unknown("role")) }
}
