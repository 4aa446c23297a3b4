//! The world without a platform: a hand that launches, routes and watches, and the arithmetic of what must follow.

use super::observation::{Exit, FlowObservation};
use super::traffic::{Curve, TrafficParameters};
use super::*;
use crate::catalog::{InstanceId, Purchase};
use crate::parameter::{Distribution, Factor, Named, Rate, Section};

#[path = "memory_tests.rs"]
mod memory;
#[path = "neighbour_tests.rs"]
mod neighbours;

pub(super) const MINUTE: SimDuration = SimDuration::from_mins(1);

/// A world in which nothing happens by itself: no faults, no releases, flat traffic, fixed times.
pub(super) fn quiet(rate_per_s: f64) -> WorldSpec {
    let text = |t: &str| t.parse::<Distribution>().expect("a distribution");
    let mut faults = FaultParameters::default();
    faults.vm_crash.rate = Rate::ZERO;
    faults.vm_loss.rate = Rate::ZERO;
    faults.process_crash.rate = Rate::ZERO;
    faults.zone_outage.rate = Rate::ZERO;
    faults.rack_outage.rate = Rate::ZERO;
    faults.rack_network.rate = Rate::ZERO;
    faults.slow_vm.rate = Rate::ZERO;
    faults.bad_configuration.rate = Rate::ZERO;
    faults.cloud_api_outage.rate = Rate::ZERO;
    faults.no_capacity.rate = Rate::ZERO;
    faults.disk_full.rate = Rate::ZERO;
    let cloud = CloudParameters {
        boot: text("30s"),
        reboot: text("60s"),
        launch_failure: crate::parameter::Fraction::ZERO,
        ..CloudParameters::default()
    };
    let mut container = Named::default();
    container.insert("app", ContainerParameters { startup: text("10s"), ..ContainerParameters::default() });
    let mut traffic = TrafficParameters::default();
    traffic.diurnal.amplitude = Factor::new(0.0).expect("a factor");
    let mut parameters = ServiceParameters {
        cpu_per_request: SimDuration::from_millis(40),
        container,
        ..Section::read(&Default::default(), &Default::default(), "", &mut Default::default())
    };
    parameters.release.rate = Rate::ZERO;
    let curve = Curve::periodic(Rate::from_per_second(rate_per_s), &traffic);
    WorldSpec {
        calendar: Calendar::new(
            jiff::civil::date(2026, 1, 5),
            SimDuration::from_hours(9),
            SimDuration::from_hours(17),
        ),
        catalog: Arc::new(Catalog::embedded()),
        cloud,
        faults,
        vulnerabilities: VulnerabilityParameters {
            system: Rate::ZERO,
            runtime: Rate::ZERO,
            ..Default::default()
        },
        team: TeamParameters::default(),
        services: vec![("web".into(), parameters, curve)],
        segment: MINUTE * 5,
        warm_up: SimDuration::ZERO,
        horizon: SimTime::ZERO + SimDuration::from_days(30),
    }
}

/// A world, what it said, and the messages it had for a platform.
pub(super) struct Lab {
    pub world: World,
    pub facts: Vec<(SimTime, Observation)>,
    pub signals: Vec<(SimTime, Signal)>,
}

const WEB: ServiceId = ServiceId(0);

impl Lab {
    pub fn new(spec: &WorldSpec) -> Lab {
        Lab { world: World::new(spec, 1, 0), facts: Vec::new(), signals: Vec::new() }
    }

    pub fn api(&mut self) -> Api<'_> {
        Api::new(&mut self.world)
    }

    pub fn machine(&mut self) -> InstanceId {
        self.world.catalog.find("m7i.large").expect("in the catalog: 2 vCPU")
    }

    /// Adds a serving, routed box on a machine of its own.
    pub fn serving_box(&mut self) -> (VmId, BoxId) {
        let machine = self.machine();
        let vm = self.api().adopt_vm(machine, ZoneId(0), Purchase::OnDemand);
        let subject = self.api().adopt_box(WEB, vm);
        self.api().route(subject);
        (vm, subject)
    }

    pub fn run_until(&mut self, end: SimTime) {
        while let Some(event) = self.world.scheduler.next_before(end) {
            self.world.handle(event);
            self.collect();
        }
        self.world.scheduler.finish(end);
        self.world.settle_flow();
        self.collect();
    }

    pub fn run_for(&mut self, span: SimDuration) {
        let end = self.world.now() + span;
        self.run_until(end);
    }

    fn collect(&mut self) {
        let now = self.world.now();
        while let Some(signal) = self.world.next_signal() {
            self.signals.push((now, signal));
        }
        self.world.tell_observations(|time, fact| self.facts.push((time, fact.clone())));
    }

    pub fn flows(&self) -> impl Iterator<Item = &FlowObservation> {
        self.facts.iter().filter_map(|(_, o)| match o {
            Observation::Flow(flow) => Some(flow),
            _ => None,
        })
    }

    pub fn sum(&self, of: impl Fn(&FlowObservation) -> f64) -> f64 {
        self.flows().map(|f| of(f) * f.seconds()).sum()
    }

    pub fn when(&self, wanted: impl Fn(&Signal) -> bool) -> Option<SimTime> {
        self.signals.iter().find(|(_, s)| wanted(s)).map(|(t, _)| *t)
    }
}

pub(super) fn close(got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "got {got}, expected {expected} ± {tolerance}");
}

#[test]
fn requests_are_conserved_and_cost_the_cpu_they_say() {
    let mut lab = Lab::new(&quiet(20.0));
    let _ = (lab.serving_box(), lab.serving_box());
    lab.run_for(SimDuration::from_hours(1));
    // 20/s for an hour, 40 ms each.
    close(lab.sum(|f| f.offered), 72_000.0, 1e-6);
    close(lab.sum(|f| f.served + f.failed()), 72_000.0, 1e-6);
    close(lab.sum(|f| f.useful_cores + f.wasted_cores), 2_880.0, 1e-6);
    // Hardly anything takes 5 s: work has σ = 1.048 around 23 ms, and each box is used to a fifth.
    assert!(lab.sum(|f| f.late) < 0.05);
}

#[test]
fn a_box_that_died_fails_its_share_of_requests_until_it_leaves_the_route() {
    let mut lab = Lab::new(&quiet(20.0));
    let (_, doomed) = lab.serving_box();
    let _ = lab.serving_box();
    lab.run_for(MINUTE);
    lab.world.exit_box(doomed, Exit::Stopped);
    lab.run_for(MINUTE);
    // One of two boxes is dead for 60 s: 10/s of the 20/s.
    close(lab.sum(|f| f.to_dead_boxes), 600.0, 1e-6);
    lab.api().unroute(doomed);
    lab.run_for(MINUTE);
    close(lab.sum(|f| f.to_dead_boxes), 600.0, 1e-6);
}

#[test]
fn a_crowd_grows_and_drains_at_the_rates_of_a_fluid() {
    let mut spec = quiet(60.0);
    let server = &mut spec.services[0].1;
    (server.timeout, server.server.hold, server.server.cancels) =
        (SimDuration::from_hours(1), 1_000_000, false);
    let mut lab = Lab::new(&spec);
    let (_, _) = lab.serving_box();
    lab.run_for(MINUTE * 10);
    // One box has 2 − 0.05 cores: 48.75 requests/s of 40 ms. 60 − 48.75 = 11.25/s pile up for 600 s: 6,750.
    let crowd = lab.world.services[0].flow.inside();
    close(crowd, 6_750.0, 0.01 * 6_750.0);
    // All of them share 1.95 cores: a request takes 6,750 / 1.95 = 3,462 times its work.
    let last = lab.flows().last().expect("flows").to_owned();
    // The last step is taken as a whole, a quarter of the crowd.
    close(last.latency[0].slowdown, 3_462.0, 0.25 * 3_462.0);
    // A second box doubles the capacity: 97.5 − 60 = 37.5/s drain the 6,750 in 180 s.
    let machine = lab.machine();
    let vm = lab.world.launch_vm(machine, ZoneId(0), Purchase::OnDemand);
    lab.world.on_vm_up(vm);
    let second = lab.api().create_box(WEB, Version(0));
    lab.api().place_box(second, vm);
    assert!(lab.api().start_box(second, Version(0)));
    lab.world.on_box_up(second);
    lab.api().route(second);
    let from = lab.world.now();
    lab.run_for(MINUTE * 5);
    // Drained is what is no more than the stationary number at a load of 60 / 97.5 = 0.615: about 1.9 a box.
    let drained = lab.flows().find(|f| f.from >= from && f.latency[0].slowdown < 2.0).map(|f| f.from);
    close(drained.expect("it drains").since(from).as_secs_f64(), 180.0, 4.0);
}

#[test]
fn an_overload_serves_what_it_can_and_gives_up_the_rest() {
    let mut lab = Lab::new(&quiet(97.5));
    let _ = lab.serving_box();
    lab.run_for(MINUTE * 10);
    let last = lab.flows().last().expect("flows").to_owned();
    // Twice its capacity of 48.75/s: requests are so slow that stopping the long ones after 5 s halves the work.
    let work = crate::world::queueing::ServiceTime::lognormal(0.04, 2.0);
    let longest = 5.0 / last.latency[0].slowdown;
    close(work.mean_capped(longest), 0.5 * 0.04, 0.02 * 0.04);
    close(last.served, 97.5 * work.cdf(longest), 0.01 * 97.5);
    close(last.served + last.failed(), 97.5, 0.1);
    close(last.useful_cores + last.wasted_cores, 1.95, 0.02);
}

#[test]
fn a_load_balancer_notices_a_silent_machine_after_two_checks_and_a_timeout() {
    // 30 s period, 2 failures, 5 s timeout: between 30 + 5 and 60 + 5 s after the crash, by the phase of the check.
    let check = HealthCheck {
        period: SimDuration::from_secs(30),
        timeout: SimDuration::from_secs(5),
        fall: 2,
        rise: 5,
        first_rise: 1,
    };
    let mut delays = Vec::new();
    for _ in 0..30 {
        let mut lab = Lab::new(&quiet(1.0));
        let (vm, subject) = lab.serving_box();
        lab.api().check_health(subject, check);
        lab.run_for(MINUTE * 3 + SimDuration::from_secs(delays.len() as u64));
        assert!(lab.when(|s| *s == Signal::Health { subject, healthy: true }).is_some());
        let crash = lab.world.now();
        lab.world.fail_vm(vm, FaultId(1), FaultKind::VmCrash, None);
        lab.run_for(MINUTE * 5);
        let noticed = lab.when(|s| *s == Signal::Health { subject, healthy: false }).expect("noticed");
        delays.push(noticed.since(crash).as_secs_f64());
    }
    assert!(delays.iter().all(|d| (35.0..=65.0).contains(d)), "{delays:?}");
    assert!(delays.iter().any(|d| *d < 45.0) && delays.iter().any(|d| *d > 55.0), "{delays:?}");
}

#[test]
fn a_crash_that_ends_before_the_second_check_is_never_noticed() {
    let mut lab = Lab::new(&quiet(1.0));
    let (_, subject) = lab.serving_box();
    let check = HealthCheck { period: MINUTE, timeout: MINUTE / 12, fall: 2, rise: 1, first_rise: 1 };
    lab.api().check_health(subject, check);
    lab.run_for(MINUTE * 5);
    lab.world.exit_box(subject, Exit::Stopped);
    assert!(lab.api().start_box(subject, Version(0)));
    lab.run_for(MINUTE * 5);
    // It was down for the 10 s of its start-up, less than the minute between two checks.
    assert_eq!(lab.when(|s| *s == Signal::Health { subject, healthy: false }), None);
}

#[test]
fn heartbeats_stay_away_from_the_last_one_that_came() {
    let mut lab = Lab::new(&quiet(1.0));
    let (vm, _) = lab.serving_box();
    let beat = Heartbeat { period: SimDuration::from_secs(10), timeout: SimDuration::from_secs(50) };
    lab.api().watch_heartbeat(vm, beat);
    lab.run_for(MINUTE * 2);
    let crash = lab.world.now();
    lab.world.fail_vm(vm, FaultId(1), FaultKind::VmCrash, Some(MINUTE * 3));
    lab.run_for(MINUTE * 10);
    // The last heartbeat came up to 10 s before the crash, and 50 s after it the machine counts as gone.
    let gone = lab.when(|s| *s == Signal::Heartbeat { vm, alive: false }).expect("noticed");
    assert!((40.0..=50.0).contains(&gone.since(crash).as_secs_f64()), "{gone} after {crash}");
    let back = lab.when(|s| *s == Signal::Heartbeat { vm, alive: true }).expect("noticed");
    assert!((180.0..=190.0).contains(&back.since(crash).as_secs_f64()), "{back} after {crash}");
}

#[test]
fn a_new_machine_takes_the_lowest_free_slot_and_meets_its_weather() {
    let mut spec = quiet(1.0);
    spec.faults.vm_crash.rate = Rate::from_per_second(1.0 / 86_400.0);
    let crashes = |busy: bool| {
        let mut lab = Lab::new(&spec);
        let _ = lab.serving_box();
        let (second, _) = lab.serving_box();
        if busy {
            // A machine that comes and goes on slot 1 does not change what slot 1 has in store.
            lab.run_for(MINUTE);
            lab.api().terminate_vm(second);
            let machine = lab.machine();
            let again = lab.world.launch_vm(machine, ZoneId(0), Purchase::OnDemand);
            assert_eq!(lab.world.vms.get(again).expect("launched").slot, 1);
        }
        lab.run_for(SimDuration::from_days(10));
        let down = |o: &Observation| matches!(o, Observation::VmDown { .. });
        lab.facts.iter().filter(|(_, o)| down(o)).map(|(t, _)| *t).collect::<Vec<_>>()
    };
    let (calm, busy) = (crashes(false), crashes(true));
    assert!(calm.len() > 8, "about one a day for each of two machines: {}", calm.len());
    assert_eq!(calm, busy);
}

#[test]
fn a_box_that_is_told_to_end_finishes_what_it_has_and_one_that_is_killed_or_hangs_does_not() {
    // 20 requests of 40 ms a second use 0.8 of 1.95 cores.
    let end = |ending: Ending, hangs: bool| {
        let mut lab = Lab::new(&quiet(20.0));
        let (_, subject) = lab.serving_box();
        lab.run_for(MINUTE);
        let inside = {
            let flow = &lab.world.services[0].flow;
            flow.in_flight_of(flow.route.everybody())
        };
        if hangs {
            lab.world.hang_box(subject, FaultId(1), FaultKind::ProcessHang);
        }
        let (asked, before) = (lab.world.now(), lab.facts.len());
        lab.api().stop_box(subject, ending);
        lab.run_for(MINUTE);
        let lost: f64 = lab.facts[before..]
            .iter()
            .map(|(_, o)| if let Observation::InFlightLost { requests, .. } = o { *requests } else { 0.0 })
            .sum();
        let stopped = lab.when(|s| *s == Signal::BoxStopped { subject }).expect("it ends");
        (inside, stopped.since(asked).as_secs_f64(), lost)
    };
    let secs = SimDuration::from_secs;
    let ending = Ending { notice: secs(5), grace: secs(30) };
    // What it has then, about 0.8 requests, it works off on one core: 40 ms each, after the notice of 5 s.
    let (inside, after, lost) = end(ending, false);
    assert!(inside > 0.7 && inside < 1.2, "{inside}");
    close(after, 5.0 + inside * 0.04, 1e-3);
    close(lost, 0.0, 1e-9);
    // Killed at once, all that is lost.
    let (inside, after, lost) = end(Ending::NOW, false);
    close(after, 0.0, 1e-9);
    close(lost, inside, 1e-9);
    // A process that hangs does not hear it: killed when the grace is over. What it had was lost before.
    assert_eq!(end(ending, true).1, 30.0);
}
