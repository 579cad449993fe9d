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
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub const VALIDATORS: usize = 4;
const BANKS: u32 = 8;

fn secret(what: &str, index: usize) -> [u8; 32] {
    sha256(format!("{what} {index}").as_bytes()).0
}

fn bank_key(bank: u32) -> SigningKey {
    SigningKey::from_bytes(&secret("bank", bank as usize))
}

fn genesis() -> Vec<Command> {
    let mut commands = vec![Command::OpenLedger(Currency::new(CurrencyCode::HKD, 2).unwrap())];
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
        let key = known.by_id(sender).ok_or(Unauthorised("unknown sender"))?.key;
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
        beginning: Beginning::Genesis { time: Time(1_000_000_000), commands: genesis() },
        pool_commands_max: 1 << 17,
    }
}

pub fn run(index: usize, options: &Options) {
    let level = options.log.parse().unwrap_or(tracing::Level::WARN);
    let _ = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).try_init();
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
    Driver { index: index as u64, run, options: options.clone(), node, done, sent: Vec::new(), latencies: Vec::new() }.drive();
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
    /// By ticket.
    sent: Vec<Instant>,
    latencies: Vec<u64>,
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
            accepted_at: Time(u64::MAX / 2),
            risk: RiskDecision::PASS,
            terms: Terms::default(),
        })
    }

    fn submission(&mut self, n: u64, step: u64) -> Submission {
        let ticket = (n << 1 | step) + 1;
        if self.sent.len() <= ticket as usize {
            self.sent.resize(ticket as usize + 1, Instant::now());
        }
        self.sent[ticket as usize] = Instant::now();
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
        self.latencies.sort_unstable();
        let at =
            |per_mille: usize| self.latencies.get((self.latencies.len().max(1) - 1) * per_mille / 1000).copied().unwrap_or(0);
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
            if counts {
                self.latencies.push(when.duration_since(self.sent[ticket as usize]).as_micros() as u64);
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
