//! Checks of what metrics ask for, by the arithmetic of the specification.

use super::*;

const TOLERANCE: Tolerance = Tolerance { up: 0.1, down: 0.1 };
const NOW: SimTime = SimTime::from_micros(86_400_000_000);

/// A pod that has been ready for an hour, uses `used` and asks for 100.
fn pod(used: i64) -> PodView {
    let long_ago = NOW - SimDuration::from_hours(1);
    let sample = Sample { value: used, taken: NOW, window: SimDuration::from_secs(15) };
    PodView {
        phase: Phase::Running,
        terminating: false,
        started: Some(long_ago),
        ready: Some((true, long_ago)),
        request: Some(100),
        sample: Some(sample),
    }
}

fn missing() -> PodView {
    PodView { sample: None, ..pod(0) }
}

fn pending() -> PodView {
    PodView { phase: Phase::Pending, started: None, ready: None, sample: None, ..pod(0) }
}

const CPU: Trust =
    Trust::Cpu { initialization: SimDuration::from_secs(300), readiness_delay: SimDuration::from_secs(30) };

fn propose(pods: Vec<PodView>, target: PodTarget, trust: Trust) -> Result<u32, Problem> {
    let current = pods.len() as u32;
    let tally = Tally::of(pods, target, trust, NOW);
    for_pods(&tally, target, TOLERANCE, current).map(|p| p.replicas)
}

fn check(pods: Vec<PodView>, percent: u32, expected: u32) {
    assert_eq!(propose(pods, PodTarget::Utilization(percent), CPU), Ok(expected));
}

#[test]
fn use_is_cut_to_whole_percents_and_pods_are_rounded_up() {
    // 90/60 · 3 = 4.5.
    check(vec![pod(90); 3], 60, 5);
    // 200/300 = 66.6 %, cut to 66; 66/60 = 1.1 is inside the tolerance.
    check(vec![pod(66), pod(67), pod(67)], 60, 3);
    // 67/60 · 3 = 3.35.
    check(vec![pod(67); 3], 60, 4);
    check(vec![pod(0); 7], 50, 0);
}

#[test]
fn pods_that_start_hold_a_rise_back_and_do_not_hinder_a_fall() {
    // 2 at 100 %, 2 wait, target 50 %: 200/400 = 50 % → 1.0.
    check(vec![pod(100), pod(100), pending(), pending()], 50, 4);
    // 30/60 · 4 = 2, whatever waits.
    check(vec![pod(30), pod(30), pod(30), pod(30), pending()], 60, 2);
}

#[test]
fn missing_samples_are_read_so_that_less_happens() {
    // Up: 6 · 150 / 8 = 112 %, 112/50 · 8 = 17.9.
    check([vec![pod(150); 6], vec![missing(); 2]].concat(), 50, 18);
    // Down: (4 · 10 + 2 · 100)/6 = 40 %, 40/80 · 6 = 3.
    check([vec![pod(10); 4], vec![missing(); 2]].concat(), 80, 3);
    // Down with a target above 100 %: (4 · 60 + 2 · 200)/6 = 106 %, 106/200 · 6 = 3.2.
    check([vec![pod(60); 4], vec![missing(); 2]].concat(), 200, 4);
    // (5 · 35 + 2 · 100)/7 = 53 %: the fall would become a rise.
    check([vec![pod(35); 5], vec![missing(); 2]].concat(), 50, 7);
}

#[test]
fn a_new_pod_counts_after_a_whole_window_of_being_ready() {
    let changed = |ago: u64, ready| PodView {
        started: Some(NOW - SimDuration::from_secs(60)),
        ready: Some((ready, NOW - SimDuration::from_secs(ago))),
        ..pod(200)
    };
    // (50 + 50)/2 = 50 % without it; with it 300/3 = 100 %, twice the target.
    check(vec![pod(50), pod(50), changed(14, true)], 50, 3);
    check(vec![pod(50), pod(50), changed(15, true)], 50, 6);
    check(vec![pod(50), pod(50), changed(30, false)], 50, 3);
}

#[test]
fn an_old_pod_counts_unless_it_was_never_ready() {
    let unready_since = |s: u64| PodView {
        started: Some(NOW - SimDuration::from_secs(600)),
        ready: Some((false, NOW - SimDuration::from_secs(600 - s))),
        ..pod(200)
    };
    check(vec![pod(50), pod(50), unready_since(30)], 50, 6);
    check(vec![pod(50), pod(50), unready_since(29)], 50, 3);
    // Memory does not ask: (50 + 50 + 200)/3 = 100 %.
    let pods = vec![pod(50), pod(50), unready_since(29)];
    assert_eq!(propose(pods, PodTarget::Utilization(50), Trust::Running), Ok(6));
}

#[test]
fn averages_are_compared_with_an_amount_for_each_pod() {
    let of = |pods: Vec<PodView>| propose(pods, PodTarget::AverageValue(40), CPU);
    // 60/40 · 2 = 3.
    assert_eq!(of(vec![pod(60), pod(60)]), Ok(3));
    // Down a missing pod uses the target: (20 + 20 + 40)/3 = 26, 26/40 · 3 = 1.95.
    assert_eq!(of(vec![pod(20), pod(20), missing()]), Ok(2));
    // On target it uses nothing: (40 + 40 + 40 + 0)/4 = 30, 30/40 · 4 = 3.
    assert_eq!(of(vec![pod(40), pod(40), pod(40), missing()]), Ok(3));
    // Nobody needs a request for that.
    assert_eq!(of(vec![PodView { request: None, ..pod(80) }]), Ok(2));
}

#[test]
fn what_cannot_be_judged_says_why() {
    let of = |pods| propose(pods, PodTarget::Utilization(50), CPU);
    assert_eq!(of(vec![missing(); 3]), Err(Problem::NoMetrics));
    let starting = PodView { ready: Some((false, NOW)), started: Some(NOW), ..pod(10) };
    assert_eq!(of(vec![starting]), Err(Problem::NoReadyPods));
    assert_eq!(of(vec![pod(10), PodView { request: None, ..pod(10) }]), Err(Problem::MissingRequest));
    assert_eq!(of(vec![PodView { request: Some(0), ..pod(10) }]), Err(Problem::NoRequests));
    let gone = PodView { terminating: true, ..pod(10) };
    assert_eq!(of(vec![gone, PodView { phase: Phase::Failed, ..pod(10) }]), Err(Problem::NoReadyPods));
}

#[test]
fn a_metric_of_something_else_scales_ready_pods_or_is_shared() {
    // 300/100 · 4 ready of 5 = 12; 105/100 is inside the tolerance.
    let of = |value, pods, ready| {
        for_value(value, 100, TOLERANCE, Present { pods, ready }, pods).map(|p| p.replicas)
    };
    assert_eq!(of(300, 5, 4), Ok(12));
    assert_eq!(of(105, 5, 4), Ok(5));
    // From none: 250/100, rounded up.
    assert_eq!(of(250, 0, 0), Ok(3));
    let lost = for_value(300, 100, TOLERANCE, Present { pods: 0, ready: 0 }, 5);
    assert_eq!(lost, Err(Problem::NoPods));
    // 1000/(100 · 9) = 1.11 → 1000/100 = 10; 1000/(100 · 10) = 1.
    assert_eq!(for_share(1_000, 100, TOLERANCE, 9).replicas, 10);
    assert_eq!(for_share(1_000, 100, TOLERANCE, 10).replicas, 10);
}
