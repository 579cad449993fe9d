//! kill -9 at random moments under load: every payment that was acknowledged is there, none twice, and both banks agree
//! with the centre to the cent. `LUOHU_KILLS` says how often; 100 unless it is set.

use anyhow::{Context, Result, ensure};
use e2e::{Chance, Load, Node, Reckoning, kills};
use std::time::{Duration, Instant};

#[test]
fn nothing_acknowledged_is_lost_and_nothing_happens_twice() -> Result<()> {
    let mut node = Node::without_banks()?;
    let (mut debtor_agent, mut creditor_agent) = node.two_banks()?;
    let reckoning = Reckoning::open([&mut debtor_agent, &mut creditor_agent], [0; 2])?;
    let cursor = reckoning.cursors()[1];
    let load = Load::start(&debtor_agent, &creditor_agent, cursor);
    let mut chance = Chance::new(0x5eed_10a0);
    let kills = kills(100);
    let started = Instant::now();
    for kill in 1..=kills {
        std::thread::sleep(Duration::from_millis(20 + chance.below(900)));
        node.kill()?;
        node.start().with_context(|| format!("start after kill {kill}"))?;
        if kill % 10 == 0 {
            println!("{kill} kills in {:.0} s, {} payments acknowledged", started.elapsed().as_secs_f64(), load.acknowledged());
        }
    }
    std::thread::sleep(Duration::from_millis(500));
    let (sent, credited) = load.finish()?;
    let moved = reckoning.close([&mut debtor_agent, &mut creditor_agent], &sent, &credited)?;
    node.stop()?;
    let report = node.fsck()?;
    println!("{kills} kills, {} payments, HKD {}.{:02} moved; fsck: {}", sent.len(), moved / 100, moved % 100, report.trim());
    ensure!(sent.len() as u64 > kills, "only {} payments in {kills} lives: that was no load", sent.len());
    Ok(())
}
