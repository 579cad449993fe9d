//! The runs themselves.

use super::cluster::{Cluster, Told};
use super::common::{MemDisk, Memory};
use crate::block::Block;
use crate::command_id::CommandId;
use clearing::IndexSeed;
use commonware_cryptography::ed25519::PublicKey;
use commonware_glue::simulate::action::{Action, Crash, Schedule};
use commonware_glue::simulate::engine::EngineDefinition as _;
use commonware_glue::simulate::exit::ProcessedHeightAtLeast;
use commonware_glue::simulate::plan::PlanBuilder;
use commonware_p2p::simulated::Link;
use commonware_utils::probability;
use ordering::{Disk as _, Follower, JournalConfig, Making, audit_certificates, encode_body, fsck};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(super) fn link(success: f64) -> Link {
    let success_rate = if success < 1.0 { probability!(0.9) } else { probability!(1.0) };
    Link { latency: Duration::from_millis(5), jitter: Duration::from_millis(3), success_rate }
}

/// Runs one seed to a height and judges what is on the disks.
pub(super) fn run(cluster: &Cluster, seed: u64, height: u64, crash: Option<Crash<PublicKey>>, lossy: bool) -> String {
    let mut plan = PlanBuilder::new(cluster.clone())
        .seed(seed)
        .link(link(if lossy { 0.9 } else { 1.0 }))
        .timeout(Duration::from_secs(600))
        .exit_condition(ProcessedHeightAtLeast::new(height));
    if let Some(crash) = crash {
        plan = plan.crash(crash);
    }
    let begun = std::time::Instant::now();
    let results = plan.run().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    eprintln!("seed {seed}: {} crashes, {:?}", results[0].crashes, begun.elapsed());
    judge(cluster, seed);
    results[0].state.clone()
}

/// Every chain is sound from its first block on, obeys every law, and all are the same as far as they go.
fn judge(cluster: &Cluster, seed: u64) {
    let validators = cluster.validators();
    for disk in &cluster.disks {
        let report = fsck(Arc::new(disk.clone()), true).unwrap();
        assert_eq!(report.broken, [], "seed {seed}");
        let certificates = audit_certificates(disk, &validators).unwrap();
        assert_eq!(certificates.broken, Vec::<String>::new(), "seed {seed}");
        assert!(
            certificates.good > 0 && report.blocks - certificates.covered < 50,
            "seed {seed}: {certificates:?}, {}",
            report.blocks
        );
        every_message_is_there(disk);
    }
}

/// Each operator can show the signed message behind each payment, whoever took it in.
fn every_message_is_there(disk: &MemDisk) {
    let config = JournalConfig { segment_bytes: 256 << 10, vault_bytes: 256 << 10, ..JournalConfig::default() };
    let copy = Arc::new(disk.copy());
    let follower = Follower::open(copy, config, IndexSeed(9), Making::Stepped, |_| Ok(Memory::default())).unwrap();
    for payment in follower.clearing().payments() {
        assert!(follower.message_of(payment.uetr).is_some(), "the message of payment {} is missing", payment.uetr);
    }
}

pub(super) fn told(cluster: &Cluster) -> std::sync::MutexGuard<'_, Told> {
    cluster.told.lock().unwrap()
}

fn refused(cluster: &Cluster, reason: &str) -> u64 {
    cluster.refusals.lock().unwrap().iter().filter_map(|node| node.get().get(reason).copied()).sum()
}

#[test]
fn four_validators_agree_and_every_ticket_is_answered_once() {
    for seed in 0..3 {
        let cluster = Cluster { payments: 40, ..Cluster::new(1 << 20) };
        run(&cluster, seed, 120, None, false);
        let told = told(&cluster);
        // Each payment ends once at each of four validators.
        assert_eq!(told.settled, 4 * 4 * 40, "seed {seed}");
        let tickets = (0..4).flat_map(|door| (1..=40).map(move |n| (door, n)));
        let again = (0..4).flat_map(|door| (2..=40).map(move |n| (door, 1_000_000 + n)));
        for key in tickets.chain(again) {
            assert_eq!(told.answered.get(&key), Some(&1), "seed {seed}, door and ticket {key:?}");
        }
        assert!(told.evidence.is_empty());
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let states: Vec<_> = (0..2).map(|_| run(&Cluster::new(1 << 20), 7, 40, None, true)).collect();
    assert_eq!(states[0], states[1]);
}

#[test]
fn validators_crash_and_return_on_lossy_links() {
    for seed in 0..3 {
        let cluster = Cluster::new(1 << 20);
        let crash = Crash::Random { frequency: Duration::from_secs(2), downtime: Duration::from_millis(700), count: 1 };
        run(&cluster, seed, 120, Some(crash), true);
        assert!(told(&cluster).settled > 0);
    }
}

#[test]
fn epochs_follow_each_other_through_crashes() {
    for seed in 0..3 {
        let cluster = Cluster::new(17);
        let crash = Crash::Random { frequency: Duration::from_secs(1), downtime: Duration::from_millis(600), count: 1 };
        run(&cluster, seed, 90, Some(crash), true);
        assert!(told(&cluster).chain.len() >= 90);
    }
}

#[test]
fn a_cut_cluster_halts_and_heals_and_half_of_it_dies_and_returns() {
    let cluster = Cluster::new(40);
    let nodes = cluster.participants();
    let dead = Link { latency: Duration::from_millis(5), jitter: Duration::ZERO, success_rate: probability!(0.0) };
    let mut schedule = Schedule::new();
    for (from, to) in [(0, 2), (0, 3), (1, 2), (1, 3)] {
        for (from, to) in [(from, to), (to, from)] {
            let (from, to) = (nodes[from].clone(), nodes[to].clone());
            schedule = schedule.at(Duration::from_secs(2), Action::UpdateLink { from, to, link: dead.clone() });
        }
    }
    schedule = schedule.at(Duration::from_secs(8), Action::Heal(link(1.0)));
    for at in [0, 1] {
        schedule = schedule.at(Duration::from_secs(10), Action::Crash(nodes[at].clone()));
    }
    for at in [0, 1] {
        schedule = schedule.at(Duration::from_secs(14), Action::Restart(nodes[at].clone()));
    }
    run(&cluster, 3, 160, Some(Crash::Schedule(schedule)), false);
}

/// Runs with a last validator that changes its proposals, and expects the others to refuse them for `reason`.
fn cheat(reason: &str, distort: impl Fn(Block) -> Block + Send + Sync + 'static) {
    let cluster = Cluster { distort: Some(Arc::new(distort)), ..Cluster::new(1 << 20) };
    run(&cluster, 11, 60, None, false);
    assert!(refused(&cluster, reason) > 0, "{reason}: {:?}", cluster.refusals.lock().unwrap());
    assert!(told(&cluster).settled > 0, "the others go on");
}

fn rebuilt(block: &Block, change: impl FnOnce(&mut chain::BlockHeader)) -> Block {
    let mut header = *block.header();
    change(&mut header);
    Block::assemble(header, block.body().to_vec(), block.commands().to_vec(), block.ids().to_vec(), 1)
}

fn with_command(block: &Block, command: clearing::Command) -> Block {
    let mut commands = block.commands().to_vec();
    commands.push(command);
    let body = encode_body(&commands);
    let ids = CommandId::of_body(&commands);
    let mut header = *block.header();
    header.body = chain::sha256(&body);
    header.body_bytes = body.len() as u32;
    header.command_count = commands.len() as u32;
    Block::assemble(header, body, commands, ids, 1)
}

#[test]
fn a_wrong_state_root_is_refused() {
    cheat("state_root", |block| rebuilt(&block, |header| header.state_root.0[0] ^= 1));
}

#[test]
fn a_wrong_tree_is_refused() {
    cheat("header", |block| rebuilt(&block, |header| header.tree_size += 1));
}

#[test]
fn a_time_from_tomorrow_is_refused() {
    cheat("time_ahead", |block| rebuilt(&block, |header| header.time_ns += 86_400_000_000_000));
}

#[test]
fn a_time_before_the_parents_is_refused() {
    cheat("time_goes_back", |block| rebuilt(&block, |header| header.time_ns = 2));
}

#[test]
fn an_invented_payment_is_refused() {
    cheat("unauthorised", |block| with_command(&block, super::scheme::payment(99, 1)));
}

#[test]
fn a_command_applied_before_is_refused() {
    let known: Mutex<Option<clearing::Command>> = Mutex::new(None);
    cheat("already_applied", move |block| {
        let before =
            known.lock().unwrap().replace(block.commands().first().cloned().unwrap_or_else(|| super::scheme::payment(0, 1)));
        before.map_or(block.clone(), |before| with_command(&block, before))
    });
}

/// What is kept of certificates is judged against the chain: a changed byte, another chain's, a file cut short.
#[test]
fn kept_certificates_are_audited() {
    let cluster = Cluster { payments: 20, ..Cluster::new(1 << 20) };
    run(&cluster, 5, 60, None, false);
    let list = cluster.validators();
    let disk = &cluster.disks[0];
    let name = disk.list().unwrap().into_iter().find(|name| name.starts_with("certificates-")).unwrap();
    let good = audit_certificates(disk, &list).unwrap();
    assert!(good.good > 50 && good.broken.is_empty(), "{good:?}");

    let strangers = chain::Validators::new("luohu-simulation", (0..4).map(|n| [n; 32]));
    assert!(!audit_certificates(disk, &strangers).unwrap().broken.is_empty(), "strangers' word was taken");

    let bytes = disk.open(&name).unwrap().read_all().unwrap();
    let put = |bytes: &[u8]| disk.create(&name).unwrap().write_at(0, bytes).unwrap();
    put(&bytes[..bytes.len() - 5]);
    let cut = audit_certificates(disk, &list).unwrap();
    assert_eq!((cut.good, cut.broken.len()), (good.good - 1, 0), "an unfinished write at the end is nobody's fault");
    // Another operator's certificates over this chain's blocks, moved by one height.
    let mut moved = bytes.clone();
    moved[4] ^= 1;
    put(&moved);
    assert!(audit_certificates(disk, &list).unwrap().good < good.good);
    put(&bytes);
    assert_eq!(audit_certificates(disk, &list).unwrap(), good);
}
