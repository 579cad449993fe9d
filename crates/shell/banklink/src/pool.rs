//! Connections to the centre: opened when needed, kept alive, never more than [`CONNECTIONS_MAX`] in use.

use crate::LinkError;
use crate::connector::Connector;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use world::SharedWorld;

/// Most connections one link has in use for requests: enough for every payment of a busy retail second, few enough that
/// a hundred participants fit the centre's descriptor limit. Requests beyond wait their turn.
pub const CONNECTIONS_MAX: usize = 64;

/// Idle connections kept for the next burst: opening one costs ten times a request.
const IDLE_MAX: usize = CONNECTIONS_MAX;
/// Time for TCP and TLS together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How hyper sends our requests.
pub(crate) type Sender = SendRequest<Full<Bytes>>;

/// The pool.
pub(crate) struct Pool {
    connector: Arc<dyn Connector>,
    world: SharedWorld,
    idle: Mutex<Vec<Sender>>,
    turns: Arc<Semaphore>,
}

/// A connection for one exchange. Given back with [`Leased::done`] when the exchange ended well; dropped otherwise.
pub(crate) struct Leased {
    /// The connection.
    pub(crate) sender: Sender,
    /// Whether it was used before: the centre may have closed it meanwhile.
    pub(crate) used: bool,
    turn: OwnedSemaphorePermit,
}

impl Pool {
    pub(crate) fn new(connector: Arc<dyn Connector>, world: SharedWorld) -> Self {
        Self { connector, world, idle: Mutex::new(Vec::new()), turns: Arc::new(Semaphore::new(CONNECTIONS_MAX)) }
    }

    /// A connection of the pool, or a new one. `fresh` takes no used one.
    pub(crate) async fn lease(&self, fresh: bool) -> Result<Leased, LinkError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.expect("the semaphore is never closed");
        while let Some(sender) = (!fresh).then(|| self.pop()).flatten() {
            if sender.is_ready() && !sender.is_closed() {
                return Ok(Leased { sender, used: true, turn });
            }
        }
        Ok(Leased { sender: self.connect().await?, used: false, turn })
    }

    fn pop(&self) -> Option<Sender> {
        self.idle.lock().expect("no panic while held").pop()
    }

    /// Opens a connection outside the pool's count.
    pub(crate) async fn connect(&self) -> Result<Sender, LinkError> {
        let late = || std::io::Error::from(std::io::ErrorKind::TimedOut);
        let connecting = timeout(CONNECT_TIMEOUT, self.connector.connect());
        let stream = connecting.await.map_err(|_| LinkError::Unreachable(Arc::new(late())))??;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| LinkError::Broken(Arc::new(error)))?;
        self.world.spawn(Box::pin(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the centre ended");
            }
        }));
        Ok(sender)
    }

    /// Closes every idle connection.
    pub(crate) fn close_idle(&self) {
        self.idle.lock().expect("no panic while held").clear();
    }
}

impl Leased {
    /// Gives the connection back for the next request.
    pub(crate) fn done(self, pool: &Pool) {
        let mut idle = pool.idle.lock().expect("no panic while held");
        if idle.len() < IDLE_MAX && !self.sender.is_closed() {
            idle.push(self.sender);
        }
        drop(self.turn);
    }
}
