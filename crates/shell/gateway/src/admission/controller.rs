//! The rule of admission, pure: times come in, a limit and yes or no come out.

use clearing::ParticipantId;

/// Least that is worked on at once, unless configured lower: two banks' closed loops of 64 are no flood on any machine.
pub(super) const LIMIT_MIN: u32 = 128;
/// How often the limit is judged: long enough for some blocks, short enough for a flood's first second.
const INTERVAL_NS: u64 = 100_000_000;
/// How long the shortest delay seen is believed, once to twice.
const LEAST_AGE_NS: u64 = 60_000_000_000;
/// A disk whose every sync takes longer than the target is no overload: the target is twice the shortest delay, up to this
/// many times what is configured.
const SLOW_DISK_FACTOR: u64 = 8;

/// What a request is for, in the order in which it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Asks how something stands: can be asked again. Also what cannot be recognised.
    Poll,
    /// A quote, a rate, a payee check: before a payment.
    Quote,
    /// A new payment.
    Payment,
    /// A creditor agent's answer, or a reply to a payee check: somebody waits for it.
    Answer,
}

impl Class {
    pub(super) const ALL: [Self; 4] = [Self::Poll, Self::Quote, Self::Payment, Self::Answer];

    /// Up to how much of the limit, in percent; `None` has none.
    const fn part(self) -> Option<u32> {
        match self {
            Self::Poll => Some(50),
            Self::Quote => Some(75),
            Self::Payment => Some(100),
            Self::Answer => None,
        }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Quote => "quote",
            Self::Payment => "payment",
            Self::Answer => "answer",
        }
    }

    pub(super) const fn at(self) -> usize {
        self as usize
    }
}

/// The rule itself, without a clock.
#[derive(Debug)]
pub(super) struct Controller {
    target_ns: u64,
    limit_max: u32,
    pub(super) limit: u32,
    pub(super) working: u32,
    interval: Interval,
    /// Shortest delay of the running minute and of the one before.
    least_ns: [u64; 2],
    least_ends_ns: u64,
    shares: Vec<Share>,
    /// Participants that asked for something in the last interval.
    active: u32,
    pub(super) admitted: [u64; 4],
    pub(super) refused: [u64; 4],
}

#[derive(Debug, Default)]
struct Interval {
    number: u64,
    ends_ns: u64,
    delays: u64,
    delay_sum_ns: u64,
    /// Most that was worked on at once.
    peak: u32,
    /// Whether anything was refused.
    refused: bool,
    active: u32,
}

/// A participant's part.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    working: u32,
    /// The last interval in which it asked for something.
    seen: Option<u64>,
    /// The last interval in which a payment of its was turned away for the creditor agent's sake.
    turned_away: Option<u64>,
}

impl Controller {
    pub(super) fn new(target_ns: u64, limit_max: u32) -> Self {
        Self {
            target_ns: target_ns.max(1),
            limit_max: limit_max.max(1),
            limit: limit_max.max(1),
            working: 0,
            interval: Interval { ends_ns: INTERVAL_NS, ..Interval::default() },
            least_ns: [u64::MAX; 2],
            least_ends_ns: LEAST_AGE_NS,
            shares: Vec::new(),
            active: 1,
            admitted: [0; 4],
            refused: [0; 4],
        }
    }

    pub(super) fn admit(&mut self, now_ns: u64, who: ParticipantId, class: Class) -> bool {
        self.roll(now_ns);
        self.note_active(who);
        let admitted = self.would_admit(who, class);
        if admitted {
            self.admitted[class.at()] += 1;
            self.working += 1;
            self.share(who).working += 1;
            self.interval.peak = self.interval.peak.max(self.working);
        } else {
            self.refused[class.at()] += 1;
            self.interval.refused = true;
        }
        admitted
    }

    pub(super) fn would_admit(&self, who: ParticipantId, class: Class) -> bool {
        let Some(percent) = class.part() else { return true };
        // Whose payments are turned away asks for less first: polls are given up before payments, whatever the reason.
        let turned_away = self.shares.get(who.0 as usize).and_then(|share| share.turned_away);
        if class == Class::Poll && turned_away.is_some_and(|interval| interval + 1 >= self.interval.number) {
            return self.working == 0;
        }
        // However small the limit, one of each class may be worked on while nothing else is.
        let most = ((u64::from(self.limit) * u64::from(percent) / 100) as u32).max(1);
        let own = self.shares.get(who.0 as usize).map_or(0, |share| share.working);
        self.working < most || own < most / self.active.max(self.interval.active).max(1)
    }

    /// A payment of this participant was turned away before it came here.
    pub(super) fn turned_away(&mut self, now_ns: u64, who: ParticipantId) {
        self.roll(now_ns);
        let number = self.interval.number;
        self.share(who).turned_away = Some(number);
        self.refused[Class::Payment.at()] += 1;
    }

    pub(super) fn durable(&mut self, now_ns: u64, delay_ns: u64) {
        self.interval.delays += 1;
        self.interval.delay_sum_ns = self.interval.delay_sum_ns.saturating_add(delay_ns);
        self.least_ns[0] = self.least_ns[0].min(delay_ns);
        self.roll(now_ns);
    }

    pub(super) fn leave(&mut self, who: ParticipantId) {
        self.working = self.working.saturating_sub(1);
        let share = self.share(who);
        share.working = share.working.saturating_sub(1);
    }

    fn share(&mut self, who: ParticipantId) -> &mut Share {
        let at = who.0 as usize;
        if self.shares.len() <= at {
            self.shares.resize(at + 1, Share::default());
        }
        &mut self.shares[at]
    }

    fn note_active(&mut self, who: ParticipantId) {
        let number = self.interval.number;
        let share = self.share(who);
        if share.seen != Some(number) {
            share.seen = Some(number);
            self.interval.active += 1;
        }
    }

    /// Judges an interval that is over and begins the next.
    fn roll(&mut self, now_ns: u64) {
        if now_ns < self.interval.ends_ns {
            return;
        }
        self.limit = self.judged();
        self.active = self.interval.active.max(1);
        self.interval = Interval {
            number: self.interval.number + 1,
            ends_ns: now_ns + INTERVAL_NS,
            peak: self.working,
            ..Interval::default()
        };
        if now_ns >= self.least_ends_ns {
            self.least_ns = [u64::MAX, self.least_ns[0]];
            self.least_ends_ns = now_ns + LEAST_AGE_NS;
        }
    }

    /// The limit that follows from the interval. Without a delay measured nothing is known, and nothing changes.
    fn judged(&self) -> u32 {
        let Interval { delays, delay_sum_ns, peak, refused, .. } = self.interval;
        let Some(mean_ns) = delay_sum_ns.checked_div(delays) else { return self.limit };
        let target_ns = self.aim_ns();
        let next = if mean_ns > target_ns {
            // In proportion, at most by half; what was not used says nothing about what can be carried.
            let used = u64::from(self.limit.min(peak));
            scaled(used, target_ns, mean_ns).max(used / 2)
        } else if refused || u64::from(peak) * 10 >= u64::from(self.limit) * 9 {
            // The nearer the target, the smaller the step.
            let limit = u64::from(self.limit);
            limit + 1 + scaled(limit, target_ns - mean_ns, target_ns) / 4
        } else {
            u64::from(self.limit)
        };
        u32::try_from(next).unwrap_or(u32::MAX).clamp(LIMIT_MIN.min(self.limit_max), self.limit_max)
    }

    /// The delay aimed at: as configured, unless the disk needs longer for anything at all.
    fn aim_ns(&self) -> u64 {
        let least_ns = self.least_ns[0].min(self.least_ns[1]);
        let most_ns = self.target_ns.saturating_mul(SLOW_DISK_FACTOR);
        least_ns.saturating_mul(2).clamp(self.target_ns, most_ns)
    }
}

fn scaled(value: u64, numerator: u64, denominator: u64) -> u64 {
    let scaled = u128::from(value) * u128::from(numerator) / u128::from(denominator.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    const A: ParticipantId = ParticipantId(0);
    const B: ParticipantId = ParticipantId(1);
    const MS: u64 = 1_000_000;
    const TARGET_NS: u64 = 100 * MS;

    /// A centre that does so much in a millisecond, one after the other, each taking at least `floor_ns`.
    struct Centre {
        controller: Controller,
        now_ms: u64,
        per_ms: u64,
        floor_ns: u64,
        queue: VecDeque<(ParticipantId, u64)>,
    }

    /// What a stretch of time came to.
    #[derive(Debug, Default, PartialEq)]
    struct Tally {
        done: u64,
        delay_max_ms: u64,
        admitted: [u64; 4],
        refused: [u64; 4],
        /// By participant.
        refused_of: [u64; 2],
    }

    impl Centre {
        fn new(per_ms: u64, floor_ns: u64) -> Self {
            Self { controller: Controller::new(TARGET_NS, 16_384), now_ms: 0, per_ms, floor_ns, queue: VecDeque::new() }
        }

        /// Runs for so long, every millisecond with these requests.
        fn run(&mut self, for_ms: u64, each_ms: &[(ParticipantId, Class, u64)]) -> Tally {
            let (admitted, refused) = (self.controller.admitted, self.controller.refused);
            let mut tally = Tally::default();
            for _ in 0..for_ms {
                self.now_ms += 1;
                let now_ns = self.now_ms * MS;
                for &(who, class, count) in each_ms {
                    for _ in 0..count {
                        if self.controller.admit(now_ns, who, class) {
                            self.queue.push_back((who, now_ns));
                        } else {
                            tally.refused_of[who.0 as usize] += 1;
                        }
                    }
                }
                for _ in 0..self.per_ms {
                    let Some(&(who, since_ns)) = self.queue.front().filter(|(_, since)| now_ns - since >= self.floor_ns) else {
                        break;
                    };
                    self.queue.pop_front();
                    self.controller.durable(now_ns, now_ns - since_ns);
                    self.controller.leave(who);
                    tally.done += 1;
                    tally.delay_max_ms = tally.delay_max_ms.max((now_ns - since_ns) / MS);
                }
            }
            tally.admitted = core::array::from_fn(|at| self.controller.admitted[at] - admitted[at]);
            tally.refused = core::array::from_fn(|at| self.controller.refused[at] - refused[at]);
            tally
        }
    }

    #[test]
    fn below_capacity_nothing_is_refused() {
        let mut centre = Centre::new(5, 2 * MS);
        let tally = centre.run(10_000, &[(A, Class::Payment, 2), (B, Class::Answer, 2), (A, Class::Poll, 1)]);
        assert_eq!(tally.refused, [0; 4]);
        assert!(tally.delay_max_ms <= 3, "{tally:?}");
    }

    #[test]
    fn at_five_times_capacity_all_capacity_is_used_and_the_wait_stays_near_the_target() {
        let mut centre = Centre::new(5, 2 * MS);
        centre.run(3_000, &[(A, Class::Payment, 25)]);
        let tally = centre.run(120_000, &[(A, Class::Payment, 25)]);
        assert!(tally.done >= 120_000 * 5 * 99 / 100, "{tally:?}");
        // The longest wait of two minutes, not the mean: the limit swings a little around what the target allows.
        assert!(tally.delay_max_ms * MS <= 3 * TARGET_NS, "{tally:?}");
        assert!(tally.refused[Class::Payment.at()] > 3 * tally.done, "{tally:?}");
    }

    #[test]
    fn the_first_seconds_of_a_flood_are_bounded_too() {
        let mut centre = Centre::new(5, 2 * MS);
        centre.run(10_000, &[(A, Class::Payment, 4)]);
        let tally = centre.run(2_000, &[(A, Class::Payment, 25)]);
        assert!(tally.delay_max_ms <= 1_000, "{tally:?}");
        assert!(tally.done >= 2_000 * 5 * 99 / 100, "{tally:?}");
    }

    #[test]
    fn polls_go_first_then_quotes_and_answers_never() {
        let mut centre = Centre::new(5, 2 * MS);
        let flood = [(A, Class::Payment, 20), (A, Class::Quote, 3), (A, Class::Poll, 3), (B, Class::Answer, 2)];
        centre.run(3_000, &flood);
        let tally = centre.run(20_000, &flood);
        let passed = |class: Class| {
            let (yes, no) = (tally.admitted[class.at()], tally.refused[class.at()]);
            yes * 1000 / (yes + no)
        };
        assert_eq!(tally.refused[Class::Answer.at()], 0);
        assert!(passed(Class::Poll) < 10 && passed(Class::Quote) < 10, "{tally:?}");
        assert!(passed(Class::Payment) > 100, "{tally:?}");
    }

    #[test]
    fn whose_payments_are_turned_away_does_not_poll() {
        let mut controller = Controller::new(TARGET_NS, 100);
        assert!(controller.admit(1, A, Class::Payment));
        controller.turned_away(1, A);
        assert!(!controller.admit(2, A, Class::Poll) && controller.admit(2, B, Class::Poll));
        assert!(controller.admit(2, A, Class::Payment) && controller.admit(2, A, Class::Quote));
        assert!(!controller.admit(INTERVAL_NS + 2, A, Class::Poll), "the next interval too");
        assert!(controller.admit(3 * INTERVAL_NS, A, Class::Poll));
    }

    #[test]
    fn with_some_room_left_only_polls_are_refused() {
        let mut controller = Controller::new(TARGET_NS, 100);
        let taken = |controller: &mut Controller, class| (0..200).filter(|_| controller.admit(1, A, class)).count();
        assert_eq!(taken(&mut controller, Class::Poll), 50);
        assert_eq!(taken(&mut controller, Class::Quote), 25);
        assert_eq!(taken(&mut controller, Class::Payment), 25);
        assert_eq!(taken(&mut controller, Class::Answer), 200);
        assert!(controller.would_admit(B, Class::Payment), "another participant has a share of its own");
    }

    #[test]
    fn who_does_not_flood_is_not_refused() {
        let mut centre = Centre::new(5, 2 * MS);
        let both = [(A, Class::Payment, 40), (B, Class::Payment, 1)];
        centre.run(3_000, &both);
        let tally = centre.run(10_000, &both);
        assert_eq!(tally.refused_of[1], 0);
        assert!(tally.refused_of[0] > 300_000 && tally.done >= 49_000, "{tally:?}");
    }

    #[test]
    fn two_who_flood_get_as_much_as_each_other_may() {
        let mut centre = Centre::new(5, 2 * MS);
        let both = [(A, Class::Payment, 40), (B, Class::Payment, 10)];
        centre.run(3_000, &both);
        let tally = centre.run(10_000, &both);
        let passed_of_b = 10_000 * 10 - tally.refused_of[1];
        assert!(passed_of_b * 10 >= tally.done * 4, "{passed_of_b} of {}", tally.done);
    }

    #[test]
    fn after_the_flood_everything_is_taken_again() {
        let mut centre = Centre::new(5, 2 * MS);
        centre.run(20_000, &[(A, Class::Payment, 50)]);
        centre.run(2_000, &[(A, Class::Payment, 4), (A, Class::Poll, 1)]);
        let tally = centre.run(10_000, &[(A, Class::Payment, 3), (A, Class::Poll, 1)]);
        assert_eq!(tally.refused, [0; 4]);
    }

    #[test]
    fn a_slow_disk_is_no_overload() {
        let mut centre = Centre::new(100, 240 * MS);
        let tally = centre.run(20_000, &[(A, Class::Payment, 10)]);
        assert_eq!(tally.refused, [0; 4], "2,400 at once wait 240 ms each, and none longer");
    }

    #[test]
    fn a_centre_that_stands_still_is_filled_to_the_limit_and_no_further() {
        let mut centre = Centre::new(5, 2 * MS);
        centre.run(5_000, &[(A, Class::Payment, 25)]);
        centre.per_ms = 0;
        centre.run(5_000, &[(A, Class::Payment, 25)]);
        assert!(centre.queue.len() <= 2 * (5 * 100), "{} wait", centre.queue.len());
        centre.per_ms = 5;
        centre.run(2_000, &[(A, Class::Payment, 25)]);
        assert!(centre.run(10_000, &[(A, Class::Payment, 25)]).done >= 10_000 * 5 * 99 / 100);
    }
}
