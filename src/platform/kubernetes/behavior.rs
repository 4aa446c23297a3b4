//! `behavior` of an autoscaler, as a scenario writes it: keys become the rules of the real object.
//!
//! Start at [`HpaParameters::behavior`].

use super::parameters::{HpaParameters, PolicySelect, ScalingPolicyParameters};
use crate::cluster::controllers::hpa::behavior::{Amount, Behavior, Policy, Rules, Select};
use crate::engine::SimDuration;
use crate::parameter::{Fraction, Named, Problem, Problems};

impl HpaParameters {
    /// The rules; none if the scenario says nothing about either direction. One direction brings the defaults of the
    /// other with it.
    pub fn behavior(&self) -> Option<Behavior> {
        if self.scale_up.is_none() && self.scale_down.is_none() {
            return None;
        }
        let up = self.scale_up.as_ref().map_or_else(Rules::up, |p| {
            rules(Rules::up(), Some(p.stabilization), p.tolerance, p.select, &p.policy)
        });
        let default = Rules::down(self.stabilization);
        let down = self
            .scale_down
            .as_ref()
            .map_or(default.clone(), |p| rules(default, p.stabilization, p.tolerance, p.select, &p.policy));
        Some(Behavior { up, down })
    }

    /// Policies must allow something.
    pub fn check(&self, problems: &mut Problems) {
        let up = self.scale_up.iter().map(|p| &p.policy);
        let down = self.scale_down.iter().map(|p| &p.policy);
        for policies in up.chain(down) {
            for (name, _) in policies.iter().filter(|(_, p)| p.pods.is_none() && p.percent.is_none()) {
                let origin = policies.origin_of(name).cloned().unwrap_or_default();
                let problem =
                    Problem::at(&origin, format!("policy `{name}` allows nothing"), "it has only a period");
                problems.push(problem.help("give it `pods`, `percent` or both"));
            }
        }
    }
}

fn rules(
    default: Rules,
    stabilization: Option<SimDuration>,
    tolerance: Option<Fraction>,
    select: PolicySelect,
    policies: &Named<ScalingPolicyParameters>,
) -> Rules {
    let policies: Vec<Policy> = policies.iter().flat_map(|(_, p)| amounts(p)).collect();
    Rules {
        stabilization: stabilization.unwrap_or(default.stabilization),
        select: match select {
            PolicySelect::Max => Select::Max,
            PolicySelect::Min => Select::Min,
            PolicySelect::Disabled => Select::Disabled,
        },
        policies: if policies.is_empty() { default.policies } else { policies },
        tolerance: tolerance.map(Fraction::as_f64),
    }
}

fn amounts(p: &ScalingPolicyParameters) -> impl Iterator<Item = Policy> {
    let percent = p.percent.map(|share| Amount::Percent((share.as_f64() * 100.0).round() as u32));
    let period = p.period;
    p.pods.map(Amount::Pods).into_iter().chain(percent).map(move |amount| Policy { amount, period })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameter::{Origin, Section, load_bytes};

    fn read(text: &str) -> (HpaParameters, Problems) {
        let (table, _, mut problems) = load_bytes("test.toml", text.as_bytes(), &[]);
        let p = HpaParameters::read(&table, &Origin::default(), "", &mut problems);
        p.check(&mut problems);
        (p, problems)
    }

    #[test]
    fn one_direction_brings_the_defaults_of_the_other() {
        let (p, problems) = read(
            "stabilization = '2m'\n[scale_up]\nselect = 'min'\ntolerance = '30%'\n[scale_up.policy.slow]\npods = 2\n\
             percent = '150%'\nperiod = '30s'\n",
        );
        assert!(problems.is_empty(), "{problems:?}");
        let period = SimDuration::from_secs(30);
        let policies =
            vec![Policy { amount: Amount::Pods(2), period }, Policy { amount: Amount::Percent(150), period }];
        let up = Rules { select: Select::Min, policies, tolerance: Some(0.3), ..Rules::up() };
        assert_eq!(p.behavior(), Some(Behavior { up, down: Rules::down(SimDuration::from_mins(2)) }));
        assert_eq!(read("").0.behavior(), None);
    }

    #[test]
    fn a_policy_that_allows_nothing_is_refused() {
        let (_, problems) = read("[scale_down.policy.odd]\nperiod = '30s'\n");
        assert!(format!("{problems:?}").contains("policy `odd` allows nothing"));
    }
}
