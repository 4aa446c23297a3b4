//! Writing PodDisruptionBudgets.

use super::{Change, Store};
use crate::cluster::objects::{BudgetId, BudgetStatus, DisruptionBudget, Labels};

impl Store {
    pub fn add_budget(&mut self, budget: DisruptionBudget) -> BudgetId {
        let id = BudgetId(self.budgets.len() as u32);
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

    /// Budgets that select pods with these labels.
    pub fn budgets_of(&self, labels: &Labels) -> impl Iterator<Item = BudgetId> {
        self.budgets().filter(|id| self.budget(*id).selector.matches(labels))
    }

    pub fn set_budget_status(&mut self, id: BudgetId, status: BudgetStatus) {
        let budget = &mut self.budgets[id.index()];
        if budget.status != status {
            budget.status = status;
            self.wrote(Change::Budget(id));
        }
    }
}
