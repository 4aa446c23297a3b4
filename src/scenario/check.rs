//! What no single key shows: names that refer to nothing, traffic without a source, boxes that fit no machine.

use super::assert::claim;
use super::{Scenario, ScenarioParameters};
use crate::catalog::Catalog;
use crate::parameter::{Origin, Problem, Problems};
use crate::platform::sizing::check_machine;
use crate::world::traffic::{Curve, RecordingProblem, TrafficParameters, read_recording};
use crate::world::{ContainerParameters, Role, ServiceParameters};
use std::io;
use std::sync::Arc;

/// The traffic of each service, in order.
pub(super) fn curves(
    parameters: &ScenarioParameters,
    problems: &mut Problems,
    read: impl Fn(&str) -> io::Result<Vec<u8>>,
) -> Vec<Curve> {
    let mut curves = Vec::new();
    for (name, service) in parameters.service.iter() {
        let traffic = &service.traffic;
        let header = parameters.service.origin_of(name).cloned().unwrap_or_default();
        match (&traffic.rate, &traffic.file) {
            (Some(rate), None) => curves.push(Curve::periodic(*rate, traffic)),
            (None, Some(file)) => {
                curves.extend(recorded(parameters, traffic, file, problems, &read));
            }
            (None, None) => problems.push(
                Problem::at(&header, format!("service `{name}` has no traffic"), "nobody calls this service")
                    .help("give `traffic.rate`, such as \"20/s\", or `traffic.file`"),
            ),
            (Some(_), Some(_)) => problems.push(
                Problem::at(
                    traffic.place.of("rate"),
                    format!("service `{name}` has two sources of traffic"),
                    "a rate and a recording",
                )
                .help("leave out `traffic.rate` or `traffic.file`"),
            ),
        }
    }
    curves
}

/// The recording that `file` holds, laid out so that weekday and clock time agree with the scenario's calendar.
fn recorded(
    parameters: &ScenarioParameters,
    traffic: &TrafficParameters,
    file: &str,
    problems: &mut Problems,
    read: &impl Fn(&str) -> io::Result<Vec<u8>>,
) -> Option<Curve> {
    let at = traffic.place.of("file");
    for rhythm in ["diurnal", "weekly"].into_iter().filter(|rhythm| traffic.place.gives(rhythm)) {
        let title = format!("`traffic.{rhythm}` has no effect on a recording");
        let problem =
            Problem::at(traffic.place.of(rhythm), title, "a recording has its own times of day and weekdays");
        problems.push(problem.help(format!(
            "leave out `traffic.{rhythm}`; season, events, growth, flash crowds and bursts may stay"
        )));
    }
    let bytes = match read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            let problem =
                Problem::at(at, format!("cannot read the recording `{file}`: {error}"), "named here");
            problems.push(
                problem.help("the path is looked for beside the scenario, then from the working directory"),
            );
            return None;
        }
    };
    match read_recording(&bytes, &traffic.recording) {
        Ok(mut recording) => {
            recording.start_at(parameters.run.start.civil());
            Some(Curve::recorded(Arc::new(recording), traffic))
        }
        Err(found) => {
            for RecordingProblem { line, message, help } in found {
                let place = line.map_or(file.to_owned(), |line| format!("{file}:{line}"));
                let problem = Problem::at(at, format!("{place}: {message}"), "this recording");
                problems.push(problem.maybe_help(help));
            }
            None
        }
    }
}

/// Names that must refer to something.
pub(super) fn references(parameters: &ScenarioParameters, problems: &mut Problems) {
    let nothing = Origin::default();
    if parameters.service.is_empty() {
        problems
            .push(Problem::at(&nothing, "there is no service", "nothing to run").help("add `[service.web]`"));
    }
    if parameters.platform.is_empty() {
        problems.push(
            Problem::at(&nothing, "there is no platform", "nothing to compare")
                .help("add `[platform.pets]` with `kind = \"pets\"`"),
        );
    }
    for (name, service) in parameters.service.iter().filter(|(_, s)| s.container.is_empty()) {
        problems.push(
            Problem::at(
                service.place.header(),
                format!("service `{name}` has no container"),
                "a box needs a part",
            )
            .help(format!("add `[service.{name}.container.app]`")),
        );
    }
    for (name, service) in parameters.service.iter() {
        part_that_serves(name, service, problems);
        service.container.iter().for_each(|(part, container)| memory_of(name, part, container, problems));
    }
    let run = &parameters.run;
    if run.precision.is_some() && run.replications > run.max_replications {
        problems.push(
            Problem::at(
                run.place.of("max_replications"),
                format!(
                    "a precision begins with {} replications, which is more than the most",
                    run.replications
                ),
                format!("{} at most", run.max_replications),
            )
            .help("raise `run.max_replications` or lower `run.replications`"),
        );
    }
    if parameters.team.day_begins >= parameters.team.day_ends {
        problems.push(
            Problem::at(
                parameters.team.place.of("day_ends"),
                "the working day ends before it begins",
                "too early",
            )
            .help("give a `day_ends` later than `day_begins`"),
        );
    }
    if parameters.team.on_call > parameters.team.engineers {
        problems.push(
            Problem::at(
                parameters.team.place.of("on_call"),
                "more people on call than there are",
                "too many",
            )
            .help("raise `team.engineers` or lower `team.on_call`"),
        );
    }
    let catalog = Catalog::embedded();
    for machine in &parameters.practice.machines {
        check_machine(Some(machine), parameters.practice.place.of("machines"), &catalog, problems);
    }
    let services: Vec<&str> = parameters.service.names().collect();
    for (_, platform) in parameters.platform.iter() {
        platform.check(&services, &catalog, problems);
    }
    for wrong in parameters.assert.iter().filter_map(|assert| claim(parameters, assert).err()) {
        problems.append(wrong);
    }
}

/// Init parts and sidecars serve nobody.
fn part_that_serves(service: &str, parameters: &ServiceParameters, problems: &mut Problems) {
    if parameters.container.iter().all(|(_, c)| c.role != Role::App)
        && let Some((part, container)) = parameters.container.iter().next()
    {
        let title = format!("no container of service `{service}` serves requests");
        let problem = Problem::at(container.place.of("role"), title, format!("`{part}` is no `app`"));
        problems.push(problem.help("give one of its containers `role = \"app\"`, or leave the role away"));
    }
}

/// A limit that is below what is asked for is refused by every scheduler; one below what is used from the start on
/// lets the part crash for ever.
fn memory_of(service: &str, part: &str, container: &ContainerParameters, problems: &mut Problems) {
    let Some(limit) = container.memory_limit else { return };
    let at = container.place.of("memory_limit");
    let (asked, used) = (container.memory, container.memory_used());
    if used > limit {
        let title =
            format!("container `{part}` of service `{service}` can never run within its memory limit");
        let problem = Problem::at(at, title, format!("it uses {used} from its start on"));
        problems.push(problem.help("raise `memory_limit`, or lower `memory_use` or `memory`"));
    } else if asked > limit {
        let title = format!("container `{part}` of service `{service}` asks for more memory than its limit");
        let problem = Problem::at(at, title, format!("it asks for {asked}"));
        problems.push(problem.help("raise `memory_limit` or lower `memory`"));
    }
}

/// Whether every platform can be set up: tried out on a world in which nothing happens yet.
pub(super) fn feasible(scenario: &Scenario, problems: &mut Problems) {
    for (name, platform) in scenario.parameters.platform.iter() {
        let mut world = crate::world::World::new(&scenario.world, 0, 0);
        let api = crate::world::Api::new(&mut world);
        for reason in platform.infeasible(&scenario.parameters.practice, &api) {
            let origin = scenario.parameters.service.origin_of(&reason.service).cloned().unwrap_or_default();
            problems.push(
                Problem::at(
                    &origin,
                    format!("service `{}` cannot run on platform `{name}`", reason.service),
                    reason.why,
                )
                .help(reason.help),
            );
        }
    }
}
