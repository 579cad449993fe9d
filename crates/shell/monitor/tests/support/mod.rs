//! A centre of invented banks behind a read model, fed block by block: for tests and for the demonstration.

use chain::BlockHeader;
use clearing::{
    AccountPurpose, Answer, AnswerVerdict, Bic, Clearing, Command, ContentHash, FixedSide, Fund, FundDirection, IndexSeed,
    IsoReason, MessageIdHash, Outcome, ParticipantId, Pay, Priority, PublishRate, QuoteId, RegisterParticipant, RequestQuote,
    RiskDecision, RiskVerdict, Terms, Time, Uetr,
};
use history::ReadModel;
use money::{Currency, CurrencyCode, MinorUnits, Rate};
use monitor::{ClassCounts, DoorCounts, MonitorDeps};
use ordering::DurableBlock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub const HKD: CurrencyCode = CurrencyCode::HKD;
pub const CNY: CurrencyCode = CurrencyCode::CNY;

pub struct World {
    clearing: Clearing,
    pub model: Arc<ReadModel>,
    pub now_ns: Arc<AtomicU64>,
    pub stopped: Arc<AtomicBool>,
    pub evidence: Vec<chain::Contradiction>,
    pub consortium: Option<monitor::ConsortiumFacts>,
}

impl World {
    pub fn new(now_ns: u64, names: [&str; 4]) -> Self {
        let clearing = Clearing::new(IndexSeed(1));
        let model = Arc::new(ReadModel::in_memory(&clearing));
        let (now_ns, stopped) = (Arc::new(AtomicU64::new(now_ns)), Arc::new(AtomicBool::new(false)));
        let mut world = Self { clearing, model, now_ns, stopped, evidence: Vec::new(), consortium: None };
        world.block(genesis(names));
        world
    }

    pub fn deps(&self) -> MonitorDeps {
        let (now, stopped) = (self.now_ns.clone(), self.stopped.clone());
        MonitorDeps {
            model: self.model.clone(),
            online: Arc::new(|id| id.0 != 1),
            checkpoint: Arc::new(|| Some("example.org/log\n3\nAAAA\n\n— example.org/log BBBB\n".into())),
            receipt: Arc::new(|uetr| Some(format!("c2sp.org/tlog-proof@v1\nextra {uetr}\nindex 0\n"))),
            now_ns: Arc::new(move || now.load(Ordering::Relaxed)),
            door: Arc::new(|| DoorCounts {
                limit: 250,
                working: 249,
                classes: vec![ClassCounts { class: "poll", admitted: 7, refused: 3 }],
            }),
            governance: Arc::new(|| b"{\"chain\":\"here\"}".to_vec()),
            validators: Arc::new(|| None),
            order: Arc::new(|document| Box::pin(async move { (200 + (document.len() % 2) as u16, document.to_vec()) })),
            stopped: Arc::new(move || stopped.load(Ordering::Relaxed)),
            consortium: Arc::new({
                let consortium = self.consortium.clone();
                move || consortium.clone()
            }),
            evidence: Arc::new({
                let evidence = self.evidence.clone();
                move || evidence.clone()
            }),
        }
    }

    pub fn block(&mut self, commands: Vec<Command>) -> Vec<Outcome> {
        let time = Time(self.now_ns.load(Ordering::Relaxed));
        let applied = self.clearing.apply_block(time, &commands);
        let header = BlockHeader {
            height: self.clearing.height(),
            time_ns: time.0,
            parent: chain::Hash::default(),
            body: chain::Hash::default(),
            state_root: applied.state_root,
            tree_size: applied.tree_size,
            tree_root: applied.tree_root,
            first_position: applied.first_position,
            command_count: commands.len() as u32,
            body_bytes: 0,
        };
        let outcomes = applied.outcomes.clone();
        let tickets = vec![0; commands.len()];
        self.model.durable(&DurableBlock { header, hash: header.hash(), commands, tickets, places: vec![], applied });
        outcomes
    }

    pub fn later(&self, ms: u64) {
        self.now_ns.fetch_add(ms * 1_000_000, Ordering::Relaxed);
    }

    pub fn pay(&mut self, n: u64, from: u32, to: u32, amount: (u64, CurrencyCode), risk: RiskDecision, quote: Option<QuoteId>) {
        let now = Time(self.now_ns.load(Ordering::Relaxed));
        self.block(vec![Command::Pay(Pay {
            uetr: uetr(n),
            content: ContentHash([n as u8; 32]),
            message_id: MessageIdHash(uetr(n).0),
            debtor_agent: ParticipantId(from),
            creditor_agent: ParticipantId(to),
            debit: MinorUnits(amount.0),
            debit_currency: amount.1,
            quote,
            priority: Priority::High,
            accepted_at: now,
            risk,
            terms: Terms::default(),
        })]);
    }

    /// Pays with an exchange: HKD out, CNY in.
    pub fn pay_across(&mut self, n: u64, from: u32, to: u32, credit: u64, risk: RiskDecision) {
        let quote = QuoteId(uetr(n).0);
        let outcomes = self.block(vec![Command::RequestQuote(RequestQuote {
            cover: None,
            quote,
            debtor_agent: ParticipantId(from),
            debit_currency: HKD,
            credit_currency: CNY,
            fixed: FixedSide::Credit(MinorUnits(credit)),
        })]);
        let Some(Outcome::Quoted(terms)) = outcomes.first() else { panic!("no quote: {outcomes:?}") };
        self.pay(n, from, to, (terms.debit.minor.0, HKD), risk, Some(quote));
    }

    pub fn answer(&mut self, n: u64, by: u32, refusal: Option<&str>) {
        let verdict = refusal.and_then(IsoReason::parse).map_or(AnswerVerdict::WillCredit, AnswerVerdict::Refuses);
        let (creditor_agent, content) = (ParticipantId(by), ContentHash([9; 32]));
        self.block(vec![Command::Answer(Answer { uetr: uetr(n), creditor_agent, verdict, content })]);
    }

    #[allow(dead_code)] // not every user of this file reports credits
    pub fn credited(&mut self, n: u64, by: u32) {
        self.block(vec![Command::ReportCredited { uetr: uetr(n), creditor_agent: ParticipantId(by) }]);
    }
}

pub fn uetr(n: u64) -> Uetr {
    let mut bytes = [0x5b; 16];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[6] = 0x40 | (bytes[6] & 0x0f);
    Uetr(bytes)
}

pub fn review(rules: u32, score: u16) -> RiskDecision {
    RiskDecision { verdict: RiskVerdict::Review, score, rules }
}

fn genesis(names: [&str; 4]) -> Vec<Command> {
    let mut commands: Vec<_> =
        [HKD, CNY].map(|code| Command::OpenLedger(Currency::new(code, 2).expect("two decimals"))).into_iter().collect();
    let bics = ["HARBHKHH", "LIONHKHH", "PENGCNBS", "LOTUCNBS"];
    for (at, (bic, name)) in bics.into_iter().zip(names).enumerate() {
        let participant = ParticipantId(at as u32);
        commands.push(Command::RegisterParticipant(RegisterParticipant {
            bic: Bic::parse(bic).expect("well formed"),
            name: name.into(),
            key: [at as u8; 32],
            provides_exchange: at % 2 == 0,
            currencies: vec![HKD, CNY],
        }));
        for (n, currency) in [HKD, CNY].into_iter().enumerate() {
            let purposes = [AccountPurpose::Settlement, AccountPurpose::Exchange];
            for (p, purpose) in purposes.into_iter().take(if at % 2 == 0 { 2 } else { 1 }).enumerate() {
                commands.push(Command::Fund(Fund {
                    participant,
                    currency,
                    purpose,
                    direction: FundDirection::In,
                    amount: MinorUnits(5_000_000_000),
                    reference: [(at * 4 + n * 2 + p + 1) as u8; 16],
                }));
            }
        }
    }
    commands.push(Command::PublishRate(PublishRate {
        provider: ParticipantId(0),
        debit_currency: HKD,
        credit_currency: CNY,
        rate: Rate::parse("0.9182").expect("a rate"),
        spread_ppm: 1500,
        credit_max: MinorUnits(1_000_000_000),
        valid_until: Time(u64::MAX),
    }));
    commands
}
