//! Nodes, participants and officers as files write them: in the chain file, and in what officers order.

use anyhow::{Context, Result};
use chain::key_of_hex;
use clearing::{Bic, ChainNode, Officer, OfficerRole, Roles};
use money::CurrencyCode;
use node::genesis::Member;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::SocketAddr;

/// One node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerSection {
    pub name: String,
    pub key: String,
    pub address: SocketAddr,
    pub votes: bool,
}

/// One participant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberSection {
    pub bic: String,
    pub name: String,
    pub key: String,
    pub provides_exchange: bool,
    pub currencies: Vec<String>,
}

impl PeerSection {
    /// As the chain has it.
    pub fn node(&self) -> Result<ChainNode> {
        let key = key_of_hex(&self.key).with_context(|| format!("key of {}", self.name))?;
        Ok(ChainNode { key, name: self.name.clone(), address: self.address.to_string(), votes: self.votes })
    }
}

impl MemberSection {
    /// As the chain registers it.
    pub fn member(&self) -> Result<Member> {
        let what = || format!("member {}", self.bic);
        let currencies = self.currencies.iter().map(|code| code.parse()).collect::<Result<Vec<CurrencyCode>, _>>();
        Ok(Member {
            bic: Bic::parse(&self.bic).with_context(what)?,
            name: self.name.clone(),
            key: key_of_hex(&self.key).with_context(what)?,
            provides_exchange: self.provides_exchange,
            currencies: currencies.with_context(what)?,
        })
    }
}

/// One officer: `["name", "key"]`, or `["name", "key", ["role", …]]`; without roles it holds all that sign.
#[derive(Debug, Clone, PartialEq)]
pub struct OfficerRow {
    pub name: String,
    pub key: String,
    pub roles: Roles,
}

impl OfficerRow {
    /// Of whom nothing is said but its name and key.
    #[cfg(any(test, feature = "consortium"))]
    pub fn new(name: String, key: String) -> Self {
        Self { name, key, roles: Roles::SIGNING }
    }

    pub fn officer(&self) -> Result<Officer> {
        let key = key_of_hex(&self.key).with_context(|| format!("the key of {} is not 64 hexadecimal digits", self.name))?;
        Ok(Officer { key, name: self.name.clone(), roles: self.roles })
    }
}

impl Serialize for OfficerRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_seq(None)?;
        row.serialize_element(&self.name)?;
        row.serialize_element(&self.key)?;
        if self.roles != Roles::SIGNING {
            row.serialize_element(&self.roles.iter().map(OfficerRole::name).collect::<Vec<_>>())?;
        }
        row.end()
    }
}

impl<'de> Deserialize<'de> for OfficerRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Row;

        impl<'de> Visitor<'de> for Row {
            type Value = OfficerRow;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an officer: [\"name\", \"key\"], or [\"name\", \"key\", [\"role\", …]]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut row: A) -> Result<OfficerRow, A::Error> {
                let (Some(name), Some(key)) = (row.next_element::<String>()?, row.next_element()?) else {
                    return Err(A::Error::custom("an officer has a name and a key"));
                };
                let roles = row.next_element::<Vec<String>>()?.map(|names| roles(&name, &names)).transpose();
                let roles = roles.map_err(A::Error::custom)?.unwrap_or(Roles::SIGNING);
                if row.next_element::<String>()?.is_some() {
                    return Err(A::Error::custom(format!("officer {name}: there is more than name, key and roles")));
                }
                Ok(OfficerRow { name, key, roles })
            }
        }

        deserializer.deserialize_seq(Row)
    }
}

/// The roles of those names.
fn roles(officer: &str, names: &[String]) -> Result<Roles, String> {
    let role = |name: &String| {
        let all = OfficerRole::ALL.map(OfficerRole::name).join(", ");
        OfficerRole::parse(name).ok_or_else(|| format!("officer {officer}: the role {name} is none of {all}"))
    };
    Ok(Roles::of(&names.iter().map(role).collect::<Result<Vec<_>, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct File {
        officers: Vec<OfficerRow>,
    }

    #[test]
    fn officers_are_written_as_they_are_read() {
        let plain = "officers = [[\"Chan\", \"aa\"]]\n";
        let read: File = toml::from_str(plain).unwrap();
        assert_eq!(read.officers, [OfficerRow::new("Chan".into(), "aa".into())]);
        assert_eq!(toml::to_string(&read).unwrap(), plain);
        let with_roles = "officers = [[\"Chan\", \"aa\", [\"money\", \"rules\"]]]\n";
        let read: File = toml::from_str(with_roles).unwrap();
        assert_eq!(read.officers[0].roles, Roles::of(&[OfficerRole::Rules, OfficerRole::Money]));
        assert_eq!(toml::to_string(&read).unwrap(), with_roles);
    }

    #[test]
    fn what_is_wrong_with_an_officer_is_named() {
        let wrong = |row: &str| toml::from_str::<File>(&format!("officers = [{row}]")).unwrap_err().to_string();
        assert!(wrong("[\"Chan\"]").contains("a name and a key"));
        assert!(wrong("[\"Chan\", \"aa\", [\"king\"]]").contains("officer Chan: the role king is none of membership, money"));
        assert!(wrong("[\"Chan\", \"aa\", [], \"x\"]").contains("officer Chan: there is more"));
    }
}
