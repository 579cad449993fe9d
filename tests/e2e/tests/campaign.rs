//! A campaign: the node is killed, stopped and cut off behind a bad line while two banks work, its disk fills up, its files
//! rot. After each round everything acknowledged must be there, once, with both banks and the centre agreeing to the cent.
//!
//! `LUOHU_KILLS` says how many kills; 30 unless it is set. `LUOHU_MINUTES` ends it earlier, at the end of a round.
//! `LUOHU_SEED` repeats a campaign's choices, `LUOHU_LIFE_MS` is the longest time between two kills. `cargo xtask campaign`
//! sets them for an hour.

use anyhow::{Context, Result, ensure};
use e2e::{
    Chance, Load, Network, Node, Reckoning, Rotten, SmallDisk, Weather, inboxes_agree, kills, life_ms, minutes, seed, written,
};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Kills of one round.
const KILLS_A_ROUND: u64 = 10;
/// How often the disk fills up: once for so many kills asked for, and at least once.
const KILLS_A_FILLING: u64 = 30;
/// How long payments may take to stop when the disk is full, and to go on when it has room again.
const NOTICED_WITHIN: Duration = Duration::from_secs(60);
/// No payment ends for so long: they are refused.
const STANDSTILL: Duration = Duration::from_secs(1);
const CUT: Weather = Weather { delay_ms: 0, jitter_ms: 0, lost_of_1000: 0, doubled_of_1000: 0, reordered_of_1000: 0, cut: true };

/// What happens besides kills; each once a round.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// SIGSTOP for a while, then SIGCONT.
    Frozen,
    /// Nothing passes either way.
    Partition,
    /// Nothing reaches the node; its answers pass.
    DeafNode,
    /// The node hears, and nothing comes back.
    MuteNode,
    /// The node is killed while it is cut off.
    KilledUnseen,
}

const FAULTS: [Fault; 5] = [Fault::Frozen, Fault::Partition, Fault::DeafNode, Fault::MuteNode, Fault::KilledUnseen];

/// What rots while the node is down; one after the other, one a round.
#[derive(Debug, Clone, Copy)]
enum Rot {
    /// A block.
    Journal,
    /// A signed message.
    Vault,
    /// The newest snapshot.
    Snapshot,
}

const ROTS: [Rot; 3] = [Rot::Journal, Rot::Vault, Rot::Snapshot];

struct Scene {
    network: Network,
    node: Node,
    chance: Chance,
    life_ms: u64,
    kills: u64,
    faults: u64,
    rotten: u64,
    /// How long each start after a kill took until it served, in milliseconds.
    recoveries_ms: Vec<u64>,
}

impl Scene {
    /// Delay, jitter, loss, doubles and overtaking, drawn anew.
    fn weather(&mut self) -> Weather {
        Weather {
            delay_ms: self.chance.below(8),
            jitter_ms: self.chance.below(8),
            lost_of_1000: self.chance.below(30),
            doubled_of_1000: self.chance.below(20),
            reordered_of_1000: self.chance.below(50),
            cut: false,
        }
    }

    fn new_weather(&mut self) {
        let (there, back) = (self.weather(), self.weather());
        self.network.set(there, back);
    }

    fn kill(&mut self) -> Result<()> {
        self.node.kill()?;
        self.kills += 1;
        let begun = Instant::now();
        self.node.start().with_context(|| format!("start after kill {}", self.kills))?;
        self.recoveries_ms.push(u64::try_from(begun.elapsed().as_millis())?);
        Ok(())
    }

    fn suffer(&mut self, fault: Fault) -> Result<()> {
        self.faults += 1;
        let open = self.weather();
        match fault {
            Fault::Frozen => {
                self.node.signal("STOP")?;
                pause(&mut self.chance, 500, 2000);
                return self.node.signal("CONT");
            }
            Fault::Partition => self.network.set(CUT, CUT),
            Fault::DeafNode => self.network.set(CUT, open),
            Fault::MuteNode => self.network.set(open, CUT),
            Fault::KilledUnseen => {
                self.network.set(CUT, CUT);
                pause(&mut self.chance, 100, 500);
                self.kill()?;
            }
        }
        pause(&mut self.chance, 500, 2000);
        self.new_weather();
        Ok(())
    }

    /// Kills and faults in a drawn order.
    fn round(&mut self, kills: u64) -> Result<()> {
        let mut faults = FAULTS.to_vec();
        let until = self.kills + kills;
        while self.kills < until || !faults.is_empty() {
            self.new_weather();
            pause(&mut self.chance, 50, self.life_ms);
            let left = faults.len() as u64;
            if left > 0 && (self.kills >= until || self.chance.below(3) == 0) {
                let at = usize::try_from(self.chance.below(left))?;
                let fault = faults.swap_remove(at);
                self.suffer(fault).with_context(|| format!("{fault:?}"))?;
            } else {
                self.kill()?;
            }
        }
        self.network.set(Weather::default(), Weather::default());
        Ok(())
    }

    /// The node is down. A bit of one of its files changes; that is found and named, and the documented repair mends it.
    fn rot(&mut self, rot: Rot) -> Result<()> {
        self.rotten += 1;
        let found = match rot {
            Rot::Journal => {
                let files = self.node.files("journal-")?;
                let file = &files[usize::try_from(self.chance.below(files.len() as u64))?];
                let rotten = Rotten::flip_one(file, written(file)?, &mut self.chance)?;
                let refused = self.node.refuses_to_start()?;
                ensure!(refused.contains(&rotten.name()), "a start does not name {}: {refused}", rotten.name());
                (rotten, "CHN-01")
            }
            // Of the file with the most in it the first half: what lies at a file's end may belong to no block.
            Rot::Vault => {
                let mut files = Vec::new();
                for file in self.node.files("vault-")? {
                    files.push((written(&file)?, file));
                }
                let (bytes, file) = files.iter().max().context("no vault")?;
                (Rotten::flip_one(file, bytes / 2, &mut self.chance)?, "VLT-01")
            }
            Rot::Snapshot => return self.rot_snapshot(),
        };
        let (rotten, law) = found;
        let said = self.node.fsck().err().with_context(|| format!("fsck did not see that {} rots", rotten.name()))?;
        let said = format!("{said:#}");
        ensure!(said.contains(law) && said.contains(&rotten.name()), "fsck does not name {law} and {}: {said}", rotten.name());
        rotten.restore()?;
        self.node.fsck().context("with the copy put back")?;
        self.node.start()
    }

    /// A snapshot is a shortcut: a damaged one is named and passed over, and mends itself by being written anew.
    fn rot_snapshot(&mut self) -> Result<()> {
        let files = self.node.files("snapshot-")?;
        let file = files.last().context("an orderly stop leaves a snapshot")?;
        let bytes = std::fs::metadata(file)?.len();
        let rotten = Rotten::flip_one(file, bytes, &mut self.chance)?;
        self.node.start().context("with a damaged snapshot")?;
        let said = self.node.log();
        ensure!(said.contains("snapshot is damaged"), "a start does not say that {} is damaged: {said}", rotten.name());
        Ok(())
    }
}

fn pause(chance: &mut Chance, least_ms: u64, most_ms: u64) {
    std::thread::sleep(Duration::from_millis(least_ms + chance.below(most_ms - least_ms)));
}

#[test]
fn killed_frozen_and_cut_off_behind_a_bad_line_nothing_is_lost_or_doubled() -> Result<()> {
    let (seed, wanted, minutes, life_ms) = (seed(0xca_3a19), kills(30), minutes(), life_ms(900));
    println!("LUOHU_SEED={seed} LUOHU_KILLS={wanted} LUOHU_MINUTES={minutes} LUOHU_LIFE_MS={life_ms}");
    let network = Network::open(seed)?;
    let mut node = Node::without_banks()?;
    node.move_behind(&network)?;
    let (debtor_agent, creditor_agent) = node.two_banks()?;
    let patience = Duration::from_secs(30);
    let (mut debtor_agent, mut creditor_agent) = (debtor_agent.with_patience(patience), creditor_agent.with_patience(patience));
    let chance = Chance::new(seed);
    let mut scene = Scene { network, node, chance, life_ms, kills: 0, faults: 0, rotten: 0, recoveries_ms: Vec::new() };
    let (begun, mut all, mut rounds, mut cursors) = (Instant::now(), BTreeMap::new(), 0, [0; 2]);
    while scene.kills < wanted && begun.elapsed() < Duration::from_secs(minutes * 60) {
        let reckoning = Reckoning::open([&mut debtor_agent, &mut creditor_agent], cursors)?;
        cursors = reckoning.cursors();
        let load = Load::start(&debtor_agent, &creditor_agent, cursors[1]);
        let outcome = scene.round(KILLS_A_ROUND.min(wanted - scene.kills));
        let books = load.finish();
        outcome?;
        let (sent, credited) = books?;
        reckoning.close([&mut debtor_agent, &mut creditor_agent], &sent, &credited)?;
        all.extend(sent);
        scene.node.stop()?;
        scene.node.fsck()?;
        let rot = ROTS[rounds % ROTS.len()];
        scene.rot(rot).with_context(|| format!("{rot:?}"))?;
        rounds += 1;
        let (carried, lost) = scene.network.packets();
        println!(
            "round {rounds}: {} kills (serving again after ms: {}), {} other faults, {} files rotten, {} payments, {carried} packets \
             carried, {lost} lost, {:.0} s",
            scene.kills,
            quantiles(&mut scene.recoveries_ms),
            scene.faults,
            scene.rotten,
            all.len(),
            begun.elapsed().as_secs_f64()
        );
        ensure!(lost > 0, "the line lost nothing: that was no bad line");
    }
    inboxes_agree([&mut debtor_agent, &mut creditor_agent], [0; 2], &all).context("read again from the beginning")?;
    ensure!(all.len() as u64 > scene.kills, "only {} payments in {} lives: that was no load", all.len(), scene.kills);
    Ok(())
}

fn quantiles(numbers: &mut [u64]) -> String {
    numbers.sort_unstable();
    let at = |per_cent: usize| numbers.get(numbers.len().saturating_sub(1) * per_cent / 100).copied().unwrap_or(0);
    format!("median {}, p99 {}, longest {}", at(50), at(99), at(100))
}

#[test]
fn a_disk_that_fills_up_under_load_loses_nothing_and_is_started_from() -> Result<()> {
    let fillings = kills(30).div_ceil(KILLS_A_FILLING);
    let disk = SmallDisk::mount(96)?;
    let mut node = Node::without_banks_in(Some(disk.data()))?;
    let (mut debtor_agent, mut creditor_agent) = node.two_banks()?;
    let reckoning = Reckoning::open([&mut debtor_agent, &mut creditor_agent], [0; 2])?;
    let load = Load::start(&debtor_agent, &creditor_agent, reckoning.cursors()[1]);
    let mut outcome = Ok(());
    for filling in 1..=fillings {
        outcome = fill_and_relieve(&disk, &mut node, &mut debtor_agent, &load).with_context(|| format!("filling {filling}"));
        if outcome.is_err() {
            break;
        }
    }
    let books = load.finish();
    outcome?;
    let (sent, credited) = books?;
    let moved = reckoning.close([&mut debtor_agent, &mut creditor_agent], &sent, &credited)?;
    node.stop()?;
    node.fsck()?;
    println!("the disk was full {fillings} times, {} payments, {moved} minor units moved", sent.len());
    Ok(())
}

/// Full, payments end no more and reads go on; killed and started while it is full, it serves; with room, it goes on.
fn fill_and_relieve(disk: &SmallDisk, node: &mut Node, bank: &mut e2e::Participant, load: &Load) -> Result<()> {
    disk.fill()?;
    let (until, mut last) = (Instant::now() + NOTICED_WITHIN, (Instant::now(), load.acknowledged()));
    while last.0.elapsed() < STANDSTILL {
        ensure!(Instant::now() < until, "payments go on on a full disk");
        std::thread::sleep(Duration::from_millis(20));
        if load.acknowledged() != last.1 {
            last = (Instant::now(), load.acknowledged());
        }
    }
    ensure!(node.is_running(), "it ended: {}", node.log());
    ensure!(bank.get("/v1/accounts")?.status == 200, "reads do not go on");
    node.kill()?;
    node.start().context("while the disk is full")?;
    ensure!(bank.get("/v1/accounts")?.status == 200, "reads do not go on after a start");
    disk.relieve()?;
    let until = Instant::now() + NOTICED_WITHIN;
    while load.acknowledged() == last.1 {
        ensure!(Instant::now() < until, "payments do not go on with room on the disk");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[test]
fn a_banks_rotten_books_are_refused_by_name_and_mended_by_their_copy() -> Result<()> {
    let mut node = Node::with_banks()?;
    node.stop()?;
    let books = node.data.join("banks/HARBHKHHXXX/books.redb");
    let rotten = Rotten::flip_each(&books, b"\"sign_in\"").context("customers in the books")?;
    let refused = node.refuses_to_start()?;
    ensure!(refused.contains("Harbour Bank") && refused.contains("books"), "a start does not name the books: {refused}");
    rotten.restore()?;
    node.start().context("with the copy put back")?;
    node.stop()
}
