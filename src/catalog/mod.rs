//! Instance types and their prices: dated lists of three clouds, embedded, each row with its source.
//!
//! Knows list prices only: on demand and spot, Linux, one region a cloud. Commitments and currencies are not here,
//! and a spot price is that of one day.
//! Start at [`Catalog::embedded`].

mod prices;

pub use prices::PriceParameters;

use crate::parameter::{Bytes, MilliCpu, UsdPerHour, choices};
use serde::Deserialize;

choices! {
    /// How a machine is bought.
    pub enum Purchase {
        /// By the hour for as long as one likes.
        OnDemand = "on-demand",
        /// At a discount, until the cloud takes it back (`faults.spot_reclaim`).
        Spot = "spot",
    }
}

/// A machine that can be rented.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceType {
    pub name: String,
    pub cloud: &'static str,
    pub region: String,
    pub cpu: MilliCpu,
    pub memory: Bytes,
    /// On demand, Linux, list price.
    pub price: UsdPerHour,
    /// Share of that price that a spot machine saves, where the list says.
    pub spot_saving: Option<f64>,
    /// Pods that a managed Kubernetes node of this type takes (AWS: network interfaces; else 110).
    pub max_pods: u32,
    /// Whether the price buys a share of the CPU only, with credits above (AWS t-types, Azure B, GCP e2-small …).
    pub burstable: bool,
}

/// An instance type, by its place in the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(pub u16);

/// All instance types, in the order of the lists.
#[derive(Clone, Debug)]
pub struct Catalog {
    types: Vec<InstanceType>,
}

#[derive(Deserialize)]
struct AwsRow {
    instance_type: String,
    vcpu: f64,
    memory_gib: f64,
    usd_per_hour_on_demand_linux: f64,
    region: String,
    eks_max_pods: u32,
    #[serde(rename = "spot_saving_pct_2025-06-28")]
    spot_saving_pct: Option<f64>,
}

#[derive(Deserialize)]
struct GcpRow {
    machine_type: String,
    vcpu: f64,
    memory_gib: f64,
    usd_per_hour_on_demand: f64,
    usd_per_hour_spot: Option<f64>,
    region: String,
}

#[derive(Deserialize)]
struct AzureRow {
    vm_size: String,
    vcpu: f64,
    memory_gib: f64,
    usd_per_hour_on_demand: f64,
    region: String,
    note: String,
}

/// Dates of the three embedded lists, as their sources state them.
pub const PRICE_DATE: &str = "AWS 2026-07-20, GCP 2026-08-03, Azure 2026-06-18";

fn rows<T: for<'a> Deserialize<'a>>(text: &str) -> Vec<T> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().collect::<Result<_, _>>().expect("the embedded price lists are checked by a test")
}

impl Catalog {
    /// The lists that come with the program. Rows that their source marks as suspect are left out.
    pub fn embedded() -> Catalog {
        let mut types = Vec::new();
        for row in rows::<AwsRow>(include_str!("aws.csv")) {
            let burstable = row.instance_type.starts_with('t');
            types.push(InstanceType {
                max_pods: row.eks_max_pods,
                spot_saving: row.spot_saving_pct.map(|percent| percent / 100.0),
                ..instance(row.instance_type, "aws", row.region, row.vcpu, row.memory_gib)
                    .priced(row.usd_per_hour_on_demand_linux, burstable)
            });
        }
        for row in rows::<GcpRow>(include_str!("gcp.csv")) {
            let shared = ["micro", "small", "medium"].iter().any(|s| row.machine_type.ends_with(s));
            types.push(InstanceType {
                spot_saving: row.usd_per_hour_spot.map(|spot| 1.0 - spot / row.usd_per_hour_on_demand),
                ..instance(row.machine_type, "gcp", row.region, row.vcpu, row.memory_gib)
                    .priced(row.usd_per_hour_on_demand, shared)
            });
        }
        for row in rows::<AzureRow>(include_str!("azure.csv")).into_iter().filter(|r| r.note.is_empty()) {
            let burstable = row.vm_size.starts_with("Standard_B");
            types.push(
                instance(row.vm_size, "azure", row.region, row.vcpu, row.memory_gib)
                    .priced(row.usd_per_hour_on_demand, burstable),
            );
        }
        Catalog { types }
    }

    pub fn find(&self, name: &str) -> Option<InstanceId> {
        self.types.iter().position(|t| t.name == name).map(|i| InstanceId(i as u16))
    }

    pub fn get(&self, id: InstanceId) -> &InstanceType {
        &self.types[usize::from(id.0)]
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.types.iter().map(|t| t.name.as_str())
    }

    pub fn iter(&self) -> impl Iterator<Item = (InstanceId, &InstanceType)> {
        self.types.iter().enumerate().map(|(i, t)| (InstanceId(i as u16), t))
    }
}

fn instance(name: String, cloud: &'static str, region: String, vcpu: f64, memory_gib: f64) -> InstanceType {
    InstanceType {
        name,
        cloud,
        region,
        cpu: MilliCpu::from_milli((vcpu * 1_000.0).round() as u32),
        memory: Bytes::from_bytes((memory_gib * (1u64 << 30) as f64) as u64),
        price: UsdPerHour::default(),
        spot_saving: None,
        max_pods: 110,
        burstable: false,
    }
}

impl InstanceType {
    fn priced(self, usd_per_hour: f64, burstable: bool) -> InstanceType {
        InstanceType {
            price: UsdPerHour::from_micro_usd_per_hour((usd_per_hour * 1e6).round() as u64),
            burstable,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_lists_read_and_have_distinct_names() {
        let catalog = Catalog::embedded();
        let mut names: Vec<_> = catalog.names().collect();
        assert!(names.len() > 200);
        names.sort_unstable();
        assert!(names.windows(2).all(|w| w[0] != w[1]));
        assert!(
            catalog.types.iter().all(|t| t.price.as_usd_per_hour_f64() > 0.0 && t.cpu.as_cpus_f64() > 0.0)
        );
    }

    #[test]
    fn m7i_large_costs_what_the_list_of_july_2026_says() {
        let catalog = Catalog::embedded();
        let m7i = catalog.get(catalog.find("m7i.large").expect("listed"));
        assert_eq!((m7i.price.as_usd_per_hour_f64(), m7i.cpu.as_cpus_f64(), m7i.max_pods), (0.1008, 2.0, 29));
    }

    #[test]
    fn spot_prices_are_those_of_the_lists_where_a_list_has_them() {
        let catalog = Catalog::embedded();
        let saving = |name| catalog.get(catalog.find(name).expect("listed")).spot_saving;
        // m7i.large: 68 %; c2-standard-4: 1 − 0.09968 / 0.208808 = 0.5226.
        assert_eq!((saving("m7i.large"), saving("Standard_D2s_v5")), (Some(0.68), None));
        assert!((saving("c2-standard-4").expect("listed") - 0.522_6).abs() < 1e-4);
        assert!(catalog.types.iter().filter_map(|t| t.spot_saving).all(|s| (0.0..1.0).contains(&s)));
    }

    #[test]
    fn a_row_that_its_source_doubts_is_left_out() {
        assert_eq!(Catalog::embedded().find("Standard_D2as_v5"), None);
    }
}
