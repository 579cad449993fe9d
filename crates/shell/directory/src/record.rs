//! What the file keeps of one alias, as bytes.
//!
//! ```text
//! version 1 · default (0: none, otherwise 1 + place) · port (0: none, otherwise 1 + place, then until u64) · count, and each:
//!   BIC 11 · account · name in Latin letters · name in Han characters     (texts: length u8 or u16, UTF-8; names as shown)
//! ```

/// Banks that may have registered one alias: as many as a person has accounts with.
pub const REGISTRATIONS_MAX: usize = 8;
const VERSION: u8 = 1;

/// One bank's word that an alias stands for an account there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registration {
    pub(crate) bic: [u8; 11],
    pub(crate) account: String,
    /// As shown, in Latin letters.
    pub(crate) latin: String,
    /// As shown, in Han characters; empty if there is none.
    pub(crate) han: String,
}

/// A default on its way to another bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Porting {
    /// Place of the registration that is to be the default.
    pub(crate) to: usize,
    /// Until when the old bank may answer.
    pub(crate) until_ns: u64,
}

/// Everything of one alias.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Record {
    pub(crate) registrations: Vec<Registration>,
    /// Place of the default.
    pub(crate) default: Option<usize>,
    pub(crate) porting: Option<Porting>,
}

impl Record {
    /// Where a bank's registration stands.
    pub(crate) fn place_of(&self, bic: [u8; 11]) -> Option<usize> {
        self.registrations.iter().position(|registration| registration.bic == bic)
    }

    /// Takes a registration out; places behind it move up, a default or port that was its goes with it.
    pub(crate) fn remove(&mut self, place: usize) {
        self.registrations.remove(place);
        let moved = |at: usize| (at != place).then(|| if at > place { at - 1 } else { at });
        self.default = self.default.and_then(moved);
        self.porting = self.porting.and_then(|port| moved(port.to).map(|to| Porting { to, ..port }));
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let place = |place: Option<usize>| place.map_or(0, |at| 1 + at as u8);
        let mut bytes = vec![VERSION, place(self.default), place(self.porting.map(|port| port.to))];
        if let Some(port) = self.porting {
            bytes.extend(port.until_ns.to_le_bytes());
        }
        bytes.push(self.registrations.len() as u8);
        for registration in &self.registrations {
            bytes.extend(registration.bic);
            for text in [&registration.account, &registration.latin, &registration.han] {
                bytes.extend((text.len() as u16).to_le_bytes());
                bytes.extend(text.as_bytes());
            }
        }
        bytes
    }

    /// `None`: these bytes are no record.
    pub(crate) fn read(mut bytes: &[u8]) -> Option<Self> {
        let rest = &mut bytes;
        if byte(rest)? != VERSION {
            return None;
        }
        let default = place(byte(rest)?);
        let porting = match place(byte(rest)?) {
            None => None,
            Some(to) => Some(Porting {
                to,
                until_ns: u64::from_le_bytes(*rest.split_first_chunk().map(|(word, behind)| {
                    *rest = behind;
                    word
                })?),
            }),
        };
        let count = usize::from(byte(rest)?);
        if count > REGISTRATIONS_MAX {
            return None;
        }
        let mut registrations = Vec::with_capacity(count);
        for _ in 0..count {
            let (bic, behind) = rest.split_first_chunk::<11>()?;
            *rest = behind;
            registrations.push(Registration { bic: *bic, account: text(rest)?, latin: text(rest)?, han: text(rest)? });
        }
        let there = |at: Option<usize>| at.is_none_or(|at| at < count);
        let whole = rest.is_empty() && there(default) && there(porting.map(|port| port.to));
        whole.then_some(Self { registrations, default, porting })
    }
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, behind) = rest.split_first()?;
    *rest = behind;
    Some(*first)
}

fn place(byte: u8) -> Option<usize> {
    usize::from(byte).checked_sub(1)
}

fn text(rest: &mut &[u8]) -> Option<String> {
    let (length, behind) = rest.split_first_chunk()?;
    let (text, behind) = behind.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    *rest = behind;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration(bic: &[u8; 11]) -> Registration {
        Registration { bic: *bic, account: "388100200301".into(), latin: "CHAN T** M**".into(), han: "陳*文".into() }
    }

    fn record() -> Record {
        Record {
            registrations: vec![registration(b"HARBHKHHXXX"), registration(b"LIONHKHHXXX"), registration(b"PENGCNBSXXX")],
            default: Some(1),
            porting: Some(Porting { to: 2, until_ns: 7 }),
        }
    }

    /// Bytes on disk are for ever: this text does not move without a new version.
    #[test]
    fn the_format_is_golden() {
        let golden = Record { registrations: vec![registration(b"HARBHKHHXXX")], default: Some(0), porting: None };
        let hex: String = golden.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "010100014841524248 4b48485858580c00333838313030323030333031 0c004348414e20542a2a204d2a2a 0700e999b32ae69687"
                .replace(' ', "")
        );
        assert_eq!(Record::read(&record().to_bytes()), Some(record()));
        assert_eq!(Record::read(&Record::default().to_bytes()), Some(Record::default()));
    }

    #[test]
    fn cut_or_lengthened_bytes_are_no_record() {
        let bytes = record().to_bytes();
        for length in 0..bytes.len() {
            assert_eq!(Record::read(&bytes[..length]), None, "{length} bytes");
        }
        assert_eq!(Record::read(&[bytes.as_slice(), &[0]].concat()), None);
        let mut pointing_nowhere = bytes;
        pointing_nowhere[1] = 4;
        assert_eq!(Record::read(&pointing_nowhere), None);
    }

    #[test]
    fn who_goes_takes_its_default_and_port_along() {
        let mut gone = record();
        gone.remove(0);
        assert_eq!((gone.default, gone.porting.map(|port| port.to)), (Some(0), Some(1)));
        gone.remove(1);
        assert_eq!((gone.default, gone.porting), (Some(0), None));
        gone.remove(0);
        assert_eq!(gone, Record::default());
    }
}
