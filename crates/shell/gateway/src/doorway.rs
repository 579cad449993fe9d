//! Where connections come from, and how it is known who is at the other end.

use crate::auth::peer_of;
use clearing::Bic;
use std::future::Future;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A place participants come in by. Whatever proves who they are happens in [`Doorway::greet`], so that the rest of the gateway
/// can rely on it.
pub trait Doorway: Send + Sync + 'static {
    /// A connection whose other end is not known yet.
    type Raw: Send + 'static;
    /// A connection whose other end is known.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Raw>> + Send;

    /// Finds out which participant is at the other end. Runs in the connection's own task, within a time limit.
    ///
    /// # Errors
    /// The other end did not prove to be a participant.
    fn greet(&self, raw: Self::Raw) -> impl Future<Output = io::Result<(Self::Stream, Bic)>> + Send;
}

/// TCP with TLS 1.3: a client certificate of the scheme names the participant.
pub(crate) struct TlsDoorway {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl TlsDoorway {
    pub(crate) fn new(listener: TcpListener, tls: Arc<rustls::ServerConfig>) -> Self {
        Self { listener, acceptor: TlsAcceptor::from(tls) }
    }
}

impl Doorway for TlsDoorway {
    type Raw = TcpStream;
    type Stream = TlsStream<TcpStream>;

    async fn accept(&self) -> io::Result<TcpStream> {
        Ok(self.listener.accept().await?.0)
    }

    async fn greet(&self, socket: TcpStream) -> io::Result<(Self::Stream, Bic)> {
        let _ = socket.set_nodelay(true);
        let tls = self.acceptor.accept(socket).await?;
        let nameless = || io::Error::new(io::ErrorKind::PermissionDenied, "the certificate names no BIC");
        let bic = peer_of(tls.get_ref().1).ok_or_else(nameless)?;
        Ok((tls, bic))
    }
}
