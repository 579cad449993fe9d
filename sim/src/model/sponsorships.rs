//! Sponsorships, a second time: a position is summed from everything that ever moved under it, whenever somebody asks.

use super::{Expected, Model, Place};
use clearing::{
    AccountPurpose, Clearing, EndSponsorship, ParticipantStatus, Pay, Return, Sponsor, SponsorshipCommand, SponsorshipState,
    Square, SquarePayer,
};
use money::CurrencyCode;
use std::collections::BTreeMap;

/// Whose, and in which currency.
pub(super) type Name = (u32, CurrencyCode);

/// A sponsorship.
#[derive(Debug, Clone)]
pub(super) struct Sponsored {
    sponsor: u32,
    net_debit: i128,
    payment_max: u64,
    ending: bool,
    /// What each payment, return and square brought.
    moves: Vec<i128>,
    /// What each payment under way would bring.
    open: BTreeMap<[u8; 16], i128>,
    squares: Vec<Square>,
}

impl Sponsored {
    fn position(&self) -> i128 {
        self.moves.iter().sum()
    }

    fn held(&self) -> i128 {
        self.open.values().filter(|change| **change < 0).map(|change| -change).sum()
    }

    fn room(&self) -> i128 {
        self.net_debit + self.position() - self.held()
    }
}

/// All there are, and what they ever moved over each sponsor's account.
#[derive(Debug, Clone, Default)]
pub(super) struct Sponsorships {
    rows: BTreeMap<Name, Sponsored>,
    carried: BTreeMap<(u32, CurrencyCode), i128>,
}

impl Model {
    pub(super) fn sponsorship(&mut self, command: &SponsorshipCommand) -> Result<Expected, &'static str> {
        match command {
            SponsorshipCommand::Sponsor(sponsor) => self.sponsor(sponsor),
            SponsorshipCommand::Square(square) => self.square(square),
            SponsorshipCommand::End(end) => self.end_sponsorship(end),
        }
    }

    fn sponsor(&mut self, order: &Sponsor) -> Result<Expected, &'static str> {
        let name = (order.participant.0, order.currency);
        for who in [order.sponsor.0, name.0] {
            self.members.get(who as usize).ok_or("CLR-1003")?;
        }
        if !self.decimals.contains_key(&name.1) {
            return Err("CLR-1008");
        }
        if [order.sponsor.0, name.0].iter().any(|who| !self.members[*who as usize].conduct.brings_money()) {
            return Err("CLR-1101");
        }
        if self.serves(name.0, name.1) {
            return Err("CLR-1181");
        }
        if !self.serves(order.sponsor.0, name.1) {
            return Err("CLR-1180");
        }
        if order.limits.payment_max.is_zero() {
            return Err("CLR-1186");
        }
        let fresh = Sponsored {
            sponsor: order.sponsor.0,
            net_debit: 0,
            payment_max: 0,
            ending: false,
            moves: Vec::new(),
            open: BTreeMap::new(),
            squares: Vec::new(),
        };
        let mut row = self.sponsorships.rows.get(&name).cloned().unwrap_or(fresh);
        if row.sponsor != order.sponsor.0 {
            return Err("CLR-1182");
        }
        (row.net_debit, row.payment_max, row.ending) = (i128::from(order.limits.net_debit.0), order.limits.payment_max.0, false);
        if row.room() < 0 {
            return Err("CLR-1187");
        }
        self.sponsorships.rows.insert(name, row);
        Ok(Expected::Done)
    }

    fn square(&mut self, square: &Square) -> Result<Expected, &'static str> {
        if square.amount.is_zero() {
            return Err("CLR-1011");
        }
        let name = (square.participant.0, square.currency);
        self.members.get(name.0 as usize).ok_or("CLR-1003")?;
        if !self.decimals.contains_key(&name.1) {
            return Err("CLR-1008");
        }
        let row = self.sponsorships.rows.get_mut(&name).ok_or("CLR-1183")?;
        if square.by.is_some_and(|by| by.0 != row.sponsor) {
            return Err("CLR-1183");
        }
        if let Some(known) = row.squares.iter().find(|known| known.reference == square.reference) {
            return if known == square { Ok(Expected::Done) } else { Err("CLR-1021") };
        }
        let amount = i128::from(square.amount.0);
        let fits = match square.paid_by {
            SquarePayer::Participant => row.position() + amount <= 0,
            SquarePayer::Sponsor => row.position() - amount >= 0 && row.room() >= amount,
        };
        if !fits {
            return Err("CLR-1184");
        }
        row.squares.push(*square);
        row.moves.push(if square.paid_by == SquarePayer::Participant { amount } else { -amount });
        self.over(name);
        Ok(Expected::Done)
    }

    fn end_sponsorship(&mut self, end: &EndSponsorship) -> Result<Expected, &'static str> {
        let name = (end.participant.0, end.currency);
        self.members.get(name.0 as usize).ok_or("CLR-1003")?;
        if !self.decimals.contains_key(&name.1) {
            return Err("CLR-1008");
        }
        self.sponsorships.rows.get_mut(&name).ok_or("CLR-1183")?.ending = true;
        self.over(name);
        Ok(Expected::Done)
    }

    /// One that is ending goes when nothing is left of it.
    fn over(&mut self, name: Name) {
        let is_over = |row: &Sponsored| row.ending && row.open.is_empty() && row.position() == 0;
        if self.sponsorships.rows.get(&name).is_some_and(is_over) {
            self.sponsorships.rows.remove(&name);
        }
    }

    /// Over whose account a participant settles.
    pub(super) fn settles_over(&self, who: u32, currency: CurrencyCode) -> Option<Place> {
        let sponsor = || self.sponsorships.rows.get(&(who, currency)).map(|row| row.sponsor);
        let over = if self.serves(who, currency) { Some(who) } else { sponsor() };
        over.map(|over| (Some(over), AccountPurpose::Settlement, currency))
    }

    /// The sponsors' standing, for a payment that is debited and credited in these currencies.
    pub(super) fn sponsors_stand(&self, pay: &Pay) -> Result<(), &'static str> {
        let credit = pay.quote.and_then(|id| self.quotes.get(&id.0)).map_or(pay.debit_currency, |quote| quote.credit_currency);
        let conduct = |who, code| self.sponsorships.rows.get(&(who, code)).map(|row| &self.members[row.sponsor as usize].conduct);
        if conduct(pay.debtor_agent.0, pay.debit_currency).is_some_and(|conduct| !conduct.sends()) {
            return Err("PAY-2092");
        }
        if conduct(pay.creditor_agent.0, credit).is_some_and(|conduct| !conduct.receives()) { Err("PAY-2093") } else { Ok(()) }
    }

    /// Whether the sponsorships of a payment's agents let it be; `paid` with what the debtor is charged.
    pub(super) fn sponsors_allow(&self, pay: &Pay, paid: i128, credit: CurrencyCode) -> Result<(), &'static str> {
        let debtor = self.sponsorships.rows.get(&(pay.debtor_agent.0, pay.debit_currency));
        let creditor = self.sponsorships.rows.get(&(pay.creditor_agent.0, credit));
        if debtor.into_iter().chain(creditor).any(|row| row.ending) {
            return Err("PAY-2094");
        }
        match debtor {
            Some(row) if pay.debit.0 > row.payment_max => Err("PAY-2091"),
            Some(row) if row.room() < paid => Err("PAY-2090"),
            Some(_) | None => Ok(()),
        }
    }

    /// Of a payment's two sides those that are sponsored, with what each would bring.
    pub(super) fn sponsored_sides(&self, sides: [(u32, CurrencyCode, i128); 2]) -> Vec<(Name, i128)> {
        let sides = sides.into_iter().map(|(who, code, change)| ((who, code), change));
        sides.filter(|(name, _)| self.sponsorships.rows.contains_key(name)).collect()
    }

    pub(super) fn sponsored_begin(&mut self, uetr: [u8; 16], sides: &[(Name, i128)]) {
        for (name, change) in sides {
            self.sponsorships.rows.entry(*name).and_modify(|row| {
                row.open.insert(uetr, *change);
            });
        }
    }

    pub(super) fn sponsored_end(&mut self, uetr: [u8; 16], sides: &[(Name, i128)], settled: bool) {
        for (name, change) in sides {
            let Some(row) = self.sponsorships.rows.get_mut(name) else { continue };
            row.open.remove(&uetr);
            if settled {
                row.moves.push(*change);
                *self.sponsorships.carried.entry((row.sponsor, name.1)).or_default() += change;
            }
            self.over(*name);
        }
    }

    /// Whether sponsors let a return between these two be, and what it would bring.
    pub(super) fn sponsored_return(&self, back: &Return, from: u32, to: u32) -> Result<Vec<(Name, i128)>, &'static str> {
        let amount = i128::from(back.amount.0);
        let sides = self.sponsored_sides([(from, back.currency, -amount), (to, back.currency, amount)]);
        for (name, _) in &sides {
            match self.members[self.sponsorships.rows[name].sponsor as usize].conduct.status() {
                ParticipantStatus::Live | ParticipantStatus::ReceiveOnly | ParticipantStatus::SendOnly => {}
                ParticipantStatus::Suspended
                | ParticipantStatus::Applied
                | ParticipantStatus::Certified
                | ParticipantStatus::Left => return Err("CLR-1188"),
            }
        }
        let short = |(name, change): &(Name, i128)| *change < 0 && self.sponsorships.rows[name].room() < amount;
        if sides.iter().any(short) { Err("CLR-1189") } else { Ok(sides) }
    }

    /// Whether a participant is sponsored, or sponsors somebody.
    pub(super) fn has_sponsorship(&self, who: u32) -> bool {
        self.sponsorships.rows.iter().any(|(name, row)| name.0 == who || row.sponsor == who)
    }

    pub(super) fn is_sponsored_in(&self, who: u32, currencies: &[CurrencyCode]) -> bool {
        currencies.iter().any(|code| self.sponsorships.rows.contains_key(&(who, *code)))
    }

    /// What moved over a participant's account for others.
    pub fn carried(&self, sponsor: u32, currency: CurrencyCode) -> i128 {
        self.sponsorships.carried.get(&(sponsor, currency)).copied().unwrap_or(0)
    }

    pub(super) fn compare_sponsorships(&self, clearing: &Clearing) -> Result<(), String> {
        let mut found = 0;
        for view in clearing.sponsorships() {
            found += 1;
            let name = (view.participant.0, view.currency.code);
            let row = self.sponsorships.rows.get(&name).ok_or_else(|| format!("sponsorship {name:?} should be over"))?;
            let shown = (view.sponsor.0, view.position, view.room(), view.under_way as usize);
            let expected = (row.sponsor, row.position(), row.room(), row.open.len());
            if shown != expected || (view.state == SponsorshipState::Ending) != row.ending {
                return Err(format!("sponsorship {name:?} shows {shown:?}, should be {expected:?}"));
            }
        }
        let expected = self.sponsorships.rows.len();
        if found == expected { Ok(()) } else { Err(format!("there are {found} sponsorships, should be {expected}")) }
    }
}
