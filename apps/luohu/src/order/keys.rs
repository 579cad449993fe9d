//! Orders about a participant's signing keys.

use super::moment;
use crate::cli::KeyArgs;
use anyhow::{Context, Result, ensure};
use clearing::{Arrangement, Command, ParticipantId, ParticipantKey, SetKey, Time, VerifyingKey};
use signing::PublicKey;

/// A key begins, or ends at another time. Its bytes are always said, so that no other key is ended by a slip of its number.
pub(super) fn set(participant: ParticipantId, args: &KeyArgs) -> Result<Command> {
    let (public, key) = match (&args.ed25519, &args.p256) {
        (Some(text), None) => {
            let key = bytes(text).with_context(|| format!("--ed25519: {text} is not 64 hexadecimal digits"))?;
            (PublicKey::Ed25519(key), VerifyingKey::Ed25519(key))
        }
        (None, Some(text)) => {
            let key =
                bytes(text).with_context(|| format!("--p256: {text} is not the 66 hexadecimal digits of a compressed point"))?;
            (PublicKey::P256(key), VerifyingKey::P256(key))
        }
        (Some(_), Some(_)) | (None, None) => anyhow::bail!("say the key, with --ed25519 or with --p256"),
    };
    ensure!(public.is_sound(), "nobody can hold this key: it is no point of its curve");
    let from = args.from.as_deref().map_or(Ok(Time(0)), moment)?;
    let until = args.until.as_deref().map_or(Ok(ParticipantKey::OPEN), moment)?;
    let key = ParticipantKey { number: args.number, key, from, until };
    Ok(Command::Arrange(Arrangement::SetKey(SetKey { participant, key })))
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.is_ascii().then(|| text.as_bytes().chunks_exact(2))?;
    let read = |pair| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Vec<u8> = digits.map(read).collect::<Option<_>>()?;
    (text.len() == 2 * N).then(|| bytes.try_into().ok())?
}

/// What it does, in words.
pub(super) fn words(set: &SetKey) -> String {
    let ParticipantKey { number, key, from, until } = &set.key;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let key = match key {
        VerifyingKey::Ed25519(bytes) => format!("Ed25519 {}", hex(bytes)),
        VerifyingKey::P256(bytes) => format!("P-256 {}", hex(bytes)),
    };
    let from = if from.0 == 0 { "now on".to_owned() } else { gateway::rfc3339(*from) };
    let until = if *until == ParticipantKey::OPEN { "further notice".to_owned() } else { gateway::rfc3339(*until) };
    format!("take messages of participant {} under its key #{number}, {key}, from {from} until {until}", set.participant.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use signing::{MessageSigner as _, P256Signer};

    fn args() -> KeyArgs {
        let PublicKey::P256(point) = P256Signer::ephemeral("x").verifying_key() else { panic!("a point") };
        let p256 = Some(point.map(|byte| format!("{byte:02x}")).concat());
        KeyArgs { bic: "HARBHKHHXXX".into(), number: 2, ed25519: None, p256, from: None, until: None }
    }

    #[test]
    fn a_key_is_said_once_and_must_be_a_point() {
        let said = |args: &KeyArgs| set(ParticipantId(3), args).map_err(|error| error.to_string());
        let Ok(Command::Arrange(Arrangement::SetKey(order))) = said(&args()) else { panic!("a key") };
        assert!(words(&order).starts_with("take messages of participant 3 under its key #2, P-256 0"), "{}", words(&order));
        assert!(words(&order).ends_with("from now on until further notice"), "{}", words(&order));
        let both = KeyArgs { ed25519: Some("00".repeat(32)), ..args() };
        assert!(said(&both).unwrap_err().contains("--ed25519 or"));
        assert!(said(&KeyArgs { p256: None, ..args() }).unwrap_err().contains("--ed25519 or"));
        for (bad, words) in [
            ("zz", "66 hexadecimal"),
            ("02é", "66 hexadecimal"),
            (&*"02ff".repeat(17), "66 hexadecimal"),
            (&*format!("05{}", "11".repeat(32)), "no point"),
        ] {
            let said = said(&KeyArgs { p256: Some(bad.to_owned()), ..args() }).unwrap_err();
            assert!(said.contains(words), "{bad}: {said}");
        }
        let until = KeyArgs { until: Some("2027-01-01".into()), ..args() };
        assert!(said(&until).unwrap_err().contains("no date and time"));
    }
}
