//! Writing PodDisruptionBudgets.

use super::index::Crowd;
use super::{Change, Store};
use crate::cluster::objects::{BudgetId, BudgetStatus, DisruptionBudget, Owner};

impl Store {
    pub fn add_budget(&mut self, budget: DisruptionBudget) -> BudgetId {
        let id = BudgetId(self.budgets.len() as u32);
        for (_, template) in self.templates.iter_mut() {
            if budget.selector.matches(&template.spec.labels) {
                template.budgets.push(id);
            }
        }
        self.budgets.push(budget);
        self.wrote(Change::Budget(id));
        id
    }

    pub fn budget(&self, id: BudgetId) -> &DisruptionBudget {
        &self.budgets[id.index()]
    }

    pub fn budgets(&self) -> impl Iterator<Item = BudgetId> + use<> {
        (0..self.budgets.len() as u32).map(BudgetId)
    }

    /// Who owns the pods that a budget selects, and how many of them; an owner comes once for each of its templates.
    pub fn crowds_of(&self, id: BudgetId) -> impl Iterator<Item = (Owner, Crowd)> {
        let selected = self.index.crowds().filter(move |(t, _)| self.template(*t).budgets.contains(&id));
        selected.flat_map(|(_, crowds)| crowds.iter().map(|(owner, crowd)| (*owner, *crowd)))
    }

    pub fn set_budget_status(&mut self, id: BudgetId, status: BudgetStatus) {
        let budget = &mut self.budgets[id.index()];
        if budget.status != status {
            budget.status = status;
            self.wrote(Change::Budget(id));
        }
    }
}
