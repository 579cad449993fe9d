//! Who vouches for the server: an authority in a file, or nobody for a server on this machine.

use crate::port::IndexError;
use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::net::IpAddr;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

const PARAMETER: &str = "sslrootcert=";

/// See the module.
#[derive(Debug, Clone)]
pub(super) enum Authority {
    /// The connection is not encrypted.
    Nobody,
    /// Over TLS, with a server that these certificates vouch for.
    File(Arc<ClientConfig>),
}

impl Authority {
    /// Takes `sslrootcert=FILE` out of an address.
    pub(super) fn split_off(url: &str) -> Result<(String, Self), IndexError> {
        let Some((base, parameters)) = url.split_once('?') else { return Ok((url.to_owned(), Self::Nobody)) };
        let (mut rest, mut authority) = (Vec::new(), Self::Nobody);
        for parameter in parameters.split('&') {
            match parameter.strip_prefix(PARAMETER) {
                Some(file) => authority = Self::File(Arc::new(client_config(file)?)),
                None => rest.push(parameter),
            }
        }
        let url = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
        Ok((url, authority))
    }

    /// Nothing goes over a network unencrypted.
    pub(super) fn check(&self, settings: &Config) -> Result<(), IndexError> {
        let is_here = |host: &Host| match host {
            Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
            Host::Unix(_) => true,
        };
        match self {
            Self::Nobody if !settings.get_hosts().iter().all(is_here) => {
                Err(IndexError::Unavailable("a server on another machine needs sslrootcert=FILE in its address".to_owned()))
            }
            Self::Nobody | Self::File(_) => Ok(()),
        }
    }

    pub(super) fn connect(&self, settings: &Config) -> Result<Client, IndexError> {
        Ok(match self {
            Self::Nobody => settings.connect(NoTls)?,
            Self::File(config) => {
                let tls = MakeRustlsConnect::new(ClientConfig::clone(config));
                settings.clone().ssl_mode(SslMode::Require).connect(tls)?
            }
        })
    }
}

fn client_config(file: &str) -> Result<ClientConfig, IndexError> {
    let unreadable = |why: &dyn core::fmt::Display| IndexError::Unavailable(format!("sslrootcert {file}: {why}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))? {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        roots.add(certificate).map_err(|error| unreadable(&error))?;
    }
    if roots.is_empty() {
        return Err(unreadable(&"no certificate in it"));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(versions.map_err(|error| unreadable(&error))?.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;

    #[test]
    fn nothing_goes_unencrypted_to_another_machine() {
        for (url, allowed) in [
            ("postgresql://luohu@localhost/luohu", true),
            ("postgresql://luohu@127.0.0.1/luohu", true),
            ("postgresql:///luohu?host=/run/postgresql", true),
            ("postgresql://luohu@db.example/luohu", false),
            ("postgresql://luohu@127.0.0.1,10.0.0.9/luohu", false),
        ] {
            let (rest, authority) = Authority::split_off(url).unwrap();
            assert_eq!(authority.check(&Config::from_str(&rest).unwrap()).is_ok(), allowed, "{url}");
        }
        let missing = Authority::split_off("postgresql://db.example/luohu?sslrootcert=/nowhere.pem");
        assert!(matches!(missing, Err(IndexError::Unavailable(why)) if why.starts_with("sslrootcert /nowhere.pem")));
    }
}
