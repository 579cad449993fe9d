//! `luohu consortium init`: folders, keys and configurations of several operators on one machine, to try it.
//!
//! For comfort all nodes share one certificate authority and one centre key; real operators each have their own.

use crate::banks;
use crate::cli::{ConsortiumInitArgs, SettingsArgs};
use crate::config::{Config, SchemeSection};
use crate::keys::{Keys, SystemKeys};
use crate::sections::{MemberSection, OfficerRow, PeerSection};
use crate::shared::{ChainFile, mark_files, read_key};
use crate::shared_base;
use anyhow::{Context, Result, ensure};
use chain::{Hash, Validators, key_of_hex};
use consortium::public_key;
use signing::{FileSigner, Signer as _};
use std::fmt::Write as _;
use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

const PORTS_OF_A_NODE: u16 = 5;
const EPOCH_BLOCKS: u64 = 65_536;

/// Makes everything and says how to go on.
pub fn init(args: &ConsortiumInitArgs) -> Result<ExitCode> {
    ensure!(!args.folder.exists(), "{} exists already", args.folder.display());
    ensure!((1..=16).contains(&args.validators), "1 to 16 validators");
    let base = args.from.as_deref().map(shared_base::of).transpose()?;
    std::fs::create_dir_all(&args.folder)?;
    let folder = args.folder.canonicalize()?;
    let nodes = args.validators + args.observers;
    let mut peers = Vec::new();
    for at in 0..nodes {
        let home = folder.join(format!("node-{at}"));
        std::fs::create_dir_all(&home)?;
        let votes = at < args.validators;
        let name = if votes { format!("validator {at}") } else { format!("observer {}", at - args.validators) };
        let public = make_key(&home.join("validator.key"))?;
        mark_files(&home.join("data")).swear(public)?;
        let key = Hash(public).to_string();
        peers.push(PeerSection { name, key, address: local(args.first_port + at * PORTS_OF_A_NODE), votes });
    }
    if let Some(from) = &args.from {
        copy_node(from, &folder, nodes)?;
    }
    let members = make_members(&folder, nodes)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("clock")?;
    let chain = ChainFile {
        namespace: "luohu.example/settlement".to_owned(),
        epoch_blocks: EPOCH_BLOCKS.try_into()?,
        genesis_time_ns: u64::try_from(since.as_nanos())?,
        // Who goes on with a chain finds its participants there.
        members: if base.is_some() { Vec::new() } else { members },
        base,
        scheme: SchemeSection { officers: make_officers(&folder)?, ..SchemeSection::default() },
        peers,
    };
    std::fs::write(folder.join("chain.toml"), toml::to_string(&chain)?)?;
    let keys = chain.peers.iter().filter(|peer| peer.votes).filter_map(|peer| key_of_hex(&peer.key));
    std::fs::write(folder.join("validators"), Validators::new(&chain.namespace, keys).to_string())?;
    for at in 0..nodes {
        let text = configuration(&folder, at, at < args.validators, args.first_port + at * PORTS_OF_A_NODE);
        std::fs::write(folder.join(format!("node-{at}/luohu.toml")), text)?;
    }
    println!("made {} validators and {} observers in {}", args.validators, args.observers, folder.display());
    println!("start each with: luohu --config {}/node-N/luohu.toml", folder.display());
    Ok(ExitCode::SUCCESS)
}

/// `luohu consortium key`: a key that never voted.
pub fn new_key(settings: &SettingsArgs) -> Result<ExitCode> {
    let config = Config::load(settings)?;
    let public = make_key(&config.node.key).with_context(|| config.node.key.display().to_string())?;
    mark_files(&config.data).swear(public).context("voting journals")?;
    println!("{}", Hash(public));
    Ok(ExitCode::SUCCESS)
}

/// `luohu consortium swear`.
pub fn swear(settings: &SettingsArgs) -> Result<ExitCode> {
    let config = Config::load(settings)?;
    let public = public_key(read_key(&config.node.key)?);
    mark_files(&config.data).swear(public).context("voting journals")?;
    println!("{} may vote in every epoch it is a validator of", Hash(public));
    Ok(ExitCode::SUCCESS)
}

/// Two officers' keys.
fn make_officers(folder: &Path) -> Result<Vec<OfficerRow>> {
    let home = folder.join("officers");
    std::fs::create_dir_all(&home)?;
    let officer = |name: &str| {
        let signer = FileSigner::open_or_create(&home.join(format!("{name}.key.pem")), "officer")?;
        Ok(OfficerRow::new(format!("{name} officer"), Hash(signer.public_key()).to_string()))
    };
    ["first", "second"].into_iter().map(officer).collect()
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A fresh secret key in a file of its owner's; returns the public one.
fn make_key(path: &Path) -> Result<[u8; 32]> {
    let mut secret = [0; 32];
    std::fs::File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut secret)).context("randomness")?;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    std::io::Write::write_all(&mut file, format!("{}\n", Hash(secret)).as_bytes())?;
    Ok(public_key(secret))
}

/// Gives every node the chain and the keys of a single one, and each sample bank's folder to the node it will be at.
fn copy_node(from: &Path, folder: &Path, nodes: u16) -> Result<()> {
    let data = |at: u16| folder.join(format!("node-{at}/data"));
    for at in 0..nodes {
        copy_folder(&from.join("centre"), &data(at).join("centre"))?;
        copy_folder(&from.join("keys"), &data(at).join("keys"))?;
    }
    for (at, sample) in (0..).zip(bank::sample_banks()) {
        let bank = Path::new("banks").join(sample.bic);
        if from.join(&bank).is_dir() {
            copy_folder(&from.join(&bank), &data(at % nodes).join(&bank))?;
        }
    }
    Ok(())
}

/// Keys of the sample banks, each at one node; the authority's and the centre's at all of them.
fn make_members(folder: &Path, nodes: u16) -> Result<Vec<MemberSection>> {
    let data = |at: u16| folder.join(format!("node-{at}/data"));
    std::fs::create_dir_all(data(0))?;
    let names = Config::default().gateway.names;
    let keys: SystemKeys = Keys::at(&data(0)).open(&names)?;
    for at in 1..nodes {
        copy_folder(&data(0).join("keys"), &data(at).join("keys"))?;
    }
    let mut members = Vec::new();
    for (at, sample) in (0..).zip(bank::sample_banks()) {
        let config = Config { data: data(at % nodes), ..Config::default() };
        let member = banks::prepare_one(&config, &keys, sample)?.member;
        members.push(MemberSection {
            bic: member.bic.to_string(),
            name: member.name,
            key: Hash(member.key).to_string(),
            provides_exchange: member.provides_exchange,
            currencies: member.currencies.iter().map(|code| code.as_str().to_owned()).collect(),
        });
    }
    Ok(members)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("{}", from.display()))? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&source, &target)?;
        } else {
            std::fs::copy(&source, &target).with_context(|| format!("{}", source.display()))?;
        }
    }
    Ok(())
}

fn configuration(folder: &Path, at: u16, votes: bool, port: u16) -> String {
    let home = folder.join(format!("node-{at}"));
    let kind = if votes { "validator" } else { "observer" };
    let here: Vec<String> = bank::sample_banks()
        .iter()
        .enumerate()
        .filter(|(place, _)| *place == usize::from(at))
        .map(|(_, sample)| format!("\"{}\"", sample.bic))
        .collect();
    let mut text = format!("data = \"{}\"\n\n[node]\nkind = \"{kind}\"\n", home.join("data").display());
    let _ = write!(
        text,
        "chain = \"{}\"\nkey = \"{}\"\nlisten = \"127.0.0.1:{port}\"\n\n[gateway]\nlisten = \"127.0.0.1:{}\"\n\n[board]\nlisten = \"127.0.0.1:{}\"\n\n",
        folder.join("chain.toml").display(),
        home.join("validator.key").display(),
        port + 1,
        port + 2,
    );
    let _ = write!(
        text,
        "[sample_banks]\nenabled = {}\nonly = [{}]\nfirst_port = {}\n",
        !here.is_empty(),
        here.join(", "),
        port + 3,
    );
    text
}
