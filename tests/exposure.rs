//! Vulnerabilities against theory: how many are open, who can be attacked, and what each way of patching comes to.
//!
//! Publications are a Poisson stream and what becomes of them is independent on each box of a pet, so that the number that
//! a box has is that of busy servers in an M/G/∞ system: Poisson, with the rate times the mean latency as its mean.

use crate::support::{assert_close, quiet, run, value};
use boxherd::results::rows::ResultSet;

/// Boxes to which nothing happens but vulnerabilities, once a month, and a team that works day and night.
const SAFE: &str = r#"
[run]
length = "728d"
warm_up = "1d"
replications = 6

[service.web]
cpu_per_request = "10ms"
release.rate = "0/week"
traffic.rate = "20/s"
traffic.diurnal.amplitude = 0

[service.web.container.app]
cpu = "500m"

[vulnerabilities]
kernel = "0%"
exploited_after = "5d"

[team]
day_begins = "00:00"
day_ends = "23:59"
engineers = 50
absence.vacation_weeks = 0

[cloud]
launch_failure = "0%"

[faults]
human_slip.chance = "0%"
"#;

const PETS: &str = r#"
[platform.pets]
kind = "pets"
size.web.boxes = 20
size.web.machine = "m7i.large"
patching.touch = "1m"
patching.age = "1460d"
patching.reboot_deferred = "0%"
"#;

const CATTLE: &str = r#"
[platform.cattle]
kind = "cattle"
scaling.policy = "none"
size.web.boxes = 4
patching.touch = "1m"
"#;

const K8S: &str = r#"
[platform.k8s]
kind = "kubernetes"
node_upgrade.enabled = false
patching.touch = "1m"
patching.base_images = "6h"
patching.node_images = "1h"
"#;

fn runs(platform: &str, overrides: &[&str]) -> ResultSet {
    let all = [&["vulnerabilities.system=12/year"], overrides].concat();
    run(&quiet("safe.toml", &(SAFE.to_owned() + platform), &all))
}

#[test]
fn eighteen_percent_of_what_is_patched_by_hand_is_open_after_a_year() {
    // 120 publications a year, so that chance tells less: what a box still has after a year is a matter of its own.
    let results = runs(PETS, &["vulnerabilities.system=120/year", "run.length=364d", "run.replications=4"]);
    // ln(365/90)/1.53 = 0.915 standard deviations: 18.0 % of a normal distribution lie above. Of 120 · 4 publications on
    // 20 boxes: √(0.18 · 0.82 / 9600) = 0.4 %.
    assert_close(value(&results, "pets", "open_after_year"), 0.18, 0.015, "after a year");
    // ln(30/90)/1.53 = −0.718: 76.4 % are above, that is 24 % below thirty days.
    assert_close(value(&results, "pets", "open_after_month"), 0.764, 0.015, "after a month");
    // Machines of 4 to 5 years lack, of each publication of that time, what is not fixed by then: with A = 1,642 days
    // E min(L, A) = 290.1 · Φ((7.404 − 4.500 − 2.341)/1.53) + 1,642 · (1 − Φ((7.404 − 4.500)/1.53))
    // = 290.1 · 0.644 + 1,642 · 0.0289 = 234 days, times 120 a year: 77.0. Publications alone vary by 5 %.
    assert_close(value(&results, "pets", "open_vulnerabilities"), 77.0, 6.0, "open on a box");
}

#[test]
fn boxes_are_exposed_as_an_infinite_server_queue_is_busy() {
    let results = runs(PETS, &["platform.pets.patching.delay=lognormal(10d, 1)"]);
    // E (L − 5)⁺ = e^(2.803)·Φ(2.303 + 1 − 1.609) − 5·Φ(0.693) = 16.49·0.9548 − 5·0.7559 = 11.96 days, and some hours
    // until somebody has time on weekdays. 12 a year of these: 0.393 exploited at a time on average, none with e^−0.393.
    let share = 1.0 - (-0.393_f64).exp();
    // Publications are common to all boxes: 12 · 2 · 6 = 144 of them, of which the share follows with
    // 0.393 · e^−0.393 / √144 = 0.022.
    assert_close(value(&results, "pets", "exposed_share"), share, 0.06, "box time exposed");
    // A month has 30.4 days: 20 boxes.
    let days = value(&results, "pets", "exposed_share") * 20.0 * 730.0 / 24.0;
    assert_close(value(&results, "pets", "exposed_box_days"), days, 1e-6 * days, "box-days");
    // Half of the latencies are below ten days.
    let median_d = value(&results, "pets", "patch_latency") / 86_400.0;
    assert_close(median_d, 10.0, 1.0, "median latency");
}

#[test]
fn a_timer_patches_before_anybody_attacks_and_leaves_only_the_kernel() {
    let unattended =
        ["platform.pets.patching.way=unattended", "vulnerabilities.kernel=40%", "run.length=364d"];
    let with = |more: &[&str]| runs(PETS, &[&unattended[..], more].concat());
    let left_alone = value(&with(&[]), "pets", "exposed_share");
    let rebooting = with(&["platform.pets.patching.automatic_reboot=true"]);
    assert_close(
        value(&rebooting, "pets", "exposed_share"),
        0.0,
        1e-12,
        "fixed within 25 hours, exploited after 5 days",
    );
    assert_close(value(&rebooting, "pets", "patch_hours"), 0.0, 1e-12, "without anybody");
    // Reboots wait U(1 d, 30 d) and half a day for the timer: E (1/29) ∫ (x − 4.5)⁺ = 25.5²/58 = 11.2 days beyond the
    // exploit for 4.8 kernels a year: 1 − e^(−0.147) = 0.137, unless a reboot for another one comes first.
    assert!((0.08..0.16).contains(&left_alone), "{left_alone}");
    assert!(value(&runs(PETS, &["run.length=364d"]), "pets", "exposed_share") > 0.9, "by hand");
}

/// An image is renewed at an age, if anything was published since; if not, with the next publication. Its cycle takes that
/// age and, if nothing was published (e^−λT), another 1/λ on average; exposed is who has an image with something published
/// more than five days ago: ∫ 1 − e^(−λx) up to T − 5.
fn of_images(age_d: f64) -> f64 {
    let rate = 12.0 / 365.0;
    let exposed_d = (age_d - 5.0) - (1.0 - (-rate * (age_d - 5.0)).exp()) / rate;
    exposed_d / (age_d + (-rate * age_d).exp() / rate)
}

#[test]
fn images_that_are_renewed_leave_boxes_exposed_for_as_long_as_theory_says() {
    for (age, days) in [("30d", 30.0), ("90d", 90.0)] {
        let set = [
            format!("platform.cattle.patching.image_age={age}"),
            format!("platform.k8s.patching.image_age={age}"),
        ];
        let cattle = runs(CATTLE, &[&set[0]]);
        let expected = of_images(days);
        // 0.193 and 0.616. Twelve years have some 100 cycles of a month, or 48 of a quarter, which vary by half: 0.03.
        assert_close(value(&cattle, "cattle", "exposed_share"), expected, 0.06, age);
        // Containers alone, with what their runtime brings: the same arithmetic.
        let runtime = ["vulnerabilities.system=0/year", "vulnerabilities.runtime=12/year", "run.length=364d"];
        let k8s = runs(K8S, &[&runtime[..], &[&set[1]]].concat());
        assert_close(value(&k8s, "k8s", "exposed_share"), expected, 0.08, age);
    }
    assert_close(of_images(30.0), 0.193, 0.001, "as computed by hand");
    assert_close(of_images(90.0), 0.616, 0.001, "as computed by hand");
}

#[test]
fn releases_carry_fixes_to_cattle_and_an_old_kernel_lets_attackers_into_all_pods() {
    let often = ["service.web.release.rate=5/week", "service.web.release.failure_rate=0%", "run.length=364d"];
    // Images of a day or two are never five days behind.
    assert!(value(&runs(CATTLE, &often), "cattle", "exposed_share") < 0.01);
    let kernel = ["vulnerabilities.kernel=100%", "run.length=364d"];
    let never = runs(K8S, &[&often[..], &kernel].concat());
    // Nodes that nobody upgrades lack a kernel after a month, whatever runs on them.
    assert!(value(&never, "k8s", "exposed_share") > 0.9);
    let upgraded = ["platform.k8s.node_upgrade.enabled=true", "platform.k8s.node_upgrade.every=4d"];
    assert!(value(&runs(K8S, &[&often[..], &kernel, &upgraded].concat()), "k8s", "exposed_share") < 0.05);
}

#[test]
fn the_oldest_machine_is_as_old_as_it_was_and_the_time_since() {
    let results = runs(PETS, &["run.length=100d", "run.replications=1"]);
    // 1,460 days at the start, and from the first to the 101st day: 1,511 in the middle.
    assert_close(value(&results, "pets", "oldest_machine") / 86_400.0, 1_511.0, 1e-6, "days");
}
