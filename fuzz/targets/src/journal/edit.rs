//! Edits of a folder: what disks, people and forgers do to files.

use crate::memory::Files;
use crate::pieces::Pieces;
use chain::sha256;

const SECTOR: usize = 512;
/// Most edits of an input.
const EDITS_MAX: usize = 24;

/// A folder after its edits.
pub(crate) struct Edited {
    pub(crate) files: Files,
    /// Whether a seal was made anew.
    pub(crate) forged: bool,
}

pub(crate) fn apply(input: &[u8], base: &Files) -> Edited {
    let mut pieces = Pieces(input);
    let mut edited = Edited { files: base.clone(), forged: false };
    for _ in 0..EDITS_MAX {
        if pieces.is_empty() {
            break;
        }
        edited.edit(&mut pieces);
    }
    edited
}

impl Edited {
    fn edit(&mut self, pieces: &mut Pieces<'_>) {
        let kind = pieces.byte() % 10;
        let (name, at) = self.place(pieces);
        let Some(file) = self.files.get_mut(&name) else { return };
        let sector = (at / SECTOR * SECTOR, (at / SECTOR + 1) * SECTOR);
        match kind {
            0 => {
                let bit = pieces.byte() % 8;
                if let Some(byte) = file.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            1 => zero(file, sector.0, sector.1),
            2 => zero(file, at, usize::MAX),
            3 => file.truncate(at),
            4 => drop(self.files.remove(&name)),
            5 => self.swap(&name, pieces),
            6 => self.copy_sector(&name, sector.0, pieces),
            7 => {
                let count = usize::from(pieces.byte()) % 16;
                let bytes = pieces.slice(count);
                if let Some(place) = file.get_mut(at..at + bytes.len()) {
                    place.copy_from_slice(bytes);
                }
            }
            8 => self.another_name(&name, pieces),
            _ => {
                let with_body = pieces.byte() % 2 == 1;
                self.forged |= seal_anew(file, at, with_body);
            }
        }
    }

    /// A file and an offset in it, within what is written rather than among the zeros behind.
    fn place(&self, pieces: &mut Pieces<'_>) -> (String, usize) {
        let (file, at) = (usize::from(pieces.byte()), usize::from(pieces.u16()));
        let Some((name, content)) = self.files.iter().nth(file % self.files.len().max(1)) else { return (String::new(), 0) };
        let written = content.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        (name.clone(), at % (written + 64))
    }

    fn swap(&mut self, name: &str, pieces: &mut Pieces<'_>) {
        let (other, _) = self.place(pieces);
        let (Some(one), Some(two)) = (self.files.get(name).cloned(), self.files.get(&other).cloned()) else { return };
        self.files.insert(name.to_owned(), two);
        self.files.insert(other, one);
    }

    fn copy_sector(&mut self, name: &str, to: usize, pieces: &mut Pieces<'_>) {
        let (other, from) = self.place(pieces);
        let from = from / SECTOR * SECTOR;
        let Some(sector) = self.files.get(&other).and_then(|file| file.get(from..from + SECTOR)).map(<[u8]>::to_vec) else {
            return;
        };
        if let Some(place) = self.files.get_mut(name).and_then(|file| file.get_mut(to..to + SECTOR)) {
            place.copy_from_slice(&sector);
        }
    }

    /// A copy of a file under a name with another number.
    fn another_name(&mut self, name: &str, pieces: &mut Pieces<'_>) {
        let number = u64::from(pieces.byte());
        let content = self.files.get(name).cloned().unwrap_or_default();
        let padded = match name.split_once('-') {
            Some(("journal", _)) => format!("journal-{number:020}.log"),
            Some(("vault", _)) => format!("vault-{number:010}.log"),
            _ => format!("snapshot-{number:020}.bin"),
        };
        self.files.insert(padded, content);
    }
}

fn zero(file: &mut [u8], from: usize, to: usize) {
    let to = to.min(file.len());
    if let Some(place) = file.get_mut(from..to) {
        place.fill(0);
    }
}

/// Makes the seal of the frame around `at` fit its bytes, and the hash of its body too when asked; whether one was there.
fn seal_anew(file: &mut [u8], at: usize, with_body: bool) -> bool {
    let number = |file: &[u8], at: usize| file.get(at..at + 4).map(|n| u32::from_le_bytes([n[0], n[1], n[2], n[3]]) as usize);
    let end = (at + 4).min(file.len());
    let Some(start) = file[..end].windows(4).rposition(|window| window == b"LHJ1") else { return false };
    let Some(bytes) = number(file, start + 4) else { return false };
    let Some(frame) = file.get_mut(start..start.saturating_add(bytes)).filter(|frame| frame.len() > 16 + 208 + 8) else {
        return false;
    };
    if with_body {
        let body_bytes = number(frame, 16 + 168).unwrap_or(0);
        if let Some(body) = frame.get(224..224usize.saturating_add(body_bytes)) {
            let hash = sha256(body);
            frame[16 + 56..16 + 88].copy_from_slice(&hash.0);
        }
    }
    let content = frame.len() - 8;
    let seal = sha256(&frame[..content]);
    frame[content..content + 7].copy_from_slice(&seal.0[..7]);
    frame[content + 7] = 0xA5;
    true
}

/// One of each kind. Files are counted in the order of their names: journal, snapshot, vault.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let seeds: [(&str, &[u8]); 11] = [
        ("nothing", &[]),
        ("flip", &[0, 0, 0x10, 0x01, 3]),
        ("zero-sector", &[1, 1, 0x00, 0x04]),
        ("zero-tail", &[2, 2, 0x00, 0x02]),
        ("truncate", &[3, 2, 0x80, 0x01]),
        ("remove-last", &[4, 2, 0, 0]),
        ("swap", &[5, 0, 0, 0, 1, 0, 0]),
        ("copy-sector", &[6, 1, 0, 2, 1, 0, 0]),
        ("overwrite", &[7, 1, 0x30, 0x00, 4, 1, 2, 3, 4]),
        ("another-name", &[8, 0, 0, 0, 99]),
        ("forged-body", &[0, 2, 0xF0, 0x00, 1, 9, 2, 0xF0, 0x00, 1]),
    ];
    seeds.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).into()
}
