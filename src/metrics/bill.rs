//! The bill: machine-hours, disks, load balancers, control planes, registries and hours of work, at list prices or under a
//! commitment, and automation written off.

use super::commitment::HourlySpend;
use super::gauge::Gauge;
use super::outcome::CostLine;
use super::{Frame, Part, Report};
use crate::catalog::{InstanceId, Purchase};
use crate::engine::SimTime;
use crate::results::metric::MetricId;
use crate::world::observation::{Commitment, Rented};
use crate::world::{Activity, Observation, VmId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const HOUR: f64 = 3_600.0;
const MONTH_HOURS: f64 = 730.0;

pub(super) struct Bill {
    frame: Arc<Frame>,
    instances: BTreeMap<VmId, (InstanceId, Purchase)>,
    machines: BTreeMap<(InstanceId, Purchase), Gauge>,
    /// Machines that are stopped: their disks are paid for.
    stopped: BTreeSet<VmId>,
    stopped_disks: Gauge,
    /// Of them, servers of a registry of services.
    servers: BTreeMap<VmId, InstanceId>,
    registry: BTreeMap<InstanceId, Gauge>,
    rented: BTreeMap<Rented, Gauge>,
    /// Machines on demand, whatever they run.
    on_demand: HourlySpend,
    commitment: Option<Commitment>,
    /// Hours that automation took to build, and seconds over which they are written off.
    automation: Option<(f64, f64)>,
    /// Upkeep [thousandths of an hour per week].
    upkeep: Gauge,
    work_hours: BTreeMap<Activity, f64>,
    offered: f64,
    served: f64,
}

impl Bill {
    pub fn new(frame: Arc<Frame>) -> Bill {
        Bill {
            frame,
            instances: BTreeMap::new(),
            machines: BTreeMap::new(),
            stopped: BTreeSet::new(),
            stopped_disks: Gauge::default(),
            servers: BTreeMap::new(),
            registry: BTreeMap::new(),
            rented: BTreeMap::new(),
            on_demand: HourlySpend::default(),
            commitment: None,
            automation: None,
            upkeep: Gauge::default(),
            work_hours: BTreeMap::new(),
            offered: 0.0,
            served: 0.0,
        }
    }

    /// Capacity units of load balancers in use, on average: the larger of connections and data.
    fn load_balancer_units(&self, seconds: f64) -> f64 {
        let rate = self.offered / seconds;
        let connections = rate / self.frame.prices.requests_per_connection / 25.0;
        let gigabytes_per_hour = rate * HOUR * self.frame.prices.request_size.as_bytes() as f64 / 1e9;
        connections.max(gigabytes_per_hour)
    }

    fn lines(&mut self, now: SimTime, seconds: f64) -> Vec<CostLine> {
        let prices = self.frame.prices.clone();
        let months = seconds / (MONTH_HOURS * HOUR);
        let line = |category: &str, item: &str, quantity: f64, unit: &str, price: f64| CostLine {
            category: category.into(),
            item: item.into(),
            quantity: quantity / months,
            unit: unit.into(),
            usd: quantity * price / months,
        };
        let mut lines = Vec::new();
        let mut machine_hours = 0.0;
        for (&(instance, purchase), gauge) in &mut self.machines {
            let hours = gauge.seconds(now) / HOUR;
            machine_hours += hours;
            let machine = self.frame.catalog.get(instance);
            let item = match purchase {
                Purchase::OnDemand => machine.name.clone(),
                Purchase::Spot => format!("{} spot", machine.name),
            };
            lines.push(line("compute", &item, hours, "h", prices.of_machine(machine, purchase)));
        }
        if let Some(commitment) = &self.commitment {
            let settled = self.on_demand.settle(now, commitment);
            lines.push(line("compute", "commitment", settled.covered, "USD", -commitment.discount));
            let rest = 1.0 - commitment.discount;
            lines.push(line("compute", "commitment not used", settled.unused, "USD", rest));
        }
        for (&instance, gauge) in &mut self.registry {
            let hours = gauge.seconds(now) / HOUR;
            machine_hours += hours;
            let machine = self.frame.catalog.get(instance);
            let price = prices.of_machine(machine, Purchase::OnDemand);
            lines.push(line("registry", &format!("registry on {}", machine.name), hours, "h", price));
        }
        for (&item, gauge) in &mut self.rented {
            let hours = gauge.seconds(now) / HOUR;
            lines.push(match item {
                Rented::LoadBalancer => {
                    let price = prices.load_balancer.as_usd_per_hour_f64();
                    line("network entry", "load balancers", hours, "h", price)
                }
                Rented::ProxyMachine(instance) => {
                    let machine = self.frame.catalog.get(instance);
                    let name = format!("load balancer on {}", machine.name);
                    let price = prices.of_machine(machine, Purchase::OnDemand);
                    line("network entry", &name, hours, "h", price)
                }
                Rented::ControlPlaneMachine(instance) => {
                    machine_hours += hours;
                    let machine = self.frame.catalog.get(instance);
                    let price = prices.of_machine(machine, Purchase::OnDemand);
                    line("control plane", &format!("control plane on {}", machine.name), hours, "h", price)
                }
                Rented::BackupGigabyte => {
                    line("storage", "backups", hours / MONTH_HOURS, "GB-month", prices.backup_gb_month)
                }
                Rented::ManagedControlPlane => {
                    let price = prices.control_plane.as_usd_per_hour_f64();
                    line("control plane", "managed control plane", hours, "h", price)
                }
            });
        }
        let gigabytes = self.frame.root_disk.as_bytes() as f64 / 1e9;
        let disk_hours = machine_hours + self.stopped_disks.seconds(now) / HOUR;
        let disk_months = disk_hours / MONTH_HOURS * gigabytes;
        lines.push(line("storage", "root disks", disk_months, "GB-month", prices.disk_gb_month));
        if self.rented.contains_key(&Rented::LoadBalancer) {
            let unit_hours = self.load_balancer_units(seconds) * seconds / HOUR;
            let price = prices.load_balancer_unit.as_usd_per_hour_f64();
            lines.push(line("network entry", "load balancer capacity units", unit_hours, "h", price));
        }
        let wage = self.frame.wage.as_usd_per_hour_f64();
        let week = 7.0 * 24.0 * HOUR;
        lines.push(line("people", Activity::Upkeep.name(), self.upkeep.seconds(now) / 1e3 / week, "h", wage));
        for (&activity, &hours) in &self.work_hours {
            lines.push(line("people", activity.name(), hours, "h", wage));
        }
        if let Some((hours, write_off)) = self.automation {
            lines.push(line("automation", "written off", hours * seconds / write_off, "h", wage));
        }
        lines
    }

    /// What an hour of a machine on demand costs [millionths of a dollar].
    fn micro_price(&self, instance: InstanceId) -> i64 {
        let machine = self.frame.catalog.get(instance);
        (self.frame.prices.of_machine(machine, Purchase::OnDemand) * 1e6).round() as i64
    }

    /// The rent of a machine of the platform begins (1) or ends (-1).
    fn rent(&mut self, time: SimTime, bought: (InstanceId, Purchase), change: i64) {
        self.machines.entry(bought).or_default().add(time, change);
        if bought.1 == Purchase::OnDemand {
            self.count_on_demand(time, bought.0, change);
        }
    }

    /// So many machines more, or fewer.
    fn count_on_demand(&mut self, time: SimTime, instance: InstanceId, change: i64) {
        let price = self.micro_price(instance);
        self.on_demand.add(time, price * change);
    }
}

impl Part for Bill {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        match *observation {
            Observation::VmLaunched { vm, instance, purchase, .. } => {
                self.instances.insert(vm, (instance, purchase));
                self.rent(time, (instance, purchase), 1);
            }
            Observation::VmStopped { vm } => {
                self.stopped.insert(vm);
                self.stopped_disks.add(time, 1);
                self.rent(time, self.instances[&vm], -1);
            }
            Observation::VmStarted { vm } => {
                self.stopped.remove(&vm);
                self.stopped_disks.add(time, -1);
                self.rent(time, self.instances[&vm], 1);
            }
            // It was counted with the others until it joined.
            Observation::DirectoryServer { vm } => {
                let (instance, purchase) = self.instances[&vm];
                self.machines.get_mut(&(instance, purchase)).expect("launched before").add(time, -1);
                self.registry.entry(instance).or_default().add(time, 1);
                self.servers.insert(vm, instance);
            }
            Observation::VmTerminated { vm } if self.servers.contains_key(&vm) => {
                let instance = self.servers.remove(&vm).expect("seen");
                self.instances.remove(&vm);
                self.registry.get_mut(&instance).expect("counted before").add(time, -1);
                self.count_on_demand(time, instance, -1);
            }
            Observation::VmTerminated { vm } => {
                let bought = self.instances.remove(&vm).expect("launched before");
                if self.stopped.remove(&vm) {
                    self.stopped_disks.add(time, -1);
                } else {
                    self.rent(time, bought, -1);
                }
            }
            Observation::Rented { item, change } => {
                self.rented.entry(item).or_default().add(time, change.into());
                if let Rented::ProxyMachine(instance) | Rented::ControlPlaneMachine(instance) = item {
                    self.count_on_demand(time, instance, change.into());
                }
            }
            Observation::Committed(commitment) => self.commitment = Some(commitment),
            Observation::AutomationBuilt { hours, write_off } => {
                self.automation = Some((hours, write_off.as_secs_f64()));
            }
            Observation::UpkeepSet { hours_per_week } => {
                self.upkeep.set(time, (hours_per_week * 1e3).round() as i64)
            }
            Observation::WorkDone { activity, touch, .. } => {
                *self.work_hours.entry(activity).or_default() += touch.as_hours_f64();
            }
            Observation::Flow(flow) => {
                self.offered += flow.offered * flow.seconds();
                self.served += flow.served * flow.seconds();
            }
            Observation::InFlightLost { requests, .. } => self.served -= requests,
            _ => {}
        }
    }

    fn begin(&mut self, time: SimTime) {
        let gauges = self.machines.values_mut().chain(self.registry.values_mut());
        gauges.chain(self.rented.values_mut()).for_each(|g| g.begin(time));
        self.stopped_disks.begin(time);
        self.upkeep.begin(time);
        self.on_demand.begin(time);
        self.work_hours.clear();
        (self.offered, self.served) = (0.0, 0.0);
    }

    fn finish(&mut self, time: SimTime, report: &mut Report) {
        let lines = self.lines(time, report.seconds);
        let of = |category: &str| lines.iter().filter(|l| l.category == category).map(|l| l.usd).sum::<f64>();
        let total: f64 = lines.iter().map(|l| l.usd).sum();
        report.measure(None, MetricId::CostPerMonth, total, 1.0);
        report.measure(None, MetricId::CostCompute, of("compute"), 1.0);
        report.measure(None, MetricId::CostNetworkEntry, of("network entry"), 1.0);
        report.measure(None, MetricId::CostControlPlane, of("control plane"), 1.0);
        report.measure(None, MetricId::CostRegistry, of("registry"), 1.0);
        report.measure(None, MetricId::CostStorage, of("storage"), 1.0);
        report.measure(None, MetricId::CostPeople, of("people"), 1.0);
        report.measure(None, MetricId::CostAutomation, of("automation"), 1.0);
        report.measure(None, MetricId::CostPerMillionServed, total * report.months, self.served / 1e6);
        report.outcome.costs = lines;
    }
}
