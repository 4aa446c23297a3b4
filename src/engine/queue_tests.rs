use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const END: SimTime = SimTime::MAX;

fn at(us: u64) -> SimTime {
    SimTime::from_micros(us)
}

#[test]
fn ties_are_broken_by_phase_and_then_by_insertion() {
    let mut q = EventQueue::default();
    for (time, phase, name) in [(5, 1, 'c'), (5, 0, 'a'), (5, 1, 'd'), (5, 0, 'b'), (4, 3, '0')] {
        q.push(at(time), phase, name);
    }
    let order: String = std::iter::from_fn(|| q.pop_before(END)).map(|(_, name)| name).collect();
    assert_eq!(order, "0abcd");
}

#[test]
fn the_horizon_is_half_open() {
    let mut q = EventQueue::default();
    q.push(at(10), 0, ());
    assert!(q.pop_before(at(10)).is_none());
    assert!(q.pop_before(at(11)).is_some());
}

#[test]
fn a_handle_cancels_once_and_never_a_later_event_in_the_same_place() {
    let mut q = EventQueue::default();
    let first = q.push(at(1), 0, 'a');
    assert!(q.cancel(first));
    assert!(!q.cancel(first));
    assert!(q.pop_before(END).is_none());
    q.push(at(2), 0, 'b');
    assert!(!q.cancel(first));
    assert_eq!(q.pop_before(END), Some((at(2), 'b')));
}

#[test]
fn cancelled_events_do_not_pile_up() {
    // A watchdog that is re-armed 10,000 times leaves at most 64 stale keys beside the live one.
    let mut q = EventQueue::default();
    let mut handle = q.push(at(1_000_000), 0, 0);
    for i in 1..10_000 {
        q.cancel(handle);
        handle = q.push(at(1_000_000 + i), 0, i);
    }
    assert_eq!(q.len(), 1);
    assert!(q.slab.len() < 130, "{}", q.slab.len());
}

#[derive(Clone, Debug)]
enum Step {
    Push { delay: u64, phase: u8 },
    Cancel(usize),
    Pop,
}

fn step() -> impl Strategy<Value = Step> {
    let delay = prop_oneof![Just(0), 0..4u64, 0..100_000u64, Just(10_000_000), 0..1u64 << 45];
    prop_oneof![
        4 => (delay, 0..5u8).prop_map(|(delay, phase)| Step::Push { delay, phase }),
        1 => (0..400usize).prop_map(Step::Cancel),
        3 => Just(Step::Pop),
    ]
}

/// Crowds: slots that are spread, fronts that are cut, sweeps. Delays mix crowds at one instant with spans of
/// nine decades.
#[test]
fn crowds_come_out_in_order() {
    let mut stream = crate::engine::Streams::new(3, 0).open(crate::engine::Purpose::named("crowd"), &[]);
    for population in [10, 25, 60, 200, 3_000] {
        let (mut q, mut reference, mut now) = (EventQueue::default(), BTreeMap::new(), 0);
        for i in 0..40_000_u64 {
            if reference.len() == population {
                let ((t, _), (e, _)) = reference.pop_first().expect("not empty");
                // Looking at what lies beyond an end must not disturb what is pushed before it.
                assert_eq!(q.pop_before(at(t)), None);
                assert_eq!(q.pop_before(END), Some((at(t), e)));
                now = t;
            }
            let delay = match stream.below(8) {
                0..=2 => 1_000_000,
                3 => 0,
                n => 10_u64.pow(2 * n as u32 - 5) + stream.below(1_000) as u64,
            };
            let handle = q.push(at(now + delay), 0, i);
            reference.insert((now + delay, i), (i, handle));
            if stream.below(4) == 0 && reference.len() > population / 2 {
                let (key, (_, handle)) = reference.iter().nth(population / 3).expect("enough");
                assert!(q.cancel(*handle));
                let key = *key;
                reference.remove(&key);
            }
        }
    }
}

proptest! {
    /// The reference is a sorted map: same pops, same cancellations, whatever the mix.
    #[test]
    fn pops_exactly_what_a_sorted_map_pops(steps in proptest::collection::vec(step(), 1..1_500)) {
        let mut q = EventQueue::default();
        let mut reference = BTreeMap::new();
        let mut handles = Vec::new();
        let mut now = 0;
        for (i, step) in steps.into_iter().enumerate() {
            match step {
                Step::Push { delay, phase } => {
                    handles.push((q.push(at(now + delay), phase, i), (now + delay, phase, i)));
                    reference.insert((now + delay, phase, i), ());
                }
                Step::Cancel(n) => {
                    if let Some((handle, key)) = handles.get(n) {
                        prop_assert_eq!(q.is_pending(*handle), reference.contains_key(key));
                        prop_assert_eq!(q.cancel(*handle), reference.remove(key).is_some());
                    }
                }
                Step::Pop => {
                    let expected = reference.pop_first().map(|((t, _, i), ())| (at(t), i));
                    let got = q.pop_before(END);
                    prop_assert_eq!(got, expected);
                    now = got.map_or(now, |(t, _)| t.as_micros());
                }
            }
            prop_assert_eq!(q.len(), reference.len());
        }
    }
}
