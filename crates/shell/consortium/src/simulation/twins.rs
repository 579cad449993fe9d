//! A validator that runs twice with one key, as after a restored backup: it contradicts itself, and the proof convicts it.

use super::cluster::{Cluster, NAMESPACE, VALIDATORS};
use super::runs::{run, told};
use chain::ContradictionKind;
use commonware_glue::simulate::engine::EngineDefinition as _;
use std::collections::BTreeSet;

#[test]
fn a_validator_that_runs_twice_is_convicted_and_nobody_else() {
    let cluster = Cluster::new(1 << 20).twinned();
    run(&cluster, 8, 40, None, false);
    let told = told(&cluster);
    assert!(told.settled > 0, "the others go on");
    let nodes = cluster.participants();
    let twin: &[u8] = nodes[VALIDATORS - 1].as_ref();
    let kinds: BTreeSet<_> = told.evidence.iter().map(|(kind, _)| *kind).collect();
    assert!(kinds.contains(&ContradictionKind::TwoBlocks), "{kinds:?}");
    for (kind, proof) in &told.evidence {
        assert_eq!(proof.validator, twin, "an honest validator stands accused");
        assert_eq!(proof.namespace, NAMESPACE);
        // Checked again from what it carries alone.
        assert_eq!(proof.verify(), Ok(*kind));
        let mut changed = proof.clone();
        changed.view += 1;
        assert!(changed.verify().is_err(), "a proof about another view");
        let mut agreeing = proof.clone();
        agreeing.choices[1] = agreeing.choices[0];
        assert!(agreeing.verify().is_err(), "one vote given twice");
    }
}
