//! Offsetting: which of the transfers that wait for money can settle together, by the differences of what their senders owe.
//!
//! ```text
//!   A pays B 100 and has 5     one after the other: nothing moves
//!   B pays A  95 and has 0     together: A ends with 0, B with 5
//! ```
//! All that wait are taken together; as long as somebody ends short, one of its own transfers is left out: the smallest that makes up
//! for what it lacks, or the largest it has. What is urgent is left out last, and from the end, so none is passed by; the rest keeps
//! no order. What was left out is tried again at the end. (After the gridlock resolution of Bech and Soramäki, 2001, and the
//! by-passing of the large-value systems; the best choice without order is a knapsack.)
//!
//! # Units and limits
//! Amounts are minor units of one ledger. Work grows with the number of wishes times its logarithm; the caller bounds it.

use std::collections::{BTreeMap, BTreeSet};

/// How often what was left out is tried again.
const PASSES_MAX: usize = 8;

/// One transfer that waits, in the order in which its sender wants its transfers settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The account that pays.
    pub from: u32,
    /// The account that is paid.
    pub to: u32,
    /// How much; not zero.
    pub amount: u64,
    /// Leaves untouched what its sender reserved for what is urgent.
    pub spares_reserve: bool,
}

/// What a sender may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// All of it.
    pub all: i128,
    /// The part that is reserved for what is urgent.
    pub reserved: i128,
}

/// What one account would have at the end, and which of its wishes are still in.
#[derive(Debug, Default)]
struct Side {
    room: Room,
    /// Urgent ones, by place.
    urgent: Vec<usize>,
    /// The others, by amount and place.
    normal: BTreeSet<(u64, usize)>,
}

impl Side {
    /// By how much the account ends short of what its wishes ask for; not positive: it does not.
    fn shortage(&self) -> i128 {
        let spared = if self.normal.is_empty() { 0 } else { self.room.reserved };
        if self.normal.is_empty() && self.urgent.is_empty() { 0 } else { spared - self.room.all }
    }

    fn add(&mut self, at: usize, wish: &Wish) {
        self.room.all -= i128::from(wish.amount);
        match wish.spares_reserve {
            true => drop(self.normal.insert((wish.amount, at))),
            false => self.urgent.push(at),
        }
    }

    /// Takes one out: the smallest normal one that makes up for the shortage, or the largest there is; urgent ones last, from the end.
    fn give_up(&mut self) -> Option<usize> {
        let shortage = u64::try_from(self.shortage()).unwrap_or(u64::MAX);
        let fitting = self.normal.range((shortage, 0)..).next().or_else(|| self.normal.last()).copied();
        let Some(normal) = fitting else { return self.urgent.pop() };
        self.normal.remove(&normal);
        Some(normal.1)
    }
}

/// Which wishes settle together, by their place, in order; none if there are no such.
///
/// Urgent wishes of one sender must come in the order in which it wants them settled; none is passed by.
pub fn together(wishes: &[Wish], room: impl Fn(u32) -> Room) -> Vec<usize> {
    let mut sides: BTreeMap<u32, Side> = BTreeMap::new();
    for (at, wish) in wishes.iter().enumerate() {
        for account in [wish.from, wish.to] {
            sides.entry(account).or_insert_with(|| Side { room: room(account), ..Side::default() });
        }
        add(&mut sides, at, wish);
    }
    let mut left_out = BTreeSet::new();
    let mut suspects: Vec<u32> = sides.keys().copied().collect();
    while let Some(account) = suspects.pop() {
        let short = sides.get_mut(&account).filter(|side| side.shortage() > 0);
        let Some(at) = short.and_then(Side::give_up) else { continue };
        left_out.insert(at);
        let wish = wishes[at];
        for (account, sign) in [(wish.from, 1), (wish.to, -1)] {
            sides.entry(account).or_default().room.all += sign * i128::from(wish.amount);
            suspects.push(account);
        }
    }
    take_back_in(&mut sides, wishes, &mut left_out);
    (0..wishes.len()).filter(|at| !left_out.contains(at)).collect()
}

fn add(sides: &mut BTreeMap<u32, Side>, at: usize, wish: &Wish) {
    sides.entry(wish.from).or_default().add(at, wish);
    sides.entry(wish.to).or_default().room.all += i128::from(wish.amount);
}

/// What was left out for the sake of another that was left out later may fit again.
fn take_back_in(sides: &mut BTreeMap<u32, Side>, wishes: &[Wish], left_out: &mut BTreeSet<usize>) {
    for _ in 0..PASSES_MAX {
        let before = left_out.len();
        let mut behind_urgent = BTreeSet::new();
        for at in left_out.clone() {
            let wish = wishes[at];
            let side = &sides[&wish.from];
            let spared = if wish.spares_reserve || !side.normal.is_empty() { side.room.reserved } else { 0 };
            if !behind_urgent.contains(&wish.from) && side.room.all - i128::from(wish.amount) >= spared {
                left_out.remove(&at);
                add(sides, at, &wish);
            } else if !wish.spares_reserve {
                behind_urgent.insert(wish.from);
            }
        }
        if left_out.len() == before {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(from: u32, to: u32, amount: u64) -> Wish {
        Wish { from, to, amount, spares_reserve: true }
    }

    fn with(rooms: &[i128]) -> impl Fn(u32) -> Room + '_ {
        |account| Room { all: rooms[account as usize], reserved: 0 }
    }

    #[test]
    fn two_who_owe_each_other_need_the_difference() {
        let wishes = [wish(0, 1, 100), wish(1, 0, 95)];
        assert_eq!(together(&wishes, with(&[5, 0])), [0, 1]);
        assert!(together(&wishes, with(&[4, 90])).is_empty());
        assert!(together(&[], with(&[])).is_empty());
    }

    #[test]
    fn a_ring_settles_where_no_pair_could() {
        let wishes = [wish(0, 1, 100), wish(1, 2, 100), wish(2, 0, 100)];
        assert_eq!(together(&wishes, with(&[0, 0, 0])), [0, 1, 2]);
    }

    #[test]
    fn the_smallest_that_makes_up_for_it_is_left_out() {
        // 0 could pay any but one.
        let wishes = [wish(0, 1, 60), wish(0, 1, 50), wish(0, 1, 70), wish(1, 0, 80)];
        assert_eq!(together(&wishes, with(&[50, 0])), [0, 2, 3]);
        assert_eq!(together(&wishes, with(&[40, 0])), [1, 2, 3]);
    }

    #[test]
    fn none_that_is_urgent_is_passed_by() {
        let urgent = |from, to, amount| Wish { spares_reserve: false, ..wish(from, to, amount) };
        assert_eq!(together(&[urgent(0, 1, 60), urgent(0, 1, 10), wish(0, 1, 5)], with(&[65, 0])), [0]);
        assert!(together(&[urgent(0, 1, 66), urgent(0, 1, 10), wish(0, 1, 5)], with(&[65, 0])).is_empty());
    }

    #[test]
    fn what_is_reserved_is_for_what_is_urgent() {
        let urgent = Wish { spares_reserve: false, ..wish(0, 1, 60) };
        let rooms = |account| Room { all: if account == 0 { 10 } else { 0 }, reserved: if account == 0 { 10 } else { 0 } };
        assert_eq!(together(&[urgent, wish(1, 0, 50)], rooms), [0, 1]);
        assert!(together(&[wish(0, 1, 60), wish(1, 0, 50)], rooms).is_empty());
    }

    /// What settles could, no urgent one is passed by, nothing more fits, and of what could be settled at most in these cases little
    /// is left.
    #[test]
    fn what_settles_could_and_is_nearly_the_most() {
        let mut chance = 0x2545_f491_4f6c_dd1d_u64;
        let mut draw = |below: u64| {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            chance % below
        };
        let (mut settled, mut possible) = (0, 0);
        for _ in 0..2_000 {
            let accounts = 2 + draw(3) as u32;
            let rooms: Vec<Room> =
                (0..accounts).map(|_| Room { all: i128::from(draw(40)), reserved: i128::from(draw(10)) }).collect();
            let mut wishes: Vec<Wish> = (0..draw(8))
                .map(|_| {
                    let from = draw(u64::from(accounts)) as u32;
                    let to = (from + 1 + draw(u64::from(accounts) - 1) as u32) % accounts;
                    Wish { from, to, amount: 1 + draw(50), spares_reserve: draw(3) > 0 }
                })
                .collect();
            wishes.sort_by_key(|wish| wish.spares_reserve);
            let found = together(&wishes, |account| rooms[account as usize]);
            assert!(may_settle(&wishes, &found, &rooms), "{found:?} of {wishes:?} with {rooms:?}");
            for more in (0..wishes.len()).filter(|at| !found.contains(at)) {
                let mut larger = found.clone();
                larger.push(more);
                assert!(!may_settle(&wishes, &larger, &rooms), "{more} beside {found:?} of {wishes:?} with {rooms:?}");
            }
            settled += value(&wishes, &found);
            possible += most(&wishes, &rooms);
        }
        assert!(settled * 100 > possible * 95, "{settled} of {possible}");
    }

    fn value(wishes: &[Wish], chosen: &[usize]) -> u64 {
        chosen.iter().map(|&at| wishes[at].amount).sum()
    }

    fn most(wishes: &[Wish], rooms: &[Room]) -> u64 {
        let sets = (0u32..1 << wishes.len()).map(|set| (0..wishes.len()).filter(|at| set >> at & 1 == 1).collect::<Vec<_>>());
        sets.filter(|chosen| may_settle(wishes, chosen, rooms)).map(|chosen| value(wishes, &chosen)).max().unwrap_or(0)
    }

    fn may_settle(wishes: &[Wish], chosen: &[usize], rooms: &[Room]) -> bool {
        let passed_by = |at: usize| {
            let earlier = |other: usize| wishes[other].from == wishes[at].from && !wishes[other].spares_reserve;
            (0..at).any(|other| earlier(other) && !chosen.contains(&other))
        };
        !chosen.iter().any(|&at| passed_by(at)) && could_settle(wishes, chosen, rooms)
    }

    fn could_settle(wishes: &[Wish], chosen: &[usize], rooms: &[Room]) -> bool {
        rooms.iter().enumerate().all(|(account, room)| {
            let of = |wish: &&Wish| wish.from == account as u32;
            let own = || chosen.iter().map(|&at| &wishes[at]);
            let end = room.all - own().filter(of).map(|wish| i128::from(wish.amount)).sum::<i128>()
                + own().filter(|wish| wish.to == account as u32).map(|wish| i128::from(wish.amount)).sum::<i128>();
            let spares = own().filter(of).any(|wish| wish.spares_reserve);
            own().all(|wish| wish.from != account as u32) || end >= if spares { room.reserved } else { 0 }
        })
    }
}
