//! Fees and reviews, by the tariff and the rulebook's words.

use super::payments::Payment;
use super::{Expected, Model};
use clearing::{ChargeBearer, IsoReason, Pay, PaymentState, Posting, PostingReport, PostingWord, SchemeTerms};
use money::CurrencyCode;

/// A day, until it is ordered otherwise.
const REVIEW_NS: u64 = 86_400_000_000_000;

/// What each side bears.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fees {
    pub(super) debtor: i128,
    pub(super) creditor: i128,
}

impl Model {
    pub(super) fn set_terms(&mut self, terms: &SchemeTerms) -> Result<Expected, &'static str> {
        match terms {
            SchemeTerms::Preauths(terms) => return self.set_preauth_terms(terms),
            SchemeTerms::CoolingOff(_) => return Err("nothing cools off in these stories"),
            SchemeTerms::Reviews(terms) => self.review_ns = Some(terms.review_ns),
            SchemeTerms::Tariff(tariff) => {
                if tariff.version as usize != self.tariffs.len() + 1 {
                    return Err("CLR-1163");
                }
                let from = tariff.effective_from.0.max(self.time_ns + 1);
                self.tariffs.push((from, tariff.clone()));
            }
        }
        Ok(Expected::Done)
    }

    /// By the first line for everybody: these stories have no corridors, and tariffs no lines for some purposes or companies.
    pub(super) fn fees(&self, pay: &Pay, debit: (CurrencyCode, i128), credit: (CurrencyCode, i128)) -> Fees {
        let at = pay.accepted_at.0.min(self.time_ns);
        let tariff = self.tariffs.iter().rev().find(|(from, _)| *from <= at);
        let Some(line) = tariff.and_then(|(_, tariff)| tariff.lines.first()) else { return Fees::default() };
        let price = |(code, amount): (CurrencyCode, i128)| {
            let price = line.prices.iter().find(|price| price.currency.code == code);
            price.map_or(0, |price| {
                let full = i128::from(price.flat.0) + amount * i128::from(price.ppm) / 1_000_000;
                full.clamp(i128::from(price.min.0), i128::from(price.max.0))
            })
        };
        match line.bearer {
            ChargeBearer::Debtor => Fees { debtor: price(debit), creditor: 0 },
            ChargeBearer::Creditor => Fees { debtor: 0, creditor: price(credit) },
            ChargeBearer::Shared => Fees { debtor: (price(debit) + 1) / 2, creditor: price(credit) / 2 },
        }
    }

    /// What is left for the creditor.
    pub(super) fn net(&self, credit: i128, fee: i128) -> Result<i128, &'static str> {
        if fee > 0 && fee >= credit { Err("PAY-2080") } else { Ok(credit - fee) }
    }

    pub(super) fn report_posting(&mut self, report: &PostingReport) -> Result<Expected, &'static str> {
        let uetr = report.uetr.0;
        let (state, posting, case) = {
            let payment = self.asked(uetr, report.creditor_agent.0)?;
            if payment.is_return {
                return Err("CLR-1007");
            }
            (payment.state, payment.posting, payment.case)
        };
        let until = self.time_ns + self.review_ns.unwrap_or(REVIEW_NS);
        match (state, posting, report.says) {
            (PaymentState::Rejected, ..) => return Err("CLR-1007"),
            (PaymentState::Held, _, PostingWord::Blocked { .. })
            | (PaymentState::Settled, Posting::Unreported, PostingWord::Blocked { .. }) => return Err("CLR-1160"),
            (PaymentState::Held, _, PostingWord::UnderReview) => {
                self.heard(report.creditor_agent.0);
                self.end(uetr, None);
            }
            (PaymentState::Settled, Posting::Unreported, PostingWord::UnderReview) => {}
            (PaymentState::Settled, Posting::UnderReview | Posting::Overdue, PostingWord::UnderReview) => {
                return Ok(self.kept(uetr).standing(true));
            }
            (PaymentState::Settled, Posting::UnderReview | Posting::Overdue, PostingWord::Blocked { case }) => {
                return Ok(self.change(uetr, |payment| (payment.posting, payment.case) = (Posting::Blocked, case)));
            }
            (PaymentState::Settled, Posting::Blocked, PostingWord::Blocked { case: same }) if same == case => {
                return Ok(self.kept(uetr).standing(true));
            }
            (PaymentState::Settled, Posting::Blocked | Posting::ToBeReturned | Posting::Credited, _) => return Err("CLR-1161"),
        }
        Ok(self.change(uetr, |payment| (payment.posting, payment.overdue_ns) = (Posting::UnderReview, until)))
    }

    pub(super) fn rejected_in_review(&mut self, uetr: [u8; 16], reason: IsoReason) -> Result<Expected, &'static str> {
        let payment = self.kept(uetr);
        match payment.posting {
            Posting::UnderReview | Posting::Overdue | Posting::Blocked => Ok(self.change(uetr, |payment| {
                (payment.posting, payment.returned_for) = (Posting::ToBeReturned, Some(reason));
            })),
            Posting::ToBeReturned if payment.returned_for == Some(reason) => Ok(payment.standing(true)),
            Posting::Unreported | Posting::ToBeReturned | Posting::Credited => Err("CLR-1007"),
        }
    }

    pub(super) fn change(&mut self, uetr: [u8; 16], change: impl FnOnce(&mut Payment)) -> Expected {
        let payment = self.payments.get_mut(&uetr).or_else(|| self.reviewed.get_mut(&uetr)).expect("it is kept");
        change(payment);
        payment.standing(false)
    }

    /// On record, or kept for its review.
    fn kept(&self, uetr: [u8; 16]) -> &Payment {
        self.payments.get(&uetr).unwrap_or_else(|| &self.reviewed[&uetr])
    }

    /// Reviews that have lasted too long.
    pub(super) fn overdue(&mut self) {
        let now = self.time_ns;
        for payment in self.payments.values_mut().chain(self.reviewed.values_mut()) {
            if payment.posting == Posting::UnderReview && payment.overdue_ns <= now {
                payment.posting = Posting::Overdue;
            }
        }
    }
}
