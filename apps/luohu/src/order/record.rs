//! `luohu order list`: every order in the chain, who signed it, with which role and what became of it, from the blocks alone.
//!
//! Orders are numbered from 1 as they come in the chain, refused ones and repetitions with them. The chain only grows, so a
//! number is an order's for ever, and a page that was read stays as it is.

use super::words;
use crate::cli::{OrderListArgs, SettingsArgs};
use crate::config::Config;
use anyhow::{Context, Result, ensure};
use chain::{BlockHeader, Hash};
use clearing::{
    Applied, Clearing, Command, EventKind, IndexSeed, Officer, OfficerRole, Order, OrderId, Outcome, PublicKey, Refusal, Time,
};
use ordering::{RealDisk, read_blocks};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Became {
    CarriedOut,
    /// It had been carried out before: nothing changed.
    Repeated,
    Refused(Refusal),
}

/// An order on record.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    number: u64,
    height: u64,
    time: Time,
    order: Order,
    /// What they were called when they signed; nothing for a key that was nobody's.
    names: [String; 2],
    became: Became,
}

/// Which orders are wanted.
#[derive(Debug, Clone, Default)]
struct Wanted {
    after: u64,
    limit: usize,
    role: Option<OfficerRole>,
    officer: Option<PublicKey>,
    refused_only: bool,
}

/// Reads the record block by block.
#[derive(Debug, Default)]
struct Record {
    names: BTreeMap<PublicKey, String>,
    numbered: u64,
    page: Vec<Entry>,
    /// There is at least one that does not fit on the page.
    more: bool,
}

/// Prints a page of the record. Applies every block again: what became of an order is not written down anywhere else.
pub fn list(settings: &SettingsArgs, args: &OrderListArgs) -> Result<()> {
    let wanted = wanted(args)?;
    let folder = Config::load(settings)?.data.join("centre");
    ensure!(folder.is_dir(), "no chain in {}", folder.display());
    let disk = RealDisk::open(&folder).with_context(|| folder.display().to_string())?;
    let mut clearing = Clearing::new(IndexSeed(0));
    let (mut record, mut wrong) = (Record::default(), None);
    read_blocks(&disk, 1, |header, commands| {
        if !record.block(&mut clearing, &header, &commands, &wanted) {
            wrong = Some(header.height);
        }
        wrong.is_none() && !record.more
    })?;
    ensure!(wrong.is_none(), "block {} does not lead to its state root: luohu fsck --deep says more", wrong.unwrap_or_default());
    for entry in &record.page {
        println!("{}", if args.json { entry.json().to_string() } else { entry.text() });
    }
    if let (true, Some(last)) = (record.more, record.page.last()) {
        eprintln!("there are more: --after {}", last.number);
    }
    Ok(())
}

fn wanted(args: &OrderListArgs) -> Result<Wanted> {
    let role = args.role.as_deref().map(|name| {
        let all = OfficerRole::ALL.map(OfficerRole::name).join(", ");
        OfficerRole::parse(name).with_context(|| format!("--role: {name} is none of {all}"))
    });
    let officer = args
        .officer
        .as_deref()
        .map(|key| chain::key_of_hex(key).with_context(|| format!("--officer: {key} is no key of 64 hexadecimal digits")));
    Ok(Wanted {
        after: args.after,
        limit: usize::from(args.limit),
        role: role.transpose()?,
        officer: officer.transpose()?,
        refused_only: args.refused,
    })
}

impl Wanted {
    fn has(&self, entry: &Entry) -> bool {
        entry.number > self.after
            && self.role.is_none_or(|role| entry.order.does.if_ordered().is_some_and(|orderable| orderable.role == role))
            && self.officer.is_none_or(|key| entry.order.officers.contains(&key))
            && (!self.refused_only || matches!(entry.became, Became::Refused(_)))
    }
}

impl Record {
    /// Applies the next block and takes in its orders. `false`: it does not lead where its header says.
    fn block(&mut self, clearing: &mut Clearing, header: &BlockHeader, commands: &[Command], wanted: &Wanted) -> bool {
        let time = Time(header.time_ns);
        let orders =
            || commands.iter().filter_map(|command| if let Command::Order(order) = command { Some(order) } else { None });
        let mut done: BTreeSet<OrderId> =
            orders().map(|order| order.id).filter(|order| clearing.was_carried_out(*order)).collect();
        let applied = clearing.apply_block(time, commands);
        self.call(&applied);
        for (command, outcome) in commands.iter().zip(&applied.outcomes) {
            let Command::Order(order) = command else { continue };
            let became = match outcome {
                Outcome::Refused(refusal) => Became::Refused(*refusal),
                Outcome::Done
                | Outcome::Registered(_)
                | Outcome::Quoted(_)
                | Outcome::Payment { .. }
                | Outcome::Waiting { .. }
                | Outcome::Matter { .. } => {
                    if done.insert(order.id) {
                        Became::CarriedOut
                    } else {
                        Became::Repeated
                    }
                }
            };
            self.numbered += 1;
            let names = order.officers.map(|key| self.names.get(&key).cloned().unwrap_or_default());
            let entry = Entry { number: self.numbered, height: header.height, time, order: order.clone(), names, became };
            self.enter(entry, wanted);
        }
        applied.state_root == header.state_root
    }

    fn enter(&mut self, entry: Entry, wanted: &Wanted) {
        if !wanted.has(&entry) {
        } else if self.page.len() < wanted.limit {
            self.page.push(entry);
        } else {
            self.more = true;
        }
    }

    /// Those who were officers once keep their names here: what they signed stays on record.
    fn call(&mut self, applied: &Applied) {
        for event in &applied.events {
            if let EventKind::OfficersAppointed(officers) = &event.kind {
                self.names.extend(officers.iter().map(|Officer { key, name, .. }| (*key, name.clone())));
            }
        }
    }
}

impl Entry {
    fn role(&self) -> &'static str {
        self.order.does.if_ordered().map_or("none", |orderable| orderable.role.name())
    }

    fn kind(&self) -> &'static str {
        self.order.does.if_ordered().map_or("none", |orderable| orderable.name)
    }

    fn text(&self) -> String {
        let became = match self.became {
            Became::CarriedOut => "carried out".to_owned(),
            Became::Repeated => "carried out before".to_owned(),
            Became::Refused(refusal) => format!("refused: {} {refusal}", refusal.code()),
        };
        let mut text = format!(
            "{}  {}  block {}  order {}  {became}\n  {} (role {}): {}",
            self.number,
            gateway::rfc3339(self.time),
            self.height,
            self.order.id,
            self.kind(),
            self.role(),
            words::of(&self.order.does)
        );
        for (key, name) in self.order.officers.iter().zip(&self.names) {
            text.push_str(&format!("\n  signed by {} {name}", Hash(*key)));
        }
        text
    }

    fn json(&self) -> serde_json::Value {
        let (outcome, code) = match self.became {
            Became::CarriedOut => ("carried_out", None),
            Became::Repeated => ("repeated", None),
            Became::Refused(refusal) => ("refused", Some(refusal.code())),
        };
        let officers = self.order.officers.iter().zip(&self.names);
        let officers: Vec<_> = officers.map(|(key, name)| json!({ "key": Hash(*key).to_string(), "name": name })).collect();
        json!({
            "number": self.number, "time": gateway::rfc3339(self.time), "height": self.height,
            "order": self.order.id.to_string(), "kind": self.kind(), "role": self.role(),
            "does": words::of(&self.order.does), "officers": officers, "outcome": outcome, "code": code,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearing::{Broadcast, IsoReason, Roles};
    use money::{Currency, CurrencyCode};

    const NOW: Time = Time(1_000_000_000);

    fn officer(n: u8, roles: Roles) -> Officer {
        Officer { key: [n; 32], name: format!("officer {n}"), roles }
    }

    fn order(id: u8, officers: [u8; 2], does: Command) -> Command {
        let officers = officers.map(|n| [n; 32]);
        Command::Order(Order { id: OrderId([id; 16]), valid_until: NOW, officers, does: Box::new(does) })
    }

    /// Two blocks: officers 1 and 2, an auditor 3, a broadcast, its repetition, and one that the auditor signed.
    fn read(wanted: &Wanted) -> Record {
        let ledger = Command::OpenLedger(Currency { code: CurrencyCode::HKD, exponent: 2 });
        let say = || Command::Broadcast(Broadcast { event: IsoReason(*b"CUTO"), text: "closed".into() });
        let (signing, audits) = (Roles::SIGNING, Roles::of(&[OfficerRole::Auditor]));
        let appoint = Command::AppointOfficers(vec![officer(1, signing), officer(2, signing), officer(3, audits)]);
        let first = vec![appoint, order(1, [1, 2], say()), order(1, [1, 2], say())];
        let second = vec![order(2, [1, 3], say()), order(1, [1, 2], say()), order(3, [1, 2], ledger)];
        let (mut clearing, mut record) = (Clearing::new(IndexSeed(0)), Record::default());
        for (height, commands) in (1..).zip([first, second]) {
            let state_root = clearing.clone().apply_block(NOW, &commands).state_root;
            let header = BlockHeader { height, time_ns: NOW.0, state_root, ..header() };
            assert!(record.block(&mut clearing, &header, &commands, wanted));
        }
        record
    }

    fn header() -> BlockHeader {
        BlockHeader {
            height: 0,
            parent: Hash::default(),
            time_ns: 0,
            body: Hash::default(),
            state_root: Hash::default(),
            tree_size: 0,
            tree_root: Hash::default(),
            first_position: 1,
            command_count: 0,
            body_bytes: 0,
        }
    }

    #[test]
    fn every_order_is_told_with_who_signed_it_and_what_became_of_it() {
        let record = read(&Wanted { limit: 10, ..Wanted::default() });
        let told: Vec<_> = record.page.iter().map(|entry| (entry.number, entry.height, entry.role(), entry.became)).collect();
        let refused = Became::Refused(Refusal::RoleMissing);
        assert_eq!(
            told,
            [
                (1, 1, "communications", Became::CarriedOut),
                (2, 1, "communications", Became::Repeated),
                (3, 2, "communications", refused),
                (4, 2, "communications", Became::Repeated),
                (5, 2, "rules", Became::CarriedOut),
            ]
        );
        assert!(!record.more);
        assert_eq!(record.page[2].names, ["officer 1", "officer 3"]);
        assert_eq!(record.page[2].json()["code"], "CLR-1170");
        assert!(record.page[2].text().contains("refused: CLR-1170"));
    }

    #[test]
    fn pages_and_filters_leave_the_numbers_as_they_are() {
        let numbers = |wanted: Wanted| {
            let record = read(&wanted);
            (record.page.iter().map(|entry| entry.number).collect::<Vec<_>>(), record.more)
        };
        assert_eq!(numbers(Wanted { limit: 2, ..Wanted::default() }), (vec![1, 2], true));
        assert_eq!(numbers(Wanted { limit: 3, after: 2, ..Wanted::default() }), (vec![3, 4, 5], false));
        assert_eq!(numbers(Wanted { limit: 9, role: Some(OfficerRole::Rules), ..Wanted::default() }).0, [5]);
        assert_eq!(numbers(Wanted { limit: 9, officer: Some([3; 32]), ..Wanted::default() }).0, [3]);
        assert_eq!(numbers(Wanted { limit: 9, refused_only: true, ..Wanted::default() }).0, [3]);
    }
}
