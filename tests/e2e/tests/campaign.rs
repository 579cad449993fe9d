//! A campaign: the node is killed, stopped and cut off behind a bad line while two banks work. After each round the line is
//! healed and everything acknowledged must be there, once, with both banks and the centre agreeing to the cent.
//!
//! `LUOHU_KILLS` says how many kills; 30 unless it is set. `LUOHU_SEED` repeats a campaign's choices.

use anyhow::{Context, Result, ensure};
use e2e::{Chance, Load, Network, Node, Participant, Weather, compare, inboxes_agree, kills, minor};
use std::time::{Duration, Instant};

/// Kills of one round.
const KILLS_A_ROUND: u64 = 10;
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

struct Scene {
    network: Network,
    node: Node,
    chance: Chance,
    kills: u64,
    faults: u64,
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

    fn pause(&mut self, least_ms: u64, most_ms: u64) {
        std::thread::sleep(Duration::from_millis(least_ms + self.chance.below(most_ms - least_ms)));
    }

    fn kill(&mut self) -> Result<()> {
        self.node.kill()?;
        self.kills += 1;
        self.node.start().with_context(|| format!("start after kill {}", self.kills))
    }

    fn suffer(&mut self, fault: Fault) -> Result<()> {
        self.faults += 1;
        let open = self.weather();
        match fault {
            Fault::Frozen => {
                self.node.signal("STOP")?;
                self.pause(500, 2000);
                return self.node.signal("CONT");
            }
            Fault::Partition => self.network.set(CUT, CUT),
            Fault::DeafNode => self.network.set(CUT, open),
            Fault::MuteNode => self.network.set(open, CUT),
            Fault::KilledUnseen => {
                self.network.set(CUT, CUT);
                self.pause(100, 500);
                self.kill()?;
            }
        }
        self.pause(500, 2000);
        self.new_weather();
        Ok(())
    }

    /// Kills and faults in a drawn order.
    fn round(&mut self, kills: u64) -> Result<()> {
        let mut faults = FAULTS.to_vec();
        let until = self.kills + kills;
        while self.kills < until || !faults.is_empty() {
            self.new_weather();
            self.pause(50, 900);
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
}

fn balances(debtor_agent: &mut Participant, creditor_agent: &mut Participant) -> Result<(u64, u64)> {
    Ok((minor(&debtor_agent.available("settlement", "HKD")?)?, minor(&creditor_agent.available("settlement", "HKD")?)?))
}

#[test]
fn killed_frozen_and_cut_off_behind_a_bad_line_nothing_is_lost_or_doubled() -> Result<()> {
    let seed = std::env::var("LUOHU_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0xca_3a19);
    let wanted = kills(30);
    println!("LUOHU_SEED={seed} LUOHU_KILLS={wanted}");
    let network = Network::open(seed)?;
    let mut node = Node::without_banks()?;
    node.move_behind(&network)?;
    let (debtor_agent, creditor_agent) = node.two_banks()?;
    let patience = Duration::from_secs(30);
    let (mut debtor_agent, mut creditor_agent) = (debtor_agent.with_patience(patience), creditor_agent.with_patience(patience));
    let mut scene = Scene { network, node, chance: Chance::new(seed), kills: 0, faults: 0 };
    let (begun, mut payments, mut rounds) = (Instant::now(), 0, 0);
    while scene.kills < wanted {
        let before = balances(&mut debtor_agent, &mut creditor_agent)?;
        let cursor = creditor_agent.whole_inbox(0)?.last().map_or(0, |item| item.cursor);
        let load = Load::start(&debtor_agent, &creditor_agent, cursor);
        let outcome = scene.round(KILLS_A_ROUND.min(wanted - scene.kills));
        let books = load.finish();
        outcome?;
        let (sent, credited) = books?;
        compare(&sent, &credited)?;
        let moved: u64 = sent.values().filter(|sent| sent.end.as_deref() == Some("ACSC")).map(|sent| sent.minor).sum();
        let after = balances(&mut debtor_agent, &mut creditor_agent)?;
        ensure!(before.0 - after.0 == moved && after.1 - before.1 == moved, "{before:?} became {after:?}, and {moved} moved");
        inboxes_agree(&mut debtor_agent, &mut creditor_agent, &sent)?;
        scene.node.stop()?;
        scene.node.fsck()?;
        scene.node.start()?;
        payments += sent.len() as u64;
        rounds += 1;
        let (carried, lost) = scene.network.packets();
        println!(
            "round {rounds}: {} kills, {} other faults, {payments} payments, {carried} packets carried, {lost} lost, {:.0} s",
            scene.kills,
            scene.faults,
            begun.elapsed().as_secs_f64()
        );
        ensure!(lost > 0, "the line lost nothing: that was no bad line");
    }
    ensure!(payments > scene.kills, "only {payments} payments in {} lives: that was no load", scene.kills);
    Ok(())
}
