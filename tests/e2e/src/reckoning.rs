//! Afterwards: whether both banks' books, both inboxes and the centre say the same of everything that was sent.

use crate::load::{CreditorBooks, Sent, minor};
use crate::messages::{element, status_of};
use crate::participant::Participant;
use anyhow::{Result, bail, ensure};
use std::collections::BTreeMap;

/// Where accounts and inboxes stood before a load.
#[derive(Debug, Clone, Copy)]
pub struct Reckoning {
    balances: [u64; 2],
    cursors: [u64; 2],
}

impl Reckoning {
    /// Looks at debtor agent and creditor agent, at their inboxes from these cursors on.
    ///
    /// # Errors
    /// The centre does not answer.
    pub fn open(banks: [&mut Participant; 2], from: [u64; 2]) -> Result<Self> {
        let mut reckoning = Self { balances: [0; 2], cursors: from };
        for (at, bank) in banks.into_iter().enumerate() {
            reckoning.balances[at] = balance(bank)?;
            reckoning.cursors[at] = bank.whole_inbox(from[at])?.last().map_or(from[at], |item| item.cursor);
        }
        Ok(reckoning)
    }

    /// Last positions in both inboxes: the debtor agent's, the creditor agent's.
    pub fn cursors(&self) -> [u64; 2] {
        self.cursors
    }

    /// Compares banks, inboxes and the centre's accounts; returns the minor units that moved.
    ///
    /// # Errors
    /// They differ.
    pub fn close(&self, banks: [&mut Participant; 2], sent: &BTreeMap<String, Sent>, credited: &CreditorBooks) -> Result<u64> {
        compare(sent, credited)?;
        let moved: u64 = sent.values().filter(|sent| sent.end.as_deref() == Some("ACSC")).map(|sent| sent.minor).sum();
        let [debtor_agent, creditor_agent] = banks;
        let (paid, received) = (balance(debtor_agent)?, balance(creditor_agent)?);
        ensure!(
            self.balances[0] - paid == moved,
            "the centre took {} from a bank that knows of {moved}",
            self.balances[0] - paid
        );
        ensure!(
            received - self.balances[1] == moved,
            "the centre gave {} to a bank that knows of {moved}",
            received - self.balances[1]
        );
        inboxes_agree([debtor_agent, creditor_agent], self.cursors, sent)?;
        Ok(moved)
    }
}

fn balance(bank: &mut Participant) -> Result<u64> {
    minor(&bank.available("settlement", "HKD")?)
}

/// Compares both banks' books, payment by payment.
fn compare(sent: &BTreeMap<String, Sent>, creditor: &CreditorBooks) -> Result<()> {
    ensure!(creditor.wrong.is_empty(), "{:?}", creditor.wrong);
    for (uetr, sent) in sent {
        let credited = creditor.credited.get(uetr);
        match sent.end.as_deref() {
            Some("ACSC") => {
                ensure!(credited == Some(&sent.minor), "{uetr} is settled for the debtor agent, credited: {credited:?}")
            }
            Some("RJCT") => ensure!(credited.is_none(), "{uetr} is rejected for the debtor agent and credited"),
            other => bail!("{uetr} ended as {other:?}"),
        }
    }
    let unknown = creditor.credited.keys().find(|uetr| !sent.contains_key(*uetr));
    ensure!(unknown.is_none(), "{unknown:?} was credited and never sent");
    Ok(())
}

/// Read again from these cursors on, both inboxes name each payment's end once, and the same one.
///
/// # Errors
/// One does not.
pub fn inboxes_agree(banks: [&mut Participant; 2], from: [u64; 2], sent: &BTreeMap<String, Sent>) -> Result<()> {
    for (bank, from) in banks.into_iter().zip(from) {
        let mut ends: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for item in bank.whole_inbox(from)?.iter().filter(|item| item.kind == "pacs.002.001.10") {
            let (status, _) = status_of(&item.message);
            if let Some(uetr) = element(&item.message, "OrgnlUETR").filter(|_| status != "ACCC") {
                ends.entry(uetr.to_owned()).or_default().push(status);
            }
        }
        for (uetr, sent) in sent {
            let told = ends.get(uetr).map(Vec::as_slice).unwrap_or_default();
            let expected = sent.end.clone().unwrap_or_default();
            // A payment that is rejected at once is never put to the creditor agent.
            let fits = told == [expected.clone()] || (told.is_empty() && expected == "RJCT");
            ensure!(fits, "{}: {uetr} was told {told:?}, expected {expected}", bank.bic);
        }
    }
    Ok(())
}
