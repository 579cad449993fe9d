//! What the operator's side of the house may see through the door: who is connected, checkpoints, receipts.

use crate::admission::AdmissionCounts;
use crate::door::Door;
use chain::Receipt;
use clearing::{ParticipantId, PaymentView, Uetr};
use history::IndexError;
use planted::{Bug, planted};
use std::sync::Arc;

/// A view through the door that changes nothing. Cheap to clone.
#[derive(Clone)]
pub struct GatewayWindow(pub(crate) Arc<Door>);

impl GatewayWindow {
    /// Whether somebody reads the participant's inbox now.
    pub fn is_online(&self, participant: ParticipantId) -> bool {
        self.0.hub.registry.by_id(participant).is_some_and(|known| known.lane.is_online(self.0.world.now_ns()))
    }

    /// What was taken in and refused by class, and how much is worked on at once.
    pub fn admission(&self) -> AdmissionCounts {
        self.0.admission.counts()
    }

    /// The tree as the last durable block left it, signed (C2SP checkpoint).
    pub fn checkpoint(&self) -> String {
        self.0.checkpoint(&self.0.past.tip()).to_text()
    }

    /// The receipt of a final payment under the newest checkpoint; `None` while it has no end.
    pub fn receipt(&self, uetr: Uetr) -> Option<String> {
        let payment = self.0.past.payment(uetr).ok()??;
        receipt(&self.0, &payment).ok()?.map(|receipt| receipt.to_text())
    }
}

/// Record, audit path and checkpoint of a payment's end; `None` while it has none.
pub(crate) fn receipt(door: &Door, payment: &PaymentView) -> Result<Option<Receipt>, IndexError> {
    let (Some(record), Some(finality)) = (payment.final_record(), payment.finality) else { return Ok(None) };
    let tip = door.past.tip();
    let leaf_index = if planted(Bug::WrongProof) { finality.leaf_index ^ 1 } else { finality.leaf_index };
    let Some(proof) = door.past.inclusion_proof(leaf_index, tip.size)? else { return Ok(None) };
    let finality_proof = door.hub.finality_of(tip.height);
    Ok(Some(Receipt { record, index: finality.leaf_index, proof, checkpoint: door.checkpoint(&tip), finality: finality_proof }))
}
