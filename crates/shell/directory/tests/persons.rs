//! What is kept of one account is told, and its bytes go when it is taken out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use clearing::Bic;
use directory::{Alias, Ask, Change, Directory, Kept, Settings};
use signing::HashKey;
use std::path::Path;

const MOBILE: &str = "+85291234567";

fn key() -> HashKey {
    HashKey::new(&[7; 32])
}

fn bic(name: &str) -> Bic {
    Bic::parse(name).unwrap()
}

fn register(directory: &Directory, by: &str, alias: &str, account: &str, name: &str) {
    let change = Change::Register {
        alias: Some(Alias::parse(alias).unwrap()),
        account: account.to_owned(),
        name: name.to_owned(),
        name_han: Some("陳大文".to_owned()),
        company: false,
        default: true,
    };
    directory.change(bic(by), &[change], &mut || 1, 5).unwrap().remove(0).unwrap();
}

/// Whether any file below the folder has these bytes.
fn is_anywhere(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => is_anywhere(&path, bytes),
            false => std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes),
        }
    })
}

#[test]
fn an_account_is_told_and_taken_out_with_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Kept::open(folder.path(), key()).unwrap().is_none() && !folder.path().join("directory.redb").exists());
    let directory = Directory::open(folder.path(), Settings::default(), key()).unwrap();
    register(&directory, "HARBHKHHXXX", MOBILE, "388100200301", "CHAN Tai Man");
    register(&directory, "LIONHKHHXXX", MOBILE, "700100", "CHAN Tai Man");
    register(&directory, "HARBHKHHXXX", "taiman@example.com", "388100200301", "CHAN Tai Man");
    register(&directory, "HARBHKHHXXX", "+85290000001", "999", "WONG Siu");
    let whom = Alias::parse(MOBILE).unwrap();
    directory.look_up(&Ask { by: bic("LIONHKHHXXX"), payer: "p", alias: &whom, at: None }, 6).unwrap();
    drop(directory);

    let kept = Kept::open(folder.path(), key()).unwrap().unwrap();
    let mut told = kept.of_account(bic("HARBHKHHXXX"), "388100200301").unwrap();
    told.sort_by_key(|alias| alias.look_ups.len());
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|alias| alias.is_default && alias.name.starts_with("CHAN") && !alias.name_han.is_empty()));
    assert_eq!((told[0].look_ups.len(), told[1].look_ups.len()), (0, 1));
    assert!(told[1].look_ups[0].contains("LIONHKHHXXX"), "{:?}", told[1]);
    assert_eq!(kept.of_account(bic("LIONHKHHXXX"), "388100200301").unwrap(), []);
    assert!(is_anywhere(folder.path(), b"388100200301"));

    assert_eq!(kept.take_out(bic("HARBHKHHXXX"), "388100200301").unwrap(), 2);
    assert!(!is_anywhere(folder.path(), b"388100200301"), "VLT-02");
    assert!(is_anywhere(folder.path(), b"700100") && is_anywhere(folder.path(), b"WONG"), "others stay");
    let directory = Directory::open(folder.path(), Settings::default(), key()).unwrap();
    let at = Ask { by: bic("PENGCNBSXXX"), payer: "p", alias: &whom, at: Some(bic("LIONHKHHXXX")) };
    assert_eq!(directory.look_up(&at, 7).unwrap().account, "700100");
    let mail = Alias::parse("taiman@example.com").unwrap();
    directory.look_up(&Ask { by: bic("PENGCNBSXXX"), payer: "p", alias: &mail, at: None }, 7).unwrap_err();
}
