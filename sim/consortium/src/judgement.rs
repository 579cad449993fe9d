//! What is judged at the end of a run: every operator's disk, who was convicted, and who was shut out.

use crate::court::Court;
use crate::director::{Order, Orders, ShutOut};
use crate::operator::Operator;
use clearing::{IndexSeed, PaymentView};
use consortium::{Ears, Mouth, Owed};
use ordering::{Disk, DurableBlock, Follower, Making, Sink, StopReason, audit_certificates, fsck};
use sim::centre::journal_config;
use sim::stage::SharedStage;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Everything judging needs.
pub struct Bench<'a> {
    /// The stage.
    pub stage: &'a SharedStage,
    /// Who watched.
    pub court: &'a Court,
    /// All operators.
    pub operators: &'a [Arc<Operator>],
    /// Their public keys.
    pub keys: &'a [[u8; 32]],
    /// Who lies, and through what.
    pub liar: Option<&'a (usize, Mouth)>,
    /// What operators heard of each other.
    pub ears: &'a Ears,
}

impl Bench<'_> {
    fn is_liar(&self, operator: usize) -> bool {
        self.liar.is_some_and(|(liar, _)| *liar == operator)
    }

    /// Everything on every operator's disk, read again from the first block: the same chain, with every payment's message.
    pub fn judge_disks(&self) {
        for operator in self.operators {
            let name = operator.machine.name;
            let copy = operator.machine.platters.copy();
            match fsck(Arc::new(copy.open_alone()), true) {
                Ok(report) => {
                    if let Some((law, detail)) = report.broken.first() {
                        self.stage.broke(law, format_args!("{name}: {detail}"));
                    }
                    if report.blocks < self.court.told_by(operator.at) {
                        self.stage.broke("ORD-01", format_args!("{name} has {} blocks on disk and told more", report.blocks));
                    }
                }
                Err(error) => self.stage.broke("ORD-02", format_args!("{name}: {error}")),
            }
            self.judge_vault(operator, Arc::new(copy.open_alone()));
            self.judge_certificates(operator, &copy.open_alone());
        }
    }

    /// Each operator can show the signed message behind each payment, whoever took it in.
    fn judge_vault(&self, operator: &Operator, disk: Arc<dyn Disk>) {
        let name = operator.machine.name;
        match Follower::open(disk, journal_config(&operator.scene), IndexSeed(0), Making::Stepped, |_| Ok(Deaf)) {
            Ok(follower) => {
                let lacks = |payment: &PaymentView| follower.message_of(payment.uetr).is_none();
                if let Some(payment) = follower.clearing().payments().find(lacks) {
                    self.stage.broke("VAULT", format_args!("{name} has no message of payment {}", payment.uetr));
                }
            }
            Err(error) => self.stage.broke("ORD-02", format_args!("{name}: {error}")),
        }
    }

    /// Certificates on the disk are each signed by a quorum of their epoch over the block they stand under.
    fn judge_certificates(&self, operator: &Operator, disk: &dyn Disk) {
        let name = operator.machine.name;
        let Some(running) = operator.running() else { return };
        match audit_certificates(disk, &running.node.rosters().validators()) {
            Ok(report) => {
                if let Some(detail) = report.broken.first() {
                    self.stage.broke("CERT", format_args!("{name}: {detail}"));
                }
            }
            Err(error) => self.stage.broke("ORD-02", format_args!("{name}: {error}")),
        }
    }

    /// Whoever must have evidence by now has it (see `consortium::Ears` for when that is).
    pub fn judge_evidence(&self) {
        for Owed { operator, validator, epoch, view } in self.ears.owed() {
            let charges = self.operators[operator].evidence.all();
            let convicted =
                charges.iter().any(|charge| (charge.validator, charge.epoch, charge.view) == (validator, epoch, view));
            if !convicted && !self.is_liar(operator) {
                let whom = self.keys.iter().position(|key| *key == validator);
                let text = format!(
                    "operator {operator} heard {whom:?} contradict itself in view {view} of epoch {epoch}, and has no evidence"
                );
                return self.stage.broke("EVIDENCE", text);
            }
        }
    }

    /// Evidence is there for the liar alone, and nobody else was shut out.
    pub async fn judge_liar(&self, orders: &Orders) {
        let (reply, report) = oneshot::channel();
        let _ = orders.send(Order::Report(reply));
        let Ok(shut_out) = report.await else { return self.stage.broke("LIVE", "the engine's side has ended") };
        self.judge_shut_out(shut_out);
        self.judge_evidence();
        self.ears.owed().iter().for_each(|_| self.stage.count("certain evidence"));
        let honest = self.operators.iter().filter(|operator| !self.is_liar(operator.at));
        for evidence in honest.flat_map(|operator| operator.evidence.all()) {
            self.stage.count("evidence");
            let whom = self.keys.iter().position(|key| evidence.validator == *key);
            if !whom.is_some_and(|whom| self.is_liar(whom)) {
                let text = format!("there is evidence of {} against operator {whom:?}, who is honest", evidence.kind);
                self.stage.broke("EVIDENCE", text);
            }
        }
        for (lie, times) in self.liar.map(|(_, mouth)| mouth.told()).unwrap_or_default() {
            self.stage.say("plan", format_args!("told {lie:?} {times} times"));
            (0..times).for_each(|_| self.stage.count("lies"));
        }
    }

    fn judge_shut_out(&self, shut_out: ShutOut) {
        for (by, whom) in shut_out.into_iter().filter(|(by, _)| !self.is_liar(*by)) {
            self.stage.say("plan", format_args!("operator {by} has shut out operator {whom}"));
            if !self.is_liar(whom) {
                self.stage.broke("EVIDENCE", format_args!("operator {by} has shut out operator {whom}, who is honest"));
            }
        }
    }
}

/// Hears nothing: files are opened to be looked at.
struct Deaf;

impl Sink for Deaf {
    fn durable(&mut self, _: DurableBlock) {}
    fn stopped(&mut self, _: StopReason) {}
}
