//! The kinds of platforms that a scenario can name, one line each.

use super::Platform;
use super::cattle::{Cattle, CattleParameters};
use super::kubernetes::{self, Kubernetes, KubernetesParameters};
use super::pets::{self, Pets, PetsParameters};
use super::practice::PracticeParameters;
use super::sizing::{Infeasible, check_machine, check_size_names, check_sizes, infeasible_on_machines};
use crate::catalog::Catalog;
use crate::parameter::{Problems, kinds};
use crate::world::Api;

kinds! {
    /// A way of running services: `[platform.NAME]`.
    pub enum PlatformParameters by kind: PlatformKind {
        /// Machines built and kept by hand, one box each.
        Pets(PetsParameters) = "pets",
        /// Auto scaling groups of machines from a golden image.
        Cattle(CattleParameters) = "cattle",
        /// Pods on a shared pool of nodes, kept as declared by a set of controllers.
        Kubernetes(KubernetesParameters) = "kubernetes",
    }
}

impl PlatformParameters {
    /// Problems that show without a world: names that refer to nothing.
    pub fn check(&self, services: &[&str], catalog: &Catalog, problems: &mut Problems) {
        match self {
            PlatformParameters::Pets(p) => {
                check_sizes(&p.size, services, catalog, problems);
                p.check(services, problems);
                p.load_balancer.check_machine(catalog, problems);
                p.discovery.check_machine(catalog, problems);
            }
            PlatformParameters::Cattle(p) => {
                check_sizes(&p.size, services, catalog, problems);
                p.check(problems);
                p.scaling.check(problems);
                p.load_balancer.check_machine(catalog, problems);
                p.discovery.check_machine(catalog, problems);
            }
            PlatformParameters::Kubernetes(p) => {
                check_size_names(&p.size, services, problems);
                p.hpa.check(problems);
                p.disruption_budget.check(problems);
                let node_type = p.node_pool.node_type.as_deref();
                let control_plane = &p.control_plane;
                let machine = Some(control_plane.machine.as_str());
                check_machine(machine, control_plane.place.of("machine"), catalog, problems);
                check_machine(node_type, p.node_pool.place.of("node_type"), catalog, problems);
            }
        }
    }

    /// Services that this platform cannot run, and why.
    pub fn infeasible(&self, practice: &PracticeParameters, api: &Api<'_>) -> Vec<Infeasible> {
        match self {
            PlatformParameters::Pets(p) => pets::infeasible(p, practice, api),
            PlatformParameters::Cattle(p) => {
                infeasible_on_machines(api, practice, p.discovery.balancing(&p.load_balancer), &p.size)
            }
            PlatformParameters::Kubernetes(p) => kubernetes::infeasible(p, practice, api),
        }
    }

    /// A fresh platform of this kind.
    pub fn build(&self, practice: &PracticeParameters) -> Box<dyn Platform> {
        match self {
            PlatformParameters::Pets(p) => Box::new(Pets::new(p.clone(), practice.clone())),
            PlatformParameters::Cattle(p) => Box::new(Cattle::new(p.clone(), practice.clone())),
            PlatformParameters::Kubernetes(p) => Box::new(Kubernetes::new(p.clone(), practice.clone())),
        }
    }
}
