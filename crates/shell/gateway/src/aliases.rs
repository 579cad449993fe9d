//! Aliases at the door: `POST /v1/aliases` changes what a bank has registered, `POST /v1/aliases/lookup` asks whom an alias
//! stands for, `GET /v1/aliases/ports` tells which defaults another bank asks for.
//!
//! The directory is this operator's and no part of the chain. Where several operators share the chain each has its own: who is
//! not found here is asked for at the other doors, through the channel of payee checks (`elsewhere.rs`). What the centre says
//! about an alias it signs, so that a bank can show later on what grounds a customer paid.
//!
//! # Not here
//! What is registered and what a look-up costs: `directory`.

use crate::auth::Authenticated;
use crate::clock::rfc3339;
use crate::door::Door;
use crate::elsewhere::{self, SignedMessage};
use crate::http::{Answer, JSON};
use crate::quotes::{bad, read};
use crate::reads::json_reply;
use crate::refusal::{GatewayRefusal, Problem};
use crate::registry::Participant;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clearing::{Bic, IsoReason, Time};
use directory::{Alias, AliasFault, Ask, Change, Changed, Directory, DirectoryRefusal, Refused};
use serde::Deserialize;
use serde_json::{Value, json};
use signing::{Signer, verify_ed25519};
use std::sync::Arc;

/// Before a statement where it is signed, so that it is nothing else the centre signs.
const SIGNED_PREFIX: &[u8] = b"luohu alias\n";
/// Path of look-ups: what another door's question was signed for.
pub(crate) const LOOKUP_PATH: &str = "/v1/aliases/lookup";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangesBody {
    changes: Vec<ChangeBody>,
}

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
enum ChangeBody {
    Register {
        /// Absent: the directory draws a scheme identifier.
        #[serde(default)]
        alias: Option<String>,
        account: String,
        name: String,
        #[serde(default)]
        name_han: Option<String>,
        #[serde(default)]
        company: bool,
        #[serde(default)]
        default: bool,
    },
    Revoke {
        alias: String,
    },
    MakeDefault {
        alias: String,
    },
    AnswerPort {
        port: String,
        agrees: bool,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LookupBody {
    alias: String,
    payer: String,
    #[serde(default)]
    agent: Option<String>,
}

/// `POST /v1/aliases`.
pub(crate) async fn change(door: &Arc<Door>, request: &Authenticated) -> Result<Answer, Problem> {
    let directory = directory_of(door)?;
    let by = sender(request.sender())?;
    let body: ChangesBody = read(request.body())?;
    let changes = body.changes.into_iter().enumerate().map(|(at, change)| change.read(at)).collect::<Result<Vec<_>, _>>()?;
    let world = Arc::clone(&door.world);
    let done = blocking(door, move || {
        let mut random = || u64::from_le_bytes(*world.random().first_chunk().expect("sixteen bytes"));
        directory.change(by, &changes, &mut random, world.now_ns())
    });
    let results: Vec<Value> = done.await?.map_err(problem)?.iter().map(changed_json).collect();
    Ok(door.signed(200, JSON, bytes(&json!({ "results": results })), request.digest_field()))
}

impl ChangeBody {
    fn read(self, at: usize) -> Result<Change, Problem> {
        let field = format!("changes/{at}/alias");
        let alias = |text: &str| Alias::parse(text).map_err(|fault| not_an_alias(fault).with_field(field.clone()));
        Ok(match self {
            Self::Register { alias: whom, account, name, name_han, company, default } => {
                let alias = whom.as_deref().map(alias).transpose()?;
                Change::Register { alias, account, name, name_han, company, default }
            }
            Self::Revoke { alias: whom } => Change::Revoke(alias(&whom)?),
            Self::MakeDefault { alias: whom } => Change::MakeDefault(alias(&whom)?),
            Self::AnswerPort { port, agrees } => Change::AnswerPort { port, agrees },
        })
    }
}

fn changed_json(changed: &Result<Changed, DirectoryRefusal>) -> Value {
    match changed {
        Ok(Changed::Default(alias)) => json!({ "status": "default", "alias": alias.as_str() }),
        Ok(Changed::Registered(alias)) => json!({ "status": "registered", "alias": alias.as_str() }),
        Ok(Changed::PortPending(alias, until_ns)) => {
            json!({ "status": "port_pending", "alias": alias.as_str(), "until": rfc3339(Time(*until_ns)) })
        }
        Ok(Changed::Revoked(alias)) => json!({ "status": "revoked", "alias": alias.as_str() }),
        Ok(Changed::PortAnswered { moved }) => json!({ "status": if *moved { "moved" } else { "stayed" } }),
        Err(refusal) => json!({
            "status": "refused", "code": refusal.code(), "title": refusal.words(), "field": refusal.field(),
        }),
    }
}

/// `GET /v1/aliases/ports`.
pub(crate) async fn ports(door: &Arc<Door>, caller: &Participant) -> Result<Answer, Problem> {
    let directory = directory_of(door)?;
    let (by, now_ns) = (caller.view.bic, door.world.now_ns());
    let ports = blocking(door, move || directory.ports(by, now_ns)).await?.map_err(problem)?;
    let port = |port: &directory::Port| {
        json!({
            "port": port.port, "alias": port.masked, "account": port.account, "to": port.to, "until": rfc3339(Time(port.until_ns)),
        })
    };
    Ok(json_reply(200, &ports.iter().map(port).collect()))
}

/// `POST /v1/aliases/lookup`.
pub(crate) async fn look_up(door: &Arc<Door>, request: &Authenticated) -> Result<Answer, Problem> {
    let directory = directory_of(door)?;
    let question = Question::read(sender(request.sender())?, request.body())?;
    let answer = match found(door, &directory, &question).await? {
        Ok(answer) => answer,
        Err(refused) if refused.refusal == DirectoryRefusal::UnknownAlias => {
            let Some(answer) = found_elsewhere(door, request).await? else {
                directory.charge_miss(&question.ask(), door.world.now_ns());
                return Err(problem(refused));
            };
            answer
        }
        Err(refused) => return Err(problem(refused)),
    };
    Ok(door.signed(200, JSON, answer, request.digest_field()))
}

/// A look-up as it was asked.
#[derive(Clone)]
struct Question {
    by: Bic,
    payer: String,
    alias: Alias,
    at: Option<Bic>,
}

impl Question {
    fn read(by: Bic, body: &[u8]) -> Result<Self, Problem> {
        let LookupBody { alias, payer, agent } = read(body)?;
        let alias = Alias::parse(&alias).map_err(|fault| not_an_alias(fault).with_field("alias"))?;
        let bank = |text: &str| Bic::parse(text).ok_or_else(|| bad("agent", "not a BIC"));
        let at = agent.as_deref().map(bank).transpose()?;
        Ok(Self { by, payer, alias, at })
    }

    fn ask(&self) -> Ask<'_> {
        Ask { by: self.by, payer: &self.payer, alias: &self.alias, at: self.at }
    }
}

/// What this operator's directory says, as the centre signs it.
async fn found(door: &Arc<Door>, directory: &Arc<Directory>, question: &Question) -> Result<Result<Vec<u8>, Refused>, Problem> {
    let (directory, asked, now_ns) = (Arc::clone(directory), question.clone(), door.world.now_ns());
    let cool_off_hours = directory.settings().cool_off_hours;
    let found = blocking(door, move || directory.look_up(&asked.ask(), now_ns)).await?;
    Ok(found.map(|answer| bytes(&statement(&answer, question, cool_off_hours, now_ns, &*door.signer))))
}

/// An answer whose statement can be shown and verified without the answer around it.
fn statement(answer: &directory::Answer, question: &Question, cool_off_hours: u32, now_ns: u64, signer: &dyn Signer) -> Value {
    let statement = json!({
        "asked_by": question.by.as_str(),
        "payer": question.payer,
        "alias": question.alias.as_str(),
        "kind": question.alias.kind().name(),
        "agent": answer.agent.as_str(),
        "account": answer.account,
        "masked_name": answer.masked_name,
        "masked_name_han": answer.masked_name_han,
        "warning": answer.warning.map(directory::Tier::name),
        "cool_off_hours": if answer.warning == Some(directory::Tier::CoolOff) { cool_off_hours } else { 0 },
        "looked_up_at": rfc3339(Time(now_ns)),
        "valid_until": rfc3339(Time(answer.valid_until_ns)),
    });
    let text = statement.to_string();
    let signature = STANDARD.encode(signer.sign(&[SIGNED_PREFIX, text.as_bytes()].concat()));
    json!({
        "sha256": chain::sha256(text.as_bytes()).to_string(), "statement": text, "key_id": signer.key_id(), "signature": signature,
    })
}

/// What another operator's directory says. `None`: no other one knows the alias either.
async fn found_elsewhere(door: &Arc<Door>, request: &Authenticated) -> Result<Option<Vec<u8>>, Problem> {
    let Some(doors) = door.hub.other_doors() else { return Ok(None) };
    let mut answers = doors.ask(request.to_vault()).ok_or(GatewayRefusal::Overloaded)?;
    let first_true = async {
        while let Some(answer) = answers.recv().await {
            match verified(door, request.body(), &answer) {
                Ok(()) => return Some(answer.to_vec()),
                Err(why) => tracing::warn!(why, "another operator's answer about an alias is not the centre's"),
            }
        }
        None
    };
    let patience = door.config.limits.payee_check_timeout;
    Ok(tokio::time::timeout(patience, first_true).await.unwrap_or_default())
}

/// Whether an answer is signed with the centre's key, which all operators have, and is to this question.
fn verified(door: &Door, question: &[u8], answer: &[u8]) -> Result<(), &'static str> {
    let field = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
    let answer: Value = serde_json::from_slice(answer).map_err(|_| "it is not JSON")?;
    let text = field(&answer, "statement").ok_or("it has no statement")?;
    let signature =
        field(&answer, "signature").and_then(|text| STANDARD.decode(text).ok()).and_then(|bytes| bytes.try_into().ok());
    let signed = [SIGNED_PREFIX, text.as_bytes()].concat();
    if !verify_ed25519(&door.signer.public_key(), &signed, &signature.ok_or("it is not signed")?) {
        return Err("its signature does not verify");
    }
    let statement: Value = serde_json::from_str(&text).map_err(|_| "its statement is not JSON")?;
    let asked: LookupBody = serde_json::from_slice(question).map_err(|_| "there was no question")?;
    let whom = Alias::parse(&asked.alias).map_err(|_| "there was no question")?;
    let same = field(&statement, "alias").as_deref() == Some(whom.as_str())
        && field(&statement, "payer").as_ref() == Some(&asked.payer)
        && asked.agent.is_none_or(|agent| Bic::parse(&agent).is_some_and(|bic| statement["agent"] == bic.as_str()));
    if same { Ok(()) } else { Err("it answers another question") }
}

/// Another door's look-up, answered from this operator's directory. `None`: nothing is known here, or the question is none.
pub(crate) async fn answer_elsewhere(door: &Arc<Door>, question: &[u8]) -> Option<SignedMessage> {
    let directory = door.hub.directory()?;
    let (asker, body) = match elsewhere::read_signed(door, question, LOOKUP_PATH) {
        Ok(read) => read,
        Err(why) => {
            tracing::warn!(why, "another operator's look-up is not a bank's");
            return None;
        }
    };
    let question = Question::read(sender(&asker).ok()?, body).ok()?;
    match found(door, &directory, &question).await.ok()? {
        Ok(answer) => Some(answer.into()),
        Err(refused) => {
            // The door that was asked first charges its own; a bank that goes from door to door pays at each.
            if refused.refusal == DirectoryRefusal::UnknownAlias {
                directory.charge_miss(&question.ask(), door.world.now_ns());
            }
            None
        }
    }
}

fn directory_of(door: &Door) -> Result<Arc<Directory>, Problem> {
    door.hub.directory().ok_or_else(|| GatewayRefusal::NoDirectory.into())
}

fn sender(participant: &Participant) -> Result<Bic, Problem> {
    if participant.view.status.sends() { Ok(participant.view.bic) } else { Err(GatewayRefusal::Suspended.into()) }
}

async fn blocking<T: Send + 'static>(door: &Door, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    door.world.blocking(work).await.ok_or_else(|| GatewayRefusal::Overloaded.into())
}

fn bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).expect("values of text are JSON")
}

fn not_an_alias(fault: AliasFault) -> Problem {
    problem(DirectoryRefusal::NotAnAlias).with_detail(fault.to_string())
}

/// A directory's no on its way out.
fn problem(refused: impl Into<Refused>) -> Problem {
    let Refused { refusal, wait_ns } = refused.into();
    let wait_s = wait_ns.map(|wait| u32::try_from(wait.div_ceil(1_000_000_000)).unwrap_or(u32::MAX));
    Problem {
        status: refusal.http_status(),
        code: refusal.code(),
        title: refusal.words().into(),
        iso_reason: Some(IsoReason(refusal.iso_reason())),
        retry: refusal.retry(),
        retry_after: wait_s.or(matches!(refusal.http_status(), 429 | 503).then_some(1)),
        detail: None,
        field: refusal.field().map(str::to_owned),
    }
}
