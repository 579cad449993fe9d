//! How doors of several operators reach each other: over the network between the operators.

use consortium::{Enquiries, Enquiry};
use gateway::{AskedHere, OtherDoors, SignedMessage};
use std::future::Future;
use std::pin::Pin;
use tokio::sync::mpsc;

/// The other operators' doors, as the gateway sees them.
#[derive(Debug)]
pub struct NetworkedDoors(pub Enquiries);

impl OtherDoors for NetworkedDoors {
    fn ask(&self, question: SignedMessage) -> Option<mpsc::Receiver<SignedMessage>> {
        self.0.ask(question)
    }

    fn asked(&self) -> Pin<Box<dyn Future<Output = Option<AskedHere>> + Send + '_>> {
        Box::pin(async {
            let Enquiry { message, answer } = self.0.asked().await?;
            Some(AskedHere { question: message, answer })
        })
    }
}
