//! Mandates in stories: a customer asks another for one, which is agreed to or not, and collects under it, more often than it may.

use crate::participant::Hands;
use crate::plan::{Step, What};
use crate::rng::Rng;
use crate::stage::SharedStage;
use bank::books::mandates::MandateStanding;
use bank::{MandateDecision, SampleBank, TypedCollection, TypedMandate};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Between looking whether the other one has been asked.
const LOOK_EVERY: Duration = Duration::from_millis(700);
/// Looks before it is given up: the other bank is away.
const LOOKS_MAX: u32 = 40;

/// In a quarter of the runs customers collect.
pub fn plan(seed: u64, length_ms: u64, banks: &[SampleBank]) -> Vec<Step> {
    let mut rng = Rng::new(seed, "mandates");
    let count = if rng.permille(250) { rng.between(1, 4) } else { 0 };
    let mandate = |_| {
        let bank = rng.below(banks.len() as u64) as usize;
        let of_bank = (bank + 1 + rng.below(banks.len() as u64 - 1) as usize) % banks.len();
        let what = What::Mandate {
            bank,
            customer: rng.below(banks[bank].customers.len() as u64) as usize,
            of_bank,
            of_customer: rng.below(banks[of_bank].customers.len() as u64) as usize,
            minor: 1_000 + rng.below(40_000),
            times: rng.between(1, 4) as u16,
            agrees: rng.permille(850),
        };
        Step { at_ms: rng.between(500, length_ms / 2), what }
    };
    (0..count).map(mandate).collect()
}

/// The whole life of one: asked, decided, collected once more often than it may be, suspended, resumed, ended.
pub async fn live(stage: SharedStage, hands: [Hands; 2], what: What, banks: Arc<Vec<SampleBank>>) {
    let What::Mandate { bank, customer, of_bank, of_customer, minor, times, agrees } = what else { return };
    let (from, of) = (&banks[bank].customers[customer], &banks[of_bank].customers[of_customer]);
    let [creditor, debtor] = hands;
    let who = banks[bank].bic[..4].to_ascii_lowercase();
    let amount = format!("{}.{:02}", minor / 100, minor % 100);
    let typed = TypedMandate {
        agent: banks[of_bank].bic.to_owned(),
        debtor: of.account.to_owned(),
        name: of.name.replace(',', ""),
        amount: amount.clone(),
        currency: from.balances[0].0.as_str().to_owned(),
        fixed: minor % 2 == 0,
        period: "month".to_owned(),
        period_max: String::new(),
        times,
        days: 365,
        reference: String::new(),
    };
    let mandate = match creditor.desk.ask_mandate(from.sign_in, &typed).await {
        Ok(mandate) => mandate,
        Err(error) => return stage.say(&who, format_args!("{} cannot ask for a mandate: {error}", from.sign_in)),
    };
    stage.count("mandates");
    stage.say(&who, format_args!("{} asks for a mandate as {}: {:?}", from.sign_in, mandate.uetr, mandate.standing));
    let decide = |decision| debtor.desk.decide_mandate(of.sign_in, &mandate.uetr, decision);
    for _ in 0..LOOKS_MAX {
        sleep(LOOK_EVERY).await;
        let asked = debtor.desk.mandate(of.sign_in, &mandate.uetr).await.is_ok_and(|asked| asked.question.is_some());
        if asked && decide(if agrees { MandateDecision::Accept } else { MandateDecision::Refuse }).await.is_ok() {
            break;
        }
    }
    let typed = TypedCollection { amount, note: String::new() };
    for nth in 0..=times {
        sleep(LOOK_EVERY).await;
        if nth == 1 && decide(MandateDecision::Suspend).await.is_ok() {
            sleep(LOOK_EVERY).await;
            collect(&stage, &who, &creditor, from.sign_in, &mandate.uetr, &typed).await;
            let _ = decide(MandateDecision::Resume).await;
        }
        collect(&stage, &who, &creditor, from.sign_in, &mandate.uetr, &typed).await;
    }
    sleep(LOOK_EVERY).await;
    if let Ok(ended) = creditor.desk.decide_mandate(from.sign_in, &mandate.uetr, MandateDecision::End).await
        && ended.standing == MandateStanding::Ended
    {
        collect(&stage, &who, &creditor, from.sign_in, &mandate.uetr, &typed).await;
    }
}

async fn collect(stage: &SharedStage, who: &str, hands: &Hands, sign_in: &str, mandate: &str, typed: &TypedCollection) {
    match hands.desk.collect(sign_in, mandate, typed).await {
        Ok(collection) => {
            stage.count("collections");
            stage.say(who, format_args!("{sign_in} collects {} as {}", typed.amount, collection.uetr));
        }
        Err(error) => stage.say(who, format_args!("{sign_in} cannot collect: {error}")),
    }
}
