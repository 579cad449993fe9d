//! Keys and certificates of this installation, made at the first start and kept in the data folder.

use anyhow::{Context, Result};
use rustls::ClientConfig;
use signing::{DevCa, FileSigner, HashKey, Signer, TlsIdentity, client_config, server_config};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the keys lie.
pub struct Keys {
    folder: PathBuf,
}

/// The centre's keys, opened.
pub struct SystemKeys {
    authority: DevCa,
    /// The centre's message and checkpoint key.
    pub signer: Arc<dyn Signer>,
    /// Names persons whose quotas are counted.
    pub persons: Arc<HashKey>,
    /// The gateway's TLS.
    pub server_tls: Arc<rustls::ServerConfig>,
}

/// A participant's keys.
pub struct MemberKeys {
    /// Its message key.
    pub signer: Arc<dyn Signer>,
    /// Its TLS.
    pub tls: Arc<ClientConfig>,
}

impl Keys {
    /// Keys of the installation in this data folder.
    pub fn at(data: &Path) -> Self {
        Self { folder: data.join("keys") }
    }

    /// Opens or makes the authority, the centre's key and the gateway's certificate.
    pub fn open(&self, names: &[String]) -> Result<SystemKeys> {
        make_private(&self.folder)?;
        let authority = DevCa::open_or_create(&self.folder).context("development authority")?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let identity = TlsIdentity::open_or_issue(&self.folder, "gateway", || authority.issue_server(&names))
            .context("gateway certificate")?;
        let signer = FileSigner::open_or_create(&self.folder.join("centre.key.pem"), "LUOHU#1").context("centre key")?;
        let server_tls = server_config(authority.certificate(), &identity).context("gateway TLS")?;
        let persons = Arc::new(HashKey::open_or_create(&self.folder.join("persons.key")).context("key of persons")?);
        Ok(SystemKeys { signer: Arc::new(signer), persons, server_tls: Arc::new(server_tls), authority })
    }
}

impl SystemKeys {
    /// Opens or makes a participant's key and certificate in its own folder.
    pub fn member(&self, folder: &Path, bic: &str) -> Result<MemberKeys> {
        make_private(folder)?;
        let signer = FileSigner::open_or_create(&folder.join("sign.key.pem"), &format!("{bic}#1"))
            .with_context(|| format!("key of {bic}"))?;
        let identity = TlsIdentity::open_or_issue(folder, "tls", || self.authority.issue_client(bic))
            .with_context(|| format!("certificate of {bic}"))?;
        let tls = client_config(self.authority.certificate(), &identity).with_context(|| format!("TLS of {bic}"))?;
        Ok(MemberKeys { signer: Arc::new(signer), tls: Arc::new(tls) })
    }
}

/// A folder only its owner can read.
fn make_private(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(|| folder.display().to_string())
}
