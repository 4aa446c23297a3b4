//! How much a scenario asks for, before anything of it is made: what would take weeks or all memory is refused with a
//! sentence, not found out.
//!
//! Counts from below what each key alone makes happen: segments of traffic, requests one by one, faults of at least one
//! machine a service, releases. Limits are far above anything useful on one machine and far below what never ends.
//! Start at [`check`].

use super::ScenarioParameters;
use crate::engine::{SimDuration, SimTime};
use crate::parameter::{Origin, Problem, Problems};
use crate::world::Calendar;
use crate::world::requests::RequestMode;
use crate::world::traffic::Curve;

/// Over all replications and platforms: at a few million a second, half a day on one core.
const MOST_EVENTS: f64 = 1e11;

/// Segments of traffic in one replication, over all services. Platforms look at each before anything runs.
const MOST_SEGMENTS: f64 = 5e7;

/// Cores that the requests of one service take on average. Sizing tries fleets one box after the other.
const MOST_CORES: f64 = 2e4;

/// Something that happens, how often in one replication of one platform, and what to change.
struct Part<'a> {
    what: String,
    events: f64,
    origin: &'a Origin,
    help: String,
}

/// What makes a scenario more than can be run. Nothing in here takes longer for a larger scenario.
pub(super) fn check(
    parameters: &ScenarioParameters,
    curves: &[Curve],
    calendar: &Calendar,
    problems: &mut Problems,
) {
    cores(parameters, curves, calendar, problems);
    let run = &parameters.run;
    let horizon = run.warm_up + run.length;
    let segments = parameters.service.len() as f64 * horizon.as_secs_f64() / run.segment.as_secs_f64();
    if segments > MOST_SEGMENTS {
        let title =
            format!("the traffic has {} segments, more than {}", count(segments), count(MOST_SEGMENTS));
        let found = format!("{} in segments of {}", horizon, run.segment);
        let problem = Problem::at(run.place.of("segment"), title, found);
        return problems.push(problem.help("shorten `run.length` or lengthen `run.segment`"));
    }
    let parts = parts(parameters, curves, calendar, segments);
    let repeated = f64::from(run.replications) * parameters.platform.len() as f64;
    let events = parts.iter().map(|part| part.events).sum::<f64>() * repeated;
    if events <= MOST_EVENTS {
        return;
    }
    let most = parts.iter().max_by(|a, b| a.events.total_cmp(&b.events)).expect("there is traffic");
    let title = format!(
        "the scenario asks for {} events and more; {} is the most",
        count(events),
        count(MOST_EVENTS)
    );
    let found = format!(
        "{}: {} in each of {} replications on {} platforms",
        most.what,
        count(most.events),
        run.replications,
        parameters.platform.len()
    );
    let help = format!("{}, or shorten `run.length` or lower `run.replications`", most.help);
    problems.push(Problem::at(most.origin, title, found).help(help));
}

/// Services that no fleet that we can size would carry.
fn cores(parameters: &ScenarioParameters, curves: &[Curve], calendar: &Calendar, problems: &mut Problems) {
    let headroom = 1.0 + parameters.practice.headroom.as_f64();
    for ((name, service), curve) in parameters.service.iter().zip(curves) {
        let day = (SimTime::ZERO, SimTime::ZERO + SimDuration::from_days(1));
        let rate = curve.mean_rate(calendar, day.0, day.1);
        let cores = rate * service.cpu_per_request.as_secs_f64() * headroom;
        if cores > MOST_CORES {
            let title = format!(
                "service `{name}` needs {} cores on average, more than {}",
                count(cores),
                count(MOST_CORES)
            );
            let found = format!(
                "{} requests/s of {} each, with headroom {}",
                count(rate),
                service.cpu_per_request,
                parameters.practice.headroom
            );
            let traffic = &service.traffic.place;
            let origin = if traffic.gives("rate") { traffic.of("rate") } else { traffic.of("file") };
            let help = "lower the traffic, `cpu_per_request` or `practice.headroom`, or split the service";
            problems.push(Problem::at(origin, title, found).help(help));
        }
    }
}

fn parts<'a>(
    parameters: &'a ScenarioParameters,
    curves: &[Curve],
    calendar: &Calendar,
    segments: f64,
) -> Vec<Part<'a>> {
    let run = &parameters.run;
    let horizon = run.warm_up + run.length;
    let mut parts = vec![Part {
        what: "segments of traffic".to_owned(),
        events: segments,
        origin: run.place.of("segment"),
        help: "lengthen `run.segment`".to_owned(),
    }];
    for ((name, service), curve) in parameters.service.iter().zip(curves) {
        if service.requests == RequestMode::Discrete {
            let rest = horizon.as_secs_f64() - service.requests_from.as_secs_f64();
            let length = service.requests_for.map_or(rest, |length| length.as_secs_f64().min(rest)).max(0.0);
            let day = SimTime::ZERO + SimDuration::from_days(1);
            parts.push(Part {
                what: format!("requests of service `{name}` one by one"),
                events: curve.mean_rate(calendar, SimTime::ZERO, day) * length,
                origin: service.place.of("requests"),
                help: format!("shorten `service.{name}.requests_for`"),
            });
        }
        parts.push(Part {
            what: format!("releases of service `{name}`"),
            events: service.release.rate.per_second() * horizon.as_secs_f64(),
            origin: service.release.place.of("rate"),
            help: format!("lower `service.{name}.release.rate`"),
        });
    }
    let faults = &parameters.faults;
    let machines = parameters.service.len() as f64;
    for (key, rate, of, place) in [
        ("vm_crash", faults.vm_crash.rate, machines, &faults.vm_crash.place),
        ("vm_loss", faults.vm_loss.rate, machines, &faults.vm_loss.place),
        ("slow_vm", faults.slow_vm.rate, machines, &faults.slow_vm.place),
        ("process_crash", faults.process_crash.rate, machines, &faults.process_crash.place),
        ("rack_outage", faults.rack_outage.rate, 1.0, &faults.rack_outage.place),
        ("rack_network", faults.rack_network.rate, 1.0, &faults.rack_network.place),
        ("power_outage", faults.power_outage.rate, 1.0, &faults.power_outage.place),
        ("overheating", faults.overheating.rate, 1.0, &faults.overheating.place),
        ("zone_outage", faults.zone_outage.rate, 1.0, &faults.zone_outage.place),
    ] {
        parts.push(Part {
            what: format!("faults `{key}`"),
            events: rate.per_second() * of * horizon.as_secs_f64(),
            origin: place.of("rate"),
            help: format!("lower `faults.{key}.rate`"),
        });
    }
    parts
}

/// `3.2e12`, or in full where that is short.
fn count(number: f64) -> String {
    if number < 1e6 { format!("{}", number.round()) } else { format!("{number:.1e}") }
}

#[cfg(test)]
mod tests {
    use crate::scenario::{QUICKSTART, load_text};
    use std::path::Path;

    fn check(overrides: &[&str], expected: Option<&str>) {
        let overrides: Vec<String> = overrides.iter().map(|&o| o.to_owned()).collect();
        let loaded = load_text("q.toml", QUICKSTART.as_bytes(), Path::new(""), &overrides);
        match (loaded.err().map(|error| error.render(false)), expected) {
            (None, None) => {}
            (Some(text), Some(expected)) => assert!(text.contains(expected), "{text}"),
            (found, _) => panic!("{overrides:?}: {found:?}"),
        }
    }

    #[test]
    fn a_million_million_events_are_refused_and_what_one_may_want_is_not() {
        check(&[], None);
        check(&["run.replications=1000", "run.length=52w"], None);
        // 120/s over 29 days of 86,400 s are 3.0e8, on 30 replications and three platforms 2.7e10: hours, but a wish.
        check(&["service.shop.requests=discrete"], None);
        // A hundred times the replications: 2.7e12.
        check(&["service.shop.requests=discrete", "run.replications=3000"], Some("asks for 2.7e12 events"));
        check(&["faults.vm_crash.rate=1e6/s"], Some("faults `vm_crash`"));
        check(&["service.shop.release.rate=1e6/s"], Some("lower `service.shop.release.rate`"));
        // 101 years of 365 days less the warm-up, in seconds, for three services: 9.5e9.
        check(&["run.segment=1s", "run.length=100y"], Some("lengthen `run.segment`"));
        check(&["service.shop.traffic.rate=1e9/s"], Some("service `shop` needs 5.2e7 cores"));
        check(&["practice.headroom=1e9"], Some("service `mailer` needs"));
    }
}
