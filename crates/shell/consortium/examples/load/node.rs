//! One validator with its load.

use crate::line;
use crate::options::Options;
use chain::{Contradiction, ContradictionKind, Hash, sha256};
use clearing::{
    AccountPurpose, Answer, AnswerVerdict, Bic, Command, ContentHash, Fund, FundDirection, IndexSeed, MessageIdHash,
    ParticipantId, Pay, Priority, RegisterParticipant, RiskDecision, Terms, Time, Uetr,
};
use consortium::{
    Authorise, Beginning, Consortium, Known, MarkFiles, NodeConfig, Pace, Peer, Settings, Timeouts, Unauthorised, Witness,
    public_key,
};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use money::{Currency, CurrencyCode, MinorUnits};
use ordering::{DurableBlock, JournalConfig, OrderedLog, RealDisk, Sink, StopReason, Submission};
use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub const VALIDATORS: usize = 4;
const BANKS: u32 = 8;

fn secret(what: &str, index: usize) -> [u8; 32] {
    sha256(format!("{what} {index}").as_bytes()).0
}

fn bank_key(bank: u32) -> SigningKey {
    SigningKey::from_bytes(&secret("bank", bank as usize))
}

const SECOND_NS: u64 = 1_000_000_000;

/// The first block. With a retention a payment's acceptance may be half as old as payments are kept.
fn genesis(retention: Option<u64>) -> Vec<Command> {
    let mut commands = vec![Command::OpenLedger(Currency::new(CurrencyCode::HKD, 2).unwrap())];
    if let Some(seconds) = retention {
        commands.push(Command::Configure(clearing::Settings {
            acceptance_age_max_ns: seconds * SECOND_NS / 2,
            payment_retention_ns: seconds * SECOND_NS,
            ..clearing::Settings::default()
        }));
    }
    for bank in 0..BANKS {
        commands.push(Command::RegisterParticipant(RegisterParticipant {
            bic: Bic::parse(&format!("BNK{bank}HKHH")).unwrap(),
            name: format!("Bank {bank}"),
            key: bank_key(bank).verifying_key().to_bytes(),
            provides_exchange: false,
            currencies: vec![CurrencyCode::HKD],
        }));
        commands.push(Command::Fund(Fund {
            participant: ParticipantId(bank),
            currency: CurrencyCode::HKD,
            purpose: AccountPurpose::Settlement,
            direction: FundDirection::In,
            amount: MinorUnits(1_000_000_000_000_000),
            reference: [bank as u8 + 1; 16],
        }));
    }
    commands
}

/// A command's sender signed it: its signature, then as many bytes as a message has.
struct Checked;

impl Authorise for Checked {
    fn needs_message(&self, command: &Command) -> bool {
        sender(command).is_some()
    }
    fn authorise(&self, command: &Command, message: Option<&[u8]>, known: &Known) -> Result<(), Unauthorised> {
        let Some(sender) = sender(command) else { return Ok(()) };
        let signature = message.and_then(|message| message.first_chunk::<64>()).ok_or(Unauthorised("no signature"))?;
        let sender = known.by_id(sender).ok_or(Unauthorised("unknown sender"))?;
        let Some(clearing::VerifyingKey::Ed25519(key)) = sender.key_at(1, Time(0)) else { return Err(Unauthorised("no key")) };
        let key = VerifyingKey::from_bytes(&key).map_err(|_| Unauthorised("no key"))?;
        let mut bytes = Vec::with_capacity(192);
        command.encode(&mut bytes);
        key.verify_strict(&bytes, &Signature::from_bytes(signature)).map_err(|_| Unauthorised("bad signature"))
    }
    fn belongs(&self, _: &Command, message: &[u8]) -> bool {
        message.len() >= 64
    }
}

fn sender(command: &Command) -> Option<ParticipantId> {
    match command {
        Command::Pay(pay) => Some(pay.debtor_agent),
        Command::Answer(answer) => Some(answer.creditor_agent),
        _ => None,
    }
}

struct Nobody;
impl Witness for Nobody {
    fn note(&self, kind: ContradictionKind, proof: Contradiction) {
        eprintln!("evidence: {kind:?} {proof:?}");
    }
}

struct Wire(Sender<(Vec<u64>, Instant)>);
impl Sink for Wire {
    fn durable(&mut self, block: DurableBlock) {
        if block.tickets.iter().any(|&ticket| ticket != 0) {
            let _ = self.0.send((block.tickets, Instant::now()));
        }
    }
    fn stopped(&mut self, why: StopReason) {
        eprintln!("stopped: {why}");
    }
}

fn config(index: usize, options: &Options) -> NodeConfig {
    let peers = (0..VALIDATORS)
        .map(|at| Peer {
            key: public_key(secret("validator", at)),
            address: line::address(options.first_port, index, at, options.delay_ms > 0),
            votes: true,
        })
        .collect();
    let mut settings = Settings::new(b"luohu-load");
    settings.pace = Pace { interval: Duration::from_millis(options.interval_ms), ..Pace::default() };
    if options.far {
        settings.timeouts = Timeouts {
            leader: Duration::from_millis(500),
            certification: Duration::from_millis(900),
            retry: Duration::from_millis(300),
            skip: Duration::from_millis(1200),
            fetch: Duration::from_millis(400),
        };
    }
    NodeConfig {
        settings,
        key: secret("validator", index),
        listen: ([127, 0, 0, 1], options.first_port + index as u16).into(),
        peers,
        engine: options.folder.join(format!("{index}/engine")),
        starts: options.folder.join(format!("{index}/starts")),
        workers: options.workers,
        beginning: Beginning::Genesis { time: Time(1_000_000_000), commands: genesis(options.retention) },
        pool_commands_max: 1 << 17,
    }
}

pub fn run(index: usize, options: &Options) {
    let level = options.log.parse().unwrap_or(tracing::Level::WARN);
    // The engine's own events would be most of a detailed log, and most of the work.
    let ours = Targets::new().with_default(level.min(tracing::Level::WARN)).with_target("consortium", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let _ = tracing_subscriber::registry().with(lines.with_filter(ours)).try_init();
    let (send, done) = channel();
    let disk = Arc::new(RealDisk::open(&options.folder.join(format!("{index}/chain"))).unwrap());
    let config = config(index, options);
    let files = MarkFiles { engine: config.engine.clone(), starts: config.starts.clone() };
    if !config.engine.exists() {
        files.swear(public_key(config.key)).unwrap();
    }
    let journal = JournalConfig { segment_bytes: 32 << 20, vault_bytes: 8 << 20, ..JournalConfig::default() };
    let seed = IndexSeed(index as u64 + 77);
    let rebuild = |_: ordering::Recovered<'_>| Ok(Wire(send));
    let node = match options.signed {
        true => Consortium::open(disk, journal, config, seed, Arc::new(Checked), Arc::new(Nobody), rebuild),
        false => Consortium::open(disk, journal, config, seed, Arc::new(consortium::TakeAtItsWord), Arc::new(Nobody), rebuild),
    };
    let node = Arc::new(node.unwrap());
    let shown = node.clone();
    std::thread::spawn(move || show(&shown));
    // Everybody's load begins when the chain goes.
    while node.progress().height < 3 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let run = now_ns();
    Driver {
        index: index as u64,
        run,
        options: options.clone(),
        node,
        done,
        sent: HashMap::new(),
        latencies: Latencies::default(),
    }
    .drive();
}

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// A line every 50 ms: wall clock, height, commands, state root.
fn show(node: &Consortium) {
    loop {
        let progress = node.progress();
        let line = format!("at {} {} {} {}\n", now_ns() / 1_000_000, progress.height, progress.commands, progress.state_root);
        if std::io::stdout().write_all(line.as_bytes()).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

struct Driver {
    index: u64,
    /// Tells this process's payments from those of an earlier life.
    run: u64,
    options: Options,
    node: Arc<Consortium>,
    done: Receiver<(Vec<u64>, Instant)>,
    /// What is under way, by ticket.
    sent: HashMap<u64, Instant>,
    latencies: Latencies,
}

/// Counts of latencies by tenths of a millisecond, so that an hour takes no more memory than a second.
#[derive(Default)]
struct Latencies {
    tenths: Vec<u64>,
    all: u64,
}

impl Latencies {
    /// Ten seconds and everything longer.
    const MOST: usize = 100_000;

    fn note(&mut self, latency: Duration) {
        let tenth = usize::try_from(latency.as_micros() / 100).unwrap_or(usize::MAX).min(Self::MOST);
        if self.tenths.len() <= tenth {
            self.tenths.resize(tenth + 1, 0);
        }
        self.tenths[tenth] += 1;
        self.all += 1;
    }

    /// Microseconds within which so many of a thousand were.
    fn at(&self, per_mille: u64) -> usize {
        let mut left = self.all.saturating_sub(1) * per_mille / 1000;
        for (tenth, count) in self.tenths.iter().enumerate() {
            if left < *count {
                return tenth * 100;
            }
            left -= count;
        }
        0
    }
}

impl Driver {
    fn uetr(&self, n: u64) -> Uetr {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.run).to_le_bytes());
        id[8..].copy_from_slice(&(n << 8 | self.index).to_le_bytes());
        Uetr(id)
    }

    fn command(&self, n: u64, step: u64) -> Command {
        let uetr = self.uetr(n);
        let (debtor, creditor) = ((n % u64::from(BANKS)) as u32, ((n + 1) % u64::from(BANKS)) as u32);
        if step == 1 {
            let verdict = AnswerVerdict::WillCredit;
            return Command::Answer(Answer {
                uetr,
                creditor_agent: ParticipantId(creditor),
                verdict,
                content: ContentHash([8; 32]),
            });
        }
        Command::Pay(Pay {
            uetr,
            content: ContentHash(Hash::default().0),
            message_id: MessageIdHash(uetr.0),
            debtor_agent: ParticipantId(debtor),
            creditor_agent: ParticipantId(creditor),
            debit: MinorUnits(100),
            debit_currency: CurrencyCode::HKD,
            quote: None,
            priority: Priority::Normal,
            // Where nothing is forgotten, nothing is ever too old.
            accepted_at: Time(self.options.retention.map_or(u64::MAX / 2, |_| now_ns())),
            risk: RiskDecision::PASS,
            terms: Terms::default(),
        })
    }

    fn submission(&mut self, n: u64, step: u64) -> Submission {
        let ticket = (n << 1 | step) + 1;
        self.sent.insert(ticket, Instant::now());
        let command = self.command(n, step);
        let attachment = self.options.signed.then(|| {
            let bank = sender(&command).unwrap().0;
            let mut bytes = Vec::with_capacity(192);
            command.encode(&mut bytes);
            let mut message = bank_key(bank).sign(&bytes).to_bytes().to_vec();
            message.resize(self.options.message.max(64), b'x');
            message.into()
        });
        Submission { ticket, command, attachment }
    }

    fn drive(mut self) {
        let begun = Instant::now();
        let warm = Duration::from_secs(3);
        let end = warm + Duration::from_secs(self.options.seconds);
        let (mut next, mut finished, mut measured) = (0u64, 0u64, 0u64);
        while begun.elapsed() < end {
            let allowed = self.options.rate.map_or(u64::MAX, |rate| (begun.elapsed().as_secs_f64() * rate as f64) as u64);
            let mut batch = Vec::new();
            while !self.options.idle && next < allowed && next - finished < self.options.in_flight && batch.len() < 512 {
                batch.push(self.submission(next, 0));
                next += 1;
            }
            if batch.is_empty()
                && let Ok(block) = self.done.recv_timeout(Duration::from_millis(1))
            {
                self.take(block, begun, warm, &mut batch, &mut finished, &mut measured);
            }
            while let Ok(block) = self.done.try_recv() {
                self.take(block, begun, warm, &mut batch, &mut finished, &mut measured);
            }
            if !batch.is_empty() && self.node.submit_many(batch).is_err() {
                eprintln!("refused");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let at = |per_mille| self.latencies.at(per_mille);
        let refusals = self.node.refusals();
        println!("end {measured} {} {} {} {refusals:?}", at(500), at(990), at(999));
        let _ = std::io::stdout().flush();
        // The parent ends everybody at once, so that nobody measures the others' leaving.
        std::thread::sleep(Duration::from_secs(3600));
    }

    fn take(
        &mut self,
        (tickets, when): (Vec<u64>, Instant),
        begun: Instant,
        warm: Duration,
        batch: &mut Vec<Submission>,
        finished: &mut u64,
        measured: &mut u64,
    ) {
        let counts = begun.elapsed() >= warm;
        for ticket in tickets.into_iter().filter(|&ticket| ticket != 0) {
            if let Some(sent) = self.sent.remove(&ticket).filter(|_| counts) {
                self.latencies.note(when.duration_since(sent));
            }
            let (n, step) = ((ticket - 1) >> 1, (ticket - 1) & 1);
            if step == 0 {
                batch.push(self.submission(n, 1));
            } else {
                *finished += 1;
                *measured += u64::from(counts);
            }
        }
    }
}
