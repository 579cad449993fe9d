//! `luohu evidence`: proofs that a validator contradicted itself, checked again with its public key and nothing else.
//!
//! One JSON file for each, `data/evidence/EPOCH-VIEW-VALIDATOR-KIND.json`:
//! ```text
//! { "format": "luohu-evidence@v1", "namespace": …, "epoch": …, "view": …, "validator": 64 digits, "kind": …,
//!   "votes": [ { "for": "block" | "final" | "void", "parent_view": …, "block": 64 digits, "signature": 128 digits }, … ] }
//! ```
//! What a signature is over is said in the crate `chain`, file `contradiction.rs`. An export is a list of such objects.

use crate::cli::{EvidenceCommand, EvidenceExportArgs, EvidenceListArgs, EvidenceShowArgs, SettingsArgs};
use crate::config::Config;
use crate::verify::validators_in;
use anyhow::{Context, Result, ensure};
use chain::{Choice, Contradiction, Hash, Proposed, SignedChoice, Validators, key_of_hex};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Folder of the proofs in the data folder.
pub const FOLDER: &str = "evidence";
/// Proofs kept and read at most: one convicts, and a validator that goes on cheating could write for ever.
pub const PROOFS_MAX: usize = 1000;
const FORMAT: &str = "luohu-evidence@v1";

/// One proof as a file holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofFile {
    format: String,
    namespace: String,
    epoch: u64,
    view: u64,
    validator: String,
    /// For readers; what counts is what the votes say.
    kind: String,
    votes: [VoteFile; 2],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VoteFile {
    r#for: VoteFor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent_view: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    block: Option<String>,
    signature: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum VoteFor {
    Block,
    Final,
    Void,
}

/// Does what the command line says.
pub fn evidence(settings: &SettingsArgs, command: &EvidenceCommand) -> Result<ExitCode> {
    match command {
        EvidenceCommand::List(args) => list(settings, args),
        EvidenceCommand::Show(args) => show(args),
        EvidenceCommand::Export(args) => export(settings, args),
    }
}

fn list(settings: &SettingsArgs, args: &EvidenceListArgs) -> Result<ExitCode> {
    let validators = validators_in(args.validators.as_deref())?;
    let files = files(&Config::load(settings)?.data)?;
    let mut sound = true;
    for path in &files {
        let verdict = read(path).and_then(|proofs| judge(&proofs, validators.as_ref()));
        sound &= verdict.is_ok();
        let said = verdict.map_or_else(|why| format!("PROVES NOTHING: {why:#}"), |()| "proved".to_owned());
        println!("{}  {said}", path.display());
    }
    println!("{} proofs", files.len());
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(args: &EvidenceShowArgs) -> Result<ExitCode> {
    let validators = validators_in(args.validators.as_deref())?;
    let proofs = read(&args.file)?;
    for proof in &proofs {
        println!("chain      {}", proof.namespace);
        println!("validator  {}", proof.validator);
        println!("when       epoch {}, view {}", proof.epoch, proof.view);
        for vote in &proof.votes {
            let of = vote.block.as_deref().map(|block| format!(" {block}")).unwrap_or_default();
            println!("voted      {:?}{of}", vote.r#for);
        }
        match judge(core::slice::from_ref(proof), validators.as_ref()) {
            Ok(()) if validators.is_some() => println!("PROVED     {}: a validator of that epoch signed both", proof.kind),
            Ok(()) => println!("PROVED     {}: that key signed both; whose it is says --validators", proof.kind),
            Err(why) => {
                println!("PROVES NOTHING: {why:#}");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn export(settings: &SettingsArgs, args: &EvidenceExportArgs) -> Result<ExitCode> {
    let mut proofs = Vec::new();
    for path in files(&Config::load(settings)?.data)? {
        let found = read(&path)?;
        judge(&found, None).with_context(|| format!("{} is not exported", path.display()))?;
        proofs.extend(found);
    }
    ensure!(!proofs.is_empty(), "there is no evidence to export");
    std::fs::write(&args.to, text(&proofs)?).with_context(|| format!("{}", args.to.display()))?;
    println!("{} proofs in {}", proofs.len(), args.to.display());
    Ok(ExitCode::SUCCESS)
}

/// The files in a data folder, in the order of their names.
fn files(data: &Path) -> Result<Vec<PathBuf>> {
    let folder = data.join(FOLDER);
    let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("{}", folder.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    files.truncate(PROOFS_MAX);
    Ok(files)
}

/// Proofs a data folder holds, for who counts them; what proves nothing is logged and left out.
#[cfg(feature = "consortium")]
pub fn load(data: &Path) -> Result<Vec<Contradiction>> {
    let mut proofs = Vec::new();
    for path in files(data)? {
        match read(&path).and_then(|found| found.iter().map(ProofFile::proof).collect::<Result<Vec<_>>>()) {
            Ok(found) => proofs.extend(found.into_iter().filter(|proof| proof.verify().is_ok())),
            Err(why) => tracing::warn!(file = %path.display(), %why, "this evidence proves nothing"),
        }
    }
    Ok(proofs)
}

/// One proof, or a list of them.
fn read(path: &Path) -> Result<Vec<ProofFile>> {
    let what = || format!("evidence {}", path.display());
    let text = std::fs::read_to_string(path).with_context(what)?;
    let list = text.trim_start().starts_with('[');
    let proofs = if list { serde_json::from_str(&text) } else { serde_json::from_str(&text).map(|one| vec![one]) };
    let proofs: Vec<ProofFile> = proofs.with_context(what)?;
    ensure!(proofs.len() <= PROOFS_MAX, "{} holds more than {PROOFS_MAX} proofs", path.display());
    Ok(proofs)
}

fn text(proofs: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(proofs)? + "\n")
}

fn judge(proofs: &[ProofFile], validators: Option<&Validators>) -> Result<()> {
    for file in proofs {
        let proof = file.proof()?;
        let kind = proof.verify()?;
        ensure!(kind.name() == file.kind, "it says {} and proves {}", file.kind, kind.name());
        if let Some(validators) = validators {
            ensure!(proof.namespace == validators.namespace(), "it is of another chain");
            let known = validators.at(proof.epoch).is_some_and(|keys| keys.contains(&proof.validator));
            ensure!(known, "the key is of no validator of epoch {}", proof.epoch);
        }
    }
    Ok(())
}

impl ProofFile {
    /// A proof that was verified, to be written.
    #[cfg(any(test, feature = "consortium"))]
    pub fn of(kind: chain::ContradictionKind, proof: &Contradiction) -> Self {
        Self {
            format: FORMAT.to_owned(),
            namespace: proof.namespace.clone(),
            epoch: proof.epoch,
            view: proof.view,
            validator: Hash(proof.validator).to_string(),
            kind: kind.name().to_owned(),
            votes: proof.choices.each_ref().map(VoteFile::of),
        }
    }

    /// Its file's name: one for each validator, view and kind.
    #[cfg(feature = "consortium")]
    pub fn name(&self) -> String {
        format!("{}-{}-{}-{}.json", self.epoch, self.view, &self.validator[..16], self.kind)
    }

    /// Its file's text.
    #[cfg(any(test, feature = "consortium"))]
    pub fn text(&self) -> Result<String> {
        text(self)
    }

    fn proof(&self) -> Result<Contradiction> {
        ensure!(self.format == FORMAT, "the format is not {FORMAT}");
        let [first, second] = &self.votes;
        Ok(Contradiction {
            namespace: self.namespace.clone(),
            epoch: self.epoch,
            view: self.view,
            validator: key_of_hex(&self.validator).context("validator: not 64 hexadecimal digits")?,
            choices: [first.choice()?, second.choice()?],
        })
    }
}

impl VoteFile {
    #[cfg(any(test, feature = "consortium"))]
    fn of(signed: &SignedChoice) -> Self {
        let (r#for, proposed) = match signed.choice {
            Choice::Block(proposed) => (VoteFor::Block, Some(proposed)),
            Choice::Final(proposed) => (VoteFor::Final, Some(proposed)),
            Choice::Void => (VoteFor::Void, None),
        };
        Self {
            r#for,
            parent_view: proposed.map(|proposed| proposed.parent_view),
            block: proposed.map(|proposed| proposed.block.to_string()),
            signature: signed.signature.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    fn choice(&self) -> Result<SignedChoice> {
        let proposed = match (self.parent_view, &self.block) {
            (Some(parent_view), Some(block)) => {
                Some(Proposed { parent_view, block: Hash(key_of_hex(block).context("block: not 64 hexadecimal digits")?) })
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => anyhow::bail!("a block and its parent's view come together"),
        };
        let choice = match (self.r#for, proposed) {
            (VoteFor::Block, Some(proposed)) => Choice::Block(proposed),
            (VoteFor::Final, Some(proposed)) => Choice::Final(proposed),
            (VoteFor::Void, None) => Choice::Void,
            (VoteFor::Block | VoteFor::Final, None) => anyhow::bail!("a vote for a block names none"),
            (VoteFor::Void, Some(_)) => anyhow::bail!("a void vote names a block"),
        };
        let halves = self.signature.split_at_checked(64).and_then(|(r, s)| Some((key_of_hex(r)?, key_of_hex(s)?)));
        let (r, s) = halves.context("signature: not 128 hexadecimal digits")?;
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(&s);
        Ok(SignedChoice { choice, signature })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chain::ContradictionKind;

    /// A real proof, from a validator that ran twice under the simulator.
    const GOLDEN: &str = include_str!("../tests/golden/evidence.json");

    #[test]
    fn the_file_is_read_checked_and_written_to_the_same_bytes() {
        let file: ProofFile = serde_json::from_str(GOLDEN).unwrap();
        let proof = file.proof().unwrap();
        assert_eq!(proof.verify(), Ok(ContradictionKind::TwoBlocks));
        let again = ProofFile::of(ContradictionKind::TwoBlocks, &proof);
        assert_eq!(again.text().unwrap(), GOLDEN);
        assert!(judge(&[again], None).is_ok());
    }

    #[test]
    fn the_key_must_be_a_validators_of_that_chain_and_epoch() {
        let file: ProofFile = serde_json::from_str(GOLDEN).unwrap();
        let key = key_of_hex(&file.validator).unwrap();
        let judged = |validators: Validators| judge(core::slice::from_ref(&file), Some(&validators)).is_ok();
        assert!(judged(Validators::new(&file.namespace, [[1; 32], key])));
        assert!(!judged(Validators::new(&file.namespace, [[1; 32]])), "nobody's key");
        assert!(!judged(Validators::new("another/chain", [key])), "another chain");
    }

    #[test]
    fn a_changed_file_proves_nothing() {
        let refused = |from: &str, to: &str| {
            let text = GOLDEN.replacen(from, to, 1);
            assert_ne!(text, GOLDEN, "{from}");
            serde_json::from_str::<ProofFile>(&text).is_err() || judge(&[serde_json::from_str(&text).unwrap()], None).is_err()
        };
        for (from, to) in [
            ("luohu-evidence@v1", "luohu-evidence@v2"),
            ("\"two-blocks\"", "\"two-final\""),
            ("\"for\": \"block\"", "\"for\": \"final\""),
            ("\"for\": \"block\"", "\"for\": \"void\""),
            ("\"epoch\": 0", "\"epoch\": 1"),
            ("\"parent_view\": ", "\"parent_view\": 9"),
            ("\"namespace\": \"luohu", "\"namespace\": \"lohu"),
            ("\"signature\": \"", "\"signature\": \"0"),
        ] {
            assert!(refused(from, to), "{from} to {to}");
        }
    }
}
