//! `luohu person`: what a node that is not running keeps of one person, told, erased, and what was erased when.

use crate::cli::{PersonArgs, PersonCommand, PersonEraseArgs, PersonExportArgs, PersonLogArgs, SettingsArgs};
use crate::config::Config;
use crate::directory;
use ::directory::{AliasHeld, Kept};
use anyhow::{Context, Result, ensure};
use clearing::{Clearing, Time};
use gateway::persons::{Gathered, Plan, Whom, gather, quotas};
use gateway::rfc3339;
use ordering::{Disk, ErasureOrder, RealDisk, erase, erasures, look, sweep};
use serde_json::{Value, json};
use signing::HashKey;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

const DAY_NS: u64 = 86_400_000_000_000;

/// `luohu person`.
pub fn person(settings: &SettingsArgs, command: &PersonCommand) -> Result<ExitCode> {
    let config = Config::load(settings)?;
    let folder = config.data.join("centre");
    ensure!(folder.is_dir(), "no journal in {}", folder.display());
    let disk = RealDisk::open(&folder).with_context(|| format!("{}; stop the node first", folder.display()))?;
    let disk: Arc<dyn Disk> = Arc::new(disk);
    match command {
        PersonCommand::Export(args) => export(&config, &disk, args),
        PersonCommand::Erase(args) => erase_person(&config, &disk, args),
        PersonCommand::Log(args) => log(&*disk, args),
    }
}

impl PersonArgs {
    fn whom(&self) -> Result<Whom> {
        match (&self.account, &self.document) {
            (Some(account), _) => Whom::account(account).context("--account: expected BIC/NUMBER"),
            (None, Some(document)) => Whom::document(document).context("--document: expected SCHEME/ISSUER/NUMBER"),
            (None, None) => Err(anyhow::anyhow!("expected --account or --document")),
        }
    }
}

/// The key that names persons; without it no document can be found.
fn persons(config: &Config) -> Result<HashKey> {
    let path = config.data.join("keys").join("persons.key");
    ensure!(path.is_file(), "{} is not there", path.display());
    HashKey::open_or_create(&path).context("key of persons")
}

fn export(config: &Config, disk: &Arc<dyn Disk>, args: &PersonExportArgs) -> Result<ExitCode> {
    let (whom, key) = (args.person.whom()?, persons(config)?);
    let gathered = gather(disk, &whom, &key)?;
    let payments = look(disk, |recovered| {
        let counted = whom.person_key(&key).map(|person| quotas(recovered.clearing, person));
        (gathered.export(recovered.clearing, recovered.forgotten), counted)
    });
    let (payments, counted) = payments.context("journal")?;
    let told = json!({
        "luohu_person_export": 1,
        "made_at": rfc3339(now()),
        "messages_read": gathered.read,
        "messages_unreadable": gathered.unreadable,
        "payments": payments,
        "quotas": counted,
        "aliases": aliases(config, &whom)?.iter().map(alias_json).collect::<Vec<_>>(),
        "risk": "remembered in a running node's memory alone, under a key of that run: nothing is kept",
        "not_here": "what banks keep of their customers",
    });
    let text = format!("{}\n", serde_json::to_string_pretty(&told)?);
    match &args.out {
        None => print!("{text}"),
        Some(path) => write_private(path, text.as_bytes()).with_context(|| path.display().to_string())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn alias_json(alias: &AliasHeld) -> Value {
    let look_ups: Vec<Value> = alias.look_ups.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    json!({
        "alias_hash": alias.alias, "name_shown": alias.name, "name_shown_han": alias.name_han, "is_default": alias.is_default,
        "look_ups": look_ups,
    })
}

fn aliases(config: &Config, whom: &Whom) -> Result<Vec<AliasHeld>> {
    let Whom::Account { agent, number } = whom else { return Ok(Vec::new()) };
    match directory_files(config)? {
        Some(kept) => Ok(kept.of_account(*agent, number)?),
        None => Ok(Vec::new()),
    }
}

fn directory_files(config: &Config) -> Result<Option<Kept>> {
    if !config.data.join("keys").join("directory.key").is_file() {
        return Ok(None);
    }
    Ok(Kept::open(&config.data, directory::key(config)?)?)
}

/// A file only its owner can read, which must not be there yet.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn erase_person(config: &Config, disk: &Arc<dyn Disk>, args: &PersonEraseArgs) -> Result<ExitCode> {
    let (whom, key) = (args.person.whom()?, persons(config)?);
    let gathered = gather(disk, &whom, &key)?;
    let retention_ns = config.privacy.retention_days.saturating_mul(DAY_NS);
    let judge = |clearing: &Clearing| gathered.plan(now(), retention_ns, clearing);
    let plan = look(disk, |recovered| judge(recovered.clearing)).context("journal")?;
    let held = if args.aliases { aliases(config, &whom)?.len() } else { 0 };
    tell(&gathered, &plan, held, args.confirm);
    if !args.confirm {
        return Ok(ExitCode::SUCCESS);
    }
    let order = ErasureOrder { at: now(), by: args.by.clone(), why: args.why.clone() };
    let erased = erase(&**disk, &order, &plan.go)?;
    let swept = sweep(disk).context("journal")?;
    println!("erased            {erased} messages; {swept} bytes of messages that were never taken in");
    // Also where none is held any more: what was given back, or taken out before a crash, still has its bytes in the file.
    if let (true, Whom::Account { agent, number }, Some(kept)) = (args.aliases, &whom, directory_files(config)?) {
        println!("aliases           {} taken out of the directory", kept.take_out(*agent, number)?);
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(gathered: &Gathered, plan: &Plan, aliases: usize, confirmed: bool) {
    println!("messages read     {}", gathered.read);
    if gathered.unreadable > 0 {
        println!("not readable      {}; `luohu fsck --deep` says where", gathered.unreadable);
    }
    println!("goes              {} messages of {} payments and requests", plan.go.len(), plan.payments);
    if aliases > 0 {
        println!("goes              {aliases} aliases");
    }
    println!("gone before       {} messages", plan.gone);
    for held in &plan.stays {
        let until = held.until.map(|until| format!(", until {}", rfc3339(until))).unwrap_or_default();
        println!("stays             {} messages of {}: {} {}{until}", held.messages, held.payment, held.why.code(), held.why);
    }
    println!("stays             blocks, receipts and balances: ids, amounts and keyed hashes, which name nobody");
    if !confirmed {
        println!("nothing was erased; --confirm erases, and it cannot be undone");
    }
}

fn log(disk: &dyn Disk, args: &PersonLogArgs) -> Result<ExitCode> {
    for batch in erasures(disk)? {
        let (at, messages) = (rfc3339(batch.order.at), batch.messages.len());
        let bytes: u64 = batch.messages.iter().map(|message| u64::from(message.place.bytes)).sum();
        if args.json {
            let hashes: Vec<String> = batch.messages.iter().map(|message| message.hash.to_string()).collect();
            let line = json!({
                "at": at, "by": batch.order.by, "why": batch.order.why, "messages": messages, "bytes": bytes, "sha256": hashes,
            });
            println!("{line}");
        } else {
            println!("{at}  {messages} messages, {bytes} bytes  by {}: {}", batch.order.by, batch.order.why);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
