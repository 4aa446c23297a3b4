//! Numbers as people write them: `1,234`, `99.95 %`, `12.3 ms`, `4 m 10 s`, and `41.2 ± 1.3`.
//!
//! Knows scales, not metrics; colour and width are others' business. An interval decides how many digits mean
//! something. Start at [`phrase`] for a sentence, [`cell`] for a table.

use crate::results::metric::Scale;

/// Between the ends of an interval and where nothing is known.
pub const DASH: &str = "–";

/// A value with its unit, for a sentence.
pub fn phrase(scale: Scale, value: f64) -> String {
    match scale {
        Scale::Usd => format!("{} USD", grouped(value, usd_decimals(value))),
        Scale::Share => format!("{} %", percent(value)),
        Scale::Milliseconds => format!("{} ms", significant(value)),
        Scale::Seconds => duration(value),
        Scale::Minutes => duration(value * 60.0),
        Scale::Count => significant(value),
    }
}

/// A value without its unit (durations keep theirs: it changes from cell to cell), with half the width of its
/// interval where there is one. Spans with a lopsided interval show its ends: `10 m (6 m–14 h)`.
pub fn cell(scale: Scale, value: f64, interval: Option<(f64, f64)>) -> String {
    let half = interval.map(|(low, high)| (high - low) / 2.0);
    // An interval far below the digits that are shown says no more than the value.
    let shown =
        if matches!(scale, Scale::Share) { value.abs().min((1.0 - value).abs()) } else { value.abs() };
    let half = half.filter(|half| *half > shown * 5e-4);
    let plain = |value: f64, half: Option<f64>, alone: String| match half {
        Some(half) => {
            let decimals = decimals_of(half);
            format!("{} ± {}", grouped(value, decimals), grouped(half, decimals))
        }
        None => alone,
    };
    match scale {
        Scale::Usd => plain(value, half.map(|half| half.max(0.005)), grouped(value, usd_decimals(value))),
        Scale::Share => plain(value * 100.0, half.map(|half| (half * 100.0).max(0.00005)), percent(value)),
        Scale::Milliseconds | Scale::Count => {
            plain(value, half.map(|half| half.max(0.005)), significant(value))
        }
        Scale::Seconds => duration_cell(value, half.and(interval)),
        Scale::Minutes => duration_cell(value * 60.0, half.and(interval.map(|(a, b)| (a * 60.0, b * 60.0)))),
    }
}

/// The unit to put beside a row's title, where the cells do not carry it.
pub fn unit(scale: Scale) -> Option<&'static str> {
    match scale {
        Scale::Usd => Some("USD"),
        Scale::Share => Some("%"),
        Scale::Milliseconds => Some("ms"),
        Scale::Seconds | Scale::Minutes | Scale::Count => None,
    }
}

/// Thousands separated by commas.
pub fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    // What rounds to zero has no sign.
    let is_zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if value < 0.0 && !is_zero { format!("-{grouped}") } else { grouped }
}

/// Three digits or so: `0.0123`, `12.3`, `1,234`.
pub fn significant(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if size == 0.0 => 0,
        _ if size >= 100.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 1.0 => 2,
        _ => ((2.0 - size.log10().floor()) as usize).min(6),
    };
    grouped(value, decimals)
}

/// A share in percent without the sign: `41.2`; close to 100 as many digits as the rest needs: `99.953`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let rest = (100.0 - percent).abs();
    let decimals = match () {
        () if rest == 0.0 || percent == 0.0 => 0,
        () if rest < 1.0 => ((1.0 - rest.log10().floor()) as usize).min(5),
        () if percent.abs() < 1.0 => ((1.0 - percent.abs().log10().floor()) as usize).min(5),
        () => 1,
    };
    grouped(percent, decimals)
}

/// A span of seconds in its two largest units: `0.42 s`, `42 s`, `4 m 10 s`, `3 h 20 m`, `2 d 4 h`.
pub fn duration(seconds: f64) -> String {
    if seconds < 0.0 {
        return format!("-{}", duration(-seconds));
    }
    if seconds < 9.95 {
        return format!("{} s", if seconds == 0.0 { "0".to_owned() } else { format!("{seconds:.2}") });
    }
    let (minute, hour, day) = (60, 3_600, 86_400);
    let whole = seconds.round() as u64;
    // Round to what is shown before splitting, so that 59.7 minutes become an hour and not 60 minutes.
    let to_minutes = (seconds / 60.0).round() as u64 * minute;
    let to_hours = (seconds / 3_600.0).round() as u64 * hour;
    let two = |span: u64, large: u64, large_name: &str, small: u64, small_name: &str| match (
        span / large,
        span % large / small,
    ) {
        (large, 0) => format!("{} {large_name}", grouped(large as f64, 0)),
        (large, small) => format!("{} {large_name} {small} {small_name}", grouped(large as f64, 0)),
    };
    match whole {
        _ if whole < minute => format!("{whole} s"),
        _ if whole < hour => two(whole, minute, "m", 1, "s"),
        _ if to_minutes < day => two(to_minutes, hour, "h", minute, "m"),
        _ => two(to_hours, day, "d", hour, "h"),
    }
}

fn duration_cell(seconds: f64, interval: Option<(f64, f64)>) -> String {
    let Some((low, high)) = interval else { return duration(seconds) };
    let half = (high - low) / 2.0;
    let (below, above) = (seconds - low, high - seconds);
    if half > 0.4 * seconds || (half > 0.1 * seconds && (above > 2.0 * below || below > 2.0 * above)) {
        return format!("{} ({}–{})", coarse(seconds), coarse(low.max(0.0)), coarse(high));
    }
    // Spans from ten seconds on are shown in whole seconds, so their interval is as well; and seconds mean nothing
    // where the interval is minutes wide.
    let (half, decimals) = if seconds < 9.95 { (half, 2) } else { (half.max(1.0), 0) };
    let (unit, name) = match half {
        half if half < 100.0 => (1.0, "s"),
        half if half < 5_970.0 => (60.0, "m"),
        half if half < 172_000.0 => (3_600.0, "h"),
        _ => (86_400.0, "d"),
    };
    let shown = if unit > 1.0 { (seconds / unit).round() * unit } else { seconds };
    let decimals = if unit > 1.0 { 0 } else { decimals };
    format!("{} ± {} {name}", duration(shown), grouped(half / unit, decimals))
}

/// A span in its largest unit only: `42 s`, `6 m`, `14 h`.
fn coarse(seconds: f64) -> String {
    let (unit, name) = match seconds {
        s if s < 99.5 => (1.0, "s"),
        s if s < 5_970.0 => (60.0, "m"),
        s if s < 172_000.0 => (3_600.0, "h"),
        _ => (86_400.0, "d"),
    };
    format!("{} {name}", grouped((seconds / unit).round(), 0))
}

/// Digits after the point such that a half-width shows one digit, or two if the first is a 1.
fn decimals_of(half: f64) -> usize {
    // Rounding 0.096 to one digit gives 0.1: decide on the rounded one.
    let exponent = (half * 1.05).log10().floor();
    let leading = half / 10_f64.powf(exponent);
    let digits_more = if leading < 1.95 { 1.0 } else { 0.0 };
    (digits_more - exponent).clamp(0.0, 5.0) as usize
}

fn usd_decimals(value: f64) -> usize {
    if value.abs() < 100.0 { 2 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cases: &[(String, &str)]) {
        for (written, expected) in cases {
            assert_eq!(written, expected);
        }
    }

    #[test]
    fn thousands_are_grouped() {
        check(&[
            (grouped(1234.0, 0), "1,234"),
            (grouped(-1_234_567.891, 2), "-1,234,567.89"),
            (grouped(999.6, 0), "1,000"),
            (grouped(-0.001, 1), "0.0"),
            (grouped(12.0, 0), "12"),
        ]);
    }

    #[test]
    fn a_share_near_one_shows_what_is_missing() {
        check(&[
            (phrase(Scale::Share, 0.9995), "99.950 %"),
            (phrase(Scale::Share, 0.99981), "99.981 %"),
            (phrase(Scale::Share, 0.412), "41.2 %"),
            (phrase(Scale::Share, 1.0), "100 %"),
            (phrase(Scale::Share, 0.00042), "0.042 %"),
        ]);
    }

    #[test]
    fn durations_show_two_units_and_carry() {
        check(&[
            (duration(0.0), "0 s"),
            (duration(0.42), "0.42 s"),
            (duration(42.3), "42 s"),
            (duration(59.7), "1 m"),
            (duration(250.0), "4 m 10 s"),
            (duration(3_599.6), "1 h"),
            (duration(12_000.0), "3 h 20 m"),
            (duration(86_390.0), "1 d"),
            (duration(187_200.0), "2 d 4 h"),
            (duration(-250.0), "-4 m 10 s"),
        ]);
    }

    fn around(value: f64, half: f64) -> Option<(f64, f64)> {
        Some((value - half, value + half))
    }

    #[test]
    fn the_interval_decides_the_digits() {
        check(&[
            (cell(Scale::Usd, 12_345.6, around(12_345.6, 123.0)), "12,346 ± 123"),
            (cell(Scale::Usd, 4.02, around(4.02, 0.053)), "4.02 ± 0.05"),
            (cell(Scale::Share, 0.412, around(0.412, 0.0133)), "41.2 ± 1.3"),
            (cell(Scale::Share, 0.99953, around(0.99953, 0.00004)), "99.953 ± 0.004"),
            (cell(Scale::Milliseconds, 212.43, around(212.43, 0.96)), "212.4 ± 1.0"),
            (cell(Scale::Seconds, 250.0, around(250.0, 12.0)), "4 m 10 s ± 12 s"),
            (cell(Scale::Minutes, 95.0, around(95.0, 6.0)), "1 h 35 m ± 6 m"),
            (cell(Scale::Seconds, 2_555.0, around(2_555.0, 660.0)), "43 m ± 11 m"),
            (cell(Scale::Seconds, 2_555.0, around(2_555.0, 0.4)), "42 m 35 s"),
            (cell(Scale::Seconds, 3.25, around(3.25, 0.4)), "3.25 s ± 0.40 s"),
            (cell(Scale::Seconds, 580.0, Some((380.0, 50_000.0))), "10 m (6 m–14 h)"),
            (cell(Scale::Count, 14.2, None), "14.2"),
            (cell(Scale::Count, 14.2, around(14.2, 0.0)), "14.2"),
        ]);
    }

    #[test]
    fn sentences_carry_units() {
        check(&[
            (phrase(Scale::Usd, 6_200.4), "6,200 USD"),
            (phrase(Scale::Usd, 2.48), "2.48 USD"),
            (phrase(Scale::Milliseconds, 12.34), "12.3 ms"),
            (phrase(Scale::Minutes, 3.5), "3 m 30 s"),
            (phrase(Scale::Count, 0.0123), "0.0123"),
        ]);
    }
}
