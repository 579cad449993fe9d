//! An operator's process: gateway, history, risk rules and node, joined as in the product.

use crate::court::Court;
use crate::director::{Order, Orders};
use crate::officers;
use bank::CURRENCIES;
use chain::{Contradiction, ContradictionKind};
use clearing::{Clearing, Command, IndexSeed, Time};
use consortium::{Beginning, Consortium, Host, HostFile, Mouth, Oath, Seat, Witness};
use gateway::{FinalityOf, Gateway, GatewayConfig, GatewayDeps, GatewayHandle, Hub, LatePast, Limits, RecordedPast};
use history::ReadModel;
use node::genesis::{self, Member};
use node::{Feeder, NetworkedDoors, SignedMessages};
use ordering::{DurableBlock, OrderedLog, Sink, StopReason};
use risk::{RiskEngine, RiskSettings, WatchList};
use sim::centre::{centre_signer, history_index, journal_config, times, withdrawals};
use sim::disk::{OpenDisk, OpenFile};
use sim::life::Life;
use sim::machine::Machine;
use sim::net::Hall;
use sim::plan::Scene;
use sim::stage::{BEGINNING_NS, SharedStage};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::sleep;

/// Most commands that wait at one operator.
const POOL_COMMANDS: usize = 512;

/// What everybody must know of an operator.
pub struct Operator {
    /// Which one, from zero.
    pub at: usize,
    /// Its machine.
    pub machine: Arc<Machine>,
    /// Where banks connect.
    pub hall: Arc<Hall>,
    /// Who judges.
    pub court: Arc<Court>,
    /// Where evidence goes.
    pub evidence: Arc<EvidenceBook>,
    /// The plan's scene.
    pub scene: Scene,
    /// What the chain begins with.
    pub beginning: Beginning,
    /// Through what it speaks if it is dishonest.
    pub mouth: Option<Mouth>,
    /// The engine's side.
    pub orders: Orders,
    /// The stage.
    pub stage: SharedStage,
    /// Of the life that goes on now, if it serves.
    pub running: Mutex<Option<Serving>>,
    /// Gateways of all lives. A crashed one must not be told to stop, and whom tokio's `watch` tells first is random.
    pub gateways: Mutex<Vec<GatewayHandle>>,
}

/// An operator that serves.
#[derive(Clone)]
pub struct Serving {
    /// Its node.
    pub node: Arc<Consortium>,
    /// What its readers see.
    pub model: Arc<ReadModel>,
}

/// Evidence as the court looks at it.
#[derive(Debug, Clone)]
pub struct Charge {
    /// Of what.
    pub kind: &'static str,
    /// Against whom, by public key.
    pub validator: [u8; 32],
    /// In which epoch.
    pub epoch: u64,
    /// In which view.
    pub view: u64,
}

/// Evidence an operator has kept.
#[derive(Default)]
pub struct EvidenceBook(Mutex<Vec<Charge>>);

impl EvidenceBook {
    /// All of it.
    pub fn all(&self) -> Vec<Charge> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Witness for EvidenceBook {
    fn note(&self, kind: ContradictionKind, proof: Contradiction) {
        let Contradiction { validator, epoch, view, .. } = proof;
        let charge = Charge { kind: kind.name(), validator, epoch, view };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(charge);
    }
}

/// The product's sink with the court before it.
pub struct Watched {
    feeder: Feeder,
    operator: Arc<Operator>,
    life: Arc<Life>,
}

impl Sink for Watched {
    fn durable(&mut self, block: DurableBlock) {
        self.operator.court.told(self.operator.at, &block);
        self.feeder.durable(block);
    }

    fn answered(&mut self, ticket: u64, outcome: &clearing::Outcome) {
        self.operator.stage.count("answers from the state");
        self.feeder.answered(ticket, outcome);
    }

    /// The product's process ends; so does this one, with whatever it was told by.
    fn stopped(&mut self, why: StopReason) {
        self.operator.stage.say(self.operator.machine.name, format_args!("stops: {why}"));
        self.feeder.stopped(why);
        self.life.die();
    }
}

/// The first block: the same for every operator.
pub fn beginning(scene: &Scene, members: &[Member]) -> Beginning {
    let empty = Clearing::new(IndexSeed(0));
    let mut commands: Vec<Command> = genesis::configuration(times(scene), &CURRENCIES, &empty);
    commands.extend(genesis::members(members, &empty));
    commands.extend(withdrawals(scene, members));
    commands.push(Command::AppointOfficers(officers::appointed()));
    Beginning::Genesis { time: Time(BEGINNING_NS), commands }
}

/// The chain's name: of its votes and of its orders.
pub fn chain_name() -> String {
    GatewayConfig::at(address()).log_origin
}

fn address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 443))
}

/// Tells the engine's side when a life ends.
struct Leave {
    at: usize,
    orders: Orders,
}

impl Drop for Leave {
    fn drop(&mut self) {
        // At the end of a run there is nobody to tell.
        let _ = self.orders.send(Order::Crash(self.at));
    }
}

impl Operator {
    /// What runs now, if anything does.
    pub fn running(&self) -> Option<Serving> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        running.filter(|_| self.machine.life().is_some())
    }

    fn set_running(&self, running: Option<Serving>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }

    fn seat(&self, life: &Arc<Life>, past: Arc<LatePast>) -> Seat<SignedMessages> {
        let disk = self.machine.platters.open(life);
        let host = Engine {
            disk: disk.clone(),
            life: Arc::clone(life),
            machine: Arc::clone(&self.machine),
            stage: Arc::clone(&self.stage),
        };
        let authorise = SignedMessages {
            currencies: CURRENCIES.to_vec(),
            chain: chain_name(),
            world: life.world(),
            persons: Arc::new(signing::HashKey::new(&[7; 32])),
            past,
        };
        Seat {
            disk: Arc::new(disk),
            journal: journal_config(&self.scene),
            seed: IndexSeed(u64::from_le_bytes(life.random()[..8].try_into().expect("eight of sixteen bytes"))),
            authorise: Arc::new(authorise),
            witness: Arc::clone(&self.evidence) as Arc<dyn Witness>,
            beginning: self.beginning.clone(),
            pool_commands_max: POOL_COMMANDS,
            mouth: self.mouth.clone(),
            host: Arc::new(host),
            oath: Oath::Whole,
        }
    }
}

/// The folder of the engine's files on the operator's disk.
const ENGINE: &str = "engine";

/// The machine as its engine sees it: the same disk as the chain's files, and the same clock as the gateway.
struct Engine {
    disk: OpenDisk,
    life: Arc<Life>,
    machine: Arc<Machine>,
    stage: SharedStage,
}

impl Host for Engine {
    fn ahead_ns(&self) -> i64 {
        self.machine.clock.ahead_ns(&self.stage)
    }

    fn disk_pause(&self) -> Duration {
        self.life.disk_pause()
    }

    fn open(&self, name: &str) -> Option<Arc<dyn HostFile>> {
        Some(Arc::new(EngineFile(self.disk.file(&format!("{ENGINE}/{name}")).ok()?)))
    }

    fn list(&self) -> Option<Vec<String>> {
        self.disk.list_folder(ENGINE).ok()
    }

    fn remove(&self, name: &str) -> Option<()> {
        self.disk.remove_file(&format!("{ENGINE}/{name}")).ok()
    }
}

/// No plan makes an operator's disk fail or fill up: what goes wrong is the end of the process.
struct EngineFile(OpenFile);

impl HostFile for EngineFile {
    fn length(&self) -> Option<u64> {
        self.0.length().ok()
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> Option<io::Result<()>> {
        match self.0.read(offset, bytes) {
            Ok(()) => Some(Ok(())),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Some(Err(error)),
            Err(_) => None,
        }
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Option<()> {
        self.0.write(offset, bytes).ok()
    }

    fn set_length(&self, length: u64) -> Option<()> {
        self.0.set_length(length).ok()
    }

    fn sync(&self) -> Option<()> {
        self.0.sync().ok()
    }
}

/// The main task of a life of an operator.
pub async fn live(operator: Arc<Operator>, life: Arc<Life>) {
    operator.set_running(None);
    sleep(life.disk_pause() + Duration::from_millis(1)).await;
    let hub = Arc::new(Hub::new(Limits::default()));
    let (shown, model) = oneshot::channel();
    let (reply, joined) = oneshot::channel();
    let (setup, living, to_feed) = (Arc::clone(&operator), Arc::clone(&life), Arc::clone(&hub));
    let rebuild = Box::new(move |recovered: ordering::Recovered<'_>| {
        setup.court.returned(setup.at, &recovered);
        let feeder = Feeder::rebuild(&recovered, history_index(), to_feed, Arc::new(AtomicBool::new(false)))?;
        let _ = shown.send(feeder.model());
        Ok(Watched { feeder, operator: setup, life: living })
    });
    let past = Arc::new(LatePast::default());
    let seat = Box::new(operator.seat(&life, Arc::clone(&past)));
    let _leave = Leave { at: operator.at, orders: operator.orders.clone() };
    let _ = operator.orders.send(Order::Join { operator: operator.at, seat, rebuild, reply });
    let node = match joined.await {
        Ok(Ok(node)) => node,
        Ok(Err(why)) => return operator.stage.say(operator.machine.name, format_args!("cannot start: {why}")),
        Err(_) => return,
    };
    let Ok(model) = model.await else { return };
    past.set(Arc::new(RecordedPast::new(Arc::clone(&model), node.vault())));
    serve(&operator, &life, hub, node, model);
    std::future::pending::<()>().await;
}

fn serve(operator: &Arc<Operator>, life: &Arc<Life>, hub: Arc<Hub>, node: Arc<Consortium>, model: Arc<ReadModel>) {
    let certificates = node.certificates();
    hub.prove_with(FinalityOf(Arc::new(move |height| certificates.finality(height))));
    hub.join(Arc::new(NetworkedDoors(node.enquiries())));
    let mut secret = [0; 32];
    secret[..16].copy_from_slice(&life.random());
    secret[16..].copy_from_slice(&life.random());
    let risk = RiskEngine::new(RiskSettings::default(), WatchList::sample(), secret).expect("the defaults agree");
    let deps = GatewayDeps {
        signer: Arc::new(centre_signer()),
        log: Arc::clone(&node) as Arc<dyn OrderedLog>,
        hub,
        past: Arc::new(RecordedPast::new(Arc::clone(&model), node.vault())),
        risk: Arc::new(risk),
        world: life.world(),
        persons: Arc::new(signing::HashKey::new(&[7; 32])),
    };
    let config = GatewayConfig { limits: Limits::default(), ..GatewayConfig::at(address()) };
    let gateway = Gateway::start_at(address(), operator.hall.open(life), config, deps).expect("the log signer's name is one");
    operator.gateways.lock().unwrap_or_else(PoisonError::into_inner).push(gateway);
    operator.set_running(Some(Serving { node, model }));
    operator.stage.say(operator.machine.name, "serves");
}
