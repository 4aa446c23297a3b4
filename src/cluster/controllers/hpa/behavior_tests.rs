//! Checks of how fast an autoscaler may move.

use super::*;

fn at(s: u64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs(s)
}

fn rules(select: Select, policies: &[(Amount, u64)]) -> Rules {
    let policies =
        policies.iter().map(|&(amount, s)| Policy { amount, period: SimDuration::from_secs(s) }).collect();
    Rules { stabilization: SimDuration::ZERO, select, policies, tolerance: None }
}

#[test]
fn without_behavior_the_size_doubles_or_grows_to_four() {
    // facts 14.1: ratio 10 from one pod, at most 20.
    assert_eq!(limit_without_behavior(10, 1, 1, 20), (4, Limit::ScaleUp));
    assert_eq!(limit_without_behavior(10, 4, 1, 20), (8, Limit::ScaleUp));
    assert_eq!(limit_without_behavior(10, 8, 1, 20), (10, Limit::Within));
    assert_eq!(limit_without_behavior(50, 16, 1, 20), (20, Limit::TooMany));
    assert_eq!(limit_without_behavior(0, 3, 1, 20), (1, Limit::TooFew));
}

#[test]
fn without_behavior_the_size_is_the_largest_recommendation_of_five_minutes() {
    let window = SimDuration::from_secs(300);
    let mut made = Recommendations::default();
    made.remember(10, window, at(0));
    assert_eq!(made.largest(window, 4, at(299)), 10);
    assert_eq!(made.largest(window, 4, at(300)), 4);
    // A look that was left out repeated the 10 at 30 s.
    made.repeat(at(30));
    made.remember(4, window, at(45));
    assert_eq!(made.runs_out(SimDuration::ZERO, window, at(45)), Some(at(330)));
    assert_eq!(made.largest(window, 4, at(329)), 10);
    assert_eq!(made.largest(window, 4, at(330)), 4);
}

#[test]
fn with_behavior_each_direction_has_its_window() {
    let mut behavior = Behavior { up: Rules::up(), down: Rules::down(SimDuration::from_secs(300)) };
    behavior.up.stabilization = SimDuration::from_secs(60);
    let mut made = Recommendations::default();
    made.remember(5, SimDuration::from_secs(300), at(0));
    // Up to the least of 60 s, down to the largest of 300 s.
    assert_eq!(made.stabilize(&behavior, 9, 5, at(59)), 5);
    assert_eq!(made.stabilize(&behavior, 9, 5, at(60)), 9);
    assert_eq!(made.stabilize(&behavior, 2, 6, at(299)), 5);
    assert_eq!(made.stabilize(&behavior, 2, 6, at(300)), 2);
}

#[test]
fn a_policy_counts_from_the_size_a_period_ago() {
    let up = rules(Select::Max, &[(Amount::Pods(2), 30)]);
    let behavior = Behavior { up: up.clone(), down: rules(Select::Max, &[(Amount::Percent(50), 30)]) };
    let mut changes = Changes::default();
    assert_eq!(up.limit_up(2, &changes, at(0)), 4);
    changes.remember(&behavior, 2, 4, at(0));
    // 4 − 2 + 2.
    assert_eq!(up.limit_up(4, &changes, at(29)), 4);
    assert_eq!(changes.runs_out(&behavior, at(29)), Some(at(30)));
    assert_eq!(up.limit_up(4, &changes, at(30)), 6);
    // Down by half of what was there before the rise: (4 − 2)/2 = 1; at 30 s 4/2 = 2.
    assert_eq!(behavior.down.limit_down(4, &changes, at(29)), 1);
    assert_eq!(behavior.down.limit_down(4, &changes, at(30)), 2);
    // 16 → 8 is done: 8 + 8 = 16, half of it is where it stands.
    changes.remember(&behavior, 16, 8, at(40));
    assert_eq!(behavior.down.limit_down(8, &changes, at(55)), 8);
}

#[test]
fn policies_are_selected_by_the_change_that_they_allow() {
    let both = [(Amount::Percent(100), 15), (Amount::Pods(3), 15)];
    let (none, now) = (Changes::default(), at(0));
    let up = |select, current| rules(select, &both).limit_up(current, &none, now);
    let down = |select, current| rules(select, &both).limit_down(current, &none, now);
    assert_eq!([up(Select::Max, 2), up(Select::Min, 2), up(Select::Disabled, 2)], [5, 4, 2]);
    assert_eq!([up(Select::Max, 7), up(Select::Min, 7)], [14, 10]);
    assert_eq!([down(Select::Max, 7), down(Select::Min, 7), down(Select::Disabled, 7)], [0, 4, 7]);
    // 10 % of 3 is one pod up, and none down: 3 · 0.9 = 2.7 → 2.
    let tenth = rules(Select::Max, &[(Amount::Percent(10), 15)]);
    assert_eq!([tenth.limit_up(3, &none, now), tenth.limit_down(3, &none, now)], [4, 2]);
}

#[test]
fn bounds_hold_beside_the_policies() {
    let behavior = Behavior { up: Rules::up(), down: Rules::down(SimDuration::ZERO) };
    let limit = |wanted, current| behavior.limit(wanted, current, (3, 9), &Changes::default(), at(0));
    assert_eq!(limit(50, 4), (8, Limit::ScaleUp));
    assert_eq!(limit(50, 8), (9, Limit::TooMany));
    assert_eq!(limit(0, 9), (3, Limit::TooFew));
    assert_eq!(limit(5, 9), (5, Limit::Within));
}
