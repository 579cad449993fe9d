//! Returns and recalls, by the rulebook. No story sends an exchanged return: the sample banks do not.

use super::{Expected, Model};
use clearing::{
    AnswerRecall, Erred, ParticipantStatus, PaymentState, Recall, RecallVerdict, Return, ReturnTerms, erred, recall_answers,
    recall_reasons,
};
use money::CurrencyCode;
use std::collections::BTreeMap;

/// A payment that has settled; kept for ever here, which the centre does not.
#[derive(Debug, Clone)]
struct Settled {
    debtor: u32,
    creditor: u32,
    debit_currency: CurrencyCode,
    credit_currency: CurrencyCode,
    credit: i128,
    at_ns: u64,
    returned: i128,
}

#[derive(Debug, Clone)]
struct Asked {
    content: [u8; 32],
    answered: Option<RecallVerdict>,
}

/// What was settled, and what followed.
#[derive(Debug, Clone, Default)]
pub(super) struct Aftermath {
    terms: ReturnTerms,
    settled: BTreeMap<[u8; 16], Settled>,
    /// Returns by their own identification.
    returns: BTreeMap<[u8; 16], [u8; 16]>,
    recalls: BTreeMap<[u8; 16], Asked>,
}

impl Aftermath {
    pub(super) fn settle(
        &mut self,
        uetr: [u8; 16],
        (debtor, creditor): (u32, u32),
        (debit_currency, credit_currency, credit): (CurrencyCode, CurrencyCode, i128),
        at_ns: u64,
    ) {
        let settled = Settled { debtor, creditor, debit_currency, credit_currency, credit, at_ns, returned: 0 };
        self.settled.insert(uetr, settled);
    }
}

impl Model {
    pub(super) fn set_return_terms(&mut self, terms: ReturnTerms) -> Result<Expected, &'static str> {
        let last = terms.recall_within_ns.max(terms.recall_fraud_within_ns);
        if terms.recall_answer_ns == 0 || last.saturating_add(terms.recall_answer_ns) > terms.return_within_ns {
            return Err("CLR-1118");
        }
        self.aftermath.terms = terms;
        Ok(Expected::Done)
    }

    pub(super) fn send_back(&mut self, back: &Return) -> Result<Expected, &'static str> {
        if let Some(known) = self.payments.get(&back.id.0) {
            return known.again(back.content.0, back.returner.0).ok_or("CLR-1110");
        }
        if self.requests.contains_key(&back.id.0) || self.is_pulled(back.id.0) || self.is_sent(&back.id.0) {
            return Err("CLR-1110");
        }
        if back.created_at.0 < self.horizon_ns {
            return Err("CLR-1023");
        }
        let ahead_ns = back.created_at.0.saturating_sub(self.time_ns);
        if self.settings().payment_retention_ns != u64::MAX && ahead_ns > self.settings().acceptance_age_max_ns {
            return Err("CLR-1024");
        }
        if self.messages.contains(&back.message_id.0) {
            return Err("CLR-1002");
        }
        let original = self.settled_original(back.original.0, back.facts.is_some())?;
        if original.creditor != back.returner.0 {
            return Err("CLR-1006");
        }
        let erred = erred(back.reason).ok_or("CLR-1115")?;
        if back.portion.is_zero() || back.amount.is_zero() {
            return Err("CLR-1011");
        }
        for agent in [original.creditor, original.debtor] {
            match self.members[agent as usize].conduct.status() {
                ParticipantStatus::Live | ParticipantStatus::ReceiveOnly | ParticipantStatus::SendOnly => {}
                ParticipantStatus::Suspended => return Err("CLR-1004"),
                ParticipantStatus::Applied | ParticipantStatus::Certified | ParticipantStatus::Left => return Err("CLR-1101"),
            }
        }
        let is_exchanged = original.debit_currency != original.credit_currency;
        let fits = back.currency == original.credit_currency && back.quote.is_some() == is_exchanged;
        if !fits || back.portion != back.amount && !(is_exchanged && erred == Erred::CreditorSide) {
            return Err("CLR-1114");
        }
        let amount = i128::from(back.amount.0);
        if original.returned + i128::from(back.portion.0) > original.credit {
            return Err("CLR-1113");
        }
        let sponsored = self.sponsored_return(back, original.creditor, original.debtor)?;
        let place = |who: u32| self.settles_over(who, back.currency).ok_or("CLR-1010");
        let (from, to) = (place(original.creditor)?, place(original.debtor)?);
        if self.room(from) < amount {
            return Err("CLR-1012");
        }
        let (credit, before) = (original.credit.unsigned_abs(), original.returned.unsigned_abs());
        self.give_back_part(back, credit, before, before + u128::from(back.portion.0));
        self.messages.insert(back.message_id.0);
        self.book((from, to, amount));
        self.aftermath.settled.entry(back.original.0).and_modify(|settled| settled.returned += amount);
        self.aftermath.returns.insert(back.id.0, back.original.0);
        let expected = self.enter_return(back, original.debtor);
        self.sponsored_end(back.id.0, &sponsored, true);
        Ok(expected)
    }

    /// The payment behind a return or recall; `has_facts`: the command carries what the past has of it.
    fn settled_original(&self, uetr: [u8; 16], has_facts: bool) -> Result<Settled, &'static str> {
        match self.payments.get(&uetr).map(|payment| payment.state) {
            Some(_) if self.aftermath.returns.contains_key(&uetr) => return Err("CLR-1111"),
            Some(PaymentState::Held | PaymentState::Rejected) => return Err("CLR-1022"),
            Some(PaymentState::Settled) => {}
            None if self.waits(uetr) => return Err("CLR-1022"),
            None if has_facts => {}
            None => return Err("CLR-1005"),
        }
        self.aftermath.settled.get(&uetr).cloned().ok_or("CLR-1005")
    }

    pub(super) fn recall(&mut self, recall: &Recall) -> Result<Expected, &'static str> {
        let uetr = recall.original.0;
        let known = self.aftermath.recalls.get(&uetr).cloned();
        let asker = self.aftermath.settled.get(&uetr).map(|settled| settled.debtor);
        if known.as_ref().is_some_and(|known| known.content == recall.content.0) && asker == Some(recall.debtor_agent.0) {
            return Ok(Expected::Done);
        }
        let original = self.settled_original(uetr, recall.facts.is_some())?;
        if original.debtor != recall.debtor_agent.0 {
            return Err("CLR-1006");
        }
        if !recall_reasons().any(|reason| reason == recall.reason) {
            return Err("CLR-1115");
        }
        let terms = self.aftermath.terms;
        let within = if recall.reason.as_str() == "FRAD" { terms.recall_fraud_within_ns } else { terms.recall_within_ns };
        if original.at_ns.saturating_add(within) < self.time_ns {
            return Err("CLR-1112");
        }
        if known.is_some_and(|known| known.answered.is_none()) {
            return Err("CLR-1116");
        }
        self.aftermath.recalls.insert(uetr, Asked { content: recall.content.0, answered: None });
        Ok(Expected::Done)
    }

    pub(super) fn answer_recall(&mut self, answer: &AnswerRecall) -> Result<Expected, &'static str> {
        let uetr = answer.original.0;
        let known = self.aftermath.recalls.get(&uetr).cloned().ok_or("CLR-1117")?;
        if self.aftermath.settled.get(&uetr).map(|settled| settled.creditor) != Some(answer.creditor_agent.0) {
            return Err("CLR-1006");
        }
        if let RecallVerdict::Rejects(reason) = answer.verdict
            && !recall_answers().any(|known| known == reason)
        {
            return Err("CLR-1115");
        }
        match known.answered {
            Some(said) if said == answer.verdict => return Ok(Expected::Done),
            Some(_) => return Err("CLR-1007"),
            None => {}
        }
        self.aftermath.recalls.insert(uetr, Asked { answered: Some(answer.verdict), ..known });
        Ok(Expected::Done)
    }
}
