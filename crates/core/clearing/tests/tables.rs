//! Runs every table in `tests/tables`: lines of instructions with the outcome an accountant expects behind `=>`.
//!
//! ```text
//! at 10                                   the next block's time, in seconds
//! pay P1 HARB PENG 100.00 HKD [quote Q1] [high] [risk block] [accepted 3] [message M1] [other]   => held | settled | rejected AM04 | CLR-1001
//!     [person ALICE] [purpose GDDS] [debtor institution] [creditor institution] [execute 3600]   => waits until 3600
//! answer P1 PENG accept | AC04            => settled | rejected AC04 | CLR-1007
//! balance HARB settlement HKD             => 900.00 held 0.00
//! cancel P1 HARB                          => rejected CUST | CLR-1042
//! what-if HARB PGSZ 10.00 HKD person ALICE => NORTH N-DAY 0.00 of 10000.00 HKD
//! apply HARB HKD                          an application; `status HARB certified` and so on lead further
//! offline HARB from 10 until 20           an absence, in seconds; `until ever` if nobody knows; `online HARB` ends it
//! liquidity HARB HKD cap 50.00 floor 10.00 target 20.00 reserve 5.00 from 30      a cap may be a share: `cap 250000ppm`
//! room HARB HKD                           => 60.00 | 60.00 low, without what is held
//! agent LION HKD 480 to 1080 queue       LION settles HKD, from minute 480 of a UTC day; at other times transfers wait, or `refuse`
//! top-up T1 HARB 50.00 HKD               asked of the agent; `withdrawal` the other way; a standing one: `standing-top-up HARB HKD on`
//! agent-says T1 LION done | AM04          => done | CLR-1142; `officers-say` in its place
//! transfer T1                             => asked in 50.00 HKD | queued until 28800 | none
//! noted                                   => funded in HARB 50.00 HKD by LION
//! send T1 HARB PENG 50.00 HKD until 60 [urgent]       between participants, for themselves; `take-back T1 HARB`
//! sent T1                                 => waiting | settled | ended AM04
//! answer P1 PENG review                   => settled, under_review     (ACWP; `block CASE` is BLCK; a reason behind it: to be returned)
//! cooling-off review 600 NORTH:100.00:HKD:7200 …      first payments of 100.00 and more wait two hours; `*` is any corridor
//! pay … [pair A-B] [new-payee]            whom it is from and to, and whether the bank says that the payee is new
//! review-time 3600                        how long a review may last, in seconds
//! rate LION HKD CNY 0.92 spread 1500 tiers 1000.00=500,9000.00=800 for HARB=200      improvements in millionths
//! quote Q1 HARB debit 100.00 HKD CNY [cover [to PENG]]      => … , capped by provider | rulebook
//! breaker 3 rest 60                       after three unanswered payments in a row, rest for a minute
//! return R1 of P1 PENG 40.00 HKD AC04 [portion 50.00] [quote Q1] [message M1] [other] [forgotten]  => settled | CLR-1113
//!                                         `forgotten`: with the facts of P1 that the past has kept
//! returned P1 HKD                         => 40.00
//! recall P1 HARB DUPL [other] [forgotten] => done | CLR-1116
//! recall-answer P1 PENG accept | NOOR     => done | CLR-1007
//! recall-state P1                         => asked DUPL due 120 | overdue DUPL | accepted | rejected NOOR | none
//! return-terms return 400 recall 100 fraud 300 answer 50     times after settlement, in seconds
//! sponsor LION for WAYF HKD limit 100.00 most 50.00      LION settles for WAYF; again: other limits
//! square S1 WAYF HKD 20.00 paid-by participant | sponsor [by LION]     `by`: the sponsor's own message, else an order
//! end-sponsor WAYF HKD
//! position WAYF HKD                      => -20.00 held 5.00 room 75.00, 1 under way | … ending | none
//! calendar HKD from 1970-01-01 cut-off 17:30 closes 18:00 on 12345 [free 1970-01-06,1970-01-07] [utc 480]
//!                                         business days: Monday is 1; 1970-01-01 was a Thursday
//! day HKD                                 => 1970-01-02 | 1970-01-02 cut off | none
//! ask-statements HARB HKD from 1970-01-01 [until 1970-01-05] [ordered]
//! told [HARB]                             => HKD opened 1970-01-02, … | nothing: of days, since it was last looked at; to HARB
//! retention 700                           how long payments stay on record behind their end, in seconds
//! ```
//! Matters between two agents, such as requests to pay, have lines of their own, see `matters`, `mandates`, `preauths`.
//! Banks are in Hong Kong, those whose name ends in `SZ` in Shenzhen. A rulebook and a tariff are
//! written over several lines, see `rulebook`, `tariff`.
//! After every line all laws are checked.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use clearing::{
    Absence, AccountPurpose, Answer, AnswerRecall, AnswerVerdict, Arrangement, Bic, Breaker, Clearing, Command, ContentHash,
    CoolingOff, CoolingRule, Cover, Event, EventKind, Facts, FixedSide, Fund, FundDirection, Improvements, IndexSeed, IsoReason,
    LiquidityTerms, MessageIdHash, NetDebitCap, Notice, OfferRate, Outcome, ParticipantId, ParticipantStatus, Pay, PaymentState,
    PaymentView, Posting, PostingReport, PostingWord, Priority, PublishRate, QuoteCap, QuoteId, Recall, RecallState,
    RecallVerdict, RegisterParticipant, Relation, RequestQuote, Return, ReturnTerms, ReviewTerms, RiskDecision, RiskVerdict,
    Rulebook, Says, SchemeTerms, SetLiquidity, Settings, Tariff, Terms, Tier, Time, Uetr, laws,
};
use money::{Amount, Currency, CurrencyCode, MinorUnits, Rate};
use std::collections::BTreeMap;

#[path = "support/days.rs"]
mod days;
#[path = "support/mandates.rs"]
mod mandates;
#[path = "support/matters.rs"]
mod matters;
#[path = "support/preauths.rs"]
mod preauths;
#[path = "support/rulebook.rs"]
mod rulebook;
#[path = "support/settlement.rs"]
mod settlement;
#[path = "support/sponsorship.rs"]
mod sponsorship;
#[path = "support/tariff.rs"]
mod tariff;

const SECOND: u64 = 1_000_000_000;

#[test]
fn every_table_balances() {
    let mut tables = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tables")).unwrap() {
        let path = entry.unwrap().path();
        let clearing = Clearing::new(IndexSeed(1));
        let mut scheme = Scheme {
            clearing,
            now: Time(0),
            fundings: 0,
            draft: None,
            past: BTreeMap::new(),
            terms: BTreeMap::new(),
            tariff: None,
            told: Vec::new(),
            days: Vec::new(),
            read: BTreeMap::new(),
        };
        for (number, line) in std::fs::read_to_string(&path).unwrap().lines().enumerate() {
            scheme.run_line(line).unwrap_or_else(|wrong| panic!("{}:{}: {line}\n{wrong}", path.display(), number + 1));
        }
        tables += 1;
    }
    assert!(tables >= 28, "only {tables} tables found");
}

struct Scheme {
    clearing: Clearing,
    now: Time,
    fundings: u8,
    /// The rulebook being written.
    draft: Option<Rulebook>,
    /// What history would know of settled payments.
    past: BTreeMap<Uetr, Facts>,
    /// What their messages say.
    terms: BTreeMap<Uetr, Terms>,
    /// The tariff being written.
    tariff: Option<Tariff>,
    /// What was told of matters.
    told: Vec<Event>,
    /// What was told of business days, and how much of it each has read.
    days: Vec<Event>,
    read: BTreeMap<String, usize>,
}

impl Scheme {
    fn run_line(&mut self, line: &str) -> Result<(), String> {
        let line = line.split('#').next().unwrap_or("").trim();
        if line.is_empty() {
            return Ok(());
        }
        let (instruction, expected) = line.split_once("=>").unwrap_or((line, "done"));
        let words: Vec<&str> = instruction.split_whitespace().collect();
        let found = self.run(&words)?;
        let broken = laws::check_all(&self.clearing);
        if !broken.is_empty() {
            return Err(format!("{broken:?}"));
        }
        if found == expected.trim() { Ok(()) } else { Err(format!("expected: {}\n   found: {found}", expected.trim())) }
    }

    fn run(&mut self, words: &[&str]) -> Result<String, String> {
        let command = match *words {
            ["at", seconds] => {
                self.now = Time(seconds.parse::<u64>().map_err(|_| "seconds")? * SECOND);
                let applied = self.clearing.apply_block(self.now, &[]);
                self.note_days(&applied.events);
                self.told.extend(applied.events.into_iter().filter(is_of_matters));
                return Ok("done".into());
            }
            ["balance", who, purpose, code] => return self.balance(who, purpose, code),
            ["payment", id] => return Ok(self.payment(id)),
            ["rulebook" | "corridor" | "limit" | "reference", ..] => return rulebook::line(&mut self.draft, words),
            ["tariff" | "line" | "price", ..] => return tariff::line(&mut self.tariff, words),
            ["enter-tariff"] => Command::SchemeTerms(SchemeTerms::Tariff(self.tariff.take().ok_or("no tariff")?)),
            ["cooling-off", "review", seconds, ref rules @ ..] => self.cooling_off(seconds, rules),
            ["review-time", seconds] => Command::SchemeTerms(SchemeTerms::Reviews(ReviewTerms { review_ns: time(seconds).0 })),
            ["enter"] => Command::SetRulebook(self.draft.take().ok_or("no rulebook")?),
            ["cancel", id, name] => Command::Cancel { uetr: Uetr(id16(id)), debtor_agent: self.participant(name) },
            ["what-if", from, to, amount, code, ref rest @ ..] => {
                let Command::Pay(pay) = self.pay("?", from, to, amount, code, rest) else { return Err("pay".into()) };
                return Ok(rulebook::what_if(&self.clearing, &pay));
            }
            ["charges", from, to, amount, code, ref rest @ ..] => {
                let Command::Pay(pay) = self.pay("?", from, to, amount, code, rest) else { return Err("pay".into()) };
                return Ok(tariff::charges(&self.clearing, &pay));
            }
            ["day", code] => return Ok(days::open(&self.clearing, currency_code(code))),
            ["told", ref whom @ ..] => return Ok(self.told_of_days(whom.first().copied())),
            ["calendar" | "ask-statements", ..] => days::command(words, &|name| self.participant(name), &currency_code)?,
            ["position", name, code] => {
                return sponsorship::position(&self.clearing, self.participant(name), currency_code(code));
            }
            ["sponsor" | "square" | "end-sponsor", ..] => self.sponsorship(words)?,
            ["room", name, code] => return self.room(name, code),
            ["transfer", id] => return Ok(settlement::transfer(&self.clearing, id16(id))),
            ["noted"] => return Ok(settlement::noted(&self.clearing)),
            ["sent", id] => return Ok(settlement::sent(&self.clearing, id16(id))),
            [
                "agent" | "top-up" | "withdrawal" | "agent-says" | "officers-say" | "standing-top-up" | "send" | "take-back",
                ..,
            ] => self.settlement(words)?,
            ["return", id, "of", original, name, amount, code, reason, ref rest @ ..] => {
                self.give_back(id, original, name, (amount, code, reason), rest)
            }
            ["returned", id, code] => {
                let currency = Currency::new(currency_code(code), 2).unwrap();
                return Ok(Amount { minor: self.clearing.returned(Uetr(id16(id))), currency }.to_string());
            }
            ["recall", id, name, reason, ref rest @ ..] => Command::Recall(Recall {
                original: Uetr(id16(id)),
                debtor_agent: self.participant(name),
                reason: IsoReason::parse(reason).ok_or("reason")?,
                content: ContentHash([if rest.contains(&"other") { 2 } else { 1 }; 32]),
                facts: self.facts(id, rest),
            }),
            ["recall-answer", id, name, word] => Command::AnswerRecall(AnswerRecall {
                original: Uetr(id16(id)),
                creditor_agent: self.participant(name),
                verdict: match word {
                    "accept" => RecallVerdict::Accepts,
                    reason => RecallVerdict::Rejects(IsoReason::parse(reason).ok_or("reason")?),
                },
            }),
            ["recall-state", id] => return Ok(self.recall_state(id)),
            ["return-terms", "return", within, "recall", recall, "fraud", fraud, "answer", answer] => {
                Command::SetReturnTerms(ReturnTerms {
                    return_within_ns: time(within).0,
                    recall_within_ns: time(recall).0,
                    recall_fraud_within_ns: time(fraud).0,
                    recall_answer_ns: time(answer).0,
                })
            }
            ["retention", seconds] => {
                Command::Configure(Settings { payment_retention_ns: time(seconds).0, ..Settings::unconfigured() })
            }
            ["ask", id, creditor, debtor, amount, code, "until", until, ref rest @ ..] => {
                let agents = [self.participant(creditor), self.participant(debtor)];
                let asked = (self.amount(amount, code), currency_code(code));
                matters::ask(Uetr(id16(id)), agents, asked, time(until), rest)
            }
            ["reply", id, name, word] => matters::reply(Uetr(id16(id)), self.participant(name), word)?,
            ["withdraw", id, name] => matters::withdraw(Uetr(id16(id)), self.participant(name)),
            ["mandate" | "amend" | "agree" | "suspend" | "resume" | "end" | "collect" | "refuse", ..] => self.mandates(words)?,
            ["preauth" | "reserve" | "decline" | "capture" | "release" | "preauth-terms", ..] => self.preauths(words)?,
            ["used", id] => return Ok(mandates::used(&self.clearing, Uetr(id16(id)))),
            ["request" | "standing-of", id] => {
                return Ok(self.clearing.matter(Uetr(id16(id))).map_or("unknown".into(), |matter| matters::words(&matter)));
            }
            ["leaves"] => return Ok(self.clearing.tree().0.to_string()),
            ["ledger", code, decimals] => {
                Command::OpenLedger(Currency::new(currency_code(code), decimals.parse().unwrap()).unwrap())
            }
            [kind @ ("participant" | "provider"), name, ref currencies @ ..] => register(name, kind == "provider", currencies),
            ["apply", name, ref currencies @ ..] => Command::Arrange(Arrangement::Apply(registration(name, false, currencies))),
            ["status", name] => return Ok(self.standing(name)),
            ["status", name, status] => Command::SetStatus {
                participant: self.participant(name),
                status: ParticipantStatus::ALL.into_iter().find(|known| known.name() == status).ok_or("standing")?,
            },
            ["offline", name, "from", from, "until", until] => {
                self.notice(name, Says::Offline(Absence { from: time(from), until: time(until) }))
            }
            ["liquidity", name, code, ref rest @ ..] => self.liquidity(name, code, rest),
            ["online", name] => self.notice(name, Says::Online),
            ["breaker", timeouts, "rest", seconds] => Command::Arrange(Arrangement::SetBreaker(Breaker {
                timeouts: timeouts.parse().map_err(|_| "timeouts")?,
                rest_ns: time(seconds).0,
            })),
            ["fund" | "withdraw", name, amount, code, ref rest @ ..] => self.fund(words[0], name, amount, code, rest),
            ["rate", name, from, to, rate, "spread", ppm, ref rest @ ..] => self.rate(name, from, to, rate, ppm, rest),
            ["quote", id, name, side, amount, from, to, ref rest @ ..] => self.quote(id, name, side, amount, [from, to], rest),
            ["pay", id, from, to, amount, code, ref rest @ ..] => self.pay(id, from, to, amount, code, rest),
            ["answer", id, name, "review"] => self.posting(id, name, PostingWord::UnderReview),
            ["answer", id, name, "block", case] => self.posting(id, name, PostingWord::Blocked { case: id16(case) }),
            ["answer", id, name, word] => Command::Answer(Answer {
                uetr: Uetr(id16(id)),
                creditor_agent: self.participant(name),
                verdict: match word {
                    "accept" => AnswerVerdict::WillCredit,
                    reason => AnswerVerdict::Refuses(IsoReason::parse(reason).ok_or("reason")?),
                },
                content: ContentHash([1; 32]),
            }),
            ["credited", id, name] => Command::ReportCredited { uetr: Uetr(id16(id)), creditor_agent: self.participant(name) },
            _ => return Err("no such instruction".into()),
        };
        Ok(self.apply(command))
    }

    fn mandates(&self, words: &[&str]) -> Result<Command, String> {
        let reader = mandates::Reader {
            clearing: &self.clearing,
            participant: &|name| self.participant(name),
            amount: &|text, code| self.amount(text, code),
            uetr: &|name| Uetr(id16(name)),
        };
        mandates::command(words, &reader)
    }

    fn preauths(&self, words: &[&str]) -> Result<Command, String> {
        let reader = preauths::Reader {
            now: self.now,
            participant: &|name| self.participant(name),
            amount: &|text, code| self.amount(text, code),
            id: &id16,
            pay: &|words| match *words {
                [id, from, to, amount, code, ref rest @ ..] => match self.pay(id, from, to, amount, code, rest) {
                    Command::Pay(pay) => Some(pay),
                    _ => None,
                },
                _ => None,
            },
        };
        preauths::command(words, &reader)
    }

    fn apply(&mut self, command: Command) -> String {
        let mut encoded = Vec::new();
        command.encode(&mut encoded);
        assert_eq!(Command::decode(&mut encoded.as_slice()).as_ref(), Ok(&command), "every command survives its encoding");
        if let Command::Pay(pay) = &command {
            self.terms.insert(pay.uetr, pay.terms);
        }
        let applied = self.clearing.apply_block(self.now, &[command]);
        for event in &applied.events {
            if let EventKind::PaymentSettled(view) = &event.kind {
                self.past.insert(view.uetr, Facts::of(*view, self.terms.get(&view.uetr).copied().unwrap_or_default()));
            }
        }
        self.note_days(&applied.events);
        assert!(laws::ret_01_told(&applied.events).is_ok());
        self.told.extend(applied.events.iter().filter(|event| is_of_matters(event)).cloned());
        assert!(laws::mdt_01_told(&self.told).is_ok());
        assert_eq!(laws::pre_01_told(&self.told), Ok(()));
        match &applied.outcomes[0] {
            Outcome::Done | Outcome::Registered(_) => "done".into(),
            Outcome::Quoted(terms) => format!(
                "{:?} for {:?} by {} (spread {}, rounding {}){}",
                terms.debit,
                terms.credit,
                self.clearing.participants().nth(terms.provider.0 as usize).unwrap().name,
                terms.spread,
                terms.remainder,
                match terms.capped {
                    None => "",
                    Some(QuoteCap::Provider) => ", capped by provider",
                    Some(QuoteCap::Rulebook) => ", capped by rulebook",
                }
            ),
            Outcome::Payment { payment, repeated } => {
                let again = if *repeated { " again" } else { "" };
                format!("{}{again}", words(payment))
            }
            Outcome::Waiting { payment, repeated } => {
                let again = if *repeated { " again" } else { "" };
                format!("waits until {}{again}", payment.until.0 / SECOND)
            }
            Outcome::Matter { matter, repeated } => {
                let again = if *repeated { " again" } else { "" };
                format!("{}{again}", matters::words(matter))
            }
            Outcome::Refused(refusal) => refusal.code().into(),
        }
    }

    fn note_days(&mut self, events: &[Event]) {
        let about = |event: &&Event| matches!(event.kind, EventKind::Day(_) | EventKind::Letter(_));
        self.days.extend(events.iter().filter(about).cloned());
        assert_eq!(laws::day_01_told(&self.days), Ok(()));
    }

    fn told_of_days(&mut self, whom: Option<&str>) -> String {
        let read = self.read.insert(whom.unwrap_or_default().to_owned(), self.days.len()).unwrap_or(0);
        let news = &self.days[read..];
        whom.map_or_else(|| days::steps(news), |name| days::letters(news, self.participant(name)))
    }

    /// Its standing and whether payments to it are turned away.
    fn standing(&self, name: &str) -> String {
        let view = self.clearing.participants().nth(self.participant(name).0 as usize).unwrap();
        let away = if view.presence.is_away(self.now) { " away" } else { "" };
        format!("{}{away}", view.status.name())
    }

    fn room(&self, name: &str, code: &str) -> Result<String, String> {
        let (owner, code) = (Some(self.participant(name)), currency_code(code));
        let is_it = |account: &&clearing::AccountView| {
            account.participant == owner && account.purpose == AccountPurpose::Settlement && account.currency.code == code
        };
        let accounts: Vec<_> = self.clearing.accounts().collect();
        let account = accounts.iter().find(is_it).ok_or("no such account")?;
        let room = u64::try_from(account.available).map_err(|_| "less than nothing")?;
        Ok(format!("{}{}", Amount::from_minor(room, account.currency), if account.is_low { " low" } else { "" }))
    }

    fn liquidity(&self, name: &str, code: &str, rest: &[&str]) -> Command {
        let option = |word| rest.iter().position(|&w| w == word).map(|at| rest[at + 1]);
        let amount = |word| option(word).map_or(MinorUnits::ZERO, |text| self.amount(text, code));
        let cap = match option("cap").and_then(|cap| cap.strip_suffix("ppm")) {
            Some(ppm) => NetDebitCap::ShareOfFunding { ppm: ppm.parse().unwrap() },
            None => NetDebitCap::Fixed(amount("cap")),
        };
        let terms = LiquidityTerms { cap, floor: amount("floor"), target: amount("target"), reserved: amount("reserve") };
        let from = option("from").map_or(Time(0), time);
        let (participant, currency) = (self.participant(name), currency_code(code));
        Command::Arrange(Arrangement::SetLiquidity(SetLiquidity { participant, currency, terms, from }))
    }

    fn sponsorship(&self, words: &[&str]) -> Result<Command, String> {
        let participant = |name: &str| self.participant(name);
        sponsorship::command(words, &participant, &|text, code| self.amount(text, code), &id16, &currency_code)
    }

    fn settlement(&self, words: &[&str]) -> Result<Command, String> {
        let participant = |name: &str| self.participant(name);
        settlement::command(words, &participant, &|text, code| self.amount(text, code), &id16, &currency_code)
    }

    fn notice(&self, name: &str, says: Says) -> Command {
        Command::Notice(Notice { participant: self.participant(name), says })
    }

    fn balance(&self, who: &str, purpose: &str, code: &str) -> Result<String, String> {
        let owner = match who {
            "scheme" => None,
            name => Some(self.participant(name)),
        };
        let purpose = match (who, purpose) {
            (_, "settlement") | ("scheme", "mirror") => AccountPurpose::Settlement,
            (_, "exchange") => AccountPurpose::Exchange,
            (_, "spread") | ("scheme", "rounding") => AccountPurpose::Spread,
            ("scheme", "fees") => AccountPurpose::Fees,
            _ => return Err("no such purpose".into()),
        };
        let account = self
            .clearing
            .accounts()
            .find(|account| {
                account.participant == owner && account.purpose == purpose && account.currency.code == currency_code(code)
            })
            .ok_or("no such account")?;
        let sign = if account.posted < 0 { "-" } else { "" };
        let posted = Amount::from_minor(account.posted.unsigned_abs() as u64, account.currency);
        Ok(format!("{sign}{posted} held {}", Amount::from_minor(account.held_debit, account.currency)))
    }

    fn give_back(
        &self,
        id: &str,
        original: &str,
        name: &str,
        (amount, code, reason): (&str, &str, &str),
        rest: &[&str],
    ) -> Command {
        let option = |word| rest.iter().position(|&w| w == word).map(|at| rest[at + 1]);
        Command::Return(Return {
            id: Uetr(id16(id)),
            content: ContentHash([if rest.contains(&"other") { 2 } else { 1 }; 32]),
            message_id: MessageIdHash(id16(option("message").unwrap_or(id))),
            returner: self.participant(name),
            original: Uetr(id16(original)),
            amount: self.amount(amount, code),
            portion: self.amount(option("portion").unwrap_or(amount), code),
            currency: currency_code(code),
            quote: option("quote").map(|quote| QuoteId(id16(quote))),
            reason: IsoReason::parse(reason).expect("four characters"),
            created_at: option("created").map_or(self.now, time),
            facts: self.facts(original, rest),
        })
    }

    fn facts(&self, original: &str, rest: &[&str]) -> Option<Facts> {
        rest.contains(&"forgotten").then(|| self.past[&Uetr(id16(original))])
    }

    fn recall_state(&self, id: &str) -> String {
        let Some(view) = self.clearing.recall(Uetr(id16(id))) else { return "none".into() };
        match view.state {
            RecallState::Asked => format!("asked {} due {}", view.reason, view.due.0 / SECOND),
            RecallState::Overdue => format!("overdue {}", view.reason),
            RecallState::Answered(RecallVerdict::Accepts) => "accepted".into(),
            RecallState::Answered(RecallVerdict::Rejects(reason)) => format!("rejected {reason}"),
        }
    }

    fn payment(&self, id: &str) -> String {
        match self.clearing.payment(Uetr(id16(id))) {
            None => "unknown".into(),
            Some(view) => {
                let text = |minor, currency| Amount { minor, currency }.to_string();
                let (debtor, creditor) = (view.charges.debtor, view.charges.creditor);
                let bearer = view.charges.bearer().filter(|_| view.state != PaymentState::Rejected);
                let charged = match bearer {
                    None => String::new(),
                    Some(bearer) => {
                        let (debtor, creditor) = (text(debtor, view.debit.currency), text(creditor, view.credit.currency));
                        format!(", charged {debtor} + {creditor} {}", bearer.iso())
                    }
                };
                format!("{} {:?} {:?}{charged}", words(&view), view.debit, view.credit)
            }
        }
    }

    fn fund(&mut self, verb: &str, name: &str, amount: &str, code: &str, rest: &[&str]) -> Command {
        self.fundings += 1;
        let reference = rest.iter().position(|&w| w == "reference").map_or([self.fundings; 16], |at| id16(rest[at + 1]));
        Command::Fund(Fund {
            participant: self.participant(name),
            currency: currency_code(code),
            purpose: match rest.first() {
                Some(&"exchange") => AccountPurpose::Exchange,
                Some(&"spread") => AccountPurpose::Spread,
                Some(_) | None => AccountPurpose::Settlement,
            },
            direction: if verb == "fund" { FundDirection::In } else { FundDirection::Out },
            amount: self.amount(amount, code),
            reference,
        })
    }

    fn rate(&self, name: &str, from: &str, to: &str, rate: &str, ppm: &str, rest: &[&str]) -> Command {
        let option = |word| rest.iter().position(|&w| w == word).map(|at| rest[at + 1]);
        let rate = PublishRate {
            provider: self.participant(name),
            debit_currency: currency_code(from),
            credit_currency: currency_code(to),
            rate: Rate::parse(rate).unwrap(),
            spread_ppm: ppm.parse().unwrap(),
            credit_max: option("max").map_or(MinorUnits(u64::MAX), |amount| self.amount(amount, to)),
            valid_until: Time(option("until").map_or(u64::MAX, |seconds| seconds.parse::<u64>().unwrap() * SECOND)),
        };
        if option("tiers").or(option("for")).is_none() {
            return Command::PublishRate(rate);
        }
        let pairs = |word| option(word).unwrap_or_default().split(',').filter_map(|pair| pair.split_once('='));
        let tier = |(amount, ppm): (&str, &str)| Tier { from: self.amount(amount, from), improvement_ppm: ppm.parse().unwrap() };
        let relation =
            |(name, ppm): (&str, &str)| Relation { debtor_agent: self.participant(name), improvement_ppm: ppm.parse().unwrap() };
        let improvements =
            Improvements { tiers: pairs("tiers").map(tier).collect(), relations: pairs("for").map(relation).collect() };
        Command::OfferRate(OfferRate { rate, improvements })
    }

    fn cooling_off(&self, review: &str, rules: &[&str]) -> Command {
        let rule = |text: &&str| {
            let [corridor, amount, code, wait] =
                text.split(':').collect::<Vec<_>>().try_into().expect("corridor:amount:code:wait");
            let corridor = clearing::Code::parse(corridor);
            let currency = Currency::new(currency_code(code), 2).unwrap();
            CoolingRule { corridor, currency, from: self.amount(amount, code), wait_ns: time(wait).0 }
        };
        let terms = CoolingOff { rules: rules.iter().map(rule).collect(), review_wait_ns: time(review).0 };
        Command::SchemeTerms(SchemeTerms::CoolingOff(terms))
    }

    fn posting(&self, id: &str, name: &str, says: PostingWord) -> Command {
        Command::ReportPosting(PostingReport { uetr: Uetr(id16(id)), creditor_agent: self.participant(name), says })
    }

    fn quote(&self, id: &str, name: &str, side: &str, amount: &str, [from, to]: [&str; 2], rest: &[&str]) -> Command {
        Command::RequestQuote(RequestQuote {
            quote: QuoteId(id16(id)),
            debtor_agent: self.participant(name),
            debit_currency: currency_code(from),
            credit_currency: currency_code(to),
            fixed: match side {
                "debit" => FixedSide::Debit(self.amount(amount, from)),
                _ => FixedSide::Credit(self.amount(amount, to)),
            },
            cover: rest.contains(&"cover").then(|| Cover {
                creditor_agent: rest.iter().position(|&word| word == "to").map(|at| self.participant(rest[at + 1])),
                terms: rulebook::terms(rest),
            }),
        })
    }

    fn pay(&self, id: &str, from: &str, to: &str, amount: &str, code: &str, rest: &[&str]) -> Command {
        let option = |word| rest.iter().position(|&w| w == word).map(|at| rest[at + 1]);
        let has = |word| rest.contains(&word);
        Command::Pay(Pay {
            uetr: Uetr(id16(id)),
            content: ContentHash([if has("other") { 2 } else { 1 }; 32]),
            message_id: MessageIdHash(id16(option("message").unwrap_or(id))),
            debtor_agent: self.participant(from),
            creditor_agent: self.participant(to),
            debit: self.amount(amount, code),
            debit_currency: currency_code(code),
            quote: option("quote").map(|quote| QuoteId(id16(quote))),
            priority: if has("high") { Priority::High } else { Priority::Normal },
            accepted_at: option("accepted").map_or(self.now, |seconds| Time(seconds.parse::<u64>().unwrap() * SECOND)),
            risk: RiskDecision {
                verdict: match option("risk") {
                    Some("block") => RiskVerdict::Block,
                    Some("review") => RiskVerdict::Review,
                    Some(_) | None => RiskVerdict::Pass,
                },
                ..RiskDecision::PASS
            },
            terms: rulebook::terms(rest),
        })
    }

    fn participant(&self, name: &str) -> ParticipantId {
        self.clearing.participant_by_bic(bic(name)).unwrap_or(ParticipantId(999))
    }

    fn amount(&self, text: &str, code: &str) -> MinorUnits {
        let known = self.clearing.currencies().iter().find(|currency| currency.code == currency_code(code));
        let currency = known.copied().unwrap_or(Currency::new(currency_code(code), 2).unwrap());
        Amount::parse(text, currency).unwrap().minor
    }
}

fn register(name: &str, provides_exchange: bool, currencies: &[&str]) -> Command {
    Command::RegisterParticipant(registration(name, provides_exchange, currencies))
}

fn registration(name: &str, provides_exchange: bool, currencies: &[&str]) -> RegisterParticipant {
    RegisterParticipant {
        bic: bic(name),
        name: name.into(),
        key: [7; 32],
        provides_exchange,
        currencies: currencies.iter().map(|code| currency_code(code)).collect(),
    }
}

/// Seconds, or `ever`.
fn time(seconds: &str) -> Time {
    Time(seconds.parse::<u64>().map_or(u64::MAX, |seconds| seconds * SECOND))
}

/// How a payment stands, and how at its creditor agent where there is something to say.
fn words(view: &PaymentView) -> String {
    let state = state_words(view.state, view.iso_reason());
    match view.posting {
        Posting::Unreported | Posting::Credited => state,
        posting @ (Posting::UnderReview | Posting::Overdue | Posting::Blocked | Posting::ToBeReturned) => {
            format!("{state}, {}", posting.name())
        }
    }
}

fn state_words(state: PaymentState, reason: Option<IsoReason>) -> String {
    match (state, reason) {
        (PaymentState::Held, _) => "held".into(),
        (PaymentState::Settled, _) => "settled".into(),
        (PaymentState::Rejected, reason) => format!("rejected {}", reason.map_or("?".into(), |reason| reason.to_string())),
    }
}

fn bic(name: &str) -> Bic {
    let place = if name.ends_with("SZ") { "CNBS" } else { "HKHH" };
    Bic::parse(&format!("{name}{place}")).expect("four capitals")
}

fn currency_code(code: &str) -> CurrencyCode {
    code.parse().expect("a currency code")
}

fn id16(name: &str) -> [u8; 16] {
    let mut id = [0; 16];
    id[..name.len()].copy_from_slice(name.as_bytes());
    id
}

/// What laws over events ask about matters.
fn is_of_matters(event: &Event) -> bool {
    let is_capture = matches!(&event.kind, EventKind::PaymentSettled(payment) if payment.captured_from.is_some());
    is_capture || matches!(event.kind, EventKind::Matter(_))
}
