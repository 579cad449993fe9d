//! Settlement agents and the transfers they are asked for, a second time. In stories an agent is open or closed, nothing waits for
//! its opening, and nobody has a standing instruction.

use super::{Expected, Model};
use clearing::{
    AccountPurpose, AnswerTransfer, AskTransfer, Fund, FundDirection, OutsideHours, SetAgent, SettlementCommand, TransferVerdict,
};
use money::CurrencyCode;
use std::collections::{BTreeMap, BTreeSet};

/// Who settles what, and what is under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Settlement {
    /// Who, and whether it can be asked.
    agents: BTreeMap<CurrencyCode, (u32, bool)>,
    open: BTreeMap<[u8; 16], AskTransfer>,
    refused: BTreeSet<[u8; 16]>,
}

impl Model {
    pub(super) fn settle_with_agents(&mut self, command: &SettlementCommand) -> Result<Expected, &'static str> {
        match command {
            SettlementCommand::SetAgent(set) => self.set_agent(set),
            SettlementCommand::Ask(ask) => self.ask_transfer(ask),
            SettlementCommand::Answer(answer) => self.answer_transfer(answer),
            SettlementCommand::Send(sent) => self.send_transfer(sent),
            SettlementCommand::TakeBack { reference, from } => self.take_back_transfer(*reference, from.0),
            SettlementCommand::SetTopUp(_) => Err("nobody has a standing instruction in these stories"),
        }
    }

    fn set_agent(&mut self, set: &SetAgent) -> Result<Expected, &'static str> {
        if !self.decimals.contains_key(&set.currency) {
            return Err("CLR-1008");
        }
        if set.terms.agent.0 as usize >= self.members.len() {
            return Err("CLR-1003");
        }
        let hours = &set.terms.hours;
        if hours.opens >= hours.closes || hours.closes > 1440 || hours.weekdays == 0 {
            return Err("CLR-1145");
        }
        let is_open = (hours.opens, hours.closes) == (0, 1440);
        assert!(is_open || set.terms.outside == OutsideHours::Reject, "nothing waits in these stories");
        self.settlement.agents.insert(set.currency, (set.terms.agent.0, is_open));
        Ok(Expected::Done)
    }

    fn ask_transfer(&mut self, ask: &AskTransfer) -> Result<Expected, &'static str> {
        let member = self.members.get(ask.participant.0 as usize).ok_or("CLR-1003")?;
        if !member.conduct.brings_money() {
            return Err("CLR-1101");
        }
        if !self.decimals.contains_key(&ask.currency) {
            return Err("CLR-1008");
        }
        if !self.serves(ask.participant.0, ask.currency) {
            return Err("CLR-1010");
        }
        if let Some(known) = self.settlement.open.get(&ask.reference) {
            return if known == ask { Ok(Expected::Done) } else { Err("CLR-1021") };
        }
        if self.settlement.refused.contains(&ask.reference) {
            return Err("CLR-1143");
        }
        if let Some(known) = self.fundings.get(&ask.reference) {
            return if *known == funding(ask) { Ok(Expected::Done) } else { Err("CLR-1021") };
        }
        if ask.amount.is_zero() {
            return Err("CLR-1011");
        }
        let (_, is_open) = self.settlement.agents.get(&ask.currency).ok_or("CLR-1144")?;
        if !is_open {
            return Err("CLR-1141");
        }
        if ask.direction == FundDirection::Out {
            let leg = self.withdrawal(ask);
            if self.available(leg.0) < leg.2 {
                return Err("CLR-1012");
            }
            self.hold(leg);
        }
        self.settlement.open.insert(ask.reference, *ask);
        Ok(Expected::Done)
    }

    fn withdrawal(&self, ask: &AskTransfer) -> super::Leg {
        let account = (Some(ask.participant.0), AccountPurpose::Settlement, ask.currency);
        (account, (None, AccountPurpose::Settlement, ask.currency), i128::from(ask.amount.0))
    }

    fn answer_transfer(&mut self, answer: &AnswerTransfer) -> Result<Expected, &'static str> {
        let Some(ask) = self.settlement.open.get(&answer.reference).copied() else {
            let done = self.fundings.contains_key(&answer.reference);
            let refused = self.settlement.refused.contains(&answer.reference);
            return match answer.verdict {
                TransferVerdict::Done if done => Ok(Expected::Done),
                TransferVerdict::Refused(_) if refused => Ok(Expected::Done),
                TransferVerdict::Done | TransferVerdict::Refused(_) if done || refused => Err("CLR-1143"),
                TransferVerdict::Done | TransferVerdict::Refused(_) => Err("CLR-1140"),
            };
        };
        let agent = self.settlement.agents.get(&ask.currency).map(|(agent, _)| *agent);
        if answer.agent.is_some_and(|who| Some(who.0) != agent) {
            return Err("CLR-1142");
        }
        let leg = self.withdrawal(&ask);
        let is_out = ask.direction == FundDirection::Out;
        match answer.verdict {
            TransferVerdict::Refused(_) => {
                self.settlement.refused.insert(answer.reference);
            }
            TransferVerdict::Done if is_out => {
                self.book(leg);
                self.fundings.insert(ask.reference, funding(&ask));
                self.limit();
            }
            TransferVerdict::Done => {
                self.fund(&funding(&ask))?;
            }
        }
        if is_out {
            self.balances.entry(leg.0).or_default().held -= leg.2;
        }
        self.settlement.open.remove(&answer.reference);
        Ok(Expected::Done)
    }
}

/// The funding a transfer becomes.
fn funding(ask: &AskTransfer) -> Fund {
    let AskTransfer { reference, participant, currency, direction, amount } = *ask;
    Fund { participant, currency, purpose: AccountPurpose::Settlement, direction, amount, reference }
}
