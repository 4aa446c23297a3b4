//! How fast an autoscaler may move: what it recommended lately, what it did lately, and the rules for both directions.
//!
//! Follows the stabilization and rate limits of pkg/controller/podautoscaler/horizontal.go, v1.36.2, with `behavior`
//! and without. Knows no metrics.
//!
//! *Deviation:* what lies exactly one window or period back is over. Upstream's looks come 15 s and the time of the look
//! apart, so there it always is; here looks may be exactly 15 s apart.
//!
//! Start at [`Recommendations::stabilize`], then [`Rules::limit_up`].

use super::calculator::Tolerance;
use crate::engine::{SimDuration, SimTime};

/// How much the size may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    Pods(u32),
    /// Percent of the size at the start of the period.
    Percent(u32),
}

/// How much the size may change in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub amount: Amount,
    pub period: SimDuration,
}

/// Which of several policies decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// The one that allows the largest change.
    Max,
    /// The one that allows the smallest.
    Min,
    /// None: the size does not change in this direction.
    Disabled,
}

/// Rules for one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The size follows the most cautious recommendation of so long.
    pub stabilization: SimDuration,
    pub select: Select,
    pub policies: Vec<Policy>,
    /// How far off the target is still on it in this direction; `None` as for all autoscalers.
    pub tolerance: Option<f64>,
}

impl Rules {
    /// Defaults upwards: at once, and in 15 s by 4 pods or to twice the size.
    pub fn up() -> Rules {
        let period = SimDuration::from_secs(15);
        let policies =
            vec![Policy { amount: Amount::Pods(4), period }, Policy { amount: Amount::Percent(100), period }];
        Rules { stabilization: SimDuration::ZERO, select: Select::Max, policies, tolerance: None }
    }

    /// Defaults downwards: to the largest recommendation of a time, and then at once.
    pub fn down(stabilization: SimDuration) -> Rules {
        let policies = vec![Policy { amount: Amount::Percent(100), period: SimDuration::from_secs(15) }];
        Rules { stabilization, select: Select::Max, policies, tolerance: None }
    }

    /// The most pods that it may grow to now.
    pub fn limit_up(&self, current: u32, changes: &Changes, now: SimTime) -> u32 {
        let proposals = self.policies.iter().map(|policy| {
            let start = changes.size_before(current, policy.period, now);
            match policy.amount {
                Amount::Pods(pods) => start + i64::from(pods),
                // Up, so that a percentage of few pods is one pod at least.
                Amount::Percent(percent) => (start as f64 * (1.0 + f64::from(percent) / 100.0)).ceil() as i64,
            }
        });
        let limit = match self.select {
            Select::Max => proposals.max(),
            Select::Min => proposals.min(),
            Select::Disabled => None,
        };
        limit.map_or(current, |l| l.clamp(i64::from(current), i64::from(u32::MAX)) as u32)
    }

    /// The fewest pods that it may shrink to now.
    pub fn limit_down(&self, current: u32, changes: &Changes, now: SimTime) -> u32 {
        let proposals = self.policies.iter().map(|policy| {
            let start = changes.size_before(current, policy.period, now);
            match policy.amount {
                Amount::Pods(pods) => start - i64::from(pods),
                Amount::Percent(percent) => (start as f64 * (1.0 - f64::from(percent) / 100.0)) as i64,
            }
        });
        let limit = match self.select {
            Select::Max => proposals.min(),
            Select::Min => proposals.max(),
            Select::Disabled => None,
        };
        limit.map_or(current, |l| l.clamp(0, i64::from(current)) as u32)
    }

    fn longest_period(&self) -> SimDuration {
        self.policies.iter().map(|p| p.period).max().unwrap_or(SimDuration::ZERO)
    }
}

/// Rules for both directions. Without any an autoscaler has other limits: see [`limit_without_behavior`].
#[derive(Clone, Debug, PartialEq)]
pub struct Behavior {
    pub up: Rules,
    pub down: Rules,
}

impl Behavior {
    /// What counts as on target, where `general` holds for directions without their own.
    pub fn tolerance(&self, general: Tolerance) -> Tolerance {
        Tolerance {
            up: self.up.tolerance.unwrap_or(general.up),
            down: self.down.tolerance.unwrap_or(general.down),
        }
    }
}

/// What keeps a size from what was recommended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Nothing does.
    Within,
    TooFew,
    TooMany,
    ScaleUp,
    ScaleDown,
}

/// Without `behavior`: inside the bounds, and at most to twice the size or 4.
pub fn limit_without_behavior(wanted: u32, current: u32, min: u32, max: u32) -> (u32, Limit) {
    let rate = current.saturating_mul(2).max(4);
    match wanted {
        w if w < min => (min, Limit::TooFew),
        w if w > rate && rate < max => (rate, Limit::ScaleUp),
        w if w > max => (max, Limit::TooMany),
        w => (w, Limit::Within),
    }
}

impl Behavior {
    /// With it: as far as the policies allow now, inside the bounds.
    pub fn limit(
        &self,
        wanted: u32,
        current: u32,
        bounds: (u32, u32),
        changes: &Changes,
        now: SimTime,
    ) -> (u32, Limit) {
        let (min, max) = bounds;
        if wanted > current {
            let rate = self.up.limit_up(current, changes, now);
            let limit = if rate < max { Limit::ScaleUp } else { Limit::TooMany };
            return if wanted > rate.min(max) { (rate.min(max), limit) } else { (wanted, Limit::Within) };
        }
        if wanted < current {
            let rate = self.down.limit_down(current, changes, now);
            let limit = if rate > min { Limit::ScaleDown } else { Limit::TooFew };
            return if wanted < rate.max(min) { (rate.max(min), limit) } else { (wanted, Limit::Within) };
        }
        (wanted, Limit::Within)
    }
}

/// What was recommended lately, before stabilization and limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recommendations {
    /// (the last look that made it, recommendation), oldest first; equal ones in a row are one.
    made: Vec<(SimTime, u32)>,
}

impl Recommendations {
    pub fn is_empty(&self) -> bool {
        self.made.is_empty()
    }

    /// Remembers a recommendation, and forgets what is older than `window`.
    pub fn remember(&mut self, recommended: u32, window: SimDuration, now: SimTime) {
        self.made.retain(|m| m.0 + window > now);
        match self.made.last_mut() {
            Some(last) if last.1 == recommended => last.0 = now,
            _ => self.made.push((now, recommended)),
        }
    }

    /// The last recommendation was made again by looks until `until`.
    pub fn repeat(&mut self, until: SimTime) {
        if let Some(last) = self.made.last_mut() {
            last.0 = last.0.max(until);
        }
    }

    /// The new recommendation and the last ones of a window.
    fn of(&self, window: SimDuration, new: u32, now: SimTime) -> impl Iterator<Item = u32> {
        let lately = self.made.iter().filter(move |m| m.0 + window > now);
        lately.map(|m| m.1).chain([new])
    }

    /// The largest of a window: what is done without `behavior`.
    pub fn largest(&self, window: SimDuration, new: u32, now: SimTime) -> u32 {
        self.of(window, new, now).max().unwrap_or(new)
    }

    /// With `behavior`: the size itself, unless all recommendations of the way up's window are above it, or all of the
    /// way down's below.
    pub fn stabilize(&self, behavior: &Behavior, new: u32, current: u32, now: SimTime) -> u32 {
        let least = self.of(behavior.up.stabilization, new, now).min().unwrap_or(new);
        let largest = self.largest(behavior.down.stabilization, new, now);
        current.max(least).min(largest)
    }

    /// When the first of those that hold the newest back runs out of its window: larger ones hold a smaller size back for
    /// `down`, smaller ones a larger size for `up`.
    pub fn runs_out(&self, up: SimDuration, down: SimDuration, now: SimTime) -> Option<SimTime> {
        let newest = self.made.last()?.1;
        let ends =
            self.made.iter().filter(|m| m.1 != newest).map(|m| m.0 + if m.1 > newest { down } else { up });
        ends.filter(|t| *t > now).min()
    }
}

/// What was done lately under `behavior`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// (when, pods)
    added: Vec<(SimTime, u32)>,
    removed: Vec<(SimTime, u32)>,
}

impl Changes {
    pub fn remember(&mut self, behavior: &Behavior, from: u32, to: u32, now: SimTime) {
        let (list, period) = if to > from {
            (&mut self.added, behavior.up.longest_period())
        } else {
            (&mut self.removed, behavior.down.longest_period())
        };
        let change = (now, from.abs_diff(to));
        // One that is over makes room. Others like it stay, and still count for longer periods of the other direction.
        match list.iter_mut().rfind(|c| c.0 + period <= now) {
            Some(over) => *over = change,
            None => list.push(change),
        }
    }

    /// The size a period ago, as far as the autoscaler changed it.
    fn size_before(&self, current: u32, period: SimDuration, now: SimTime) -> i64 {
        let sum = |list: &[(SimTime, u32)]| -> i64 {
            list.iter().filter(|c| c.0 + period > now).map(|c| i64::from(c.1)).sum()
        };
        i64::from(current) - sum(&self.added) + sum(&self.removed)
    }

    /// When the first of them leaves a period of a policy after `now`.
    pub fn runs_out(&self, behavior: &Behavior, now: SimTime) -> Option<SimTime> {
        let policies = behavior.up.policies.iter().chain(&behavior.down.policies);
        let changes = || self.added.iter().chain(&self.removed);
        policies.flat_map(|p| changes().map(|c| c.0 + p.period)).filter(|t| *t > now).min()
    }
}

#[cfg(test)]
#[path = "behavior_tests.rs"]
mod tests;
