//! A disk that crashes: writes fail from a given one on, and what was not synced is kept or lost at random.

use redb::StorageBackend;
use std::io;
use std::sync::{Arc, Mutex};

/// Small deterministic randomness (xorshift64*).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }
}

#[derive(Debug, Default)]
struct Platter {
    now: Vec<u8>,
    synced: Vec<u8>,
    /// Offset and bytes written since the last sync.
    unsynced: Vec<(usize, Vec<u8>)>,
    writes_left: Option<u64>,
}

#[derive(Debug, Default, Clone)]
pub struct Disk(Arc<Mutex<Platter>>);

impl Disk {
    /// The disk fails at the n-th write or sync from now.
    pub fn fail_after(&self, writes: u64) {
        self.0.lock().unwrap().writes_left = Some(writes);
    }

    /// Power is back: synced bytes are there, of the others any subset.
    pub fn after_crash(&self, random: &mut Random) -> Self {
        let platter = self.0.lock().unwrap();
        let mut bytes = platter.synced.clone();
        for (offset, data) in &platter.unsynced {
            if random.one_in(2) {
                continue;
            }
            if bytes.len() < offset + data.len() {
                bytes.resize(offset + data.len(), 0);
            }
            bytes[*offset..offset + data.len()].copy_from_slice(data);
        }
        Self(Arc::new(Mutex::new(Platter { now: bytes.clone(), synced: bytes, unsynced: Vec::new(), writes_left: None })))
    }
}

impl Platter {
    fn spend(&mut self) -> io::Result<()> {
        match &mut self.writes_left {
            None => Ok(()),
            Some(0) => Err(io::Error::other("the disk is gone")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let platter = self.0.lock().unwrap();
        let start = offset as usize;
        let bytes = platter.now.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        platter.spend()?;
        platter.now.resize(len as usize, 0);
        platter.synced.resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        platter.spend()?;
        platter.synced = platter.now.clone();
        platter.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        platter.spend()?;
        let start = offset as usize;
        platter.now[start..start + data.len()].copy_from_slice(data);
        platter.unsynced.push((start, data.to_vec()));
        Ok(())
    }
}
