//! Which language a viewer reads: `?lang=`, then the cookie, then `Accept-Language`, then English.

use axum::http::{HeaderMap, header};
use risk::Language;

/// Name of the cookie, and of the query's field.
pub(crate) const FIELD: &str = "lang";
pub(crate) const ALL: [Language; 3] = [Language::En, Language::ZhHant, Language::ZhHans];

/// The BCP 47 tag.
pub(crate) const fn tag(language: Language) -> &'static str {
    match language {
        Language::En => "en",
        Language::ZhHant => "zh-Hant",
        Language::ZhHans => "zh-Hans",
    }
}

/// What the language calls itself.
pub(crate) const fn own_name(language: Language) -> &'static str {
    match language {
        Language::En => "English",
        Language::ZhHant => "繁體中文",
        Language::ZhHans => "简体中文",
    }
}

/// The viewer's language.
pub(crate) fn chosen(asked: Option<&str>, headers: &HeaderMap) -> Language {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    asked
        .and_then(from_tag)
        .or_else(|| text(header::COOKIE).and_then(from_cookies))
        .or_else(|| text(header::ACCEPT_LANGUAGE).and_then(accepted))
        .unwrap_or(Language::En)
}

fn from_cookies(cookies: &str) -> Option<Language> {
    cookies
        .split(';')
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == FIELD)
        .and_then(|(_, v)| from_tag(v))
}

/// The first of the most wanted. Qualities are read as thousandths.
fn accepted(header: &str) -> Option<Language> {
    let wishes = header.split(',').take(32).filter_map(|wish| {
        let (tag, parameters) = wish.split_once(';').unwrap_or((wish, ""));
        let quality = parameters.trim().strip_prefix("q=").map_or(Some(1000), thousandths)?;
        Some((from_tag(tag.trim())?, quality))
    });
    let best = wishes.fold(None, |best: Option<(Language, u32)>, wish| match best {
        Some(known) if known.1 >= wish.1 => Some(known),
        Some(_) | None => Some(wish),
    });
    best.filter(|(_, quality)| *quality > 0).map(|(language, _)| language)
}

fn thousandths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some(whole.parse::<u32>().ok()?.min(1) * 1000 + fraction.parse::<u32>().ok()?).map(|quality| quality.min(1000))
}

fn from_tag(tag: &str) -> Option<Language> {
    let tag = tag.to_ascii_lowercase();
    let mut parts = tag.split('-');
    match (parts.next()?, parts.next()) {
        ("en", _) => Some(Language::En),
        ("zh", Some("hant" | "hk" | "tw" | "mo")) => Some(Language::ZhHant),
        ("zh", _) => Some(Language::ZhHans),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_viewers_wish_is_found() {
        use Language::{En, ZhHans, ZhHant};
        for (asked, cookie, accept, expected) in [
            (None, "", "", En),
            (Some("zh-Hant"), "lang=en", "en", ZhHant),
            (Some("xx"), "a=b; lang=zh-Hans", "en", ZhHans),
            (None, "lang=xx", "zh-HK,en;q=0.8", ZhHant),
            (None, "", "fr, en;q=0.2, zh-CN;q=0.9", ZhHans),
            (None, "", "zh;q=0, en;q=0.1", En),
            (None, "", "zh-TW", ZhHant),
            (None, "", "zh", ZhHans),
            (None, "", ";;;,q=,zh;q=abc", En),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().unwrap());
            headers.insert(header::ACCEPT_LANGUAGE, accept.parse().unwrap());
            assert_eq!(chosen(asked, &headers), expected, "{asked:?} {cookie} {accept}");
        }
    }
}
