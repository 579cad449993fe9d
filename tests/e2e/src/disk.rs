//! Disks that fail: one that is small and fills up, and files of which a bit has changed.

use crate::load::Chance;
use anyhow::{Context, Result, ensure};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A small file system in memory; needs root. It goes when this is dropped.
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// Mounts one of so many MiB.
    ///
    /// # Errors
    /// It could not be mounted, for want of rights.
    pub fn mount(mebibytes: u32) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let size = format!("size={mebibytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output()?;
        let said = String::from_utf8_lossy(&mounted.stderr);
        ensure!(mounted.status.success(), "a small file system is needed, which needs root: {said}");
        Ok(Self(folder))
    }

    /// Where a node's data may lie on it.
    pub fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// Writes until nothing more fits.
    ///
    /// # Errors
    /// Not even an empty file could be made.
    pub fn fill(&self) -> Result<()> {
        let mut file = std::fs::File::create(self.ballast())?;
        let block = vec![1u8; 64 << 10];
        while file.write_all(&block).is_ok() {}
        Ok(())
    }

    /// Takes away what [`SmallDisk::fill`] wrote.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn relieve(&self) -> Result<()> {
        std::fs::remove_file(self.ballast()).context("ballast")
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

/// Where the last byte that is not zero lies: files of the journal are written in advance with zeros.
///
/// # Errors
/// The file cannot be read.
pub fn written(file: &Path) -> Result<u64> {
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    Ok(bytes.iter().rposition(|&byte| byte != 0).map_or(0, |at| at as u64 + 1))
}

/// A file with changed bits, and the copy of it that was made before.
#[derive(Debug)]
pub struct Rotten {
    file: PathBuf,
    copy: PathBuf,
    _folder: TempDir,
}

impl Rotten {
    /// Copies the file, then changes one bit of a byte that is not zero, drawn from the first `bytes`.
    ///
    /// # Errors
    /// There is no such byte, or the file cannot be changed.
    pub fn flip_one(file: &Path, bytes: u64, chance: &mut Chance) -> Result<Self> {
        let rotten = Self::copied(file)?;
        let content = std::fs::read(file)?;
        let last = content.len().min(usize::try_from(bytes)?);
        let begin = usize::try_from(chance.below(last.max(1) as u64))?;
        let at = (begin..last).chain(0..begin).find(|&at| content[at] != 0).context("nothing is written there")?;
        rotten.change(at, content[at] ^ (1 << chance.below(8)))?;
        Ok(rotten)
    }

    /// Copies the file, then changes one bit wherever these bytes are found.
    ///
    /// # Errors
    /// They are nowhere, or the file cannot be changed.
    pub fn flip_each(file: &Path, text: &[u8]) -> Result<Self> {
        let rotten = Self::copied(file)?;
        let content = std::fs::read(file)?;
        let places: Vec<usize> =
            content.windows(text.len()).enumerate().filter(|(_, window)| *window == text).map(|(at, _)| at).collect();
        ensure!(!places.is_empty(), "{} has nothing of that kind", file.display());
        places.into_iter().try_for_each(|at| rotten.change(at, content[at] ^ 1))?;
        Ok(rotten)
    }

    /// Puts the copy back.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn restore(self) -> Result<()> {
        std::fs::copy(&self.copy, &self.file).with_context(|| self.file.display().to_string())?;
        Ok(())
    }

    /// The file's name.
    pub fn name(&self) -> String {
        self.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn copied(file: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let copy = folder.path().join("copy");
        std::fs::copy(file, &copy).with_context(|| file.display().to_string())?;
        Ok(Self { file: file.to_owned(), copy, _folder: folder })
    }

    fn change(&self, at: usize, byte: u8) -> Result<()> {
        let file = std::fs::OpenOptions::new().write(true).open(&self.file)?;
        file.write_all_at(&[byte], at as u64)?;
        Ok(file.sync_all()?)
    }
}
