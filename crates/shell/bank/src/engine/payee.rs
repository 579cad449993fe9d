//! Whose account is this? Asked of this bank (`acmt.023`), and by it.

use crate::books::records::{Account, Customer, NameCheck};
use crate::fault::Fault;
use crate::inner::{Inner, Shared};
use crate::messages::{Read, read};
use crate::names::{MaskRule, Nearness, compare_any, masked};
use crate::order::PayeeNumber;
use iso20022::codes::VerificationReason;
use iso20022::view::{IdentificationRequestView, NameVerdict};
use std::sync::Arc;
use std::time::Duration;

/// What the payee's bank said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PayeeAnswer {
    pub(crate) check: NameCheck,
    pub(crate) masked_name: Option<String>,
    /// The account a mobile number stands for.
    pub(crate) account: Option<String>,
}

impl PayeeAnswer {
    const UNAVAILABLE: Self = Self { check: NameCheck::Unavailable, masked_name: None, account: None };
}

/// Answers in a task of its own: nobody waits for it here, and the asker only for a few seconds.
pub(super) fn spawn_answer(inner: &Shared, question: IdentificationRequestView, fault: Fault) {
    let world = Arc::clone(&inner.world);
    let inner = Shared::clone(inner);
    world.spawn(Box::pin(async move {
        match fault {
            Fault::Silent | Fault::Offline => return,
            Fault::Slow { ms } => tokio::time::sleep(Duration::from_millis(ms)).await,
            Fault::None
            | Fault::Refusing { .. }
            | Fault::AnswerTwice
            | Fault::AnswerLate
            | Fault::WrongSignature
            | Fault::DropConnection { .. }
            | Fault::Reviewing
            | Fault::CreditTwice
            | Fault::ForgetCursor => {}
        }
        if let Err(reason) = answer(&inner, &question).await {
            tracing::warn!(bank = inner.config.bic, reason, "a payee check could not be answered");
        }
    }));
}

async fn answer(inner: &Inner, question: &IdentificationRequestView) -> Result<(), String> {
    let number = question.account.as_str().to_owned();
    let found = inner.books(move |books| books.find_payee(&number)).await.map_err(|error| error.to_string())?;
    let (verdict, shown, account) = judge(question, found);
    let xml = inner.scheme.payee_answer(question, verdict, shown, account, inner.now_ns()).map_err(|error| error.to_string())?;
    let sent = inner.link.send_message(&xml, 0).await.map_err(|error| error.to_string())?;
    if sent.taken() { Ok(()) } else { Err(format!("the centre answered {}", sent.status)) }
}

/// The verdict, the name to show and the account. A closed account is as good as none.
fn judge(
    question: &IdentificationRequestView,
    found: Option<(Account, Customer)>,
) -> (NameVerdict, Option<String>, Option<String>) {
    let Some((account, customer)) = found.filter(|(account, _)| account.open) else {
        return (NameVerdict::NotPossible(VerificationReason::Ac01.to_string()), None, None);
    };
    let given = question.name.as_deref().unwrap_or_default();
    let forms = [Some(&customer.name), customer.name_zh_hant.as_ref(), customer.name_zh_hans.as_ref()];
    let verdict = match compare_any(given, forms.iter().flatten().map(|form| form.as_str())) {
        Nearness::Same => NameVerdict::Match,
        Nearness::Close => NameVerdict::CloseMatch,
        Nearness::No => NameVerdict::NoMatch,
    };
    // The name is shown in the script it was given in.
    let han = given.chars().any(|character| ('\u{3400}'..='\u{9fff}').contains(&character));
    let shown = customer.name_zh_hant.as_ref().filter(|_| han).unwrap_or(&customer.name);
    (verdict, Some(masked(shown, MaskRule::FamilyShown)), Some(account.number))
}

/// Asks the payee's bank. Whatever goes wrong is [`NameCheck::Unavailable`]: the customer decides.
pub(crate) async fn ask(inner: &Inner, agent: &str, payee: &PayeeNumber, name: &str) -> PayeeAnswer {
    let Ok(xml) = inner.scheme.payee_question(agent, payee, name, inner.now_ns()) else { return PayeeAnswer::UNAVAILABLE };
    let answer = match inner.link.payee_check(&xml).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::info!(bank = inner.config.bic, %error, "no payee check");
            return PayeeAnswer::UNAVAILABLE;
        }
    };
    let Some(Ok(Read::PayeeAnswer(report))) = answer.message().map(read) else { return PayeeAnswer::UNAVAILABLE };
    let check = match &report.verdict {
        NameVerdict::Match => NameCheck::Match,
        NameVerdict::CloseMatch => NameCheck::Close,
        NameVerdict::NoMatch => NameCheck::NoMatch,
        NameVerdict::NotPossible(reason) if reason == VerificationReason::Ac01.as_str() => NameCheck::UnknownAccount,
        NameVerdict::NotPossible(_) => NameCheck::Unavailable,
    };
    let account = report.account.as_ref().map(|account| account.as_str().to_owned());
    PayeeAnswer { check, masked_name: report.masked_name.clone(), account }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{sample_banks, seed_of};
    use iso20022::view::AccountReference;

    fn question(name: &str) -> IdentificationRequestView {
        IdentificationRequestView {
            message_id: "m".into(),
            created_at: 0,
            assigner: "PENGCNBSXXX".into(),
            assignee: "LIONHKHHXXX".into(),
            verification_id: "v".into(),
            name: Some(name.into()),
            account: AccountReference::Number("1".into()),
            agent: None,
        }
    }

    #[test]
    fn names_are_judged_in_either_script_and_shown_masked() {
        let banks = sample_banks();
        let seed = seed_of(&banks[1].customers[1..3], &crate::config::CURRENCIES);
        let holder = |at: usize| {
            let (number, owner, balances, open) = seed.accounts[at].clone();
            let pots = balances.iter().map(|amount| crate::books::records::Pot::empty(amount.currency)).collect();
            Some((Account { number, owner, open, pots }, seed.customers[at].clone()))
        };
        let verdict = |name| judge(&question(name), holder(0));
        assert_eq!(verdict("cheung sau fong").0, NameVerdict::Match);
        assert_eq!(verdict("cheung sau fong").1.as_deref(), Some("CHEUNG S** F**"));
        assert_eq!(verdict("张秀芳").0, NameVerdict::Match);
        assert_eq!(verdict("张秀芳").1.as_deref(), Some("張*芳"));
        assert_eq!(verdict("CHEUNG Sau Fon").0, NameVerdict::CloseMatch);
        assert_eq!(verdict("LI Na").0, NameVerdict::NoMatch);
        // A closed account, and none.
        let unknown = (NameVerdict::NotPossible("AC01".into()), None, None);
        assert_eq!(judge(&question("NG Wing Sze"), holder(1)), unknown);
        assert_eq!(judge(&question("NG Wing Sze"), None), unknown);
    }
}
