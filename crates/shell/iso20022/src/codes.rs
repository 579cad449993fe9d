//! Code sets published apart from the schemas.

/// One external code set, sorted by code.
#[derive(Debug)]
pub struct CodeSet {
    name: &'static str,
    codes: &'static [(&'static str, &'static str)],
}

impl CodeSet {
    pub(crate) const fn new(name: &'static str, codes: &'static [(&'static str, &'static str)]) -> Self {
        Self { name, codes }
    }

    /// Its name in ISO 20022.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the code is in the set.
    pub fn is_known(&self, code: &str) -> bool {
        self.describe(code).is_some()
    }

    /// What the set says about a code: its first sentence, perhaps empty.
    pub fn describe(&self, code: &str) -> Option<&'static str> {
        self.codes.binary_search_by(|(known, _)| (*known).cmp(code)).ok().map(|at| self.codes[at].1)
    }

    /// All codes in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.codes.iter().copied()
    }
}
