//! Laws that can be judged from what readers see, cheap enough to be judged all the time.
//!
//! They look at the read model's own sums, which were made from events, and at balances and roots, which the centre made: an
//! error on either side shows. The complete checkers, over the whole state, are `clearing::laws`.

use chain::Hash;
use clearing::{AccountView, Clearing, FundDirection, MatterView, NoteKind, PaymentState, PaymentView, SettlementNote};
use money::{Amount, CurrencyCode};
use std::collections::BTreeMap;

/// Whether a law holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LawStatus {
    /// Its id.
    pub law: &'static str,
    /// Whether it holds.
    pub holds: bool,
}

/// Laws that are judged, in this order.
pub const LAWS: [&str; 7] = ["LED-01", "LED-02", "LED-04", "PAY-01", "CHN-02", "STM-01", "SPN-01"];

/// What payments, withdrawals and pre-authorisations hold, summed from events.
#[derive(Debug, Default)]
pub(crate) struct HeldSums {
    payments: u64,
    minor: BTreeMap<CurrencyCode, i128>,
    /// Withdrawals under way, by reference.
    withdrawals: BTreeMap<[u8; 16], Amount>,
}

impl HeldSums {
    /// A hold was placed.
    pub(crate) fn placed(&mut self, view: &PaymentView) {
        self.payments += 1;
        self.add(view, 1);
    }

    /// A payment ended; if it never had a hold, nothing changes.
    pub(crate) fn ended(&mut self, view: &PaymentView) {
        if view.forwarded_position.is_some() {
            self.payments = self.payments.saturating_sub(1);
            self.add(view, -1);
        }
    }

    /// A transfer was asked for, or ended.
    pub(crate) fn note(&mut self, note: &SettlementNote) {
        let amount = Amount { minor: note.amount, currency: note.currency };
        match note.kind {
            // What waited for its agent is asked for later, and held from the first.
            NoteKind::WithdrawalQueued | NoteKind::WithdrawalAsked => self.withdrawal(note.reference, amount),
            NoteKind::FundedOut | NoteKind::TransferRefused => {
                if let Some(amount) = self.withdrawals.remove(&note.reference) {
                    *self.minor.entry(amount.currency.code).or_default() -= i128::from(amount.minor.0);
                }
            }
            // Between participants nothing is held.
            NoteKind::FundedIn | NoteKind::TopUpAsked | NoteKind::SentOut | NoteKind::CameIn | NoteKind::SentNotSettled => {}
        }
    }

    /// A matter stands otherwise than before: what is reserved for it may be more or less.
    pub(crate) fn matter(&mut self, before: Option<&MatterView>, now: &MatterView) {
        for (held, sign) in [(before.and_then(MatterView::held), -1), (now.held(), 1)] {
            if let Some(amount) = held {
                *self.minor.entry(amount.currency.code).or_default() += sign * i128::from(amount.minor.0);
            }
        }
    }

    fn withdrawal(&mut self, reference: [u8; 16], amount: Amount) {
        if self.withdrawals.insert(reference, amount).is_none() {
            *self.minor.entry(amount.currency.code).or_default() += i128::from(amount.minor.0);
        }
    }

    pub(crate) fn restore(clearing: &Clearing) -> Self {
        let mut sums = Self::default();
        let withdrawals = clearing.transfers().filter(|transfer| transfer.direction == FundDirection::Out);
        withdrawals.for_each(|transfer| sums.withdrawal(transfer.reference, transfer.amount));
        clearing.matters().for_each(|matter| sums.matter(None, &matter));
        clearing.payments().filter(|view| view.state == PaymentState::Held).for_each(|view| sums.placed(&view));
        sums
    }

    /// The debtor agent's account is held, with what it bears; with exchange the provider's too, in the other currency, with
    /// what the creditor agent bears.
    fn add(&mut self, view: &PaymentView, sign: i128) {
        let (debit, credit, charges) = (view.debit, view.credit, view.charges);
        *self.minor.entry(debit.currency.code).or_default() += sign * (i128::from(debit.minor.0) + i128::from(charges.debtor.0));
        if debit.currency.code != credit.currency.code {
            *self.minor.entry(credit.currency.code).or_default() +=
                sign * (i128::from(credit.minor.0) + i128::from(charges.creditor.0));
        }
    }
}

/// Everything the laws are judged by, as one block left it.
pub(crate) struct Evidence<'a> {
    pub(crate) accounts: &'a [AccountView],
    pub(crate) held: &'a HeldSums,
    /// All, settled, rejected.
    pub(crate) counts: (u64, u64, u64),
    /// Size and root as the block's header says.
    pub(crate) told: (u64, Hash),
    /// Size and root of the tree kept here.
    pub(crate) kept: (u64, Hash),
    /// Whether entries lead to the balances the centre told.
    pub(crate) entries_agree: bool,
    /// Whether positions of sponsorships are what payments brought, and within their limits.
    pub(crate) positions_agree: bool,
}

impl Evidence<'_> {
    pub(crate) fn judge(&self) -> [LawStatus; LAWS.len()] {
        LAWS.map(|law| LawStatus { law, holds: self.holds(law) })
    }

    fn holds(&self, law: &str) -> bool {
        let (all, settled, rejected) = self.counts;
        match law {
            "LED-01" => self.sums(|account| account.posted).values().all(|sum| *sum == 0),
            "LED-02" => self.accounts.iter().all(|account| account.participant.is_none() || account.available >= 0),
            "LED-04" => self.held_adds_up(),
            "PAY-01" => all == settled + rejected + self.held.payments && self.told.0 == settled + rejected,
            "CHN-02" => self.told == self.kept,
            "STM-01" => self.entries_agree,
            "SPN-01" => self.positions_agree,
            other => unreachable!("{other} is not judged here"),
        }
    }

    fn held_adds_up(&self) -> bool {
        let shown = self.sums(|account| i128::from(account.held_debit));
        let of = |sums: &BTreeMap<CurrencyCode, i128>, code| sums.get(code).copied().unwrap_or(0);
        shown.keys().chain(self.held.minor.keys()).all(|code| of(&shown, code) == of(&self.held.minor, code))
    }

    fn sums(&self, value: impl Fn(&AccountView) -> i128) -> BTreeMap<CurrencyCode, i128> {
        self.accounts.iter().fold(BTreeMap::new(), |mut sums, account| {
            *sums.entry(account.currency.code).or_default() += value(account);
            sums
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearing::{AccountPurpose, ParticipantId};
    use money::Currency;

    fn account(participant: Option<u32>, posted: i128, held_debit: u64) -> AccountView {
        AccountView {
            account: 0,
            participant: participant.map(ParticipantId),
            purpose: AccountPurpose::Settlement,
            currency: Currency::new(CurrencyCode::HKD, 2).unwrap(),
            posted,
            held_debit,
            available: posted - i128::from(held_debit),
            overdraft: 0,
            is_low: false,
        }
    }

    fn broken(change: impl FnOnce(&mut Vec<AccountView>, &mut HeldSums, &mut Evidence<'_>)) -> Vec<&'static str> {
        let mut accounts = vec![account(None, -100, 0), account(Some(0), 70, 20), account(Some(1), 30, 0)];
        let minor = BTreeMap::from([(CurrencyCode::HKD, 20)]);
        let mut held = HeldSums { payments: 1, minor, ..HeldSums::default() };
        let tip = (2, chain::sha256(b"root"));
        let (held_by_nobody, entries_agree) = (HeldSums::default(), true);
        let mut rest = Evidence {
            accounts: &[],
            held: &held_by_nobody,
            counts: (3, 1, 1),
            told: tip,
            kept: tip,
            entries_agree,
            positions_agree: true,
        };
        change(&mut accounts, &mut held, &mut rest);
        let evidence = Evidence { accounts: &accounts, held: &held, ..rest };
        evidence.judge().into_iter().filter(|status| !status.holds).map(|status| status.law).collect()
    }

    #[test]
    fn each_law_can_be_broken_alone() {
        assert_eq!(broken(|_, _, _| {}), Vec::<&str>::new());
        assert_eq!(broken(|accounts, _, _| accounts[2].posted += 1), ["LED-01"]);
        assert_eq!(broken(|accounts, _, _| accounts[2].available = -1), ["LED-02"]);
        assert_eq!(broken(|accounts, _, _| accounts[1].held_debit += 1), ["LED-04"]);
        assert_eq!(broken(|_, held, _| held.minor.extend([(CurrencyCode::CNY, 5)])), ["LED-04"]);
        assert_eq!(broken(|_, held, _| held.payments = 0), ["PAY-01"]);
        assert_eq!(broken(|_, _, rest| rest.counts = (4, 2, 1)), ["PAY-01"]);
        assert_eq!(broken(|_, _, rest| rest.kept.1 = Hash::default()), ["CHN-02"]);
        assert_eq!(broken(|_, _, rest| rest.kept.0 = 1), ["CHN-02"]);
        assert_eq!(broken(|_, _, rest| rest.entries_agree = false), ["STM-01"]);
        assert_eq!(broken(|_, _, rest| rest.positions_agree = false), ["SPN-01"]);
    }
}
