//! A payee found by a mobile number, and a file paid to its last line: the built product, from the command line.

use anyhow::{Context, Result, ensure};
use e2e::Node;
use std::process::Output;
use std::time::{Duration, Instant};

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_payee_is_paid_by_its_mobile_number() -> Result<()> {
    let mut node = Node::with_banks()?;
    // Until the banks have registered their customers each look-up is a miss, and misses are dear.
    node.configure("[directory]\nmiss_cost = 1\npayer_lookups_per_hour = 1000000\n")?;
    let folder = tempfile::tempdir()?;
    let (bank, receipt) = (node.bank(0).to_string(), folder.path().join("receipt").to_string_lossy().into_owned());
    let pay = ["pay", "--bank", &bank, "--to-alias", "+86 139 0001 0001", "--receipt", &receipt];
    // Banks register their customers after they have started.
    let begun = Instant::now();
    let paid = loop {
        let paid = node.command(&pay)?;
        if paid.status.success() || begun.elapsed() > Duration::from_secs(20) {
            break paid;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    let text = said(&paid);
    ensure!(paid.status.success(), "{text}");
    for words in ["+8613900010001 is PENGCNBSXXX", "shown", "*娜", "credited"] {
        ensure!(text.contains(words), "no {words:?} in {text}");
    }
    let nobody = node.command(&["pay", "--bank", &bank, "--to-alias", "+8613900019999", "--dry-run"])?;
    ensure!(!nobody.status.success() && said(&nobody).contains("UnknownAlias"), "{}", said(&nobody));
    Ok(())
}

#[test]
fn a_file_is_paid_line_by_line_and_once() -> Result<()> {
    let node = Node::with_banks()?;
    let folder = tempfile::tempdir()?;
    let bank = node.bank(0).to_string();
    let file = folder.path().join("payroll.csv").to_string_lossy().into_owned();
    let results = folder.path().join("results.csv").to_string_lossy().into_owned();
    let mut csv = "file_id,lines,control_sum,from\nPAY-1,41,410.00,388900700001/CNY\n".to_owned();
    csv.push_str("end_to_end_id,agent,account,name,currency,amount,purpose,note\n");
    for at in 1..=40 {
        csv.push_str(&format!("E-{at},PENGCNBSXXX,6217002000010001,LI Na,CNY,10.00,SALA,November\n"));
    }
    csv.push_str("E-41,PENGCNBSXXX,12,LI Na,CNY,10.00,SALA,November\n");
    std::fs::write(&file, csv)?;
    let hand_in = ["bank", "bulk", &file, "--bank", &bank, "--as", "silk", "--results", &results];
    let first = node.command(&hand_in)?;
    ensure!(first.status.code() == Some(1) && said(&first).contains("41 lines, 1 rejected"), "{}", said(&first));
    let begun = Instant::now();
    let read = loop {
        node.command(&hand_in)?;
        let read = std::fs::read_to_string(&results).context("results")?;
        let settled = read.lines().filter(|line| line.contains(",ACCC,") || line.contains(",ACSC,")).count();
        if settled == 40 || begun.elapsed() > Duration::from_secs(20) {
            break read;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    ensure!(read.lines().count() == 42 && read.contains("41,E-41,,RJCT,AC03,"), "{read}");
    ensure!(read.lines().filter(|line| line.contains(",ACCC,") || line.contains(",ACSC,")).count() == 40, "{read}");
    Ok(())
}
