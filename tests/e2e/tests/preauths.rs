//! Pre-authorisation over real TLS: reserved, captured in parts with receipts that verify, still there after a kill, let go.

use anyhow::{Context, Result, ensure};
use e2e::{Hospitality, Node, Participant, Payment, element, status_of};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// A hotel in Shenzhen asks for a guarantee; the guest's bank in Hong Kong finds it and reserves.
fn reserved(hotel: &mut Participant, guest: &mut Participant, amount: &str) -> Result<(Hospitality, Payment)> {
    let stay = Hospitality::new(&hotel.bic, &guest.bic, "HKD");
    let asked = hotel.post(&stay.request(amount), 0)?;
    ensure!(asked.status == 202 && asked.header("luohu-preauth-state") == Some("asked"), "{} {}", asked.status, asked.text());
    let found = guest.wait_for(0, PATIENCE, |item| item.kind == "pain.013.001.07" && item.message.contains(&stay.uetr))?;
    ensure!(element(&found.message, "GrntedPmtReqd") == Some("true"), "{}", found.message);
    let payment = Payment::new(&guest.bic, &hotel.bic, amount, "HKD").reserving(&stay.uetr);
    let held = guest.post(&payment.xml(), 0)?;
    ensure!(held.status == 202 && status_of(&held.text()).0 == "ACCP", "{} {}", held.status, held.text());
    hotel.wait_for(0, PATIENCE, |item| item.kind == "pain.014.001.07" && status_of(&item.message).0 == "ACCP")?;
    Ok((stay, payment))
}

/// Captures, and returns the payment's UETR.
fn capture(hotel: &mut Participant, stay: &Hospitality, amount: &str, last: bool) -> Result<String> {
    let (uetr, xml) = stay.capture(amount, last);
    for _ in 0..2 {
        let answer = hotel.post(&xml, 0)?;
        ensure!(answer.status == 200 && status_of(&answer.text()).0 == "ACSC", "{} {}", answer.status, answer.text());
    }
    Ok(uetr)
}

#[test]
fn a_stay_is_reserved_and_captured_in_parts() -> Result<()> {
    let mut node = Node::without_banks()?;
    let (mut guest, mut hotel) = node.two_banks()?;
    let (before, at_hotel) = (minor(&guest.available("settlement", "HKD")?)?, minor(&hotel.available("settlement", "HKD")?)?);
    let (stay, _) = reserved(&mut hotel, &mut guest, "1000.00")?;
    ensure!(minor(&guest.available("settlement", "HKD")?)? == before - 100_000, "what is reserved is not available");
    ensure!(minor(&hotel.available("settlement", "HKD")?)? == at_hotel, "nothing has moved");
    let first = capture(&mut hotel, &stay, "600.00", false)?;
    let over = hotel.post(&stay.capture("400.01", false).1, 0)?;
    ensure!(over.status == 422 && status_of(&over.text()).1.as_deref() == Some("AM14"), "{} {}", over.status, over.text());

    // The centre is killed between two captures: the hold is there as it was.
    node.kill()?;
    node.start()?;
    ensure!(minor(&guest.available("settlement", "HKD")?)? == before - 100_000, "the rest is still reserved");
    let last = capture(&mut hotel, &stay, "50.00", true)?;
    ensure!(minor(&guest.available("settlement", "HKD")?)? == before - 65_000, "what is not captured is free");
    ensure!(minor(&hotel.available("settlement", "HKD")?)? == at_hotel + 65_000, "what is captured has moved");
    for uetr in [&first, &last] {
        for bank in [&mut guest, &mut hotel] {
            let told = |item: &e2e::Item| {
                item.kind == "pacs.002.001.10" && item.message.contains(uetr.as_str()) && status_of(&item.message).0 == "ACSC"
            };
            bank.wait_for(0, PATIENCE, told)?;
        }
        verifies(&node, &mut guest, uetr)?;
    }
    guest.wait_for(0, PATIENCE, |item| {
        item.kind == "pain.014.001.07" && item.message.contains(&stay.uetr) && item.message.contains("HKD 650.00 captured")
    })?;
    node.stop()?;
    node.fsck().map(drop)
}

#[test]
fn the_rest_is_let_go() -> Result<()> {
    let node = Node::without_banks()?;
    let (mut guest, mut hotel) = node.two_banks()?;
    let before = minor(&guest.available("settlement", "HKD")?)?;
    let (stay, payment) = reserved(&mut hotel, &mut guest, "300.00")?;
    let again = guest.post(&payment.xml(), 0)?;
    ensure!(again.status == 202 && status_of(&again.text()).0 == "ACCP", "sent again: {} {}", again.status, again.text());
    capture(&mut hotel, &stay, "120.00", false)?;
    let stolen = guest.post(&stay.release(&guest.bic), 0)?;
    ensure!(stolen.status == 403, "the debtor agent let it go: {} {}", stolen.status, stolen.text());
    let released = hotel.post(&stay.release(&hotel.bic), 0)?;
    ensure!(released.header("luohu-preauth-state") == Some("released"), "{} {}", released.status, released.text());
    ensure!(minor(&guest.available("settlement", "HKD")?)? == before - 12_000, "the rest is free");
    let late = hotel.post(&stay.capture("1.00", false).1, 0)?;
    ensure!(late.status == 409, "captured behind its end: {} {}", late.status, late.text());
    Ok(())
}

/// `luohu verify` accepts the receipt of a capture.
fn verifies(node: &Node, bank: &mut Participant, uetr: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (keys, file) = (folder.path().join("keys.txt"), folder.path().join("receipt.txt"));
    std::fs::write(&keys, bank.get_ok("/v1/keys")?.text())?;
    std::fs::write(&file, bank.get_ok(&format!("/v1/payments/{uetr}/receipt"))?.text())?;
    let verified = node.command(&["verify", &file.to_string_lossy(), "--key", &keys.to_string_lossy()])?;
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    ensure!(verified.status.success() && said.contains(uetr), "{said}");
    Ok(())
}

fn minor(text: &str) -> Result<i64> {
    text.replace('.', "").parse().context("an amount with two decimals")
}
