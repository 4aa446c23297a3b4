//! The purposes for which the world draws random numbers. One purpose a stream; names are for ever.

use crate::engine::Purpose;

pub(super) const BOOT: Purpose = Purpose::named("vm boot");
pub(super) const REBOOT: Purpose = Purpose::named("vm reboot");
pub(super) const LAUNCH_FAILURE: Purpose = Purpose::named("vm launch failure");
pub(super) const VM_CRASH: Purpose = Purpose::named("vm crash");
pub(super) const VM_CRASH_DOWN: Purpose = Purpose::named("vm crash duration");
pub(super) const VM_LOSS: Purpose = Purpose::named("vm loss");
pub(super) const PROCESS_CRASH: Purpose = Purpose::named("process crash");
pub(super) const ZONE_OUTAGE: Purpose = Purpose::named("zone outage");
pub(super) const ZONE_OUTAGE_DOWN: Purpose = Purpose::named("zone outage duration");
pub(super) const START_UP: Purpose = Purpose::named("box start-up");
pub(super) const CHECK_PHASE: Purpose = Purpose::named("health check phase");
pub(super) const HEARTBEAT_PHASE: Purpose = Purpose::named("heartbeat phase");
pub(super) const ALERT_PHASE: Purpose = Purpose::named("alert scrape phase");
pub(super) const ACKNOWLEDGE: Purpose = Purpose::named("page acknowledge");
pub(super) const RELEASE_TIME: Purpose = Purpose::named("release time");
pub(super) const RELEASE_QUALITY: Purpose = Purpose::named("release quality");
