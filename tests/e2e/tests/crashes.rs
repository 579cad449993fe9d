//! kill -9 at random moments under load: every payment that was acknowledged is there, none twice, and both banks agree
//! with the centre to the cent. `LUOHU_KILLS` says how often; 100 unless it is set.

use anyhow::{Context, Result, ensure};
use e2e::{Chance, Load, Node, compare, inboxes_agree, kills, minor};
use std::time::{Duration, Instant};

#[test]
fn nothing_acknowledged_is_lost_and_nothing_happens_twice() -> Result<()> {
    let mut node = Node::without_banks()?;
    let (mut debtor_agent, mut creditor_agent) = node.two_banks()?;
    let before = (minor(&debtor_agent.available("settlement", "HKD")?)?, minor(&creditor_agent.available("settlement", "HKD")?)?);
    let cursor = creditor_agent.whole_inbox(0)?.last().map_or(0, |item| item.cursor);
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
    compare(&sent, &credited)?;

    let moved: u64 = sent.values().filter(|sent| sent.end.as_deref() == Some("ACSC")).map(|sent| sent.minor).sum();
    let after = (minor(&debtor_agent.available("settlement", "HKD")?)?, minor(&creditor_agent.available("settlement", "HKD")?)?);
    ensure!(before.0 - after.0 == moved, "the centre took {} from the debtor agent, which knows of {moved}", before.0 - after.0);
    ensure!(after.1 - before.1 == moved, "the centre gave {} to the creditor agent, which knows of {moved}", after.1 - before.1);
    inboxes_agree(&mut debtor_agent, &mut creditor_agent, &sent)?;
    node.stop()?;
    let report = node.fsck()?;
    println!("{kills} kills, {} payments, HKD {}.{:02} moved; fsck: {}", sent.len(), moved / 100, moved % 100, report.trim());
    ensure!(sent.len() as u64 > kills, "only {} payments in {kills} lives: that was no load", sent.len());
    Ok(())
}
