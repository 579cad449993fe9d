//! Sponsorships against a plain reading of them: every position is summed anew from a list of all that ever moved.
//!
//! Random lives of two direct and three indirect participants; after every block outcomes, balances and positions must agree,
//! every law must hold, and the centre read back from its snapshot must be the same to the byte. Bytes of commands are golden.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use clearing::{
    AccountPurpose, Answer, AnswerVerdict, Bic, Clearing, Command, ContentHash, DecodeError, EndSponsorship, Fund, FundDirection,
    IndexSeed, IsoReason, MessageIdHash, OfficerRole, Outcome, ParticipantId, Pay, PaymentState, Priority, RegisterParticipant,
    Return, RiskDecision, Settings, Sponsor, SponsorLimits, SponsorshipCommand, Square, SquarePayer, Terms, Time, Uetr, laws,
};
use money::{Currency, CurrencyCode, MinorUnits};
use proptest::prelude::*;
use std::collections::BTreeMap;

const SECOND: u64 = 1_000_000_000;
const HKD: CurrencyCode = CurrencyCode::HKD;
/// The first two are direct.
const DIRECT: u32 = 2;
const ALL: u32 = 5;
const FUNDED: i128 = 300;
const ANSWER_S: u64 = 7;

#[derive(Debug, Clone)]
enum Step {
    Pay { id: u8, from: u32, to: u32, amount: u64 },
    Answer { id: u8, accepts: bool },
    Return { id: u8, of: u8, amount: u64 },
    Sponsor { by: u32, who: u32, limit: u64, most: u64 },
    Square { reference: u8, who: u32, amount: u64, paid_by: SquarePayer, by: Option<u32> },
    End { who: u32 },
    Later { seconds: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let anybody = || 0..ALL;
    let id = || 0..40u8;
    let pay = (id(), anybody(), anybody(), 0..90u64).prop_map(|(id, from, to, amount)| Step::Pay { id, from, to, amount });
    let answer = (id(), prop::bool::weighted(0.8)).prop_map(|(id, accepts)| Step::Answer { id, accepts });
    let back = (100..120u8, id(), 1..60u64).prop_map(|(id, of, amount)| Step::Return { id, of, amount });
    let sponsor =
        (anybody(), anybody(), 0..200u64, 0..100u64).prop_map(|(by, who, limit, most)| Step::Sponsor { by, who, limit, most });
    let payer = prop_oneof![Just(SquarePayer::Participant), Just(SquarePayer::Sponsor)];
    let square = (0..30u8, anybody(), 0..60u64, payer, prop::option::of(0..DIRECT))
        .prop_map(|(reference, who, amount, paid_by, by)| Step::Square { reference, who, amount, paid_by, by });
    let end = anybody().prop_map(|who| Step::End { who });
    let later = (0..12u64).prop_map(|seconds| Step::Later { seconds });
    let step = prop_oneof![8 => pay, 8 => answer, 3 => back, 3 => sponsor, 3 => square, 1 => end, 2 => later];
    prop::collection::vec(step, 1..120)
}

#[derive(Debug, Clone)]
struct Row {
    /// Which of all there ever were.
    number: usize,
    by: u32,
    limit: i128,
    most: u64,
    ending: bool,
    squares: Vec<(u8, Square, i128)>,
}

#[derive(Debug, Clone)]
struct Moved {
    from: u32,
    to: u32,
    amount: i128,
    /// Over which accounts, and under which sponsorships.
    over: [u32; 2],
    under: [Option<usize>; 2],
    state: PaymentState,
    deadline: u64,
    ended: u64,
    returned: i128,
    is_return: bool,
}

#[derive(Debug, Default)]
struct Model {
    now: u64,
    begun: usize,
    rows: BTreeMap<u32, Row>,
    moved: BTreeMap<u8, Moved>,
}

type Told = Result<&'static str, &'static str>;

impl Model {
    fn held_over(&self, account: u32) -> i128 {
        self.open().filter(|moved| moved.over[0] == account).map(|moved| moved.amount).sum()
    }

    fn open(&self) -> impl Iterator<Item = &Moved> {
        self.moved.values().filter(|moved| moved.state == PaymentState::Held)
    }

    fn balance(&self, account: u32) -> i128 {
        let settled = self.moved.values().filter(|moved| moved.state == PaymentState::Settled);
        let change = |moved: &Moved| {
            let side = |at: usize| if moved.over[at] == account { moved.amount } else { 0 };
            side(1) - side(0)
        };
        FUNDED + settled.map(change).sum::<i128>()
    }

    fn position(&self, row: &Row) -> i128 {
        let settled = self.moved.values().filter(|moved| moved.state == PaymentState::Settled);
        let change = |moved: &Moved| {
            let side = |at: usize| if moved.under[at] == Some(row.number) { moved.amount } else { 0 };
            side(1) - side(0)
        };
        settled.map(change).sum::<i128>() + row.squares.iter().map(|square| square.2).sum::<i128>()
    }

    fn room(&self, row: &Row) -> i128 {
        let held = self.open().filter(|moved| moved.under[0] == Some(row.number)).map(|moved| moved.amount);
        row.limit + self.position(row) - held.sum::<i128>()
    }

    fn under_way(&self, row: &Row) -> usize {
        self.open().filter(|moved| moved.under.contains(&Some(row.number))).count()
    }

    fn over(&self, who: u32) -> Option<u32> {
        if who < DIRECT { Some(who) } else { self.rows.get(&who).map(|row| row.by) }
    }

    fn drop_those_over(&mut self) {
        let over = |row: &Row| row.ending && self.under_way(row) == 0 && self.position(row) == 0;
        let gone: Vec<u32> = self.rows.iter().filter(|(_, row)| over(row)).map(|(who, _)| *who).collect();
        gone.iter().for_each(|who| drop(self.rows.remove(who)));
    }

    fn later(&mut self, seconds: u64) {
        self.now += seconds * SECOND;
        for moved in self.moved.values_mut() {
            if moved.state == PaymentState::Held && moved.deadline <= self.now {
                (moved.state, moved.ended) = (PaymentState::Rejected, self.now);
            }
        }
        self.drop_those_over();
    }

    /// The code of a rejection, or `held`; `None`: the identifier is taken.
    fn pay(&mut self, id: u8, from: u32, to: u32, amount: u64) -> Option<&'static str> {
        if self.moved.contains_key(&id) {
            return None;
        }
        let found = self.judge(from, to, amount);
        let under = [from, to].map(|who| self.rows.get(&who).filter(|_| found.is_ok()).map(|row| row.number));
        let moved = Moved {
            from,
            to,
            amount: i128::from(amount),
            over: found.unwrap_or([ALL; 2]),
            under,
            state: if found.is_ok() { PaymentState::Held } else { PaymentState::Rejected },
            deadline: self.now + ANSWER_S * SECOND,
            ended: self.now,
            returned: 0,
            is_return: false,
        };
        self.moved.insert(id, moved);
        Some(found.err().unwrap_or("held"))
    }

    fn judge(&self, from: u32, to: u32, amount: u64) -> Result<[u32; 2], &'static str> {
        if amount == 0 {
            return Err("PAY-2012");
        }
        if from == to {
            return Err("PAY-2010");
        }
        if [from, to].iter().any(|who| self.rows.get(who).is_some_and(|row| row.ending)) {
            return Err("PAY-2094");
        }
        if let Some(row) = self.rows.get(&from) {
            if amount > row.most {
                return Err("PAY-2091");
            }
            if self.room(row) < i128::from(amount) {
                return Err("PAY-2090");
            }
        }
        let over = [self.over(from).ok_or("PAY-2006")?, self.over(to).ok_or("PAY-2006")?];
        let short = self.balance(over[0]) - self.held_over(over[0]) < i128::from(amount);
        if short { Err("PAY-2003") } else { Ok(over) }
    }

    fn answer(&mut self, id: u8, accepts: bool) -> Told {
        let now = self.now;
        let moved = self.moved.get_mut(&id).filter(|moved| moved.state == PaymentState::Held).ok_or("ended")?;
        moved.state = if accepts { PaymentState::Settled } else { PaymentState::Rejected };
        moved.ended = now;
        self.drop_those_over();
        Ok("done")
    }

    fn give_back(&mut self, id: u8, of: u8, amount: u64) -> Told {
        let original = self.moved.get(&of).filter(|moved| !self.moved.contains_key(&id) && !moved.is_return).ok_or("skip")?;
        if original.state != PaymentState::Settled {
            return Err("skip");
        }
        let amount = i128::from(amount);
        if original.returned + amount > original.amount {
            return Err("CLR-1113");
        }
        let (from, to) = (original.to, original.from);
        if self.rows.get(&from).is_some_and(|row| self.room(row) < amount) {
            return Err("CLR-1189");
        }
        let over = [self.over(from).ok_or("CLR-1010")?, self.over(to).ok_or("CLR-1010")?];
        if self.balance(over[0]) - self.held_over(over[0]) < amount {
            return Err("CLR-1012");
        }
        let under = [from, to].map(|who| self.rows.get(&who).map(|row| row.number));
        let (state, ended) = (PaymentState::Settled, self.now);
        let moved = Moved { from, to, amount, over, under, state, deadline: 0, ended, returned: 0, is_return: true };
        self.moved.get_mut(&of).unwrap().returned += amount;
        self.moved.insert(id, moved);
        self.drop_those_over();
        Ok("done")
    }

    fn sponsor(&mut self, by: u32, who: u32, limit: u64, most: u64) -> Told {
        if who < DIRECT {
            return Err("CLR-1181");
        }
        if by >= DIRECT {
            return Err("CLR-1180");
        }
        if most == 0 {
            return Err("CLR-1186");
        }
        let fresh = Row { number: self.begun, by, limit: 0, most, ending: false, squares: Vec::new() };
        let known = self.rows.get(&who).cloned();
        let row = Row { limit: i128::from(limit), most, ending: false, ..known.clone().unwrap_or(fresh) };
        if row.by != by {
            return Err("CLR-1182");
        }
        if self.room(&row) < 0 {
            return Err("CLR-1187");
        }
        self.begun += usize::from(known.is_none());
        self.rows.insert(who, row);
        Ok("done")
    }

    fn square(&mut self, square: &Square) -> Told {
        if square.amount.is_zero() {
            return Err("CLR-1011");
        }
        let who = square.participant.0;
        let row = self.rows.get(&who).filter(|row| square.by.is_none_or(|by| by.0 == row.by)).ok_or("CLR-1183")?;
        if let Some(known) = row.squares.iter().find(|known| known.0 == square.reference[0]) {
            return if known.1 == *square { Ok("done") } else { Err("CLR-1021") };
        }
        let (amount, position) = (i128::from(square.amount.0), self.position(row));
        let (change, most) = match square.paid_by {
            SquarePayer::Participant => (amount, -position),
            SquarePayer::Sponsor => (-amount, position.min(self.room(row))),
        };
        if amount > most {
            return Err("CLR-1184");
        }
        self.rows.get_mut(&who).unwrap().squares.push((square.reference[0], *square, change));
        self.drop_those_over();
        Ok("done")
    }

    fn end(&mut self, who: u32) -> Told {
        self.rows.get_mut(&who).ok_or("CLR-1183")?.ending = true;
        self.drop_those_over();
        Ok("done")
    }
}

fn settings() -> Settings {
    Settings { acceptance_age_max_ns: 10 * SECOND, payment_retention_ns: 30 * SECOND, ..Settings::unconfigured() }
}

fn beginning() -> Vec<Command> {
    let mut commands = vec![Command::Configure(settings()), Command::OpenLedger(Currency { code: HKD, exponent: 2 })];
    for at in 0..ALL {
        let bic = Bic::parse(&format!("BNK{}HKHHXXX", char::from(b'A' + at as u8))).unwrap();
        let currencies = if at < DIRECT { vec![HKD] } else { vec![] };
        let register = RegisterParticipant { bic, name: bic.to_string(), key: [1; 32], provides_exchange: false, currencies };
        commands.push(Command::RegisterParticipant(register));
    }
    for at in 0..DIRECT {
        commands.push(Command::Fund(Fund {
            participant: ParticipantId(at),
            currency: HKD,
            purpose: AccountPurpose::Settlement,
            direction: FundDirection::In,
            amount: MinorUnits(FUNDED as u64),
            reference: [at as u8 + 1; 16],
        }));
    }
    commands
}

fn pay(id: u8, from: u32, to: u32, amount: u64, now: u64) -> Command {
    Command::Pay(Pay {
        uetr: Uetr([id; 16]),
        content: ContentHash([id; 32]),
        message_id: MessageIdHash([id; 16]),
        debtor_agent: ParticipantId(from),
        creditor_agent: ParticipantId(to),
        debit: MinorUnits(amount),
        debit_currency: HKD,
        quote: None,
        priority: Priority::High,
        accepted_at: Time(now),
        risk: RiskDecision::PASS,
        terms: Terms::default(),
    })
}

/// The command of a step and what the reading says to it; `None`: nothing that is looked at here.
fn play(model: &mut Model, step: &Step) -> Option<(Command, String)> {
    let said = |told: Told| told.unwrap_or_else(|code| code).to_owned();
    Some(match *step {
        Step::Pay { id, from, to, amount } => {
            let (command, found) = (pay(id, from, to, amount, model.now), model.pay(id, from, to, amount)?);
            (command, found.to_owned())
        }
        Step::Answer { id, accepts } => {
            let creditor_agent = ParticipantId(model.moved.get(&id)?.to);
            model.answer(id, accepts).ok()?;
            let verdict = if accepts { AnswerVerdict::WillCredit } else { AnswerVerdict::Refuses(IsoReason(*b"AC04")) };
            let answer = Answer { uetr: Uetr([id; 16]), creditor_agent, verdict, content: ContentHash([9; 32]) };
            (Command::Answer(answer), if accepts { "settled" } else { "PAY-2001" }.to_owned())
        }
        Step::Return { id, of, amount } => {
            let original = model.moved.get(&of)?;
            // A payment that is forgotten needs its facts, which is looked at elsewhere.
            if original.ended + 25 * SECOND < model.now {
                return None;
            }
            let returner = ParticipantId(original.to);
            let told = model.give_back(id, of, amount);
            if told == Err("skip") {
                return None;
            }
            let back = Return {
                id: Uetr([id; 16]),
                content: ContentHash([id; 32]),
                message_id: MessageIdHash([id; 16]),
                returner,
                original: Uetr([of; 16]),
                amount: MinorUnits(amount),
                portion: MinorUnits(amount),
                currency: HKD,
                quote: None,
                reason: IsoReason(*b"AC04"),
                created_at: Time(model.now),
                facts: None,
            };
            (Command::Return(back), told.map_or_else(str::to_owned, |_| "settled".to_owned()))
        }
        Step::Sponsor { by, who, limit, most } => {
            let limits = SponsorLimits { net_debit: MinorUnits(limit), payment_max: MinorUnits(most) };
            let (sponsor, participant) = (ParticipantId(by), ParticipantId(who));
            let command = SponsorshipCommand::Sponsor(Sponsor { sponsor, participant, currency: HKD, limits });
            (Command::Sponsorship(command), said(model.sponsor(by, who, limit, most)))
        }
        Step::Square { reference, who, amount, paid_by, by } => {
            let square = Square {
                reference: [reference; 16],
                participant: ParticipantId(who),
                currency: HKD,
                by: by.map(ParticipantId),
                paid_by,
                amount: MinorUnits(amount),
            };
            (Command::Sponsorship(SponsorshipCommand::Square(square)), said(model.square(&square)))
        }
        Step::End { who } => {
            let end = EndSponsorship { participant: ParticipantId(who), currency: HKD };
            (Command::Sponsorship(SponsorshipCommand::End(end)), said(model.end(who)))
        }
        Step::Later { seconds } => {
            model.later(seconds);
            return None;
        }
    })
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Payment { payment, .. } => match (payment.state, payment.rejection) {
            (PaymentState::Held, _) => "held".to_owned(),
            (PaymentState::Settled, _) => "settled".to_owned(),
            (PaymentState::Rejected, rejection) => rejection.unwrap().code().to_owned(),
        },
        Outcome::Refused(refusal) => refusal.code().to_owned(),
        other => panic!("{other:?}"),
    }
}

fn compare(model: &Model, clearing: &Clearing) {
    let shown: Vec<(u32, u32, i128, i128, u32)> =
        clearing.sponsorships().map(|row| (row.participant.0, row.sponsor.0, row.position, row.room(), row.under_way)).collect();
    let expected: Vec<_> = model
        .rows
        .iter()
        .map(|(who, row)| (*who, row.by, model.position(row), model.room(row), model.under_way(row) as u32))
        .collect();
    assert_eq!(shown, expected);
    for account in clearing.accounts().filter(|account| account.participant.is_some()) {
        let who = account.participant.unwrap().0;
        assert_eq!((account.posted, i128::from(account.held_debit)), (model.balance(who), model.held_over(who)), "{who}");
    }
}

fn live(steps: &[Step]) {
    let (mut clearing, mut again) = (Clearing::new(IndexSeed(1)), Clearing::new(IndexSeed(2)));
    let mut model = Model { now: SECOND, ..Model::default() };
    for centre in [&mut clearing, &mut again] {
        centre.apply_block(Time(SECOND), &beginning());
    }
    for step in steps {
        let played = play(&mut model, step);
        let commands: Vec<Command> = played.iter().map(|(command, _)| command.clone()).collect();
        let applied = clearing.apply_block(Time(model.now), &commands);
        if let Some((command, expected)) = &played {
            assert_eq!(words(&applied.outcomes[0]), *expected, "{command:?}");
        }
        assert_eq!(laws::check_all(&clearing), []);
        compare(&model, &clearing);
        for view in &applied.sponsorships {
            let now = clearing.sponsorships().find(|now| now.number == view.number);
            assert!(now.is_none_or(|now| now == *view), "what a block tells is how it stands behind it");
        }
        assert_eq!(again.apply_block(Time(model.now), &commands).state_root, applied.state_root);
        let (mut bytes, mut twice) = (Vec::new(), Vec::new());
        clearing.encode_snapshot(&mut bytes);
        again = Clearing::decode_snapshot(&bytes, IndexSeed(3)).unwrap();
        again.encode_snapshot(&mut twice);
        assert!(bytes == twice, "a state has one encoding");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_position_is_what_moved(steps in steps()) {
        live(&steps);
    }
}

fn square_by(by: Option<ParticipantId>) -> Command {
    Command::Sponsorship(SponsorshipCommand::Square(Square {
        reference: [0xAB; 16],
        participant: ParticipantId(7),
        currency: HKD,
        by,
        paid_by: SquarePayer::Sponsor,
        amount: MinorUnits(258),
    }))
}

#[test]
fn bytes_of_commands_are_golden() {
    let limits = SponsorLimits { net_debit: MinorUnits(1), payment_max: MinorUnits(2) };
    let (sponsor, participant) = (ParticipantId(3), ParticipantId(7));
    let begin = Command::Sponsorship(SponsorshipCommand::Sponsor(Sponsor { sponsor, participant, currency: HKD, limits }));
    let end = Command::Sponsorship(SponsorshipCommand::End(EndSponsorship { participant, currency: HKD }));
    let reference = "ab".repeat(16);
    for (command, golden) in [
        (begin, "4a0300000007000000484b4401000000000000000200000000000000".to_owned()),
        (square_by(None), format!("4b{reference}07000000484b4400010201000000000000")),
        (square_by(Some(sponsor)), format!("4b{reference}07000000484b440103000000010201000000000000")),
        (end, "4c07000000484b44".to_owned()),
    ] {
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        assert_eq!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), golden);
        assert_eq!(Command::decode(&mut bytes.as_slice()), Ok(command));
        bytes.pop();
        assert_eq!(Command::decode(&mut bytes.as_slice()), Err(DecodeError::Short));
    }
}

#[test]
fn orders_about_money_need_its_role_and_a_sponsors_own_word_is_no_order() {
    let ordered = square_by(None).if_ordered().unwrap();
    assert_eq!((ordered.name, ordered.role), ("square", OfficerRole::Money));
    assert_eq!(square_by(Some(ParticipantId(3))).if_ordered(), None);
}
