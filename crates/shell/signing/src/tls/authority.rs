//! The scheme's development certificate authority, and the identities it issues.

use crate::key::{write_private, write_whole};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::path::{Path, PathBuf};

/// Issues certificates for a scheme that runs on one machine. A real scheme brings its own authority.
pub struct DevCa {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its private key.
pub struct TlsIdentity {
    /// The certificate, without its issuer's.
    pub certificate: CertificateDer<'static>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

/// Why an identity could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: not a PEM certificate or key", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
    /// A certificate could not be made.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A TLS configuration was refused.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The authority's certificate cannot verify clients.
    #[error("TLS client verifier: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

impl DevCa {
    /// Reads the authority in `folder`, or makes one there: `ca.key.pem` and `ca.crt.pem`.
    ///
    /// Crash note: the key is durable before the certificate is written; a key without its certificate gets a new one.
    pub fn open_or_create(folder: &Path) -> Result<Self, TlsError> {
        let (key_path, certificate_path) = (folder.join("ca.key.pem"), folder.join("ca.crt.pem"));
        let key = match read_if_there(&key_path)? {
            Some(pem) => KeyPair::from_pem(&pem).map_err(|_| TlsError::Malformed { path: key_path })?,
            None => {
                let key = KeyPair::generate_for(&PKCS_ED25519)?;
                write_private(&key_path, key.serialize_pem().as_bytes())
                    .map_err(|source| TlsError::Io { path: key_path, source })?;
                key
            }
        };
        let certificate = match read_if_there(&certificate_path)? {
            Some(pem) => certificate_from(pem.as_bytes(), &certificate_path)?,
            None => {
                let made = authority_params()?.self_signed(&key)?;
                write_public(&certificate_path, &made.pem())?;
                made.der().clone()
            }
        };
        Ok(Self { certificate, issuer: Issuer::new(authority_params()?, key) })
    }

    /// The authority's certificate: what both sides trust.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// A server's identity for host names and addresses such as `localhost` and `127.0.0.1`.
    pub fn issue_server(&self, names: &[&str]) -> Result<TlsIdentity, TlsError> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let common_name = names.first().cloned().unwrap_or_default();
        self.issue(leaf_params(names, &common_name, ExtendedKeyUsagePurpose::ServerAuth)?)
    }

    /// A participant's identity; its common name is the BIC.
    pub fn issue_client(&self, bic: &str) -> Result<TlsIdentity, TlsError> {
        self.issue(leaf_params(Vec::new(), bic, ExtendedKeyUsagePurpose::ClientAuth)?)
    }

    fn issue(&self, params: CertificateParams) -> Result<TlsIdentity, TlsError> {
        let key = KeyPair::generate_for(&PKCS_ED25519)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Ok(TlsIdentity { certificate: certificate.der().clone(), key })
    }
}

impl TlsIdentity {
    /// Reads `NAME.crt.pem` and `NAME.key.pem` in `folder`, or has one issued and keeps it there.
    ///
    /// Crash note: the key is durable before its certificate; without a certificate both are made again.
    pub fn open_or_issue(folder: &Path, name: &str, issue: impl FnOnce() -> Result<Self, TlsError>) -> Result<Self, TlsError> {
        let (key_path, certificate_path) = (folder.join(format!("{name}.key.pem")), folder.join(format!("{name}.crt.pem")));
        let (Some(key), Some(certificate)) = (read_if_there(&key_path)?, read_if_there(&certificate_path)?) else {
            let identity = issue()?;
            let key = pem("PRIVATE KEY", identity.key.secret_der());
            write_private(&key_path, key.as_bytes()).map_err(|source| TlsError::Io { path: key_path, source })?;
            write_public(&certificate_path, &pem("CERTIFICATE", &identity.certificate))?;
            return Ok(identity);
        };
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| TlsError::Malformed { path: key_path })?;
        Ok(Self { certificate: certificate_from(certificate.as_bytes(), &certificate_path)?, key })
    }

    /// The same identity once more.
    pub fn duplicate(&self) -> Self {
        Self { certificate: self.certificate.clone(), key: self.key.clone_key() }
    }
}

fn authority_params() -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = name("Luohu development authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    limit_validity(&mut params);
    Ok(params)
}

fn leaf_params(names: Vec<String>, common_name: &str, usage: ExtendedKeyUsagePurpose) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = name(common_name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    limit_validity(&mut params);
    Ok(params)
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// Fixed dates: development certificates neither expire during an evaluation nor depend on the clock that made them.
fn limit_validity(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
}

fn read_if_there(path: &Path) -> Result<Option<String>, TlsError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TlsError::Io { path: path.to_owned(), source }),
    }
}

fn write_public(path: &Path, text: &str) -> Result<(), TlsError> {
    write_whole(path, text.as_bytes(), 0o644).map_err(|source| TlsError::Io { path: path.to_owned(), source })
}

fn certificate_from(pem: &[u8], path: &Path) -> Result<CertificateDer<'static>, TlsError> {
    CertificateDer::from_pem_slice(pem).map_err(|_| TlsError::Malformed { path: path.to_owned() })
}

fn pem(label: &str, der: &[u8]) -> String {
    crate::key::pem_text(label, der)
}
