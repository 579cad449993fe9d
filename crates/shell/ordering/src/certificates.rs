//! Certificates beside the blocks: what a quorum of operators signed, kept for audits long after.
//!
//! ```text
//! certificates-<first height>.log:   (u32 bytes, u64 height, certificate, 4 bytes of SHA-256 over height and certificate)*
//! ```
//! Little endian, heights ascending. Nothing here is synced for its own sake: a certificate covers all blocks before its
//! own through their parents, so the few that a loss of power takes are covered by the next.
//!
//! # Not here
//! Who may sign (`chain::Validators`), where certificates come from (`consortium`).

use crate::disk::{Disk, DiskFile};
use crate::reader::read_blocks;
use chain::{Certificate, Hash, Hasher, Validators};
use std::io;
use std::sync::Arc;

/// A file is followed by the next at this size.
const FILE_BYTES: u64 = 16 << 20;
/// Bytes of a certificate at most: 1024 signatures.
const CERTIFICATE_BYTES_MAX: usize = 70 << 10;
/// Length, height, checksum.
const FRAME_BYTES: usize = 4 + 8 + 4;
/// Findings told of one audit.
const FINDINGS_MAX: usize = 16;

fn name(height: u64) -> String {
    format!("certificates-{height:020}.log")
}

fn files(disk: &dyn Disk) -> io::Result<Vec<u64>> {
    let height = |name: &String| name.strip_prefix("certificates-")?.strip_suffix(".log")?.parse().ok();
    let mut heights: Vec<u64> = disk.list()?.iter().filter_map(height).collect();
    heights.sort_unstable();
    Ok(heights)
}

fn checksum(height: u64, certificate: &[u8]) -> [u8; 4] {
    let mut hasher = Hasher::new();
    hasher.update(&height.to_le_bytes());
    hasher.update(certificate);
    let Hash([a, b, c, d, ..]) = hasher.finish();
    [a, b, c, d]
}

/// One frame at the front of `bytes`, and how long it is.
fn frame(bytes: &[u8]) -> Option<(u64, Certificate, usize)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let (height, rest) = rest.split_first_chunk::<8>()?;
    let height = u64::from_le_bytes(*height);
    let (certificate, rest) = rest.split_at_checked(length).filter(|_| length <= CERTIFICATE_BYTES_MAX)?;
    if rest.first_chunk::<4>()? != &checksum(height, certificate) {
        return None;
    }
    Some((height, Certificate::decode(certificate).ok()?, FRAME_BYTES + length))
}

/// The whole frames of a file above a height, and where they end.
fn frames(bytes: &[u8], above: u64, mut each: impl FnMut(u64, Certificate)) -> usize {
    let (mut offset, mut last) = (0, above);
    while let Some((height, certificate, length)) = frame(&bytes[offset..]).filter(|(height, ..)| *height > last) {
        each(height, certificate);
        (offset, last) = (offset + length, height);
    }
    offset
}

/// Appends certificates.
pub struct CertificateLog {
    disk: Arc<dyn Disk>,
    file: Option<(Box<dyn DiskFile>, u64)>,
    last: u64,
}

impl CertificateLog {
    /// Goes on behind the last whole certificate; what is torn behind it is written over.
    ///
    /// # Errors
    /// If the folder or its last file cannot be read.
    pub fn open(disk: Arc<dyn Disk>) -> io::Result<Self> {
        let (mut file, mut last) = (None, 0);
        if let Some(&first) = files(&*disk)?.last() {
            let open = disk.open(&name(first))?;
            let end = frames(&open.read_all()?, 0, |height, _| last = height);
            // An empty file still says that everything before its first height is in older ones.
            last = last.max(first.saturating_sub(1));
            file = Some((open, end as u64));
        }
        Ok(Self { disk, file, last })
    }

    /// Keeps the certificate under the block of this height, unless one of this height or above is kept already.
    ///
    /// # Errors
    /// If it cannot be written. The next call tries again.
    pub fn append(&mut self, height: u64, certificate: &Certificate) -> io::Result<()> {
        if height <= self.last {
            return Ok(());
        }
        if self.file.as_ref().is_none_or(|(_, end)| *end >= FILE_BYTES) {
            if let Some((file, _)) = &mut self.file {
                file.sync_data()?;
            }
            self.file = Some((self.disk.create(&name(height))?, 0));
            self.disk.sync_folder()?;
        }
        let Some((file, end)) = &mut self.file else { return Ok(()) };
        let bytes = certificate.encode();
        let mut frame = Vec::with_capacity(FRAME_BYTES + bytes.len());
        frame.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        frame.extend_from_slice(&height.to_le_bytes());
        frame.extend_from_slice(&bytes);
        frame.extend_from_slice(&checksum(height, &bytes));
        file.write_at(*end, &frame)?;
        *end += frame.len() as u64;
        self.last = height;
        Ok(())
    }
}

/// Whether any certificates are kept: those of a single operator's chain are not.
///
/// # Errors
/// If the folder cannot be read.
pub fn has_certificates(disk: &dyn Disk) -> io::Result<bool> {
    Ok(!files(disk)?.is_empty())
}

/// What an audit of certificates found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateReport {
    /// Certificates that a quorum signed, each over the block of its height in this chain.
    pub good: u64,
    /// Height of the last block that is covered; zero: none.
    pub covered: u64,
    /// What is wrong, the first few.
    pub broken: Vec<String>,
}

/// Checks every certificate kept: over the block of its height, signed by a quorum of its epoch's validators.
///
/// # Errors
/// If a file cannot be read.
pub fn audit_certificates(disk: &dyn Disk, validators: &Validators) -> io::Result<CertificateReport> {
    let mut report = CertificateReport::default();
    let mut above = 0;
    for first in files(disk)? {
        let bytes = disk.open(&name(first))?.read_all()?;
        let mut kept = Vec::new();
        let end = frames(&bytes, above, |height, certificate| kept.push((height, certificate)));
        if bytes[end..].iter().any(|byte| *byte != 0) && files(disk)?.last() != Some(&first) {
            report.tell(format!("{}: damaged at byte {end}", name(first)));
        }
        let Some(&(from, _)) = kept.first() else { continue };
        above = kept.last().map_or(above, |(height, _)| *height);
        judge(disk, from, &kept, validators, &mut report)?;
    }
    Ok(report)
}

/// Judges one file's certificates along the blocks they are over. Those above the last block are of blocks that a crash took.
fn judge(
    disk: &dyn Disk,
    from: u64,
    kept: &[(u64, Certificate)],
    validators: &Validators,
    report: &mut CertificateReport,
) -> io::Result<()> {
    let mut rest = kept.iter();
    let mut next = rest.next();
    read_blocks(disk, from, |header, _| {
        while let Some((height, certificate)) = next.filter(|(height, _)| *height <= header.height) {
            let wrong = match certificate.verify(validators) {
                _ if *height < header.height => Some("its block is missing".to_owned()),
                _ if certificate.block != header.hash() => Some("it is over another block".to_owned()),
                Err(error) => Some(error.to_string()),
                Ok(()) => None,
            };
            match wrong {
                Some(wrong) => report.tell(format!("certificate of block {height}: {wrong}")),
                None => (report.good, report.covered) = (report.good + 1, *height),
            }
            next = rest.next();
        }
        next.is_some()
    })
}

impl CertificateReport {
    fn tell(&mut self, finding: String) {
        if self.broken.len() < FINDINGS_MAX {
            self.broken.push(finding);
        }
    }
}
