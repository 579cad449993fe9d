//! Which characters XML 1.0 (fifth edition) allows where.

/// Byte can start a name (ASCII) or belongs to a longer character to be looked at.
pub(crate) const NAME_START: u8 = 1;
/// Byte can go on in a name.
pub(crate) const NAME: u8 = 2;
/// Blank, tab, line feed, carriage return.
pub(crate) const SPACE: u8 = 4;
/// Ends the quick way through text: `<`, `&`, `]`, carriage return.
pub(crate) const TEXT_STOP: u8 = 8;

/// Classes of each byte.
pub(crate) static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0u8; 256];
    let mut byte = 0usize;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphabetic() || b == b'_' || b >= 0x80 {
            table[byte] |= NAME_START | NAME;
        }
        if b.is_ascii_digit() || b == b'-' || b == b'.' {
            table[byte] |= NAME;
        }
        if matches!(b, b' ' | b'\t' | b'\n' | b'\r') {
            table[byte] |= SPACE;
        }
        if matches!(b, b'<' | b'&' | b']' | b'\r') {
            table[byte] |= TEXT_STOP;
        }
        byte += 1;
    }
    table
}

/// Whether the byte has one of the classes.
#[inline(always)]
pub(crate) fn is(byte: u8, class: u8) -> bool {
    CLASS[byte as usize] & class != 0
}

/// XML `Char`.
pub(crate) fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

/// XML `NameStartChar` beyond ASCII.
fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | 'a'..='z' | '_' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// Whether text is an `NCName`: a name without a colon.
pub(crate) fn is_ncname(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(is_name_start)
        && letters.all(|c| {
            is_name_start(c) || matches!(c, '0'..='9' | '-' | '.' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
        })
}

/// Offset of the first byte that cannot stand in an XML document, if any. The text is valid UTF-8 already.
pub(crate) fn first_forbidden(text: &str) -> Option<usize> {
    let suspicious = text.bytes().fold(false, |found, b| found | ((b < 0x20) & !matches!(b, 9 | 10 | 13)) | (b == 0xEF));
    if !suspicious {
        return None;
    }
    text.char_indices().find(|(_, c)| !is_xml_char(*c)).map(|(at, _)| at)
}

/// Cuts XML blanks off both ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}
