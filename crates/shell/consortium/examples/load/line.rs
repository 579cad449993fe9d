//! Lines between cities: relays that hand on every byte a set time after it came, each way.
//!
//! Validators 0 and 1 are in one city, 2 and 3 in the other. Each pair across has a port of its own, so that a validator
//! reaches the others through it.

use crate::node::VALIDATORS;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Bytes taken at once.
const CHUNK: usize = 64 << 10;

fn far_apart(from: usize, to: usize) -> bool {
    (from < VALIDATORS / 2) != (to < VALIDATORS / 2)
}

/// Where `from` reaches `to`.
pub fn address(first_port: u16, from: usize, to: usize, delayed: bool) -> SocketAddr {
    let port = if delayed && far_apart(from, to) { 10 + from * VALIDATORS + to } else { to };
    ([127, 0, 0, 1], first_port + port as u16).into()
}

/// Opens every line.
pub fn open(first_port: u16, delay: Duration) {
    for (from, to) in (0..VALIDATORS).flat_map(|from| (0..VALIDATORS).map(move |to| (from, to))) {
        if far_apart(from, to) {
            let listener = TcpListener::bind(address(first_port, from, to, true)).unwrap();
            let target = address(first_port, from, to, false);
            std::thread::spawn(move || listener.incoming().flatten().for_each(|near| carry(near, target, delay)));
        }
    }
}

fn carry(near: TcpStream, target: SocketAddr, delay: Duration) {
    let Ok(far) = TcpStream::connect(target) else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    for (from, to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
        one_way(from, to, delay);
    }
}

fn one_way(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (send, receive) = channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut chunk = vec![0; CHUNK];
        while let Ok(bytes) = from.read(&mut chunk) {
            if bytes == 0 || send.send((Instant::now() + delay, chunk[..bytes].to_vec())).is_err() {
                return;
            }
        }
    });
    std::thread::spawn(move || {
        for (due, bytes) in receive {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}
