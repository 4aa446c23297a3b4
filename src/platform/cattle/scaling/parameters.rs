//! What can be set about scaling: which policies look at a group, and the numbers of each.
//!
//! Knows no group. Start at [`ScalingParameters`].

use crate::engine::SimDuration;
use crate::parameter::{
    Fraction, Named, Node, ParameterValue, Problem, Problems, TimeOfDay, Value, choices, section,
};
use std::fmt;
use std::str::FromStr;

choices! {
    /// A way of deciding how large a group should be.
    pub enum PolicyName {
        /// Hold the mean CPU utilization near a target.
        TargetTracking = "target-tracking",
        /// Change the size by a step that depends on how far utilization is off.
        Step = "step",
        /// Change the size by one amount, then wait for a cooldown.
        Simple = "simple",
        /// Keep a size in certain hours of certain weekdays.
        Scheduled = "scheduled",
        /// Forecast the load from the weeks before and launch ahead of it; only outwards.
        Predictive = "predictive",
        /// Stay at the size for the peak.
        None = "none",
    }
}

/// One policy or several, of which the largest size wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyList(Vec<PolicyName>);

impl PolicyList {
    /// Those that decide something.
    pub fn names(&self) -> impl Iterator<Item = PolicyName> + '_ {
        self.0.iter().copied().filter(|&name| name != PolicyName::None)
    }

    pub fn uses(&self, name: PolicyName) -> bool {
        self.names().any(|used| used == name)
    }

    /// Whether anything changes the size of a group.
    pub fn is_active(&self) -> bool {
        self.names().next().is_some()
    }
}

impl ParameterValue for PolicyList {
    const EXPECTED: &'static str =
        "one of `target-tracking`, `step`, `simple`, `scheduled`, `predictive`, `none`, or a list of several";

    fn read(node: &Node) -> Result<Self, String> {
        match &node.value {
            Value::Array(_) => Vec::read(node).map(PolicyList),
            _ => PolicyName::read(node).map(|name| PolicyList(vec![name])),
        }
    }

    fn placeholder() -> Self {
        PolicyList(Vec::new())
    }

    fn culprit(node: &Node) -> &Node {
        Vec::<PolicyName>::culprit(node)
    }

    fn help(node: &Node) -> String {
        match &node.value {
            Value::Array(_) => Vec::<PolicyName>::help(node),
            _ => PolicyName::help(node),
        }
    }
}

/// By how much a group changes where utilization is beyond a bound: `70%: +30%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    pub bound: f64,
    /// Relative to the present size; negative to shrink, for utilization below the bound.
    pub change: f64,
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape = || "which is not of the form `70%: +30%`".to_owned();
        let (bound, change) = text.split_once(':').ok_or_else(shape)?;
        let share = |text: &str| text.trim().strip_suffix('%').and_then(|n| n.parse::<f64>().ok());
        let (bound, change) = share(bound).zip(share(change)).ok_or_else(shape)?;
        if !(0.0..=100.0).contains(&bound) || !(-100.0..=1_000.0).contains(&change) || change == 0.0 {
            return Err("which is no utilization from 0 to 100 % and change from -100 to 1000 %".to_owned());
        }
        Ok(Step { bound: bound / 100.0, change: change / 100.0 })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%: {:+}%", self.bound * 100.0, self.change * 100.0)
    }
}

impl ParameterValue for Step {
    const EXPECTED: &'static str = "a step such as `70%: +30%`";

    fn read(node: &Node) -> Result<Self, String> {
        let Value::String(text) = &node.value else { return Err(crate::parameter::found(node)) };
        text.parse().map_err(|why| format!("found {}, {why}", crate::parameter::quoted(text)))
    }

    fn placeholder() -> Self {
        Step { bound: 1.0, change: 0.1 }
    }
}

choices! {
    /// A day of the week.
    pub enum Weekday {
        /// Monday.
        Monday = "mon",
        /// Tuesday.
        Tuesday = "tue",
        /// Wednesday.
        Wednesday = "wed",
        /// Thursday.
        Thursday = "thu",
        /// Friday.
        Friday = "fri",
        /// Saturday.
        Saturday = "sat",
        /// Sunday.
        Sunday = "sun",
    }
}

section! {
    /// How groups follow the load.
    pub struct ScalingParameters {
        /// Which policy decides, or several of which the largest size wins: a group grows if any says so and shrinks if all agree.
        policy: PolicyList = "target-tracking", from "auto scaling user guide @7d90761 recommends target tracking", grade Verified;
        /// CPU utilization that target tracking and prediction aim at.
        target: Fraction = "50%" in |t| t.as_f64() > 0.0 => "more than zero", from "public examples use 40-50 %", grade Verified;
        /// Period of the metric.
        period: SimDuration = "1m" in |d| *d >= SimDuration::from_secs(1) && *d <= SimDuration::from_mins(30)
            => "from 1s to 30m", from "detailed monitoring of EC2", grade Verified;
        /// How late a value of the metric is.
        lag: SimDuration = "1m" in |d| *d <= SimDuration::from_mins(30) => "at most 30m", from "alarms see a minute's value about a minute later; recalled", grade Recalled;
        /// Values beyond the upper bound in a row before a group grows.
        grow_after: u32 = 3 in |&n| (1..=120).contains(&n) => "from 1 to 120", from "AlarmHigh of target tracking: 3 datapoints in 3 min", grade Verified;
        /// Values beyond the lower bound in a row before a group shrinks.
        shrink_after: u32 = 15 in |&n| (1..=120).contains(&n) => "from 1 to 120", from "AlarmLow of target tracking: 15 datapoints in 15 min", grade Verified;
        /// The lower bound of target tracking, relative to its target.
        shrink_below: Fraction = "70%", from "AlarmLow of target tracking on EC2 groups: 0.7 of the target", grade Verified;
        /// Target tracking shrinks a group to the largest size that was needed within this time, at once; without one it shrinks by what the last value says.
        stabilization: SimDuration = "0s" in |d| *d <= SimDuration::from_hours(2) => "at most 2h", from "AWS has none", grade Verified;
        /// Time after entering service before a machine counts in the metric.
        warm_up: SimDuration = "60s", from "AWS strongly recommends to set one; the value depends on the application", grade Choice;
        /// Steps of step scaling, `UTILIZATION: CHANGE`: of all that apply, the largest change.
        steps: Vec<Step> = "['60%: +10%', '70%: +30%', '40%: -10%', '30%: -30%']", from "the example of the auto scaling user guide: 10 and 30 % from 10 and 20 points off 50 %", grade Recalled;
        simple: SimpleScalingParameters, section;
        /// Hours in which a size is kept, each `[platform.NAME.scaling.schedule.NAME]`.
        schedule: Named<ScheduleParameters>, sections;
        predictive: PredictiveScalingParameters, section;
    }
}

section! {
    /// Simple scaling: one amount, then a pause.
    pub struct SimpleScalingParameters {
        /// Utilization above which a group grows.
        above: Fraction = "70%", from "examples of Azure autoscale and AWS use 70-75 %", grade Recalled;
        /// Utilization below which it shrinks.
        below: Fraction = "30%", from "examples of Azure autoscale and AWS use 25-30 %", grade Recalled;
        /// Machines to add or remove at a time.
        by: u32 = 1 in |&n| (1..=1_000).contains(&n) => "from 1 to 1000", from "examples of Azure autoscale", grade Recalled;
        /// Pause after the last machine of a change has come or gone.
        cooldown: SimDuration = "300s", from "auto scaling user guide @7d90761", grade Verified;
    }
}

section! {
    /// Hours of the week in which a group has a minimum size.
    pub struct ScheduleParameters {
        /// Weekdays.
        days: Vec<Weekday> = "['mon', 'tue', 'wed', 'thu', 'fri']", grade Choice;
        /// When it begins.
        begins: TimeOfDay = "08:00", grade Choice;
        /// When it ends, on the same day.
        ends: TimeOfDay = "20:00", grade Choice;
        /// The size, as a share of what the peak needs.
        at_least: Fraction = "100%", grade Choice;
    }
}

section! {
    /// Predictive scaling.
    pub struct PredictiveScalingParameters {
        /// How long before an hour begins the machines for it are launched: boot, configuration, first check, and some.
        ahead: SimDuration = "5m" in |d| *d <= SimDuration::from_hours(1) => "at most 1h", from "SchedulingBufferTime of predictive scaling is 300 s", grade Recalled;
        /// How far back the load is looked at; nothing is forecast in the first 24 h.
        history: SimDuration = "14d" in |d| *d >= SimDuration::from_days(1) && *d <= SimDuration::from_days(60) => "from 1d to 60d", from "auto scaling user guide @7d90761: 14 days, at least 24 h", grade Verified;
    }
}

impl ScalingParameters {
    /// Policies without what they need, and schedules that nobody looks at.
    pub fn check(&self, problems: &mut Problems) {
        let at = self.place.of("policy");
        let scheduled = self.policy.uses(PolicyName::Scheduled);
        if scheduled && self.schedule.is_empty() {
            let problem = Problem::at(at, "scheduled scaling without a schedule", "nothing says when");
            problems.push(
                problem
                    .help("add `[platform.NAME.scaling.schedule.day]` with `begins`, `ends` and `at_least`"),
            );
        }
        if !scheduled && !self.schedule.is_empty() {
            let at = self.place.of("schedule");
            let problem = Problem::at(at, "a schedule that no policy looks at", "has no effect");
            problems.push(problem.help("add \"scheduled\" to `scaling.policy`, or leave the schedule out"));
        }
        for (name, schedule) in self.schedule.iter().filter(|(_, s)| s.begins >= s.ends) {
            let at = schedule.place.of("ends");
            let problem = Problem::at(at, format!("schedule `{name}` ends before it begins"), "too early");
            problems
                .push(problem.help("give an `ends` later than `begins`; one over midnight is two schedules"));
        }
        if self.simple.below >= self.simple.above {
            let at = self.simple.place.of("below");
            let problem =
                Problem::at(at, "simple scaling would shrink and grow at once", "not below `above`");
            problems.push(problem.help("lower `simple.below` or raise `simple.above`"));
        }
    }
}
