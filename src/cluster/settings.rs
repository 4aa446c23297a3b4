//! Settings of the control plane: flags of its components, with the defaults of v1.36.2.

use crate::engine::{SimDuration, SimTime};

/// All of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Time from a write until a controller that watches the object wakes up.
    pub watch_latency: SimDuration,
    /// How long a controller's write takes; its next one waits for it.
    pub request: SimDuration,
    /// `kube-api-qps` of a controller's client.
    pub client_rate: f64,
    /// `kube-api-burst`.
    pub client_burst: u32,
    /// Client of the scheduler.
    pub scheduler_rate: f64,
    pub scheduler_burst: u32,
    /// How long the endpoint slice controller is busy with a Service whose slices it writes; further changes gather.
    pub service_sync: SimDuration,
    pub nodes: NodeSettings,
    /// What the wall clock shows at time zero, from 1970 (UTC).
    pub wall_clock: SimDuration,
}

/// Flags of the node lifecycle controller.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSettings {
    /// `node-monitor-period`.
    pub monitor_period: SimDuration,
    /// One of the times at which the controller looks.
    pub monitor_phase: SimTime,
    /// `node-eviction-rate`: nodes per second and zone.
    pub eviction_rate: f64,
    /// `secondary-node-eviction-rate`.
    pub secondary_rate: f64,
    /// `unhealthy-zone-threshold`: share of a zone's nodes.
    pub unhealthy_zone: f64,
    /// `large-cluster-size-threshold`.
    pub large_zone: u32,
}

impl Settings {
    /// A time as objects bear it: in whole seconds of the wall clock.
    pub fn timestamp(&self, time: SimTime) -> SimTime {
        let part = (self.wall_clock + time.since(SimTime::ZERO)).as_micros() % 1_000_000;
        SimTime::from_micros(time.as_micros().saturating_sub(part))
    }

    /// Seconds from 1970, rounded down.
    pub fn wall_seconds(&self, time: SimTime) -> i64 {
        ((self.wall_clock + time.since(SimTime::ZERO)).as_micros() / 1_000_000) as i64
    }

    /// When the wall clock shows so many seconds from 1970; zero if that was before.
    pub fn at_wall_seconds(&self, seconds: i64) -> SimTime {
        let micros = seconds.max(0) as u64 * 1_000_000;
        SimTime::from_micros(micros.saturating_sub(self.wall_clock.as_micros()))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            watch_latency: SimDuration::from_millis(10),
            request: SimDuration::ZERO,
            client_rate: 20.0,
            client_burst: 30,
            scheduler_rate: 50.0,
            scheduler_burst: 100,
            service_sync: SimDuration::ZERO,
            nodes: NodeSettings::default(),
            // Monday, 5 January 2026.
            wall_clock: SimDuration::from_days(20_458),
        }
    }
}

impl Default for NodeSettings {
    fn default() -> Self {
        NodeSettings {
            monitor_period: SimDuration::from_secs(5),
            monitor_phase: SimTime::ZERO,
            eviction_rate: 0.1,
            secondary_rate: 0.01,
            unhealthy_zone: 0.55,
            large_zone: 50,
        }
    }
}
