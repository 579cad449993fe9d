//! One participant's link: everything that can be asked of the centre.

use crate::aliases::{self, AliasChange, AliasFound, AliasOutcome, AliasPort};
use crate::answer::{Answer, AnswerBody, Problem};
use crate::client::{Call, RawAnswer, exchange};
use crate::connector::Connector;
use crate::inbox::LinkState;
use crate::pool::Pool;
use crate::{LinkError, Quote, QuoteRequest, StandingRate, WhatIf, WhatIfQuestion};
use hyper::Method;
use hyper::body::Bytes;
use serde::Deserialize;
use signing::{Keys, Response, Signer, sign_request, verify_response};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use world::SharedWorld;

/// Longest the centre is asked to wait for a final state, in seconds.
pub const WAIT_S_MAX: u16 = 60;
/// How much longer than that an answer may take, in seconds.
pub const ANSWER_GRACE_S: u64 = 10;

/// The centre's keys by key identifier.
pub type CentreKeys = Arc<dyn Keys + Send + Sync>;

/// What a link needs.
#[derive(Clone)]
pub struct LinkConfig {
    /// The participant's BIC, eleven characters.
    pub bic: String,
    /// The way to the centre's door.
    pub connector: Arc<dyn Connector>,
    /// The participant's message key; its identifier is `BIC#n`.
    pub signer: Arc<dyn Signer>,
    /// The centre's keys.
    pub centre_keys: CentreKeys,
    /// Clock and tasks.
    pub world: SharedWorld,
}

/// One participant's way to the centre. Cheap to share behind an `Arc`.
pub struct Link {
    config: LinkConfig,
    pool: Pool,
    offline: watch::Sender<bool>,
    state: watch::Sender<LinkState>,
}

/// A participant as the centre lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ParticipantInfo {
    /// BIC, eleven characters.
    pub bic: String,
    /// Name.
    pub name: String,
    /// `active` or `suspended`.
    pub status: String,
    /// Whether it quotes exchange rates.
    #[serde(default)]
    pub provides_exchange: bool,
    /// Settlement currencies.
    #[serde(default)]
    pub currencies: Vec<String>,
    /// Whether its inbox stream stands.
    #[serde(default)]
    pub online: bool,
}

/// One of the participant's accounts at the centre. Amounts are decimal text in the account's currency.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AccountBalance {
    /// `settlement`, `exchange`, …
    pub purpose: String,
    /// Currency code.
    pub currency: String,
    /// Credits less debits.
    pub posted: String,
    /// Debits of open holds.
    pub held: String,
    /// What can be used now.
    pub available: String,
}

impl Link {
    /// A link; nothing is connected yet.
    pub fn new(config: LinkConfig) -> Self {
        let pool = Pool::new(Arc::clone(&config.connector), Arc::clone(&config.world));
        Self { config, pool, offline: watch::Sender::new(false), state: watch::Sender::new(LinkState::Waiting) }
    }

    /// The participant's BIC.
    pub fn bic(&self) -> &str {
        &self.config.bic
    }

    /// Whether the inbox stream stands, now and as it changes.
    pub fn state(&self) -> watch::Receiver<LinkState> {
        self.state.subscribe()
    }

    /// Takes the link offline (every request fails with [`LinkError::Offline`], the inbox closes) or back.
    pub fn set_offline(&self, offline: bool) {
        self.offline.send_replace(offline);
        if offline {
            self.pool.close_idle();
        }
    }

    /// Sends a BusinessMessage; the centre may take up to `wait_s` seconds to answer with a final state.
    ///
    /// The bytes must be the stored ones whenever a message is sent again.
    pub async fn send_message(&self, xml: &str, wait_s: u16) -> Result<Answer, LinkError> {
        let wait_s = wait_s.min(WAIT_S_MAX);
        let mut headers = vec![("content-type", "application/xml".to_owned())];
        if wait_s > 0 {
            headers.push(("prefer", format!("wait={wait_s}")));
        }
        let raw = self.post_signed("/v1/messages", headers, xml.as_bytes(), wait_s).await?;
        read_answer(raw)
    }

    /// Sends an `acmt.023`; the answer is the other bank's `acmt.024`, or the centre's own when it has none in time.
    pub async fn payee_check(&self, xml: &str) -> Result<Answer, LinkError> {
        self.send_message(xml, 0).await
    }

    /// Asks for a firm quote.
    pub async fn quote(&self, request: &QuoteRequest) -> Result<Quote, LinkError> {
        let headers = vec![("content-type", "application/json".to_owned())];
        let raw = self.post_signed("/v1/quotes", headers, &request.to_json(), 0).await?;
        request.read_quote(&raw.body)
    }

    /// Asks what would become of a payment, and what it would cost.
    pub async fn what_if(&self, question: &WhatIfQuestion<'_>) -> Result<WhatIf, LinkError> {
        let headers = vec![("content-type", "application/json".to_owned())];
        let raw = self.post_signed("/v1/what-if", headers, &question.to_json(), 0).await?;
        serde_json::from_slice(&raw.body).map_err(|_| LinkError::Unreadable("not an answer to what would be"))
    }

    /// Publishes a standing rate (exchange providers only).
    pub async fn publish_rate(&self, rate: &StandingRate) -> Result<(), LinkError> {
        let headers = vec![("content-type", "application/json".to_owned())];
        self.post("/v1/rates", headers, &rate.to_json(), 0).await?;
        Ok(())
    }

    /// Whom an alias stands for. `payer` names the customer who asks by something that stays the same and tells nothing else.
    pub async fn look_up_alias(&self, alias: &str, payer: &str) -> Result<AliasFound, LinkError> {
        let headers = vec![("content-type", "application/json".to_owned())];
        let raw = self.post_signed("/v1/aliases/lookup", headers, &aliases::lookup_body(alias, payer), 0).await?;
        aliases::read_found(&raw.body)
    }

    /// Changes what this participant has registered: at most [`crate::ALIAS_CHANGES_MAX`], each with its outcome.
    pub async fn change_aliases(&self, changes: &[AliasChange]) -> Result<Vec<AliasOutcome>, LinkError> {
        let headers = vec![("content-type", "application/json".to_owned())];
        let raw = self.post_signed("/v1/aliases", headers, &aliases::changes_body(changes), 0).await?;
        aliases::read_outcomes(&raw.body, changes.len())
    }

    /// Defaults that other banks ask for.
    pub async fn alias_ports(&self) -> Result<Vec<AliasPort>, LinkError> {
        let raw = self.get("/v1/aliases/ports").await?;
        serde_json::from_slice(&raw.body).map_err(|_| LinkError::Unreadable("not a list of ports"))
    }

    /// All participants.
    pub async fn participants(&self) -> Result<Vec<ParticipantInfo>, LinkError> {
        let raw = self.get("/v1/participants").await?;
        serde_json::from_slice(&raw.body).map_err(|_| LinkError::Unreadable("not a list of participants"))
    }

    /// The participant's own accounts at the centre.
    pub async fn accounts(&self) -> Result<Vec<AccountBalance>, LinkError> {
        let raw = self.get("/v1/accounts").await?;
        serde_json::from_slice(&raw.body).map_err(|_| LinkError::Unreadable("not a list of accounts"))
    }

    /// The receipt of a final payment (C2SP `tlog-proof` text). Not verified here: `chain::Receipt` does that.
    pub async fn receipt(&self, uetr: &str) -> Result<String, LinkError> {
        let named = uetr.len() == 36 && uetr.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if !named {
            return Err(LinkError::Unreadable("not a UETR"));
        }
        let raw = self.get(&format!("/v1/payments/{uetr}/receipt")).await?;
        String::from_utf8(raw.body.to_vec()).map_err(|_| LinkError::Unreadable("a receipt is text"))
    }

    /// The centre's verifier keys, one a line.
    pub async fn keys_text(&self) -> Result<String, LinkError> {
        let raw = self.get("/v1/keys").await?;
        String::from_utf8(raw.body.to_vec()).map_err(|_| LinkError::Unreadable("keys are text"))
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) fn authority(&self) -> &str {
        self.config.connector.authority()
    }

    pub(crate) fn keys(&self) -> &dyn Keys {
        &*self.config.centre_keys
    }

    pub(crate) fn is_offline(&self) -> bool {
        *self.offline.borrow()
    }

    pub(crate) async fn until_online(&self) {
        let _ = self.offline.subscribe().wait_for(|offline| !offline).await;
    }

    pub(crate) async fn until_offline(&self) {
        let _ = self.offline.subscribe().wait_for(|offline| *offline).await;
    }

    pub(crate) fn set_state(&self, state: LinkState) {
        self.state.send_if_modified(|now| core::mem::replace(now, state) != state);
    }

    async fn get(&self, path_and_query: &str) -> Result<RawAnswer, LinkError> {
        let call = Call { method: Method::GET, path_and_query, headers: Vec::new(), body: Bytes::new(), time_limit: limit(0) };
        refused_unless_ok(self.call(&call).await?)
    }

    /// Posts and requires the centre's signature on an answer with a body. Problems are let through as refusals: they end
    /// nothing by themselves.
    async fn post_signed(
        &self,
        path: &str,
        headers: Vec<(&'static str, String)>,
        body: &[u8],
        wait_s: u16,
    ) -> Result<RawAnswer, LinkError> {
        let (raw, request_digest) = self.post_any(path, headers, body, wait_s).await?;
        if raw.is_problem() {
            return Err(raw.into_problem());
        }
        if !raw.body.is_empty() {
            let response = Response { status: raw.status, fields: &raw.headers, request_digest: &request_digest };
            verify_response(&response, &raw.body, self.config.world.now_s(), self.keys()).map_err(LinkError::NotTheCentre)?;
        }
        Ok(raw)
    }

    async fn post(
        &self,
        path: &str,
        headers: Vec<(&'static str, String)>,
        body: &[u8],
        wait_s: u16,
    ) -> Result<RawAnswer, LinkError> {
        refused_unless_ok(self.post_any(path, headers, body, wait_s).await?.0)
    }

    async fn post_any(
        &self,
        path: &str,
        mut headers: Vec<(&'static str, String)>,
        body: &[u8],
        wait_s: u16,
    ) -> Result<(RawAnswer, String), LinkError> {
        let signed = sign_request("POST", path, body, self.config.world.now_s(), &*self.config.signer);
        headers.push(("content-digest", signed.content_digest.clone()));
        headers.push(("signature-input", signed.signature_input));
        headers.push(("signature", signed.signature));
        let body = Bytes::copy_from_slice(body);
        let call = Call { method: Method::POST, path_and_query: path, headers, body, time_limit: limit(wait_s) };
        Ok((self.call(&call).await?, signed.content_digest))
    }

    async fn call(&self, call: &Call<'_>) -> Result<RawAnswer, LinkError> {
        if self.is_offline() {
            return Err(LinkError::Offline);
        }
        exchange(&self.pool, self.authority(), call).await
    }
}

impl RawAnswer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A problem, or an error of something between us and the centre.
    fn is_problem(&self) -> bool {
        let of_centre = self.header("content-type").is_some_and(|kind| kind.starts_with("application/xml"));
        self.status >= 300 && !of_centre
    }

    fn into_problem(self) -> LinkError {
        let retry_after = self.header("retry-after").and_then(|value| value.parse().ok());
        LinkError::Refused(Box::new(Problem::read(self.status, &self.body, retry_after)))
    }
}

fn refused_unless_ok(raw: RawAnswer) -> Result<RawAnswer, LinkError> {
    if (200..300).contains(&raw.status) { Ok(raw) } else { Err(raw.into_problem()) }
}

fn read_answer(raw: RawAnswer) -> Result<Answer, LinkError> {
    let cursor = raw.header("luohu-cursor").and_then(|value| value.parse().ok());
    let payment_state = raw.header("luohu-payment-state").map(str::to_owned);
    let body = match raw.body.is_empty() {
        true => AnswerBody::Empty,
        false => {
            AnswerBody::Message(String::from_utf8(raw.body.to_vec()).map_err(|_| LinkError::Unreadable("an answer is UTF-8"))?)
        }
    };
    Ok(Answer { status: raw.status, body, cursor, payment_state })
}

fn limit(wait_s: u16) -> Duration {
    Duration::from_secs(u64::from(wait_s) + ANSWER_GRACE_S)
}
