//! The eviction API: a pod is deleted if its budget has room for that.
//!
//! Follows pkg/registry/core/pod/storage/eviction.go of v1.36.2; texts are upstream's. Unlike a controller it answers at
//! once, from what the disruption controller last wrote, and takes from that itself: evictions that come faster than the
//! controller looks do not pass the budget.
//!
//! Start at [`Cluster::evict`].

use super::Cluster;
use super::objects::{BudgetId, Phase, PodId, UnhealthyPods};
use crate::engine::SimTime;

/// More pods that were evicted and not seen to end than fit in a status (`MaxDisruptedPodSize`).
const MAX_DISRUPTED: usize = 2_000;

/// Why a pod is not evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no more.
    NotFound,
    /// The budget has no room.
    TooManyRequests { budget: BudgetId, needed: u32, healthy: u32 },
    /// The controller has not seen the budget yet.
    NotObserved { budget: BudgetId },
    /// More evictions than the controller has confirmed.
    Unconfirmed { budget: BudgetId },
    /// More than one budget selects it.
    SeveralBudgets,
}

impl Refusal {
    /// The answer's status.
    pub fn http_status(self) -> u16 {
        match self {
            Refusal::NotFound => 404,
            Refusal::TooManyRequests { .. } | Refusal::NotObserved { .. } => 429,
            Refusal::Unconfirmed { .. } => 403,
            Refusal::SeveralBudgets => 500,
        }
    }

    /// The answer's text.
    pub fn message(self) -> &'static str {
        match self {
            Refusal::NotFound => "pods not found",
            Refusal::TooManyRequests { .. } | Refusal::NotObserved { .. } => {
                "Cannot evict pod as it would violate the pod's disruption budget."
            }
            Refusal::Unconfirmed { .. } => {
                "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
            }
            Refusal::SeveralBudgets => {
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            }
        }
    }

    /// The answer's cause, for a budget with this name.
    pub fn cause(self, budget: &str) -> Option<String> {
        match self {
            Refusal::TooManyRequests { needed, healthy, .. } => Some(format!(
                "The disruption budget {budget} needs {needed} healthy pods and has {healthy} currently"
            )),
            Refusal::NotObserved { .. } => {
                Some(format!("The disruption budget {budget} is still being processed by the server."))
            }
            Refusal::NotFound | Refusal::Unconfirmed { .. } | Refusal::SeveralBudgets => None,
        }
    }
}

impl Cluster {
    /// Evicts a pod: it is deleted with its grace, and its budget has room for one less.
    ///
    /// # Errors
    /// What stands against it.
    pub fn evict(&mut self, id: PodId, now: SimTime) -> Result<(), Refusal> {
        let pod = self.store.pod(id).ok_or(Refusal::NotFound)?;
        let counts_for_nobody = pod.is_terminating() || pod.phase != Phase::Running;
        if !counts_for_nobody {
            match self.store.template(pod.template).budgets[..] {
                [] => {}
                [budget] => self.charge(budget, id, pod.ready, now)?,
                _ => return Err(Refusal::SeveralBudgets),
            }
        }
        self.store.delete_pod(id, now);
        Ok(())
    }

    /// Takes one from a budget, where that is asked for.
    fn charge(&mut self, id: BudgetId, pod: PodId, is_ready: bool, now: SimTime) -> Result<(), Refusal> {
        let budget = self.store.budget(id);
        let mut status = budget.status.clone();
        let is_met = status.desired > 0 && status.healthy >= status.desired;
        if !is_ready && (budget.unhealthy == UnhealthyPods::AlwaysAllow || is_met) {
            return Ok(());
        }
        if !status.observed {
            return Err(Refusal::NotObserved { budget: id });
        }
        if status.disrupted.len() > MAX_DISRUPTED {
            return Err(Refusal::Unconfirmed { budget: id });
        }
        if status.allowed == 0 {
            return Err(Refusal::TooManyRequests {
                budget: id,
                needed: status.desired,
                healthy: status.healthy,
            });
        }
        status.allowed -= 1;
        status.disrupted.insert(pod, now);
        self.store.set_budget_status(id, status);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::objects::{
        Container, DisruptionBudget, Keep, Labels, Name, Node, Owner, PodSpec, Resources, Size,
    };
    use crate::cluster::settings::Settings;
    use crate::engine::SimDuration;

    const NOW: SimTime = SimTime::from_micros(1_000_000);

    /// Ready pods under budgets that the controller has seen.
    fn cluster(pods: u32, budgets: &[Keep]) -> (Cluster, Vec<PodId>) {
        let mut cluster = Cluster::new(Settings::default());
        let labels = Labels::default().with(Name::APP, Name::number(1));
        let node = Node::new(Name::EMPTY, Labels::default(), Resources::default());
        let node = cluster.store.add_node(node);
        let spec = PodSpec::of_container(labels.clone(), Container::default());
        let template = cluster.store.intern_template(spec);
        let pods = (0..pods)
            .map(|_| {
                let pod = cluster.store.create_pod(Owner::None, template, NOW);
                cluster.store.bind(pod, node);
                cluster.store.set_ready(pod, true, NOW);
                pod
            })
            .collect();
        for &keep in budgets {
            cluster.store.add_budget(DisruptionBudget::new(&labels, keep));
        }
        (cluster, pods)
    }

    /// Lets the controllers see what happened.
    fn settle(cluster: &mut Cluster) {
        while cluster.take_change(NOW).is_some() {}
        let seen = NOW + SimDuration::from_secs(1);
        let events: Vec<_> = cluster.take_events().collect();
        events.into_iter().filter(|(at, _)| *at <= seen).for_each(|(_, event)| cluster.handle(event, seen));
        while cluster.take_change(seen).is_some() {}
    }

    #[test]
    fn evictions_that_outrun_the_controller_do_not_pass_the_budget() {
        let (mut cluster, pods) = cluster(5, &[Keep::MinAvailable(Size::Pods(3))]);
        let unseen = cluster.evict(pods[0], NOW).expect_err("nobody has counted yet");
        assert_eq!((unseen.http_status(), unseen), (429, Refusal::NotObserved { budget: BudgetId(0) }));
        settle(&mut cluster);
        // 5 − 3 = 2 may go at once.
        assert_eq!(cluster.evict(pods[0], NOW), Ok(()));
        assert_eq!(cluster.evict(pods[1], NOW), Ok(()));
        let refusal = cluster.evict(pods[2], NOW).expect_err("the budget is used up");
        assert_eq!(refusal.http_status(), 429);
        // One that is on its way out already asks nobody.
        assert_eq!(cluster.evict(pods[0], NOW), Ok(()));
    }

    #[test]
    fn a_pod_that_is_not_ready_goes_while_enough_others_are() {
        let check = |ready: u32, unhealthy, expected: bool| {
            let (mut cluster, pods) = cluster(5, &[]);
            let labels = Labels::default().with(Name::APP, Name::number(1));
            let budget = DisruptionBudget::new(&labels, Keep::MinAvailable(Size::Pods(4)));
            cluster.store.add_budget(DisruptionBudget { unhealthy, ..budget });
            for &pod in &pods[ready as usize..] {
                cluster.store.set_ready(pod, false, NOW);
            }
            settle(&mut cluster);
            assert_eq!(cluster.evict(pods[4], NOW).is_ok(), expected, "{ready} ready, {unhealthy:?}");
        };
        check(4, UnhealthyPods::IfHealthyBudget, true);
        check(3, UnhealthyPods::IfHealthyBudget, false);
        check(3, UnhealthyPods::AlwaysAllow, true);
    }

    #[test]
    fn two_budgets_over_a_pod_are_an_error() {
        let keep = Keep::MaxUnavailable(Size::Pods(1));
        let (mut cluster, pods) = cluster(2, &[keep, keep]);
        settle(&mut cluster);
        assert_eq!(cluster.evict(pods[0], NOW), Err(Refusal::SeveralBudgets));
        assert_eq!(Refusal::SeveralBudgets.http_status(), 500);
    }
}
