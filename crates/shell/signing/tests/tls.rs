//! Mutual TLS in memory: who is let in, and by which key exchange.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use rustls::{ClientConnection, NamedGroup, ServerConnection};
use signing::{DevCa, TlsIdentity, client_config, peer_bic, server_config};
use std::sync::Arc;

/// Carries bytes until both sides are done or one refuses.
fn shake(client: &mut ClientConnection, server: &mut ServerConnection) -> Result<(), rustls::Error> {
    for _ in 0..10 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut read = wire.as_slice();
        while !read.is_empty() {
            server.read_tls(&mut read).unwrap();
            server.process_new_packets()?;
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut read = wire.as_slice();
        while !read.is_empty() {
            client.read_tls(&mut read).unwrap();
            client.process_new_packets()?;
        }
    }
    Ok(())
}

fn connect(trusts: &DevCa, server_by: &DevCa, client_by: &DevCa) -> Result<(ClientConnection, ServerConnection), rustls::Error> {
    let server = server_by.issue_server(&["localhost", "127.0.0.1"]).unwrap();
    let client = client_by.issue_client("HARBHKHHXXX").unwrap();
    let server_config = Arc::new(server_config(trusts.certificate(), &server).unwrap());
    let client_config = Arc::new(client_config(trusts.certificate(), &client).unwrap());
    let mut client = ClientConnection::new(client_config, "localhost".try_into().unwrap()).unwrap();
    let mut server = ServerConnection::new(server_config).unwrap();
    shake(&mut client, &mut server).map(|()| (client, server))
}

#[test]
fn both_sides_are_known_and_the_exchange_is_hybrid() {
    let folder = tempfile::tempdir().unwrap();
    let authority = DevCa::open_or_create(folder.path()).unwrap();
    let (client, server) = connect(&authority, &authority, &authority).unwrap();
    assert_eq!(server.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    assert_eq!(client.negotiated_key_exchange_group().unwrap().name(), NamedGroup::X25519MLKEM768);
    assert_eq!(peer_bic(&server.peer_certificates().unwrap()[0]), Some(*b"HARBHKHHXXX"));
}

#[test]
fn strangers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ours = DevCa::open_or_create(&folder.path().join("ours")).unwrap();
    let theirs = DevCa::open_or_create(&folder.path().join("theirs")).unwrap();
    assert!(connect(&ours, &ours, &theirs).is_err());
    assert!(connect(&ours, &theirs, &ours).is_err());
}

#[test]
fn a_client_certificate_is_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let authority = DevCa::open_or_create(folder.path()).unwrap();
    let bank = authority.issue_client("HARBHKHHXXX").unwrap();
    let server_config = Arc::new(server_config(authority.certificate(), &bank).unwrap());
    let client_config = Arc::new(client_config(authority.certificate(), &bank).unwrap());
    let mut client = ClientConnection::new(client_config, "localhost".try_into().unwrap()).unwrap();
    assert!(shake(&mut client, &mut ServerConnection::new(server_config).unwrap()).is_err());
}

#[test]
fn identities_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let first = DevCa::open_or_create(folder.path()).unwrap();
    let issued = TlsIdentity::open_or_issue(folder.path(), "HARBHKHHXXX", || first.issue_client("HARBHKHHXXX")).unwrap();
    let again = DevCa::open_or_create(folder.path()).unwrap();
    assert_eq!(first.certificate(), again.certificate());
    let read = TlsIdentity::open_or_issue(folder.path(), "HARBHKHHXXX", || panic!("it is there")).unwrap();
    assert_eq!(read.certificate, issued.certificate);
    // What the reopened authority issues is accepted by those who trust the first.
    assert!(connect(&first, &again, &again).is_ok());
}
