//! What an operator sets.

use risk::mask::MaskRule;

/// What becomes of a port when the old bank says nothing in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Nothing changes.
    Lapses,
    /// The new bank has the default.
    TakesEffect,
}

/// How many look-ups in how much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Sustained, an hour.
    pub per_hour: u32,
    /// Above that at one moment.
    pub burst: u32,
}

/// What an operator sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Aliases at most; further ones are refused.
    pub aliases_max: u64,
    /// Memory for pages of the file, in bytes.
    pub cache_bytes: usize,
    /// Look-ups of one participant.
    pub participant: Rate,
    /// Look-ups of one payer: a person looks a payee up and pays, and does not count through numbers.
    pub payer: Rate,
    /// What a look-up that finds nobody costs: as much as this many that find somebody.
    pub miss_cost: u32,
    /// How long the old bank has to answer a port, in nanoseconds.
    pub port_wait_ns: u64,
    /// What its silence means.
    pub port_silence: Silence,
    /// How long an answer may be used, in nanoseconds.
    pub answer_valid_ns: u64,
    /// How long a payer is to wait before paying a payee of the tier `cool_off`, in hours.
    pub cool_off_hours: u32,
    /// How names are shown, by the country of the payee's bank.
    pub masks: Vec<(String, MaskRule)>,
    /// Bytes of an audit file before the next one is begun.
    pub audit_file_bytes: u64,
    /// Audit files kept.
    pub audit_files_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            aliases_max: 50_000_000,
            cache_bytes: 256 << 20,
            participant: Rate { per_hour: 180_000, burst: 500 },
            payer: Rate { per_hour: 60, burst: 20 },
            miss_cost: 5,
            port_wait_ns: 14 * 86_400 * 1_000_000_000,
            port_silence: Silence::Lapses,
            answer_valid_ns: 600 * 1_000_000_000,
            cool_off_hours: 24,
            masks: vec![("HK".to_owned(), MaskRule::FamilyShown), ("CN".to_owned(), MaskRule::FamilyHidden)],
            audit_file_bytes: 64 << 20,
            audit_files_max: 16,
        }
    }
}

impl Settings {
    /// The rule for names at a bank of this country; unless set otherwise, the family name is shown.
    pub(crate) fn mask(&self, country: &str) -> MaskRule {
        self.masks.iter().find(|(known, _)| known == country).map_or(MaskRule::FamilyShown, |(_, rule)| *rule)
    }
}
