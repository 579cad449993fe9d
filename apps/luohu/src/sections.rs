//! Nodes and participants as files write them: in the chain file, and in what officers order.

use anyhow::{Context, Result};
use chain::key_of_hex;
use clearing::{Bic, ChainNode};
use money::CurrencyCode;
use node::genesis::Member;
use serde::{Deserialize, Serialize};
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
