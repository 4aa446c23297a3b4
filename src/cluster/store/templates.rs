//! Pod templates: one for each spec, kept as long as an object refers to it. Knows neither who refers to them nor why.
//! Start at [`Store::intern_template`].

use super::Store;
use crate::cluster::objects::{PodSpec, Template, TemplateId};
use std::collections::btree_map;
use std::hash::{DefaultHasher, Hash, Hasher};

impl Store {
    /// The template with this spec; a new one if there is none yet.
    pub fn intern_template(&mut self, spec: PodSpec) -> TemplateId {
        let known = self.template_of.entry(fingerprint(&spec)).or_default();
        let same = |id: &&TemplateId| self.templates.get(**id).is_some_and(|t| t.spec == spec);
        if let Some(&id) = known.iter().find(same) {
            return id;
        }
        let services = self.services().filter(|s| self.service(*s).selector.matches(&spec.labels)).collect();
        let budgets = self.budgets().filter(|b| self.budget(*b).selector.matches(&spec.labels)).collect();
        let key = fingerprint(&spec);
        let id = self.templates.insert(Template::new(spec, services, budgets));
        self.template_of.entry(key).or_default().push(id);
        id
    }

    pub(super) fn refer(&mut self, id: TemplateId) {
        self.templates.get_mut(id).expect("only templates that exist are referred to").references += 1;
    }

    pub(super) fn release(&mut self, id: TemplateId) {
        let template = self.templates.get_mut(id).expect("it was referred to");
        template.references -= 1;
        if template.references == 0 {
            let key = fingerprint(&template.spec);
            self.templates.remove(id);
            if let btree_map::Entry::Occupied(mut same) = self.template_of.entry(key) {
                same.get_mut().retain(|&other| other != id);
                if same.get().is_empty() {
                    same.remove();
                }
            }
        }
    }
}

/// The same for equal specs, in every run.
fn fingerprint(spec: &PodSpec) -> u64 {
    let mut hasher = DefaultHasher::new();
    spec.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::objects::{Container, Labels, Owner};
    use crate::engine::SimTime;

    #[test]
    fn a_template_is_found_again_while_it_is_referred_to_and_leaves_nothing_behind() {
        let mut store = Store::default();
        let spec = |cpu| {
            PodSpec::of_container(Labels::default(), Container { cpu: Some(cpu), ..Default::default() })
        };
        let (small, large) = (store.intern_template(spec(1)), store.intern_template(spec(2)));
        assert_ne!(small, large);
        let pods = [small, large].map(|template| store.create_pod(Owner::None, template, SimTime::ZERO));
        assert_eq!((store.intern_template(spec(1)), store.intern_template(spec(2))), (small, large));
        pods.into_iter().for_each(|pod| store.remove_pod(pod));
        while store.take_change().is_some() {}
        assert!(store.templates.iter().next().is_none() && store.template_of.is_empty());
        assert_ne!(store.intern_template(spec(1)), small);
    }
}
