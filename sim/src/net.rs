//! The network between banks and the centre: byte streams as TCP gives them, over links that can be slow, lossy, cut or
//! blocked, also one way only.
//!
//! Bytes arrive in order or not at all. What is lost arrives later, as after a retransmission; a blocked direction holds
//! everything back until it is open again; a cut resets every connection of a link, with what is under way lost in the middle of
//! a message. TLS is left out: who connects is known by which link it comes over. HTTP and message signatures are the real ones.
//!
//! # Units and limits
//! A direction holds at most `WINDOW_BYTES` on their way; a writer waits beyond.

use crate::life::Life;
use crate::rng::Rng;
use crate::stage::SharedStage;
use banklink::{Connecting, Connection, Connector, LinkError};
use clearing::Bic;
use gateway::Doorway;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, Sleep};

/// Most bytes on their way in one direction of a connection.
const WINDOW_BYTES: usize = 64 << 10;
/// A lost segment comes again after so many milliseconds, doubled up to three times.
const RETRANSMIT_MS: u64 = 200;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the bank to the centre.
    Up,
    /// From the centre to the bank.
    Down,
}

/// How a link is.
#[derive(Debug, Clone, Copy, Default)]
struct Weather {
    latency_ms: u64,
    jitter_ms: u64,
    loss_permille: u64,
    blocked: [bool; 2],
}

#[derive(Default)]
struct Pipe {
    /// Bytes and when they arrive; `None`: held back by a blocked direction.
    queue: VecDeque<(Option<Instant>, Vec<u8>)>,
    queued_bytes: usize,
    /// No more will come, from then on; `None` inside: when the direction is open again.
    closed: Option<Option<Instant>>,
    reset: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    fn wake(&mut self) {
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
    }
}

struct Wire {
    pipes: [Mutex<Pipe>; 2],
}

struct LinkState {
    weather: Weather,
    wires: Vec<Arc<Wire>>,
    rng: Rng,
    /// When the last bytes of each way arrive: order is kept.
    last: [Option<Instant>; 2],
}

/// One bank's link to the centre.
pub struct NetLink {
    bic: Bic,
    name: &'static str,
    state: Mutex<LinkState>,
    opened: Notify,
    /// Where it leads: a participant may turn to another operator's door.
    hall: Mutex<Arc<Hall>>,
    stage: SharedStage,
    /// Called with everything the bank reads.
    tap: Tap,
}

/// Called with what is read.
pub type Tap = Box<dyn Fn(&[u8]) + Send + Sync>;

/// The centre's life, and where it takes connections from.
type Door = (Arc<Life>, mpsc::UnboundedSender<(End, Bic)>);

/// Where connections wait to be accepted by the centre.
#[derive(Default)]
pub struct Hall {
    door: Mutex<Option<Door>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl NetLink {
    /// A link that works.
    pub fn new(bic: Bic, name: &'static str, latency_ms: u64, hall: Arc<Hall>, stage: SharedStage, tap: Tap) -> Arc<Self> {
        let weather = Weather { latency_ms, jitter_ms: latency_ms, ..Weather::default() };
        let rng = Rng::new(stage.seed, &format!("link/{name}"));
        let state = Mutex::new(LinkState { weather, wires: Vec::new(), rng, last: [None; 2] });
        Arc::new(Self { bic, name, state, opened: Notify::new(), hall: Mutex::new(hall), stage, tap })
    }

    /// Blocks or opens directions.
    pub fn block(&self, up: bool, down: bool) {
        let mut state = lock(&self.state);
        state.weather.blocked = [up, down];
        let wires = state.wires.clone();
        for way in [Way::Up, Way::Down] {
            if state.weather.blocked[way as usize] {
                continue;
            }
            for wire in &wires {
                let mut pipe = lock(&wire.pipes[way as usize]);
                let mut held: Vec<Instant> = Vec::new();
                for _ in pipe.queue.iter().filter(|(at, _)| at.is_none()) {
                    held.push(state.arrival(way));
                }
                let mut held = held.into_iter();
                for (at, _) in pipe.queue.iter_mut().filter(|(at, _)| at.is_none()) {
                    *at = held.next();
                }
                if pipe.closed == Some(None) {
                    pipe.closed = Some(Some(state.arrival(way)));
                }
                pipe.wake();
            }
        }
        drop(state);
        self.opened.notify_waiters();
    }

    /// Loses so many of a thousand segments; they come again later.
    pub fn set_loss(&self, permille: u64) {
        lock(&self.state).weather.loss_permille = permille;
    }

    /// Resets every connection.
    pub fn cut(&self) {
        let wires = core::mem::take(&mut lock(&self.state).wires);
        wires.iter().for_each(|wire| wire.reset());
    }

    /// Leads to another door from now on; connections to the one before are reset.
    pub fn lead_to(&self, hall: Arc<Hall>) {
        *lock(&self.hall) = hall;
        self.cut();
    }

    /// The network is as it should be.
    pub fn heal(&self) {
        self.set_loss(0);
        self.block(false, false);
    }

    /// The way to the centre for a life of the bank.
    pub fn connector(self: &Arc<Self>, life: &Arc<Life>) -> Arc<dyn Connector> {
        Arc::new(NetConnector { link: Arc::clone(self), life: Arc::clone(life) })
    }

    fn is_blocked(&self) -> bool {
        lock(&self.state).weather.blocked.contains(&true)
    }

    async fn connect(self: &Arc<Self>, life: &Arc<Life>) -> Result<Box<dyn Connection>, LinkError> {
        loop {
            let mut opened = std::pin::pin!(self.opened.notified());
            opened.as_mut().enable();
            if !self.is_blocked() {
                break;
            }
            opened.await;
        }
        let shaken = lock(&self.state).arrival(Way::Up);
        tokio::time::sleep_until(shaken).await;
        let hall = lock(&self.hall).clone();
        let door = lock(&hall.door).clone().filter(|(centre, _)| centre.is_alive());
        let refused = || LinkError::Unreachable(Arc::new(io::ErrorKind::ConnectionRefused.into()));
        let (centre, door) = door.ok_or_else(refused)?;
        let wire = Arc::new(Wire { pipes: [Mutex::default(), Mutex::default()] });
        let end = |life: &Arc<Life>, reads| End {
            link: Arc::clone(self),
            wire: Arc::clone(&wire),
            reads,
            life: Arc::clone(life),
            timer: None,
        };
        door.send((end(&centre, Way::Up), self.bic)).map_err(|_| refused())?;
        let mut state = lock(&self.state);
        state.wires.retain(|wire| Arc::strong_count(wire) > 1);
        state.wires.push(Arc::clone(&wire));
        drop(state);
        self.stage.count("connections");
        Ok(Box::new(end(life, Way::Down)))
    }
}

impl LinkState {
    /// When something sent now arrives, in order.
    fn arrival(&mut self, way: Way) -> Instant {
        let weather = self.weather;
        let mut ms = weather.latency_ms + self.rng.between(0, weather.jitter_ms);
        let mut again = 1;
        while again <= 8 && self.rng.permille(weather.loss_permille) {
            ms += RETRANSMIT_MS * again;
            again *= 2;
        }
        let at = Instant::now() + Duration::from_millis(ms);
        let at = self.last[way as usize].map_or(at, |last| last.max(at));
        self.last[way as usize] = Some(at);
        at
    }
}

impl Wire {
    fn reset(&self) {
        for pipe in &self.pipes {
            let mut pipe = lock(pipe);
            pipe.reset = true;
            // What has not arrived is lost.
            let now = Instant::now();
            pipe.queue.retain(|(at, _)| at.is_some_and(|at| at <= now));
            pipe.wake();
        }
    }
}

impl Hall {
    /// The door of a life of the centre.
    pub fn open(self: &Arc<Self>, life: &Arc<Life>) -> SimDoorway {
        let (sender, arrivals) = mpsc::unbounded_channel();
        *lock(&self.door) = Some((Arc::clone(life), sender));
        SimDoorway { arrivals: tokio::sync::Mutex::new(arrivals) }
    }
}

/// The centre's door in the simulated network.
pub struct SimDoorway {
    arrivals: tokio::sync::Mutex<mpsc::UnboundedReceiver<(End, Bic)>>,
}

impl Doorway for SimDoorway {
    type Raw = (End, Bic);
    type Stream = End;

    async fn accept(&self) -> io::Result<(End, Bic)> {
        self.arrivals.lock().await.recv().await.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    async fn greet(&self, raw: (End, Bic)) -> io::Result<(End, Bic)> {
        Ok(raw)
    }
}

struct NetConnector {
    link: Arc<NetLink>,
    life: Arc<Life>,
}

impl Connector for NetConnector {
    fn authority(&self) -> &str {
        "centre:443"
    }

    fn connect(&self) -> Connecting<'_> {
        Box::pin(self.link.connect(&self.life))
    }
}

/// One end of a connection.
pub struct End {
    link: Arc<NetLink>,
    wire: Arc<Wire>,
    reads: Way,
    life: Arc<Life>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl End {
    const fn writes(&self) -> Way {
        match self.reads {
            Way::Up => Way::Down,
            Way::Down => Way::Up,
        }
    }

    /// Sleeps until then; ready if it is then.
    fn poll_until(&mut self, at: Instant, context: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(context)
    }
}

/// What the next read will find.
enum Next {
    Bytes(Instant),
    Closed(Instant),
    Reset,
    Nothing,
}

impl AsyncRead for End {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.life.is_alive() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let wire = Arc::clone(&self.wire);
        loop {
            let next = {
                let mut pipe = lock(&wire.pipes[self.reads as usize]);
                let next = match (pipe.queue.front(), pipe.closed) {
                    (Some((Some(at), _)), _) => Next::Bytes(*at),
                    (None, _) if pipe.reset => Next::Reset,
                    (None, Some(Some(at))) => Next::Closed(at),
                    (Some((None, _)), _) | (None, Some(None) | None) => Next::Nothing,
                };
                pipe.reader = Some(context.waker().clone());
                next
            };
            match next {
                Next::Nothing => return Poll::Pending,
                Next::Reset => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Next::Closed(at) | Next::Bytes(at) if self.poll_until(at, context).is_pending() => return Poll::Pending,
                Next::Closed(_) => return Poll::Ready(Ok(())),
                Next::Bytes(_) => {}
            }
            let mut pipe = lock(&wire.pipes[self.reads as usize]);
            let Some((at, mut bytes)) = pipe.queue.pop_front() else { continue };
            let rest = bytes.split_off(bytes.len().min(buffer.remaining()));
            pipe.queued_bytes -= bytes.len();
            if !rest.is_empty() {
                pipe.queue.push_front((at, rest));
            }
            if let Some(writer) = pipe.writer.take() {
                writer.wake();
            }
            drop(pipe);
            if self.reads == Way::Down {
                (self.link.tap)(&bytes);
            }
            buffer.put_slice(&bytes);
            return Poll::Ready(Ok(()));
        }
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.life.is_alive() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let way = self.writes();
        let mut state = lock(&self.link.state);
        let mut pipe = lock(&self.wire.pipes[way as usize]);
        if pipe.reset {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = WINDOW_BYTES.saturating_sub(pipe.queued_bytes);
        if room == 0 {
            pipe.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        let taken = bytes.len().min(room);
        let at = (!state.weather.blocked[way as usize]).then(|| state.arrival(way));
        pipe.queue.push_back((at, bytes[..taken].to_vec()));
        pipe.queued_bytes += taken;
        if let Some(reader) = pipe.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.close();
        Poll::Ready(Ok(()))
    }
}

impl End {
    /// Says that no more will come.
    fn close(&self) {
        let way = self.writes();
        let mut state = lock(&self.link.state);
        let mut pipe = lock(&self.wire.pipes[way as usize]);
        if pipe.closed.is_none() {
            pipe.closed = Some((!state.weather.blocked[way as usize]).then(|| state.arrival(way)));
            if let Some(reader) = pipe.reader.take() {
                reader.wake();
            }
        }
    }
}

impl Drop for End {
    /// An end that goes away: the other one reads what is on its way, then the end; what it writes is refused.
    fn drop(&mut self) {
        self.close();
        let mut pipe = lock(&self.wire.pipes[self.reads as usize]);
        pipe.reset = true;
        pipe.queue.clear();
        pipe.queued_bytes = 0;
        pipe.wake();
    }
}

impl std::fmt::Debug for NetLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NetLink({})", self.name)
    }
}
