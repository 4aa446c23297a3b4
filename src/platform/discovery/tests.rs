//! How long members take to agree that one of them is gone.

use super::*;

#[test]
fn detection_by_gossip_grows_with_the_logarithm_of_the_members() {
    let consul = RegistryParameters::default();
    // 1.58 s until the first probe, 1 s for it, 4·log10 N s of suspicion: 6.58, 10.58, 14.58 s; then ln N / ln 4 rounds of
    // 0.2 s until the servers have heard of it: 0.33, 0.66, 1.00 s.
    for (members, expected) in [(10, 6.914), (100, 11.246), (1_000, 15.579)] {
        let got = consul.detection(members).as_secs_f64();
        assert!((got - expected).abs() < 0.001, "{members}: {got}, not {expected}");
    }
    // Few members suspect for as long as ten would.
    let few = consul.detection(1).as_secs_f64();
    assert!((few - 6.582).abs() < 0.001, "{few}");
}
