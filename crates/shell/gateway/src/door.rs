//! The gateway as a whole: what it is given, how it starts, how it stops.

use crate::admission::{Admission, Class, Permit, creditor_agent_of};
use crate::assess::Assessor;
use crate::doorway::{Doorway, TlsDoorway};
use crate::elsewhere;
use crate::hub::{Hub, Pending};
use crate::limits::{Gauge, Limits};
use crate::past::{Past, Tip};
use crate::payee::PayeeChecks;
use crate::proof::Acquaintance;
use crate::recent::RecentMessages;
use crate::refusal::{GatewayRefusal, Problem};
use crate::registry::Participant;
use crate::returns::facts_of;
use crate::server;
use crate::window::GatewayWindow;
use chain::{Checkpoint, SignedCheckpoint, VerifierKey};
use clearing::{Bic, Command, Facts, ParticipantId, ParticipantView, PublicKey, Time, Uetr};
use core::sync::atomic::{AtomicU64, Ordering};
use iso20022::rules::RuleSettings;
use money::{Currency, CurrencyCode};
use ordering::{Attachment, OrderedLog};
use signing::{HashKey, Signer, sign_checkpoint};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use world::SharedWorld;

/// Where and as whom the gateway listens.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Address to listen on; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The centre's BIC, sender of everything the gateway sends.
    pub centre_bic: Bic,
    /// First line of every checkpoint: names the log.
    pub log_origin: String,
    /// The name checkpoints are signed under.
    pub log_signer: String,
    /// What the scheme asks of messages beyond their schemas; clock and signer are set by each request.
    pub rules: RuleSettings,
    /// Every limit.
    pub limits: Limits,
}

impl GatewayConfig {
    /// The centre's BIC unless configured otherwise.
    pub const CENTRE_BIC: &'static str = "LUOHHKHHXXX";

    /// A gateway at an address, with everything else as usual.
    pub fn at(listen: SocketAddr) -> Self {
        Self {
            listen,
            centre_bic: Bic::parse(Self::CENTRE_BIC).expect("the constant is a BIC"),
            log_origin: "luohu.example/settlement".to_owned(),
            log_signer: "LUOHU".to_owned(),
            rules: RuleSettings::default(),
            limits: Limits::default(),
        }
    }
}

/// What the gateway works with.
pub struct GatewayDeps {
    /// The centre's key, known to participants as `LUOHU#1`.
    pub signer: Arc<dyn Signer>,
    /// Where commands go.
    pub log: Arc<dyn OrderedLog>,
    /// Where blocks come from: the same hub the journal's sink tells.
    pub hub: Arc<Hub>,
    /// The read model.
    pub past: Arc<dyn Past>,
    /// The risk rules.
    pub risk: Arc<dyn Assessor>,
    /// Clock, identifiers and tasks.
    pub world: SharedWorld,
    /// Names persons whose quotas are counted.
    pub persons: Arc<HashKey>,
}

/// The participants' door.
pub struct Gateway;

impl Gateway {
    /// Binds the address and serves until [`GatewayHandle::shutdown`], with TLS as [`signing::server_config`] makes it. Runs on
    /// the caller's tokio runtime.
    ///
    /// # Errors
    /// If the address cannot be bound, or the log signer's name is not one.
    pub async fn start(config: GatewayConfig, tls: Arc<rustls::ServerConfig>, deps: GatewayDeps) -> io::Result<GatewayHandle> {
        let listener = TcpListener::bind(config.listen).await?;
        let addr = listener.local_addr()?;
        Self::start_at(addr, TlsDoorway::new(listener, tls), config, deps)
    }

    /// The same at another doorway, which is what `addr` names.
    ///
    /// # Errors
    /// If the log signer's name is not one.
    pub fn start_at(
        addr: SocketAddr,
        doorway: impl Doorway,
        config: GatewayConfig,
        deps: GatewayDeps,
    ) -> io::Result<GatewayHandle> {
        if VerifierKey::new(&config.log_signer, deps.signer.public_key()).is_err() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the log signer's name has a blank or a plus sign"));
        }
        let (stop, stopping) = watch::channel(false);
        let drain_timeout = config.limits.drain_timeout;
        let door = Arc::new(Door::new(config, deps, stopping));
        let window = GatewayWindow(Arc::clone(&door));
        let (ended_sender, ended) = oneshot::channel();
        let world = Arc::clone(&door.world);
        if let Some(doors) = door.hub.other_doors() {
            world.spawn(Box::pin(elsewhere::serve(Arc::clone(&door), doors)));
        }
        world.spawn(Box::pin(async move {
            server::run(door, doorway).await;
            drop(ended_sender);
        }));
        Ok(GatewayHandle { addr, window, stop, ended, drain_timeout })
    }
}

/// A gateway that serves.
pub struct GatewayHandle {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What the operator's side may see.
    pub window: GatewayWindow,
    stop: watch::Sender<bool>,
    /// Closed when everything has ended.
    ended: oneshot::Receiver<()>,
    drain_timeout: Duration,
}

impl GatewayHandle {
    /// Takes no new connections, ends streams, lets requests under way end within the drain timeout, and returns.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        let _ = tokio::time::timeout(self.drain_timeout + Duration::from_secs(1), &mut self.ended).await;
    }
}

/// Everything a request needs, shared by all of them.
pub(crate) struct Door {
    pub(crate) config: GatewayConfig,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) log: Arc<dyn OrderedLog>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) past: Arc<dyn Past>,
    pub(crate) risk: Arc<dyn Assessor>,
    pub(crate) world: SharedWorld,
    pub(crate) persons: Arc<HashKey>,
    pub(crate) in_flight: Arc<Gauge>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) payee_checks: PayeeChecks,
    pub(crate) recent: RecentMessages,
    pub(crate) stopping: watch::Receiver<bool>,
    /// The centre's BIC as text.
    pub(crate) centre: String,
    /// The scheme's business rules, without clock and signer.
    pub(crate) rules: RuleSettings,
    next_message: AtomicU64,
}

impl Door {
    fn new(config: GatewayConfig, deps: GatewayDeps, stopping: watch::Receiver<bool>) -> Self {
        let GatewayDeps { signer, log, hub, past, risk, world, persons } = deps;
        Self {
            in_flight: Gauge::new(config.limits.in_flight_total_max),
            admission: Admission::new(
                config.limits.delay_target,
                config.limits.in_flight_total_max,
                config.limits.retry_after_s_max,
            ),
            payee_checks: PayeeChecks::default(),
            recent: RecentMessages::default(),
            centre: config.centre_bic.to_string(),
            rules: config.rules.clone(),
            // The clock goes on while the gateway is down, and it sends less than a message a nanosecond: never twice.
            next_message: AtomicU64::new(world.now_ns()),
            config,
            signer,
            log,
            hub,
            past,
            risk,
            world,
            persons,
            stopping,
        }
    }

    /// The centre's type for now.
    pub(crate) fn now(&self) -> Time {
        Time(self.world.now_ns())
    }

    /// A fresh identification of a message that answers a request.
    pub(crate) fn next_message_id(&self) -> String {
        format!("LHR{:020}", self.next_message.fetch_add(1, Ordering::Relaxed))
    }

    /// Takes a request in, before anything dear is done for it.
    pub(crate) fn admit(&self, caller: &Participant, class: Class) -> Result<Permit, Problem> {
        self.admission.admit(caller.id(), class).map_err(overloaded)
    }

    /// Refuses a payment for a creditor agent that is behind with its answers, before anything dear is done for it.
    pub(crate) fn spare_creditor_agent(&self, caller: &Participant, body: &[u8]) -> Result<(), Problem> {
        let age_max_ns = u64::try_from(self.config.limits.answer_delay_max.as_nanos()).unwrap_or(u64::MAX);
        let agent = creditor_agent_of(body).and_then(|bic| self.hub.registry.by_bic(bic));
        match agent.is_some_and(|agent| agent.lane.backlog().is_behind(self.world.now_ns(), age_max_ns)) {
            true => Err(Problem::from(GatewayRefusal::CreditorAgentBehind).retry_after(self.admission.turn_away(caller.id()))),
            false => Ok(()),
        }
    }

    pub(crate) fn submit(
        &self,
        command: Command,
        attachment: Option<Attachment>,
        wait_for_end: bool,
    ) -> Result<Pending, Problem> {
        Ok(self.hub.submit(&*self.log, command, attachment, wait_for_end)?)
    }

    /// The tree at `tip`, signed.
    pub(crate) fn checkpoint(&self, tip: &Tip) -> SignedCheckpoint {
        let checkpoint = Checkpoint {
            origin: self.config.log_origin.clone(),
            size: tip.size,
            root: tip.root,
            height: tip.height,
            time_ns: tip.time.0,
        };
        sign_checkpoint(checkpoint, &*self.signer, &self.config.log_signer).expect("the log signer's name was checked at start")
    }

    /// The key checkpoints are verified with.
    pub(crate) fn verifier_key(&self) -> VerifierKey {
        VerifierKey::new(&self.config.log_signer, self.signer.public_key()).expect("the log signer's name was checked at start")
    }

    /// Signs an answer to a request with this `Content-Digest`.
    pub(crate) fn signed(
        &self,
        status: u16,
        content_type: &'static str,
        body: Vec<u8>,
        request_digest: &str,
    ) -> crate::http::Answer {
        crate::http::signed(status, content_type, body, request_digest, self.world.now_s(), &*self.signer)
    }
}

/// What the door itself knows, by which another operator's judges its messages again.
impl Acquaintance for Door {
    fn by_id(&self, id: ParticipantId) -> Option<ParticipantView> {
        self.hub.registry.by_id(id).map(|known| known.view.clone())
    }

    fn by_bic(&self, bic: Bic) -> Option<ParticipantView> {
        self.hub.registry.by_bic(bic).map(|known| known.view.clone())
    }

    fn currency(&self, code: CurrencyCode) -> Option<Currency> {
        self.hub.registry.currency(code)
    }

    fn chain(&self) -> &str {
        &self.config.log_origin
    }

    fn persons(&self) -> &HashKey {
        &self.persons
    }

    fn facts(&self, uetr: Uetr) -> Option<Facts> {
        facts_of(&*self.past, &self.persons, uetr).ok().flatten()
    }

    fn is_officer(&self, key: &PublicKey) -> bool {
        self.hub.registry.governance().0.iter().any(|officer| officer.key == *key)
    }
}

/// Too many of a kind; more pass in that time.
pub(crate) fn rate_limited(wait_ns: u64) -> Problem {
    let seconds = wait_ns.div_ceil(1_000_000_000);
    Problem::from(GatewayRefusal::RateLimited).retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// The refusal of an overload, with the seconds after which to come back.
pub(crate) fn overloaded(retry_after_s: u32) -> Problem {
    Problem::from(GatewayRefusal::Overloaded).retry_after(retry_after_s)
}

/// Waits until the gateway stops.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the handle is gone, which stops the gateway as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}
