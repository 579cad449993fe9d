//! Validators that join, leave, change their keys, or lose their journals.

use super::cluster::Cluster;
use super::runs::{run, told};
use super::scheme::order;
use chain::{Certificate, Validators};
use clearing::{ChainNode, Command, SetNodes};
use commonware_glue::simulate::action::{Action, Crash, Schedule};
use commonware_glue::simulate::engine::EngineDefinition as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const NAMESPACE: &str = "luohu-simulation";

fn set(cluster: &Cluster, version: u64, voters: &[usize], observers: &[usize]) -> Command {
    let node = |votes| {
        move |&at: &usize| ChainNode {
            key: cluster.key(at),
            name: format!("operator {at}"),
            address: format!("10.0.0.{at}:7000"),
            votes,
        }
    };
    let nodes = voters.iter().map(node(true)).chain(observers.iter().map(node(false))).collect();
    Command::SetNodes(SetNodes { version, nodes })
}

/// Every certificate an operator still remembers.
fn certificates(cluster: &Cluster, of: usize) -> Vec<Certificate> {
    let remembered = cluster.certificates.lock().unwrap()[&of].clone();
    let last = *told(cluster).chain.keys().next_back().unwrap();
    let mut found: Vec<_> =
        (1..=last).filter_map(|height| remembered.finality(height)).map(|finality| finality.certificate).collect();
    found.dedup();
    found
}

/// Who signed, by the operators' numbers.
fn signers(cluster: &Cluster, certificate: &Certificate, validators: &Validators) -> Vec<usize> {
    let keys = validators.at(certificate.epoch).unwrap();
    let number = |key: &[u8; 32]| (0..cluster.keys.len()).find(|&at| cluster.key(at) == *key).unwrap();
    certificate.signatures.iter().map(|(at, _)| number(&keys[usize::from(*at)])).collect()
}

/// One operator joins, and an epoch later another leaves; payments go on, and each certificate is of its epoch's validators.
#[test]
fn validators_join_and_leave_between_two_epochs() {
    for seed in 0..2 {
        let mut cluster = Cluster::of(5, 17);
        let orders =
            [(20, order(1, set(&cluster, 1, &[0, 1, 2, 3, 4], &[]))), (40, order(2, set(&cluster, 2, &[1, 2, 3, 4], &[0])))];
        cluster.orders = Arc::new(BTreeMap::from(orders));
        let crash = Crash::Random { frequency: Duration::from_secs(2), downtime: Duration::from_millis(500), count: 1 };
        run(&cluster, seed, 130, Some(crash), true);
        let list = cluster.validators();
        let mut voted = [false; 5];
        for certificate in certificates(&cluster, 2) {
            certificate.verify(&list).unwrap_or_else(|error| panic!("seed {seed}, epoch {}: {error}", certificate.epoch));
            if certificate.epoch >= 3 {
                signers(&cluster, &certificate, &list).into_iter().for_each(|at| voted[at] = true);
            }
        }
        assert!(voted[4] && !voted[0], "seed {seed}: {voted:?}");
        assert!(told(&cluster).evidence.is_empty());
        assert!(told(&cluster).settled > 0);
    }
}

/// An operator changes its key: the old one is gone from the next epoch on, the new one votes.
#[test]
fn a_key_is_changed_between_two_epochs() {
    let mut cluster = Cluster::of(5, 17);
    cluster.orders = Arc::new(BTreeMap::from([(20, order(1, set(&cluster, 1, &[0, 1, 2, 4], &[])))]));
    run(&cluster, 5, 90, None, false);
    let list = cluster.validators();
    let certificates = certificates(&cluster, 0);
    assert!(certificates.last().unwrap().epoch >= 4);
    certificates.iter().for_each(|certificate| certificate.verify(&list).unwrap());
    // Three that voted before as well are a quorum of either: whose fourth voter signed is told apart.
    let first = Validators::new(NAMESPACE, (0..4).map(|at| cluster.key(at)));
    let by_new = certificates.iter().filter(|certificate| signers(&cluster, certificate, &list).contains(&4));
    assert!(by_new.clone().count() > 0, "the new key never signed");
    by_new.for_each(|certificate| assert!(certificate.verify(&first).is_err(), "the old validators cannot vouch for it"));
}

/// A validator that lost its voting journals follows without a vote until the next epoch, then votes again; nobody is
/// convicted.
#[test]
fn a_validator_without_its_journals_waits_for_the_next_epoch() {
    for seed in 0..2 {
        let cluster = Cluster { forgetful: Some(2), ..Cluster::new(40) };
        let node = cluster.participants()[2].clone();
        let schedule = Schedule::new()
            .at(Duration::from_secs(1), Action::Crash(node.clone()))
            .at(Duration::from_millis(1300), Action::Restart(node));
        // The margin for clocks is some seconds: several epochs pass.
        run(&cluster, seed, 300, Some(Crash::Schedule(schedule)), false);
        let list = cluster.validators();
        let epochs: BTreeMap<u64, bool> = certificates(&cluster, 0).iter().fold(BTreeMap::new(), |mut voted, certificate| {
            *voted.entry(certificate.epoch).or_default() |= signers(&cluster, certificate, &list).contains(&2);
            voted
        });
        // It voted, was silent for an epoch or more, and voted again.
        let voted: Vec<bool> = epochs.into_values().collect();
        let silent = voted.iter().position(|voted| !voted).unwrap_or(voted.len());
        assert!(voted[0] && voted[silent..].contains(&true), "seed {seed}: voted by epoch {voted:?}");
        assert!(told(&cluster).evidence.is_empty());
    }
}
