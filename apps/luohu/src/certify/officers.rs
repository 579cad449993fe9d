//! The kit's two officers: what the operators say to all participants needs an order of two.

use super::messages::now_ns;
use crate::sections::OfficerRow;
use anyhow::{Context, Result, ensure};
use chain::Hash;
use clearing::{Broadcast, Command, IsoReason, OrderId, Roles, Time};
use gateway::{GatewayWindow, OrderDocument};
use serde_json::Value;
use signing::{FileSigner, Signer};
use std::path::Path;

/// How long an order may be carried out, in nanoseconds.
const ORDER_NS: u64 = 600 * 1_000_000_000;

/// Both of them.
pub struct Officers([FileSigner; 2]);

impl Officers {
    /// Opens or makes their keys in the kit's folder.
    pub fn open(folder: &Path) -> Result<Self> {
        let open = |name: &str| FileSigner::open_or_create(&folder.join(name), "officer").context("the kit's officers");
        Ok(Self([open("officer-1.key.pem")?, open("officer-2.key.pem")?]))
    }

    /// As the scheme's configuration names them.
    pub fn rows(&self) -> Vec<OfficerRow> {
        let row = |(number, signer): (u8, &FileSigner)| OfficerRow {
            name: format!("Certification Officer {number}"),
            key: Hash(signer.public_key()).to_string(),
            roles: Roles::SIGNING,
        };
        (1..).zip(&self.0).map(row).collect()
    }

    /// Tells every participant something that matters to none.
    pub async fn broadcast(&self, window: &GatewayWindow) -> Result<()> {
        let governance: Value = serde_json::from_slice(&window.governance())?;
        let chain = governance["chain"].as_str().context("the chain has no name")?;
        let event = IsoReason::parse("CERT").context("the event")?;
        let says = Command::Broadcast(Broadcast { event, text: "Certification: nothing to do".to_owned() });
        let id = OrderId(uuid::Uuid::new_v4().into_bytes());
        let order = OrderDocument::draft(chain, id, Time(now_ns() + ORDER_NS), &says);
        let mut order = order.context("a broadcast cannot be ordered")?;
        self.0.iter().try_for_each(|officer| order.sign(officer)).context("signing an order")?;
        let (status, answer) = window.order(order.to_text().as_bytes()).await;
        ensure!(status == 200, "the order was refused: {}", String::from_utf8_lossy(&answer));
        Ok(())
    }
}
