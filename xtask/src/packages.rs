//! Programs from the system's package manager that some steps need. Absent ones are installed; what cannot be is told.

use crate::process::{Run, is_installed};
use anyhow::{Result, bail};

/// A program and the Debian package that brings it.
pub struct Needed {
    /// What is looked for: a program in the path, or an absolute path.
    pub file: &'static str,
    /// Who brings it.
    pub package: &'static str,
}

/// Everything that any step needs beyond the Rust toolchain.
pub const NEEDED: &[Needed] = &[
    Needed { file: "chromium", package: "chromium" },
    Needed { file: "chromedriver", package: "chromium-driver" },
    Needed { file: "xmllint", package: "libxml2-utils" },
    Needed { file: "pg_ctlcluster", package: "postgresql" },
    Needed { file: "ip", package: "iproute2" },
    Needed { file: "socat", package: "socat" },
    Needed { file: "curl", package: "curl" },
    Needed { file: "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", package: "fonts-noto-cjk" },
];

/// Installs what is absent.
///
/// # Errors
/// Something is absent and could not be installed.
pub fn install_missing() -> Result<()> {
    let absent = absent();
    if absent.is_empty() {
        println!("all present: {}", NEEDED.iter().map(|needed| needed.package).collect::<Vec<_>>().join(", "));
        return Ok(());
    }
    if !is_installed("apt-get") {
        bail!("absent, and there is no apt-get to install them with: {}", absent.join(", "));
    }
    println!("absent: {}", absent.join(", "));
    Run::new("apt-get").args(["update", "--quiet"]).show()?;
    Run::new("apt-get")
        .args(["install", "--yes", "--quiet", "--no-install-recommends"])
        .args(&absent)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .show()?;
    match self::absent() {
        still if still.is_empty() => Ok(()),
        still => bail!("still absent after installing: {}", still.join(", ")),
    }
}

fn absent() -> Vec<&'static str> {
    NEEDED.iter().filter(|needed| !is_present(needed.file)).map(|needed| needed.package).collect()
}

fn is_present(file: &str) -> bool {
    if file.starts_with('/') { std::path::Path::new(file).is_file() } else { is_installed(file) }
}
