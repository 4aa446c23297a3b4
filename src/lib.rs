//! `boxherd` compares ways of running services: same services, same traffic, same bad luck, same team, on hand-kept
//! *pets*, on a *cattle* fleet of virtual machines, or on *Kubernetes*. What do they cost, how busy are the machines,
//! how fast do they recover?
//!
//! This page is the map. It says what rarely changes; the module headers say the rest.
//!
//! # Bird's eye
//!
//! A scenario is read and validated. For each platform and each replication a world is made from the same seed; a
//! platform, which is a control plane, acts on it through a narrow door; everything that happens is stated as a fact;
//! metrics turn facts into sums; statistics turn the sums of all replications into rows; reports draw rows.
//!
//! ```text
//!  cli ──► scenario ──► experiment ──► results ◄── report
//!                           │             ▲
//!                           ▼             │ rows
//!                       simulation ──► metrics ◄── facts
//!                           │                        ▲
//!                           ▼                        │
//!       cluster ◄────── platform ──────► world ──────┘
//!          │                               │
//!          └───────────► engine ◄──────────┘
//! ```
//!
//! # Where things are
//!
//! | module | what it is | start at |
//! |---|---|---|
//! | [`engine`] | time, event queue, random streams; could be published alone | [`engine::Scheduler`] |
//! | [`parameter`] | one declaration per parameter: reading, defaults, sources, errors, `explain` | [`parameter::Section`] |
//! | [`catalog`] | machine types and prices, dated and with source | [`catalog::Catalog`] |
//! | [`world`] | ground truth: machines, boxes, requests, faults, people | [`world::World`], [`world::Api`] |
//! | [`cluster`] | a Kubernetes control plane that knows no world: objects, store, scheduler, controllers; could be published alone | [`cluster::Cluster`] |
//! | [`platform`] | control planes: one folder a kind | [`platform::Platform`] |
//! | [`simulation`] | the loop of one replication, and its replay in words | [`simulation::run`] |
//! | [`metrics`] | from facts to sums; the definitions of all numbers | [`metrics::Recorder`] |
//! | [`experiment`] | replications on all cores, intervals, paired comparisons | [`experiment::run`] |
//! | [`results`] | plain rows, written and read | [`results::rows::ResultSet`] |
//! | [`report`] | sentences, tables and charts from rows alone | [`report::table`] |
//! | [`scenario`] | the file format, its schema, and what can be wrong with it | [`scenario::Scenario`] |
//! | [`verify`] | claims of theory, and what the program makes of them | [`verify::all`] |
//! | [`cli`] | the only part that prints or exits | [`cli::main`] |
//!
//! # Invariants, most of them absences
//!
//! - `engine` knows no domain word; `cluster` knows no machine, request or price; `world` knows no platform; `report` would compile without the simulator.
//! - A platform cannot name ground truth. It has [`world::Api`], whose calls all exist in reality: detection time is
//!   a result, never an input.
//! - Randomness is a pure function of (seed, replication, purpose, entity). Opening a stream shifts no other, and
//!   entities mean the same on every platform: host slots, numbered boxes, releases. That is the *same weather*.
//! - Order is (time, phase, sequence), in integers. No hash iteration, wall clock or thread identity touches a result:
//!   same binary, same seed, same bytes, with any number of threads.
//! - Nothing that changes nothing is an event: probes, heartbeats and scrapes that find what they found before are
//!   computed, not simulated.
//! - Metrics never see the world, and platforms never see a metric's total. What an autoscaler reads is a modelled
//!   pipeline with period and lag.
//! - Parameters are declared once, with unit, default, source and how sure it is.
//! - Only `cli` prints. Files are touched by `cli`, the scenario loader and the results folder.
//!
//! Speed is measured in `benches/`, one file a question; `benches/peers/` is a crate of its own that runs other engines
//! beside [`engine`].
//!
//! `tests/layers.rs` checks the arrows above and the absences that a text can show.
//!
//! # Where a new thing goes
//!
//! | add a … | new file | registration |
//! |---|---|---|
//! | platform | `platform/<name>/` | one entry in [`platform::registry`] |
//! | way to find boxes on machines | a kind of [`platform::discovery`] | its section, one arm in its `Entry` and in its lags |
//! | rollout strategy | a variant of [`platform::rollout::Strategy`] | its section, one arm in each platform that can do it |
//! | Kubernetes controller | `cluster/controllers/<name>.rs` | its queue and what it watches in [`cluster::Cluster`] |
//! | scheduler plugin | `cluster/scheduler/{filters,scores}/<name>.rs` | its place in the profile; one from outside is registered |
//! | kind of recorded run | `verify/kubernetes/<kind>.rs` | one row in its `KINDS` |
//! | fault kind | `world/fault/<name>.rs` | its section, its [`world::FaultKind`], one arm each in `Event` and `World::handle`; one that takes many machines is five lines in `world/fault/group.rs` |
//! | traffic curve | `world/traffic/<name>.rs` | one factor in [`world::traffic::Curve`], or in [`world::traffic::Demand`] if nobody can foresee it |
//! | metric | a part in `metrics/` | one row in [`results::metric::METRICS`] |
//! | chart | `report/charts/<name>.rs` | one line in [`report::charts`] |
//! | form of a value | beside its type | one line in [`parameter::schema`], or editors do not know it |
//! | format of other tools | `report/export/<name>.rs` | one option in `cli/export.rs` |
//! | check of theory | a topic in `verify/topic/` | one line in its `TOPICS` |
//! | command | `cli/<name>.rs` | one variant in `cli` |

pub mod catalog;
pub mod cli;
pub mod cluster;
pub mod engine;
pub mod experiment;
pub mod metrics;
pub mod parameter;
pub mod platform;
pub mod report;
pub mod results;
pub mod scenario;
pub mod simulation;
pub mod verify;
pub mod world;
