//! `luohu order`: what two officers change while the scheme runs, drafted, signed, brought to a board, read back.

mod affairs;
mod days;
mod keys;
mod record;
mod sponsor;
mod words;

use crate::cli::{OrderCommand, OrderDraftArgs, OrderKeyArgs, OrderSignArgs, OrderSubmitArgs, SettingsArgs, Wish};
use crate::sections::{MemberSection, OfficerRow, PeerSection};
use crate::web::BankDoor;
use anyhow::{Context, Result, bail, ensure};
use chain::Hash;
use clearing::{
    AccountPurpose, Broadcast, Command, DayCommand, Fund, FundDirection, IsoReason, OrderId, ParticipantId, ParticipantStatus,
    PreauthTerms, RegisterParticipant, ReviewTerms, SchemeTerms, SetNodes, Time,
};
use gateway::OrderDocument;
use hyper::Method;
use money::{Amount, Currency, CurrencyCode, MinorUnits};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use signing::{FileSigner, Signer};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Does what the command line says.
pub fn order(settings: &SettingsArgs, command: &OrderCommand) -> Result<ExitCode> {
    match command {
        OrderCommand::Key(args) => key(args)?,
        OrderCommand::Draft(args) => block_on(draft(args))??,
        OrderCommand::Show(args) => show(&read(&args.order)?)?,
        OrderCommand::Sign(args) => sign(args)?,
        OrderCommand::Submit(args) => block_on(submit(args))??,
        OrderCommand::List(args) => record::list(settings, args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn block_on<F: Future>(work: F) -> Result<F::Output> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build().context("runtime")?.block_on(work))
}

/// What a board tells of its chain.
#[derive(Debug, Deserialize)]
struct Governance {
    chain: String,
    officers: Vec<OfficerTold>,
    nodes_version: u64,
    rulebook_version: u32,
    tariff_version: u32,
    participants: BTreeMap<String, u32>,
    currencies: BTreeMap<String, u8>,
}

/// An officer, as a board tells of it.
#[derive(Debug, Deserialize)]
struct OfficerTold {
    name: String,
    #[serde(default)]
    roles: Vec<String>,
}

impl Governance {
    fn currencies(&self) -> Result<Vec<Currency>> {
        let currency = |(code, decimals): (&String, &u8)| anyhow::Ok(Currency::new(code.parse()?, *decimals)?);
        self.currencies.iter().map(currency).collect()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodesFile {
    peers: Vec<PeerSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfficersFile {
    officers: Vec<OfficerRow>,
}

fn key(args: &OrderKeyArgs) -> Result<()> {
    ensure!(!args.file.exists(), "{} exists already", args.file.display());
    let signer = FileSigner::open_or_create(&args.file, "officer")?;
    println!("{}", Hash(signer.public_key()));
    Ok(())
}

async fn draft(args: &OrderDraftArgs) -> Result<()> {
    let board = BankDoor { addr: args.board, token: None };
    let told = board.json(Method::GET, "/governance", None).await.context("the board's /governance")?;
    let governance: Governance = serde_json::from_value(told).context("the board's /governance")?;
    let does = wished(&args.wish, &governance)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("clock")?;
    let valid_until = Time(u64::try_from(since.as_nanos())?).after(u64::from(args.hours) * 3_600_000_000_000);
    let id = OrderId(uuid::Uuid::new_v4().into_bytes());
    let document = OrderDocument::draft(&governance.chain, id, valid_until, &does).context("this cannot be ordered")?;
    std::fs::write(&args.out, document.to_text()).with_context(|| args.out.display().to_string())?;
    show(&document)?;
    if let Some(role) = does.if_ordered().map(|orderable| orderable.role) {
        let may = governance.officers.iter().filter(|officer| officer.roles.iter().any(|held| held == role.name()));
        let names: Vec<_> = may.map(|officer| officer.name.as_str()).collect();
        println!("may sign     {}", names.join(", "));
    }
    println!("drafted {}; two officers sign it with: luohu order sign {} --key FILE", args.out.display(), args.out.display());
    Ok(())
}

fn wished(wish: &Wish, governance: &Governance) -> Result<Command> {
    let participant = |bic: &str| {
        let known = governance.participants.get(bic).with_context(|| format!("no participant {bic}"))?;
        anyhow::Ok(ParticipantId(*known))
    };
    let status = |bic: &str, status| anyhow::Ok(Command::SetStatus { participant: participant(bic)?, status });
    let currency = |text: &str| {
        let decimals = governance.currencies.get(text).with_context(|| format!("no ledger in {text}"))?;
        anyhow::Ok(Currency::new(text.parse::<CurrencyCode>()?, *decimals)?)
    };
    let fund = |args: &crate::cli::FundArgs, direction| {
        let currency = currency(&args.currency)?;
        anyhow::Ok(Command::Fund(Fund {
            participant: participant(&args.bic)?,
            currency: currency.code,
            purpose: if args.exchange { AccountPurpose::Exchange } else { AccountPurpose::Settlement },
            direction,
            amount: Amount::parse(&args.amount, currency)?.minor,
            reference: uuid::Uuid::new_v4().into_bytes(),
        }))
    };
    Ok(match wish {
        Wish::Suspend { bic } => status(bic, ParticipantStatus::Suspended)?,
        Wish::Resume { bic } => status(bic, ParticipantStatus::Live)?,
        Wish::Fund(args) => fund(args, FundDirection::In)?,
        Wish::Withdraw(args) => fund(args, FundDirection::Out)?,
        Wish::Register { file } => Command::RegisterParticipant(registration(file)?),
        Wish::Liquidity(args) => affairs::liquidity(participant(&args.bic)?, currency(&args.currency)?, args)?,
        Wish::SettlementAgent(args) => affairs::settlement_agent(participant(&args.bic)?, currency(&args.currency)?, args)?,
        Wish::Sponsor(args) => {
            sponsor::sponsor(participant(&args.sponsor)?, participant(&args.participant)?, currency(&args.currency)?, args)?
        }
        Wish::Square(args) => sponsor::square(participant(&args.participant)?, currency(&args.currency)?, args)?,
        Wish::EndSponsor { participant: who, currency: code } => sponsor::end(participant(who)?, currency(code)?),
        Wish::TopUp { bic, currency: code, off } => affairs::top_up(participant(bic)?, currency(code)?, !off),
        Wish::AnswerTransfer { uetr, refused } => affairs::answer_transfer(uetr, refused.as_deref())?,
        Wish::Apply { file } => affairs::apply(registration(file)?),
        Wish::Standing { bic, standing } => status(bic, affairs::standing(standing)?)?,
        Wish::Offline { bic, from, until } => affairs::offline(participant(bic)?, from.as_deref(), until.as_deref())?,
        Wish::Online { bic } => affairs::online(participant(bic)?),
        Wish::ReturnTerms { return_days, recall_days, fraud_days, answer_days } => {
            affairs::return_terms([*return_days, *recall_days, *fraud_days, *answer_days])
        }
        Wish::Key(args) => keys::set(participant(&args.bic)?, args)?,
        Wish::Breaker { timeouts, rest_s } => affairs::breaker(*timeouts, *rest_s),
        Wish::Officers { file } => {
            let officers = parse::<OfficersFile>(file)?.officers;
            Command::AppointOfficers(officers.iter().map(OfficerRow::officer).collect::<Result<_>>()?)
        }
        Wish::Rulebook { file, from } => {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            let currencies = governance.currencies()?;
            let from = from.as_deref().map(moment).transpose()?.unwrap_or(Time(0));
            let book = node::rulebook::read(&text, governance.rulebook_version + 1, from, &currencies);
            Command::SetRulebook(book.with_context(|| file.display().to_string())?)
        }
        Wish::Broadcast { event, text } => Command::Broadcast(Broadcast {
            event: IsoReason::parse(event).with_context(|| format!("{event} is not four capitals or digits"))?,
            text: text.clone(),
        }),
        Wish::Tariff { file, from } => {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            let from = from.as_deref().map(moment).transpose()?.unwrap_or(Time(0));
            let tariff = node::tariff::read(&text, governance.tariff_version + 1, from, &governance.currencies()?);
            Command::SchemeTerms(SchemeTerms::Tariff(tariff.with_context(|| file.display().to_string())?))
        }
        Wish::CoolingOff { file } => {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            let terms = node::cooling::read(&text, &governance.currencies()?).with_context(|| file.display().to_string())?;
            Command::SchemeTerms(SchemeTerms::CoolingOff(terms))
        }
        Wish::PreauthTerms { days, captures, most } => {
            let currencies = governance.currencies()?;
            let mut amounts = most.iter().map(|text| most_of(text, &currencies)).collect::<Result<Vec<_>>>()?;
            amounts.sort_unstable_by_key(|(currency, _)| currency.code);
            Command::SchemeTerms(SchemeTerms::Preauths(PreauthTerms { days_max: *days, captures_max: *captures, amounts }))
        }
        Wish::Calendar { file } => {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            let calendar = node::calendar::read(&text, &governance.currencies()?).with_context(|| file.display().to_string())?;
            Command::Day(DayCommand::SetCalendar(calendar))
        }
        Wish::DayStatements(args) => days::statements(participant(&args.bic)?, currency(&args.currency)?, args)?,
        Wish::ReviewTime { seconds } => {
            let review_ns = u64::from(*seconds) * 1_000_000_000;
            Command::SchemeTerms(SchemeTerms::Reviews(ReviewTerms { review_ns }))
        }
        Wish::Nodes { file } => {
            let nodes = parse::<NodesFile>(file)?.peers.iter().map(PeerSection::node).collect::<Result<_>>()?;
            Command::SetNodes(SetNodes { version: governance.nodes_version + 1, nodes })
        }
    })
}

/// The most of one currency, like `HKD=5000.00`.
fn most_of(text: &str, currencies: &[Currency]) -> Result<(Currency, MinorUnits)> {
    let (code, amount) = text.split_once('=').with_context(|| format!("{text} is no amount like HKD=5000.00"))?;
    let known = currencies.iter().find(|currency| currency.code.as_str() == code);
    let currency = *known.with_context(|| format!("{code} is no currency of the scheme"))?;
    let amount = Amount::parse(amount, currency).ok().with_context(|| format!("{amount} is no amount of {code}"))?;
    Ok((currency, amount.minor))
}

/// A moment like `2027-01-01T00:00:00+08:00`.
fn moment(text: &str) -> Result<Time> {
    let nanos = iso20022::value::date_time_to_nanos(text);
    nanos.map(Time).with_context(|| format!("{text} is no date and time like 2027-01-01T00:00:00+08:00"))
}

fn registration(file: &Path) -> Result<RegisterParticipant> {
    let member = parse::<MemberSection>(file)?.member()?;
    Ok(RegisterParticipant {
        bic: member.bic,
        name: member.name,
        key: member.key,
        provides_exchange: member.provides_exchange,
        currencies: member.currencies,
    })
}

fn parse<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}

fn read(path: &Path) -> Result<OrderDocument> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(OrderDocument::read(&bytes)?)
}

/// Prints what would be signed, out of the bytes that are signed.
fn show(document: &OrderDocument) -> Result<()> {
    let (id, valid_until, does) = document.says()?;
    println!("order        {id}");
    println!("chain        {}", document.chain());
    println!("valid until  {}", gateway::rfc3339(valid_until));
    println!("does         {}", words::of(&does));
    println!("needs        the role {} of both", does.if_ordered().map_or("none", |orderable| orderable.role.name()));
    document.signers().for_each(|key| println!("signed by    {key}"));
    Ok(())
}

/// An officer's key, which must be there.
pub fn officer_key(path: &Path) -> Result<FileSigner> {
    ensure!(path.is_file(), "no key at {}", path.display());
    Ok(FileSigner::open_or_create(path, "officer")?)
}

fn sign(args: &OrderSignArgs) -> Result<()> {
    let mut document = read(&args.order)?;
    document.sign(&officer_key(&args.key)?)?;
    std::fs::write(&args.order, document.to_text()).with_context(|| args.order.display().to_string())?;
    show(&document)
}

async fn submit(args: &OrderSubmitArgs) -> Result<()> {
    let document = read(&args.order)?;
    show(&document)?;
    let board = BankDoor { addr: args.board, token: None };
    let value = serde_json::to_value(&document)?;
    match board.json(Method::POST, "/orders", Some(&value)).await {
        Ok(_) => println!("carried out"),
        Err(error) => bail!("refused: {error:#}"),
    }
    Ok(())
}
