//! Pre-authorisations of a hotel's bank, of guests at another bank: asked for, reserved, captured, let go, and what neither may.
//! Both banks are there for this alone, so that nobody waits for their messages.

use crate::model::Model;
use clearing::{
    AccountPurpose, AskPreauth, Bic, Capture, Command, ContentHash, Fund, FundDirection, IsoReason, MatterStep, MessageIdHash,
    ParticipantId, Pay, PreauthStep, PreauthTerms, Priority, QuoteId, RegisterParticipant, RiskDecision, SchemeTerms, Sponsor,
    SponsorLimits, SponsorshipCommand, Terms, Time, Uetr,
};
use money::{Currency, CurrencyCode, MinorUnits};

const CODE: CurrencyCode = CurrencyCode::HKD;
const HOUR_NS: u64 = 3_600_000_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// Who takes part.
#[derive(Debug, Clone, Copy)]
struct Banks {
    guest: ParticipantId,
    hotel: ParticipantId,
    /// Settles over the guest's.
    kiosk: ParticipantId,
    now: Time,
}

/// CLR-1200 to CLR-1207, PAY-2110 to PAY-2115, and what is well between them. What is left in the end expires some seconds later.
pub fn commands(model: &Model, now: Time) -> Vec<Command> {
    let first = model.next_participant();
    let [guest, hotel, kiosk] = [0, 1, 2].map(|nth| ParticipantId(first + nth));
    let banks = Banks { guest, hotel, kiosk, now };
    let mut all = vec![
        register("GUSTHKHHXXX", vec![CODE]),
        register("HOTLHKHHXXX", vec![CODE]),
        register("KIOSHKHHXXX", vec![]),
        fund(guest),
        sponsor(guest, kiosk),
    ];
    all.extend(banks.in_order());
    all.extend(banks.not_reserved());
    all.extend(banks.charged());
    all.extend(banks.by_terms());
    all
}

impl Banks {
    /// Asked, reserved, captured three times, and again; let go, withdrawn, refused.
    fn in_order(&self) -> Vec<Command> {
        vec![
            self.ask(1, 20_000, HOUR_NS),
            self.ask(1, 20_000, HOUR_NS),
            self.capture(1, 1, 100, false),
            self.reserve(1, 1, 20_000),
            self.reserve(1, 1, 20_000),
            self.reserve(1, 2, 20_000),
            self.refuse(1),
            self.capture(1, 1, 12_000, false),
            self.capture(1, 1, 12_000, false),
            self.capture(2, 1, 8_001, false),
            self.capture(2, 1, 3_000, true),
            self.capture(3, 1, 100, false),
            self.release(1),
            self.ask(2, 5_000, HOUR_NS),
            self.reserve(2, 3, 5_000),
            self.release(2),
            self.release(2),
            self.ask(3, 5_000, HOUR_NS),
            self.release(3),
            self.ask(4, 5_000, HOUR_NS),
            self.refuse(4),
            self.refuse(4),
            self.refuse(9),
        ]
    }

    /// What cannot be reserved.
    fn not_reserved(&self) -> Vec<Command> {
        let (ask, other) = (self.ask(5, 5_000, HOUR_NS), Banks { guest: self.kiosk, ..*self });
        let quoted = Pay { quote: Some(QuoteId([0xD7; 16])), ..self.pay(4, 5_000) };
        let later = Terms { execute_at: Some(self.now.after(HOUR_NS)), ..Terms::default() };
        vec![
            ask,
            self.reserve(9, 5, 5_000),
            self.reserve(5, 6, 4_999),
            step(PreauthStep::Reserve { preauth: preauth(5), pay: Box::new(quoted) }),
            step(PreauthStep::Reserve { preauth: preauth(5), pay: Box::new(Pay { terms: later, ..self.pay(7, 5_000) }) }),
            self.reserve(4, 8, 5_000),
            other.ask(6, 1_000, HOUR_NS),
            other.reserve(6, 9, 1_000),
            self.ask(7, 10_000_000, HOUR_NS),
            self.reserve(7, 10, 10_000_000),
        ]
    }

    /// All there is reserved, and captured in more parts than there is room for charges; too little for its charge.
    fn charged(&self) -> Vec<Command> {
        let mut all = vec![self.ask(8, 50_000, HOUR_NS), self.reserve(8, 11, 50_000)];
        // What is left of 100,000 less two captures, their charges where there are some, and what was just reserved.
        for (nth, minor) in (0u8..).zip([30_000, 4_000, 900, 40, 30, 20, 10]) {
            all.extend([self.ask(20 + nth, minor, 3 * SECOND_NS), self.reserve(20 + nth, 20 + nth, minor)]);
        }
        all.push(self.capture(40, 8, 3, false));
        all.extend((41..50).map(|nth| self.capture(nth, 8, 100, false)));
        all
    }

    /// Terms that mean nothing, and some that allow less; one that ends by the clock, captured in part.
    fn by_terms(&self) -> Vec<Command> {
        let hkd = Currency { code: CODE, exponent: 2 };
        let terms = |days_max, captures_max, most| {
            let amounts = vec![(hkd, MinorUnits(most))];
            Command::SchemeTerms(SchemeTerms::Preauths(PreauthTerms { days_max, captures_max, amounts }))
        };
        vec![
            self.release(8),
            terms(0, 2, 60_000),
            terms(2, 2, 60_000),
            self.ask(10, 60_001, HOUR_NS),
            self.ask(10, 3_000, 72 * HOUR_NS),
            self.ask(10, 3_000, 6 * SECOND_NS),
            self.reserve(10, 50, 3_000),
            self.capture(60, 10, 500, false),
            self.ask(11, 3_000, HOUR_NS),
            self.reserve(11, 51, 3_000),
            self.capture(61, 11, 500, false),
            self.capture(62, 11, 500, false),
            self.capture(63, 11, 500, false),
        ]
    }

    fn ask(&self, nth: u8, minor: u64, life_ns: u64) -> Command {
        step(PreauthStep::Ask(AskPreauth {
            preauth: preauth(nth),
            content: ContentHash([nth; 32]),
            creditor_agent: self.hotel,
            debtor_agent: self.guest,
            amount: MinorUnits(minor),
            currency: CODE,
            expires_at: self.now.after(life_ns),
        }))
    }

    fn pay(&self, nth: u8, minor: u64) -> Pay {
        let uetr = id(0xD2, nth);
        Pay {
            uetr,
            content: ContentHash(core::array::from_fn(|_| 0xD2 ^ nth)),
            message_id: MessageIdHash(uetr.0),
            debtor_agent: self.guest,
            creditor_agent: self.hotel,
            debit: MinorUnits(minor),
            debit_currency: CODE,
            quote: None,
            priority: Priority::High,
            accepted_at: self.now,
            risk: RiskDecision::PASS,
            terms: Terms::default(),
        }
    }

    fn reserve(&self, nth: u8, with: u8, minor: u64) -> Command {
        step(PreauthStep::Reserve { preauth: preauth(nth), pay: Box::new(self.pay(with, minor)) })
    }

    fn capture(&self, nth: u8, of: u8, minor: u64, is_last: bool) -> Command {
        let capture = id(0xD3, nth);
        step(PreauthStep::Capture(Capture {
            capture,
            preauth: preauth(of),
            content: ContentHash(core::array::from_fn(|_| 0xD3 ^ nth)),
            message_id: MessageIdHash(capture.0),
            creditor_agent: self.hotel,
            debtor_agent: self.guest,
            amount: MinorUnits(minor),
            currency: CODE,
            is_last,
            created_at: self.now,
        }))
    }

    fn refuse(&self, nth: u8) -> Command {
        step(PreauthStep::Refuse { preauth: preauth(nth), debtor_agent: self.guest, reason: IsoReason(*b"AC04") })
    }

    fn release(&self, nth: u8) -> Command {
        step(PreauthStep::Release { preauth: preauth(nth), creditor_agent: self.hotel })
    }
}

const fn step(step: PreauthStep) -> Command {
    Command::Matter(MatterStep::Preauth(step))
}

fn preauth(nth: u8) -> Uetr {
    id(0xD1, nth)
}

fn id(kind: u8, nth: u8) -> Uetr {
    let mut uetr = [kind; 16];
    uetr[0] = nth;
    Uetr(uetr)
}

fn register(bic: &str, currencies: Vec<CurrencyCode>) -> Command {
    let bic = Bic::parse(bic).expect("eleven capitals");
    let name = format!("Hospitality {bic}");
    Command::RegisterParticipant(RegisterParticipant { bic, name, key: [7; 32], provides_exchange: false, currencies })
}

fn fund(participant: ParticipantId) -> Command {
    Command::Fund(Fund {
        participant,
        currency: CODE,
        purpose: AccountPurpose::Settlement,
        direction: FundDirection::In,
        amount: MinorUnits(100_000),
        reference: [0xD4; 16],
    })
}

fn sponsor(sponsor: ParticipantId, participant: ParticipantId) -> Command {
    let limits = SponsorLimits { net_debit: MinorUnits(80_000), payment_max: MinorUnits(50_000) };
    Command::Sponsorship(SponsorshipCommand::Sponsor(Sponsor { sponsor, participant, currency: CODE, limits }))
}
