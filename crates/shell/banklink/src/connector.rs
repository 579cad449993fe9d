//! The way to the centre's door: how a connection to it is made.

use crate::LinkError;
use rustls::pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A connection to the centre, ready for HTTP.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// A connection in the making.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn Connection>, LinkError>> + Send + 'a>>;

/// Makes connections on which the participant and the centre have proved who they are.
pub trait Connector: Send + Sync {
    /// Host and port as requests name them.
    fn authority(&self) -> &str;
    /// Opens a connection. Nothing of a request was sent when this fails.
    fn connect(&self) -> Connecting<'_>;
}

/// TCP with mutual TLS 1.3.
pub struct TlsConnector {
    gateway: SocketAddr,
    server_name: ServerName<'static>,
    authority: String,
    connector: tokio_rustls::TlsConnector,
}

impl TlsConnector {
    /// The way to a gateway whose certificate has this name (such as `localhost`), with the participant's certificate in
    /// `tls` (`signing::client_config`).
    ///
    /// # Errors
    /// [`LinkError::Insecure`] if `server_name` cannot be a certificate's name.
    pub fn new(gateway: SocketAddr, server_name: &str, tls: Arc<rustls::ClientConfig>) -> Result<Self, LinkError> {
        let authority = format!("{server_name}:{}", gateway.port());
        let server_name = ServerName::try_from(server_name.to_owned())
            .map_err(|error| LinkError::Insecure(Arc::new(io::Error::other(error))))?;
        Ok(Self { gateway, server_name, authority, connector: tokio_rustls::TlsConnector::from(tls) })
    }
}

impl Connector for TlsConnector {
    fn authority(&self) -> &str {
        &self.authority
    }

    fn connect(&self) -> Connecting<'_> {
        Box::pin(async move {
            let tcp = TcpStream::connect(self.gateway).await.map_err(|error| LinkError::Unreachable(Arc::new(error)))?;
            let _ = tcp.set_nodelay(true);
            let tls = self.connector.connect(self.server_name.clone(), tcp).await;
            let tls = tls.map_err(|error| LinkError::Insecure(Arc::new(error)))?;
            Ok(Box::new(tls) as Box<dyn Connection>)
        })
    }
}
