//! Prices beside machines: what is paid by the hour, by size and by use.

use super::{InstanceType, Purchase};
use crate::parameter::{Bytes, Factor, Fraction, UsdPerHour, section};

section! {
    /// List prices of everything but machines, whose prices come with the catalog of types.
    pub struct PriceParameters {
        /// Price factor on machines: 0.9 is a negotiated discount of 10 %. Commitments have a section of their own in each platform.
        machine_factor: Factor = "1", grade Choice;
        /// What a spot machine saves of the price on demand where the price lists do not say (Azure).
        spot_saving: Fraction = "66%", from "median over 894 types in us-east-1 (spotinfo 2025-06-28)", grade Derived;
        /// A managed load balancer.
        load_balancer: UsdPerHour = "$0.0225/h", from "AWS list price of an ALB, us-east-1 (Infracost goldens, 2024-07-01)", grade Verified;
        /// A capacity unit of a load balancer: 25 new connections a second, or 1 GB an hour.
        load_balancer_unit: UsdPerHour = "$0.008/h", from "AWS list price of an ALB, us-east-1 (Infracost goldens, 2024-07-01)", grade Verified;
        /// Requests that share a connection to the load balancer.
        requests_per_connection: f64 = "10" in |n| *n >= 1.0 && *n <= 1e6 => "from 1 to 1000000", from "none found", grade Estimate;
        /// Data of a request and its answer.
        request_size: Bytes = "10kB", from "none found", grade Estimate;
        /// A managed Kubernetes control plane.
        control_plane: UsdPerHour = "$0.10/h", from "EKS, GKE and AKS list prices (Infracost goldens; cloudburn 2026)", grade Verified;
        /// A gigabyte of root disk for a month of 730 h.
        disk_gb_month: f64 = "0.08" in |p| (0.0..=1_000.0).contains(p) => "from 0 to 1000", from "EBS gp3, us-east-1 [USD] (Infracost goldens, 2024-07-01)", grade Verified;
        /// A gigabyte of a machine's backup for a month of 730 h.
        backup_gb_month: f64 = "0.05" in |p| (0.0..=1_000.0).contains(p) => "from 0 to 1000", from "EBS snapshots, us-east-1 [USD]", grade Recalled;
    }
}

impl PriceParameters {
    /// What an hour of a machine costs [USD].
    pub fn of_machine(&self, machine: &InstanceType, purchase: Purchase) -> f64 {
        let saving = match purchase {
            Purchase::OnDemand => 0.0,
            Purchase::Spot => machine.spot_saving.unwrap_or(self.spot_saving.as_f64()),
        };
        machine.price.as_usd_per_hour_f64() * self.machine_factor.as_f64() * (1.0 - saving)
    }
}
