//! The director: the engine's side of a run. Takes orders from the other side and carries them out on the field.

use crate::operator::Watched;
use crate::plan::VOTERS;
use commonware_runtime::deterministic::Context;
use consortium::{Consortium, Ears, Field, Seat, Settings, Weather};
use node::SignedMessages;
use ordering::{OpenError, Recovered};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Shows an operator what its disk holds and gets the sink.
pub type Rebuild = Box<dyn FnOnce(Recovered<'_>) -> Result<Watched, OpenError> + Send>;

/// What is to be done.
pub enum Order {
    /// Start an operator's node.
    Join {
        /// Whose.
        operator: usize,
        /// With what.
        seat: Box<Seat<SignedMessages>>,
        /// Shown what its disk holds.
        rebuild: Rebuild,
        /// Gets the node, or why there is none.
        reply: oneshot::Sender<Result<Arc<Consortium>, String>>,
    },
    /// End an operator's node where it stands.
    Crash(usize),
    /// Make one direction between two operators so, or cut it.
    Link {
        /// From whom.
        from: usize,
        /// To whom.
        to: usize,
        /// How; `None`: nothing arrives.
        weather: Option<Weather>,
    },
    /// Say who has shut out whom for what it sent.
    Report(oneshot::Sender<ShutOut>),
}

/// By whom, and who was shut out, by number.
pub type ShutOut = Vec<(usize, usize)>;

/// Where orders go.
pub type Orders = mpsc::UnboundedSender<Order>;

/// Carries out orders as long as some may come. `ears` hears what operators say to each other.
pub async fn direct(
    context: Context,
    settings: Settings,
    operators: usize,
    ears: Ears,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    let mut field = Field::new(&context, settings, operators, VOTERS, ears);
    while let Some(order) = orders.recv().await {
        match order {
            Order::Join { operator, seat, rebuild, reply } => {
                let joined = field.join(operator, *seat, rebuild).await;
                let joined = joined.map(Arc::new).map_err(|error| error.to_string());
                if reply.send(joined).is_err() {
                    // Its process ended while it was starting.
                    field.crash(operator);
                }
            }
            Order::Crash(operator) => field.crash(operator),
            Order::Link { from, to, weather } => field.set_link(from, to, weather).await,
            Order::Report(reply) => {
                // Who asked is part of the run, and waits.
                let _ = reply.send(field.shut_out().await);
            }
        }
    }
}
