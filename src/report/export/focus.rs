//! Costs as rows of FOCUS 1.2, the FinOps Open Cost and Usage Specification: one charge a line of the bill, for one
//! month of 730 hours from the day that metering began.
//!
//! All mandatory columns of the version, and own ones that begin with `x_`. The four costs are the same: the discount of
//! a commitment is a charge of its own, a credit. Working hours are charges of the category `Other`. Start at
//! [`csv`].

use super::timestamp;
use crate::results::rows::{CostRow, ResultSet};
use jiff::{SignedDuration, Timestamp};

/// The 21 mandatory columns, then ours.
pub const COLUMNS: [&str; 29] = [
    "BilledCost",
    "EffectiveCost",
    "ListCost",
    "ContractedCost",
    "BillingCurrency",
    "BillingAccountId",
    "BillingAccountName",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "InvoiceIssuerName",
    "ServiceCategory",
    "ServiceName",
    "x_Platform",
    "x_Category",
    "x_Scenario",
    "x_Seed",
    "x_Replications",
    "x_CostLow",
    "x_CostHigh",
    "x_PriceDate",
];

const MONTH: SignedDuration = SignedDuration::from_hours(730);

/// The whole file with its header line.
pub fn csv(results: &ResultSet) -> String {
    let in_memory = "rows are flat and memory does not fail";
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).expect(in_memory);
    for row in &results.costs {
        writer.write_record(charge(results, row)).expect(in_memory);
    }
    String::from_utf8(writer.into_inner().expect(in_memory)).expect("csv of strings is UTF-8")
}

fn charge(results: &ResultSet, row: &CostRow) -> [String; COLUMNS.len()] {
    let manifest = &results.manifest;
    let (from, until) = period(results);
    let cost = row.usd_per_month.to_string();
    let own = || "boxherd (simulated)".to_owned();
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    [
        cost.clone(),
        cost.clone(),
        cost.clone(),
        cost,
        "USD".to_owned(),
        format!("{}/{}", manifest.scenario_name, row.platform),
        row.platform.clone(),
        from.clone(),
        until.clone(),
        from,
        until,
        if row.usd_per_month < 0.0 { "Credit" } else { "Usage" }.to_owned(),
        // Empty: only a correction of an earlier bill has a class.
        String::new(),
        format!("{}: {}", row.category, row.item),
        row.quantity_per_month.to_string(),
        row.quantity_unit.clone(),
        own(),
        own(),
        own(),
        service_category(&row.category).to_owned(),
        row.item.clone(),
        row.platform.clone(),
        row.category.clone(),
        manifest.scenario_name.clone(),
        manifest.seed.to_string(),
        manifest.replications.to_string(),
        number(row.ci_low),
        number(row.ci_high),
        manifest.price_date.clone(),
    ]
}

/// One month from when metering began, by the day.
fn period(results: &ResultSet) -> (String, String) {
    let manifest = &results.manifest;
    let start = timestamp(&format!("{}T00:00:00", manifest.start_date)).unwrap_or(Timestamp::UNIX_EPOCH);
    // A manifest that someone wrote by hand may lie beyond the calendar.
    let after = |time: Timestamp, span: SignedDuration| time.checked_add(span).unwrap_or(time);
    let from = after(start, SignedDuration::from_secs(manifest.warm_up_s as i64));
    (from.to_string(), after(from, MONTH).to_string())
}

/// Of the closed list of the specification.
fn service_category(category: &str) -> &'static str {
    match category {
        "compute" | "registry" => "Compute",
        "network entry" => "Networking",
        "control plane" => "Management and Governance",
        "storage" => "Storage",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::three_platforms;

    #[test]
    fn a_warm_up_beyond_the_calendar_is_no_panic() {
        let mut results = three_platforms();
        results.manifest.warm_up_s = 1e308;
        assert_eq!(csv(&results).lines().count(), results.costs.len() + 1);
    }

    #[test]
    fn each_line_of_the_bill_is_a_charge_of_one_month() {
        let results = three_platforms();
        let text = csv(&results);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().expect("a header").iter().collect::<Vec<_>>(), COLUMNS);
        assert!(COLUMNS[..21].iter().all(|name| !name.starts_with("x_")));
        assert!(COLUMNS[21..].iter().all(|name| name.starts_with("x_")));
        let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("whole")).collect();
        assert_eq!(rows.len(), results.costs.len());
        let column = |name: &str| COLUMNS.iter().position(|column| *column == name).expect("a column");
        let pets = rows.iter().filter(|row| row[column("x_Platform")] == *"pets");
        let billed: f64 = pets.map(|row| row[column("BilledCost")].parse::<f64>().expect("a number")).sum();
        // 5,200 machines, 24 entry, 0 control plane, 90 storage, 4,500 people.
        assert!((billed - 9_814.0).abs() < 1e-9, "{billed}");
        // A day of warm-up after 2026-01-05, and 730 hours are 30 days and 10 hours.
        let row = &rows[0];
        assert_eq!(&row[column("ChargePeriodStart")], "2026-01-06T00:00:00Z");
        assert_eq!(&row[column("ChargePeriodEnd")], "2026-02-05T10:00:00Z");
        assert_eq!((&row[column("ServiceCategory")], &row[column("BillingCurrency")]), ("Compute", "USD"));
    }
}
