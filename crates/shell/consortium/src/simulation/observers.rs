//! Nodes without a vote: they follow the same chain through everything, and are never heard among the votes.

use super::cluster::{Cluster, VALIDATORS};
use super::runs::{link, run, told};
use chain::Hash;
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::ed25519::PublicKey;
use commonware_glue::simulate::action::{Action, Crash, Schedule};
use commonware_glue::simulate::engine::EngineDefinition as _;
use commonware_p2p::simulated::Link;
use commonware_utils::probability;
use ordering::{fsck, read_blocks};
use std::sync::Arc;
use std::time::Duration;

/// Every observer has the validators' chain to this height at least, and none ever said anything where votes are said.
fn followed(cluster: &Cluster, height: u64) {
    let told = told(cluster);
    for observer in VALIDATORS..cluster.keys.len() {
        let mut here: Vec<Hash> = Vec::new();
        read_blocks(&cluster.disks[observer], 1, |header, _| {
            here.push(header.hash());
            true
        })
        .unwrap();
        assert!(here.len() as u64 > height, "observer {observer} has {} blocks", here.len());
        assert!(told.chain.values().zip(&here).all(|(known, here)| known == here), "observer {observer} has another chain");
        assert_eq!(told.votes.get(&observer), None, "observer {observer} spoke where votes are said");
    }
    for validator in 0..VALIDATORS {
        assert!(told.votes.get(&validator).is_some_and(|&votes| votes > 0), "validator {validator} votes, and it is counted");
    }
}

#[test]
fn an_observer_follows_and_never_votes() {
    let cluster = Cluster::of(6, 1 << 20);
    run(&cluster, 5, 100, None, false);
    followed(&cluster, 100);
    let settled = fsck(Arc::new(cluster.disks[VALIDATORS].clone()), true).unwrap();
    assert!(settled.payments > 0, "there was something to follow");
}

#[test]
fn an_observer_that_joins_epochs_later_gets_to_the_same_chain() {
    let cluster = Cluster::of(5, 17);
    let late = Crash::DelayRound {
        participants: vec![cluster.participants()[VALIDATORS].clone()],
        round: Round::new(Epoch::new(3), View::new(5)),
    };
    run(&cluster, 2, 110, Some(late), false);
    followed(&cluster, 110);
}

#[test]
fn an_observer_is_cut_off_while_epochs_pass_and_crashes_and_returns() {
    let cluster = Cluster::of(5, 20);
    let nodes = cluster.participants();
    let observer = &nodes[VALIDATORS];
    let dead = Link { latency: Duration::from_millis(5), jitter: Duration::ZERO, success_rate: probability!(0.0) };
    let mut schedule = Schedule::new();
    for validator in &nodes[..VALIDATORS] {
        schedule = cut(schedule, validator, observer, &dead);
        schedule = cut(schedule, observer, validator, &dead);
    }
    schedule = schedule
        .at(Duration::from_secs(9), Action::Heal(link(0.9)))
        .at(Duration::from_secs(11), Action::Crash(observer.clone()))
        .at(Duration::from_secs(15), Action::Restart(observer.clone()));
    run(&cluster, 4, 200, Some(Crash::Schedule(schedule)), true);
    followed(&cluster, 200);
}

fn cut(schedule: Schedule<PublicKey>, from: &PublicKey, to: &PublicKey, link: &Link) -> Schedule<PublicKey> {
    let (from, to, link) = (from.clone(), to.clone(), link.clone());
    schedule.at(Duration::from_secs(2), Action::UpdateLink { from, to, link })
}

#[test]
fn everybody_crashes_in_turn_and_the_observer_as_well() {
    let cluster = Cluster::of(5, 17);
    let crash = Crash::Random { frequency: Duration::from_secs(1), downtime: Duration::from_millis(600), count: 1 };
    run(&cluster, 1, 60, Some(crash), true);
    followed(&cluster, 60);
}

#[test]
fn a_forged_certificate_is_refused_and_its_sender_shut_out() {
    let cluster = Cluster::of(5, 1 << 20).lied_to();
    run(&cluster, 6, 80, None, false);
    followed(&cluster, 80);
    let nodes = cluster.participants();
    let (observer, liar) = (nodes[VALIDATORS].clone(), nodes[VALIDATORS + 1].clone());
    let blocked = &told(&cluster).blocked;
    assert!(blocked.contains(&(observer, liar.clone())), "the observer went on listening to who lied to it");
    assert!(blocked.iter().all(|(_, shut_out)| *shut_out == liar), "an honest node was shut out");
}
