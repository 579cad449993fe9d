//! Brings the types of many schemas into one set: a name with the same body everywhere is one type; where bodies differ,
//! each message gets its own under a longer name.

use super::schema::{Schema, Type};
use anyhow::{Result, ensure};
use std::collections::{BTreeMap, BTreeSet};

pub struct Merged {
    /// Rust name, schema's name and body (with Rust names inside).
    pub types: BTreeMap<String, (String, Type)>,
    /// Rust name of each schema's root type, in the order of the schemas.
    pub roots: Vec<String>,
}

pub fn merge(schemas: &[Schema]) -> Result<Merged> {
    let split = names_to_split(schemas);
    let rust = |schema: &Schema, name: &str| {
        if split.contains(name) { format!("{}{}", camel(&schema.id), camel(name)) } else { camel(name) }
    };
    let mut types = BTreeMap::new();
    for schema in schemas {
        for (name, body) in &schema.types {
            let entry = (name.clone(), renamed(body, |inner| rust(schema, inner)));
            let rust_name = rust(schema, name);
            let earlier = types.entry(rust_name.clone()).or_insert_with(|| entry.clone());
            ensure!(*earlier == entry, "{rust_name} stands for two types");
        }
    }
    let roots = schemas.iter().map(|schema| rust(schema, &schema.root.1)).collect();
    Ok(Merged { types, roots })
}

/// Names whose bodies differ between schemas, or that mention such a name differently.
fn names_to_split(schemas: &[Schema]) -> BTreeSet<String> {
    let mut bodies: BTreeMap<&str, Vec<&Type>> = BTreeMap::new();
    for schema in schemas {
        for (name, body) in &schema.types {
            let known = bodies.entry(name).or_default();
            if !known.contains(&body) {
                known.push(body);
            }
        }
    }
    let mut split: BTreeSet<String> =
        bodies.iter().filter(|(_, all)| all.len() > 1).map(|(name, _)| (*name).to_owned()).collect();
    loop {
        let more: Vec<String> = bodies
            .iter()
            .filter(|(name, all)| {
                !split.contains(**name) && all.iter().any(|body| mentions(body).iter().any(|n| split.contains(n)))
            })
            .map(|(name, _)| (*name).to_owned())
            .collect();
        if more.is_empty() {
            return split;
        }
        split.extend(more);
    }
}

fn mentions(body: &Type) -> Vec<String> {
    let mut all = Vec::new();
    renamed(body, |name| {
        all.push(name.to_owned());
        String::new()
    });
    all
}

fn renamed(body: &Type, mut rename: impl FnMut(&str) -> String) -> Type {
    let mut body = body.clone();
    match &mut body {
        Type::Sequence(children) | Type::Choice(children) => {
            children.iter_mut().for_each(|child| child.type_name = rename(&child.type_name));
        }
        Type::Content { base, attribute_type, .. } => {
            *base = rename(base);
            *attribute_type = rename(attribute_type);
        }
        Type::Simple(_) | Type::Any { .. } => {}
    }
    body
}

/// `pacs.008.001.08` → `Pacs00800108`; `X_SimpleType` → `XSimpleType`; other names stay.
pub fn camel(name: &str) -> String {
    name.split(['.', '_', '-'])
        .map(|part| part.chars().next().map(|c| c.to_ascii_uppercase().to_string() + &part[1..]).unwrap_or_default())
        .collect()
}

/// `IntrBkSttlmAmt` → `intr_bk_sttlm_amt`; runs of capitals stay one word.
pub fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut text = String::new();
    for (at, c) in letters.iter().enumerate() {
        if *c == '.' {
            text.push('_');
            continue;
        }
        let before = at.checked_sub(1).map(|i| letters[i]);
        let after = letters.get(at + 1);
        let word = c.is_ascii_uppercase()
            && (before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                || (before.is_some_and(|b| b.is_ascii_uppercase()) && after.is_some_and(|a| a.is_ascii_lowercase())));
        if word {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    if matches!(text.as_str(), "type" | "ref" | "use" | "move" | "in" | "for" | "as" | "where" | "loop" | "box" | "final") {
        text.push('_');
    }
    text
}
