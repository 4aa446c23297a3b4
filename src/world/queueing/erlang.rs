//! Erlang's formulas for `c` servers, continuous in `c`, exact and from a table.
//!
//! Pure functions of offered load and servers. The simulation reads the table millions of times a run; theory
//! checks use the exact functions. Start at [`erlang_c`] and [`waiting_share`].
//!
//! Sources: Erlang 1917; continuous extension of Jagerman 1974.

use statrs::function::gamma::{gamma_ur, ln_gamma};
use std::sync::OnceLock;

/// Probability that a request finds all servers busy and is lost, M/M/c/c; `servers` may be fractional.
pub fn erlang_b(servers: f64, load: f64) -> f64 {
    if load <= 0.0 {
        return 0.0;
    }
    // B = aᶜe⁻ᵃ / Γ(c+1, a), with the regularised upper incomplete gamma function Q = Γ(c+1, a) / Γ(c+1).
    let log_term = servers * load.ln() - load - ln_gamma(servers + 1.0);
    log_term.exp() / gamma_ur(servers + 1.0, load)
}

/// Probability that a request has to wait, M/M/c with `load` = λS < `servers`.
pub fn erlang_c(servers: f64, load: f64) -> f64 {
    let rho = load / servers;
    let b = erlang_b(servers, load);
    b / (1.0 - rho * (1.0 - b))
}

/// Erlang C from a table: probability that a request waits, at `utilization` (0..1) of `servers` (at least 1).
///
/// Bilinear in ln(servers) and utilization; the wait that follows from it is within 0.2 % of a service time of the
/// exact one (see the test). Beyond the table it is computed.
pub fn waiting_share(servers: f64, utilization: f64) -> f64 {
    let column = servers.max(1.0).ln() / COLUMN_STEP;
    if column >= (COLUMNS - 1) as f64 {
        return erlang_c(servers, utilization * servers);
    }
    let row = utilization.clamp(0.0, 1.0) * (ROWS - 1) as f64;
    let table = TABLE.get_or_init(fill);
    let (i, j) = (column as usize, (row as usize).min(ROWS - 2));
    let (x, y) = (column - i as f64, row - j as f64);
    let at = |i: usize, j: usize| table[i * ROWS + j];
    let low = at(i, j) * (1.0 - y) + at(i, j + 1) * y;
    let high = at(i + 1, j) * (1.0 - y) + at(i + 1, j + 1) * y;
    low * (1.0 - x) + high * x
}

static TABLE: OnceLock<Vec<f64>> = OnceLock::new();

/// Servers from 1 to about 1,100, in steps of 7 %.
const COLUMN_STEP: f64 = 0.07;
const COLUMNS: usize = 101;
/// Utilizations from 0 to 1.
const ROWS: usize = 257;

fn fill() -> Vec<f64> {
    let mut table = Vec::with_capacity(COLUMNS * ROWS);
    for column in 0..COLUMNS {
        let servers = (column as f64 * COLUMN_STEP).exp();
        for row in 0..ROWS {
            let utilization = row as f64 / (ROWS - 1) as f64;
            // At full utilization every request waits.
            let share = if row == ROWS - 1 { 1.0 } else { erlang_c(servers, utilization * servers) };
            table.push(share);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erlang_b_agrees_with_its_recursion_for_whole_servers() {
        for (servers, load) in [(1, 0.5), (4, 3.6), (50, 40.0), (500, 480.0)] {
            let recursion = (1..=servers).fold(1.0, |b, k| load * b / (f64::from(k) + load * b));
            let formula = erlang_b(f64::from(servers), load);
            assert!((formula - recursion).abs() < 1e-9, "{formula} is not {recursion}");
        }
    }

    #[test]
    fn waits_from_the_table_are_those_of_the_formula() {
        for servers in [1.0, 1.9, 2.0, 3.7, 4.0, 7.9, 16.0, 40.3, 200.0, 900.0] {
            for utilization in [0.013, 0.2, 0.5, 0.7, 0.83, 0.9, 0.951, 0.99, 0.995] {
                let wait = |share: f64| share / (servers * (1.0 - utilization));
                let (table, exact) = (
                    wait(waiting_share(servers, utilization)),
                    wait(erlang_c(servers, utilization * servers)),
                );
                // In service times, beside the one that the request itself takes.
                let error = (table - exact) / (1.0 + exact);
                assert!(error.abs() < 2e-3, "{servers} servers at {utilization}: {table} for {exact}");
            }
        }
    }
}
