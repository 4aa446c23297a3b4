//! Tests of recordings: what is read, what is said about mistakes, and how time zero and repetition fall.

use super::*;
use crate::parameter::{Origin, Problems, Section, check_defaults, parse};
use jiff::civil::date;
use proptest::prelude::*;

/// Parameters as a scenario writes them.
fn with(scenario: &str) -> RecordingParameters {
    let (table, sources, mut problems) = parse("shop.toml", scenario, &[]);
    let parameters = RecordingParameters::read(&table, &Origin::default(), "", &mut problems);
    assert!(problems.is_empty(), "{}", problems.render(&sources, false));
    parameters
}

fn recording(csv: &str, scenario: &str) -> Recording {
    read_recording(csv.as_bytes(), &with(scenario)).expect("the recording is good")
}

/// The problems, a line each: `line: message (help)`.
fn problems(csv: impl AsRef<[u8]>, scenario: &str) -> Vec<String> {
    let problems = read_recording(csv.as_ref(), &with(scenario)).expect_err("the recording is bad");
    let shown = problems.into_iter().map(|RecordingProblem { line, message, help }| {
        let line = line.map_or_else(String::new, |line| format!("{line}: "));
        line + &message + &help.map_or_else(String::new, |help| format!(" ({help})"))
    });
    shown.collect()
}

/// All problems, in order.
fn check(csv: &str, scenario: &str, expected: &[&str]) {
    assert_eq!(problems(csv, scenario), expected);
}

/// A recording of the counts 0, 1, 2, … a second, in buckets of `bucket` from `start`.
fn counting(start: DateTime, bucket: SimDuration, count: usize) -> Recording {
    Recording { rates: (0..count).map(|at| at as f64).collect(), bucket, start, zero_us: 0, period: count }
}

fn hours(hours: u64) -> SimTime {
    SimTime::ZERO + SimDuration::from_hours(hours)
}

fn start_of(csv_timestamp: &str, scenario: &str) -> String {
    let csv = format!("timestamp,value\n{csv_timestamp},1\n2100-01-01T00:00:00Z,1\n");
    recording(&csv, &format!("gaps = 'zero'\nbucket = '1d'\n{scenario}")).start().to_string()
}

#[test]
fn every_parameter_is_documented_and_its_default_reads() {
    assert_eq!(check_defaults(&RecordingParameters::describe()), [""; 0]);
    assert_eq!(with("").bucket, SimDuration::from_mins(5));
}

#[test]
fn offsets_read_and_print() {
    for text in ["UTC", "-04:00", "+05:30"] {
        assert_eq!(
            with(&format!("time_zone = '{text}'")).time_zone.map(|zone| zone.to_string()).as_deref(),
            Some(text)
        );
    }
    for text in ["EST", "-04:00:30", "4", "", "+99:00", "-04:00x"] {
        let (table, sources, mut found) = parse("shop.toml", &format!("time_zone = '{text}'"), &[]);
        RecordingParameters::read(&table, &Origin::default(), "", &mut found);
        let shown = Problems::render(&found, &sources, false);
        assert!(shown.contains("which is not an offset from UTC"), "{text}: {shown}");
    }
}

#[test]
fn buckets_must_divide_a_day() {
    for (bucket, good) in [("7m", false), ("0s", false), ("2d", false), ("1d", true), ("90s", true)] {
        let (table, _, mut found) = parse("shop.toml", &format!("bucket = '{bucket}'"), &[]);
        RecordingParameters::read(&table, &Origin::default(), "", &mut found);
        assert_eq!(found.is_empty(), good, "{bucket}");
    }
}

#[test]
fn counts_become_rates() {
    // 300 requests in 5 min are 1/s, twice that with the scale; a rate stays what it is.
    let csv = "timestamp,value\n2026-01-05 00:00,300\n2026-01-05 00:05,0\n";
    assert_eq!(recording(csv, "").rates(), [1.0, 0.0]);
    assert_eq!(recording(csv, "scale = 2").rates(), [2.0, 0.0]);
    assert_eq!(recording(csv, "value = 'rate'\nscale = 2").rates(), [600.0, 0.0]);
}

#[test]
fn a_byte_order_mark_line_ends_blanks_and_quotes_do_not_matter() {
    let csv = "\u{feff}other, value ,timestamp\r\n\r\n\"a\nb\",300,\"2026-01-05T00:00:00Z\"\r\nx, 600 , 2026-01-05T00:05:00Z";
    assert_eq!(recording(csv, "").rates(), [1.0, 2.0]);
}

#[test]
fn timestamps_are_read_in_every_form() {
    for text in ["2026-01-05T14:30:00", "2026-01-05 14:30:00", "2026-01-05 14:30", "2026-01-05T14:30:00Z"] {
        assert_eq!(start_of(text, ""), "2026-01-05T14:30:00", "{text}");
    }
    // 804571200 s are 1995-07-01T04:00:00Z, by `date -u -d @804571200`.
    for text in ["804571200", "804571200.0", "1995-07-01T04:00:00Z", "1995-07-01T00:00:00-04:00"] {
        assert_eq!(start_of(text, "time_zone = '-04:00'"), "1995-07-01T00:00:00", "{text}");
        assert_eq!(start_of(text, "time_zone = 'UTC'"), "1995-07-01T04:00:00", "{text}");
    }
    assert_eq!(start_of("804571200.25", ""), "1995-07-01T04:00:00.25");
}

#[test]
fn without_a_zone_the_clock_is_as_written_and_without_an_offset_in_any_zone() {
    assert_eq!(start_of("1995-07-01T00:00:00-04:00", ""), "1995-07-01T00:00:00");
    assert_eq!(start_of("1995-07-01T00:00:00", "time_zone = '-04:00'"), "1995-07-01T00:00:00");
}

#[test]
fn a_constant_offset_and_jitter_are_tolerated() {
    let offset = "timestamp,value\n2026-01-05 00:04:00,300\n2026-01-05 00:09:00,600\n";
    assert_eq!(recording(offset, "").start().to_string(), "2026-01-05T00:04:00");
    // 299 s after the first is bucket ⌊299/300⌋ = 0 again; the nearest is 1, and for 601 s it is 2.
    let jitter = "timestamp,value\n0,300\n299,600\n601,900\n";
    assert_eq!(recording(jitter, "").rates(), [1.0, 2.0, 3.0]);
    // 460 s after the first is bucket ⌊460/300⌋ = 1. It is nearer to 2, but nothing is in its way.
    assert_eq!(recording("timestamp,value\n0,300\n460,600\n", "").rates(), [1.0, 2.0]);
}

#[test]
fn gaps_are_filled_as_asked() {
    // Buckets 0 to 6; the first and the last have a bad status, 2 is empty, 3 has no row.
    let csv =
        "timestamp,value,status\n0,99,gap\n300,300,ok\n600,,ok\n1200,1200,ok\n1500,1500,ok\n1800,,gap\n";
    let filled = |gaps: &str| recording(csv, &format!("status_column = 'status'\ngaps = '{gaps}'")).rates;
    assert_eq!(filled("hold"), [1.0, 1.0, 1.0, 1.0, 4.0, 5.0, 5.0]);
    assert_eq!(filled("interpolate"), [1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 5.0]);
    assert_eq!(filled("zero"), [0.0, 1.0, 0.0, 0.0, 4.0, 5.0, 0.0]);
}

#[test]
fn gaps_are_counted_and_the_first_is_shown_with_the_cure() {
    let cure = "(set `gaps` to \"hold\", \"interpolate\" or \"zero\")";
    let empty = "timestamp,value\n0,1\n300,\n600,1\n1200,1\n";
    let expected = format!("3: 2 of 5 buckets have no value, the first at 1970-01-01T00:05:00 {cure}");
    check(empty, "", &[&expected]);
    let missing = "timestamp,value\n0,1\n300,1\n900,1\n1200,1\n";
    let expected = format!(
        "4: 1 of 5 buckets have no value, the first at 1970-01-01T00:10:00, missing before this line {cure}"
    );
    check(missing, "", &[&expected]);
}

#[test]
fn a_wrong_bucket_is_guessed() {
    let hourly = "timestamp,value\n0,1\n3600,1\n7200,1\n";
    check(
        hourly,
        "",
        &["3: 22 of 25 buckets have no value, the first at 1970-01-01T00:05:00, missing before this line \
          (most rows are 1h apart, so `bucket` may have to be \"1h\"; or set `gaps` to \"hold\", \"interpolate\" \
          or \"zero\")"],
    );
    let hint = "(most rows are 1m apart, so `bucket` may have to be \"1m\")";
    let first = format!("3: the 5m from 1970-01-01T00:00:00 have a value already, in line 2 {hint}");
    let second = format!("4: the 5m from 1970-01-01T00:00:00 have a value already, in line 3 {hint}");
    check("timestamp,value\n0,1\n60,1\n120,1\n", "", &[&first, &second]);
}

#[test]
fn all_mistakes_are_shown_at_once_with_their_lines() {
    check(
        "timestamp,value\r\n0,-1\r\nnoon,1\r\n\r\n900,1,1\r\n600,nan\r\n300,inf\r\n1200,two\r\n1500,1e30\r\n1e999,1\r\n",
        "",
        &[
            "2: `-1` is negative (leave the value empty where nothing was recorded)",
            "3: `noon` is not a timestamp (expected `2026-01-05T14:30:00Z`, `2026-01-05 14:30:00` or unix seconds)",
            "5: there are 3 fields, but the header has 2",
            "6: `nan` is not a number (leave the value empty where nothing was recorded)",
            "7: 1970-01-01T00:05:00 is earlier than 1970-01-01T00:10:00 in line 6 (sort the rows by time; if a clock \
             was set back, give times with an offset and set `time_zone`)",
            "7: `inf` is infinite (leave the value empty where nothing was recorded)",
            "8: `two` is not a number (leave the value empty where nothing was recorded)",
            "9: `1e30` is more than 10¹² requests per second (leave the value empty where nothing was recorded)",
            "10: `1e999` is not a timestamp (expected `2026-01-05T14:30:00Z`, `2026-01-05 14:30:00` or unix seconds)",
        ],
    );
}

#[test]
fn a_bad_value_and_a_gap_elsewhere_are_shown_together() {
    let found = problems("timestamp,value\n0,x\n300,\n600,1\n", "");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[1].starts_with("3: 1 of 3 buckets"), "{found:?}");
}

#[test]
fn missing_columns_are_answered_with_the_nearest() {
    check(
        "time_stamp,values,state\n0,1,ok\n",
        "status_column = 'status'",
        &[
            "there is no column `timestamp` (did you mean `time_stamp`?)",
            "there is no column `value` (did you mean `values`?)",
            "there is no column `status` (did you mean `state`?)",
        ],
    );
}

#[test]
fn too_little_is_refused() {
    check("", "", &["the file is empty"]);
    check("timestamp,value\n", "", &["there are no rows"]);
    check("timestamp,value\n0,1\n", "", &["there is one bucket of 5m, but a recording needs two"]);
    check("timestamp,value\n0,\n300,\n", "", &["no row has a value"]);
    let status = "status_column = 'status'\ngaps = 'zero'";
    check(
        "timestamp,value,status\n0,1,OK\n300,1,OK\n",
        status,
        &["no row has a value (`status` is never `ok`)"],
    );
}

#[test]
fn an_absurd_length_is_refused() {
    // 10¹¹ s / 300 s, and the one that begins there.
    check(
        "timestamp,value\n0,1\n100000000000,1\n",
        "gaps = 'zero'",
        &["1970-01-01T00:00:00 to 5138-11-16T09:46:40 are 333333334 buckets of 5m, more than 10000000 \
           (check the first and the last timestamp)"],
    );
}

#[test]
fn text_that_is_not_utf8_is_refused_with_the_other_mistakes() {
    let found = problems(b"timestamp,value,name\n0,1,a\n300,-1,\xff\n", "");
    let negative = "3: `-1` is negative (leave the value empty where nothing was recorded)";
    assert_eq!(found, ["3: the file is not UTF-8 text (save it as UTF-8)", negative]);
}

#[test]
fn twenty_problems_are_shown_and_the_rest_counted() {
    let rows: String = (0..30).map(|at| format!("{},-1\n", at * 300)).collect();
    let found = problems(format!("timestamp,value\n{rows}"), "");
    assert_eq!((found.len(), found[20].as_str()), (21, "and 10 more"));
}

#[test]
fn the_mean_is_exact_within_and_across_buckets() {
    // Rates 0, 1, 2, 3 in an hour each. From 0:30 to 2:15 is (0.5·0 + 1·1 + 0.25·2) / 1.75 = 1.5 / 1.75.
    let recording = counting(date(2026, 1, 5).at(0, 0, 0, 0), SimDuration::from_hours(1), 4);
    let at = |minutes| SimTime::ZERO + SimDuration::from_mins(minutes);
    assert_eq!(recording.mean_rate(at(30), at(135)), 1.5 / 1.75);
    assert_eq!(recording.mean_rate(at(61), at(62)), 1.0);
    assert_eq!(recording.mean_rate(at(60), at(120)), 1.0);
    // Nothing is the rate of its moment, and a border belongs to what follows.
    assert_eq!(recording.mean_rate(at(120), at(120)), 2.0);
    // Across the repetition at 4:00: (1·3 + 1·0) / 2. Two periods and 30 min of rate 1: (2·6 + 0.5) / 8.5.
    assert_eq!(recording.mean_rate(at(180), at(300)), 1.5);
    assert_eq!(recording.mean_rate(at(60), at(570)), 12.5 / 8.5);
    assert_eq!((recording.mean(), recording.peak()), (1.5, 3.0));
    // The end of time is no trouble.
    let all = recording.mean_rate(SimTime::ZERO, SimTime::MAX);
    assert!((all - 1.5).abs() < 1e-6, "{all}");
    assert!(recording.mean_rate(SimTime::MAX, SimTime::MAX) <= 3.0);
}

#[test]
fn a_week_is_played_from_the_midnight_of_the_same_weekday() {
    // 15 days in hours from Thursday 2014-04-10 00:00; the simulation begins on a Monday. The first Monday is
    // 4 days = 96 h later. The period is 2 weeks = 336 h, of which 360 − 96 = 264 h are there; then
    // follow those from 336 h before the end, which is 24 h, Friday 00:00; so is 264 h after Monday 00:00.
    let mut recording = counting(date(2014, 4, 10).at(0, 0, 0, 0), SimDuration::from_hours(1), 360);
    recording.start_at(date(2026, 1, 5));
    let rate_at = |hour| recording.mean_rate(hours(hour), hours(hour));
    assert_eq!(recording.period(), SimDuration::from_days(14));
    assert_eq!(
        (rate_at(0), rate_at(263), rate_at(264), rate_at(335), rate_at(336)),
        (96.0, 359.0, 24.0, 95.0, 96.0)
    );
    // The first day is left out: 24 to 359 have the mean 191.5.
    assert_eq!((recording.mean(), recording.peak()), (191.5, 359.0));
}

#[test]
fn data_before_the_midnight_are_left_out_if_enough_follow() {
    // 9 days from a Sunday, begun on a Monday: 8 days are behind that midnight, and the last is left out too.
    let mut recording = counting(date(2026, 1, 4).at(0, 0, 0, 0), SimDuration::from_days(1), 9);
    recording.start_at(date(2026, 1, 5));
    // 1 to 7, not 0 and 8: the mean is 4.
    assert_eq!((recording.mean(), recording.peak()), (4.0, 7.0));
}

#[test]
fn days_are_played_from_the_first_midnight() {
    // 50 hours from 18:00: midnight is 6 h later, the period 48 h, of which 44 are there. Then 2 to 5 follow,
    // which begin at 20:00, as does hour 44 of the simulation. The first two hours are left out.
    let mut recording = counting(date(2026, 1, 4).at(18, 0, 0, 0), SimDuration::from_hours(1), 50);
    recording.start_at(date(2026, 1, 7));
    let rate_at = |hour| recording.mean_rate(hours(hour), hours(hour));
    assert_eq!((rate_at(0), rate_at(43), rate_at(44), rate_at(47), rate_at(48)), (6.0, 49.0, 2.0, 5.0, 6.0));
}

#[test]
fn less_than_a_day_starts_at_its_own_clock_time() {
    // 5 hours from 09:00. At 09:00 it begins; so it does at 04:00, and time zero is 1 h into it.
    let mut recording = counting(date(2026, 1, 4).at(9, 0, 0, 0), SimDuration::from_hours(1), 5);
    recording.start_at(date(2026, 1, 7));
    let rate_at = |hour| recording.mean_rate(hours(hour), hours(hour));
    assert_eq!((rate_at(0), rate_at(4), rate_at(9), rate_at(13), rate_at(14)), (1.0, 0.0, 0.0, 4.0, 0.0));
}

#[test]
fn a_constant_offset_keeps_its_minutes_after_the_start() {
    // Buckets of an hour from :20 on, 2 days from 23:20: midnight is 40 min into bucket 0.
    let mut recording = counting(date(2026, 1, 4).at(23, 20, 0, 0), SimDuration::from_hours(1), 48);
    recording.start_at(date(2026, 1, 7));
    let at = |minutes| SimTime::ZERO + SimDuration::from_mins(minutes);
    let rate_at = |minutes| recording.mean_rate(at(minutes), at(minutes));
    // The period ends 40 min before the midnight of day 2: with bucket 47, at 23:20.
    let borders = (rate_at(0), rate_at(19), rate_at(20), rate_at(2 * 1_440 - 41), rate_at(2 * 1_440 - 40));
    assert_eq!(borders, (0.0, 0.0, 1.0, 47.0, 0.0));
    // (20 min of 0 + 40 min of 1) / 60 min.
    assert_eq!(recording.mean_rate(at(0), at(60)), 2.0 / 3.0);
}

/// A file of the project's data, or `None` with a message where they are not at hand.
fn shared(name: &str) -> Option<Vec<u8>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        eprintln!("skipped: there is no {}", path.display());
    }
    bytes
}

#[test]
fn the_nasa_trace_has_its_mean() {
    let Some(bytes) = shared("nasa_http_1995_requests_5min.csv") else { return };
    let columns = "value_column = 'requests'\nstatus_column = 'status'\n";
    assert_eq!(
        problems(&bytes, columns),
        [
            "7941: 1442 of 17856 buckets have no value, the first at 1995-07-28T13:35:00 (set `gaps` to \"hold\", \
          \"interpolate\" or \"zero\")"
        ]
    );
    // The ok rows sum to 3,461,593. The gaps are 989 buckets between 208 and 220 and 453 between 1 and 6.
    // Held, they add 989·208 + 453·1 = 206,165; on a line, 989·214 + 453·3.5 = 213,231.5.
    for (gaps, added) in [("zero", 0.0), ("hold", 206_165.0), ("interpolate", 213_231.5)] {
        let parameters = with(&format!("{columns}gaps = '{gaps}'"));
        let mut recording = read_recording(&bytes, &parameters).expect("the trace is good");
        let total = recording.mean() * 17_856.0 * 300.0;
        assert!((total - 3_461_593.0 - added).abs() < 1e-3, "{gaps}: {total}");
        assert_eq!(recording.peak(), 1_501.0 / 300.0);
        // 62 days from a Saturday: eight weeks from Monday, 3 July.
        recording.start_at(date(2026, 1, 5));
        assert_eq!(recording.period(), SimDuration::from_days(56));
        assert_eq!(recording.rate_in(0), recording.rates()[2 * 288]);
    }
}

#[test]
fn the_load_balancer_trace_has_its_mean() {
    let Some(bytes) = shared("nab_elb_request_count_8c0756.csv") else { return };
    // Eight of 4,032 + 8 buckets have no row: 11:34 after 11:29 on the first day is the first.
    assert_eq!(
        problems(&bytes, ""),
        ["140: 8 of 4040 buckets have no value, the first at 2014-04-10T11:34:00, missing before this line \
          (set `gaps` to \"hold\", \"interpolate\" or \"zero\")"]
    );
    let mut recording = read_recording(&bytes, &with("gaps = 'zero'")).expect("the trace is good");
    assert!((recording.mean() * 4_040.0 * 300.0 - 249_327.0).abs() < 1e-6);
    assert_eq!(recording.peak(), 656.0 / 300.0);
    // From Thursday 00:04 on; the next Thursday 00:00 lies in the bucket of 23:59, 7 · 288 − 1 on.
    recording.start_at(date(2026, 1, 8));
    assert_eq!(recording.period(), SimDuration::from_days(14));
    assert_eq!(recording.rate_in(0), recording.rates()[7 * 288 - 1]);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_recording(&bytes, &with("gaps = 'zero'"));
        for header in ["timestamp,value\n", "\u{feff}\u{feff}x,timestamp,value\n"] {
            let _ = read_recording(&[header.as_bytes(), &bytes[..]].concat(), &with("gaps = 'zero'"));
        }
    }

    #[test]
    fn no_rows_panic(
        rows in "(-?[0-9]{1,4}00|-?[0-9]{1,13}|20(20|21)-0[1-3]-[0-3][0-9][T ]0[0-9]:[0-5]0(:00)?(Z|[-+]0[0-9]:00)?|\
            -?[09]{4,6}-12-31T23:59|NaN|inf)(,[0-9e.-]{0,5}(\r\n|\n))",
        more in proptest::collection::vec("-?[0-9]{1,12}(\\.[0-9]+)?,[0-9]{0,9}(\r\n|\n|\r|,|\")", 0..9),
        zone in 0usize..3, gaps in 0usize..4,
    ) {
        let zone = ["", "time_zone = 'UTC'\n", "time_zone = '+14:00'\n"][zone];
        let parameters = with(&format!("{zone}gaps = '{}'\nbucket = '1d'", Gaps::ALL[gaps]));
        let csv = format!("timestamp,value\n{rows}{}", more.concat());
        if let Ok(mut recording) = read_recording(csv.as_bytes(), &parameters) {
            recording.start_at(date(2026, 1, 5));
            // Rounding: at most 10⁷ sums, each off by 2⁻⁵³ = 1.1e-16 of the total, are off by 1.1e-9.
            prop_assert!(recording.mean() <= recording.peak() * (1.0 + 1.2e-9));
            prop_assert!(recording.peak().is_finite());
        }
    }

    #[test]
    fn the_mean_rate_of_a_period_is_the_mean_and_the_sum_of_its_parts(
        rates in proptest::collection::vec(0.0f64..1e6, 2..200),
        bucket in 0usize..5, minute in 0i64..10_080, day in 0i64..7, aligned: bool,
        from_s in 0u64..10_000_000, span_s in 1u64..5_000_000, cut in 0.0f64..1.0,
    ) {
        let bucket = SimDuration::from_mins([5, 60, 240, 720, 1_440][bucket]);
        let start = date(2026, 1, 5).at(0, 0, 0, 0) + jiff::SignedDuration::from_mins(minute);
        let period = rates.len();
        let mut recording = Recording { rates, bucket, start, zero_us: 0, period };
        if aligned {
            recording.start_at(date(2026, 1, 5) + jiff::SignedDuration::from_hours(24 * day));
        }
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * recording.peak();
        let from = SimTime::ZERO + SimDuration::from_secs(from_s);
        prop_assert!(near(recording.mean_rate(from, from + recording.period()), recording.mean()));
        // A part shorter than a period, cut in two.
        let span = SimDuration::from_secs(span_s);
        let part = span.mul_f64(cut);
        let (left, right) = (part.as_secs_f64(), (span - part).as_secs_f64());
        let parts = recording.mean_rate(from, from + part) * left
            + recording.mean_rate(from + part, from + span) * right;
        prop_assert!(near(recording.mean_rate(from, from + span), parts / span.as_secs_f64()));
    }

    #[test]
    fn weekday_and_clock_time_are_kept(
        count in 168usize..800, minute in 0i64..10_080, day in 0i64..7, hour in 0u64..10_000,
    ) {
        // Each hour has the hour of its week as its rate; so it must have in the simulation.
        let bucket = SimDuration::from_hours(1);
        let monday = date(2026, 1, 5).at(0, 0, 0, 0);
        let hour_of_week = |at: u64| ((minute as u64 / 60 + at) % 168) as f64;
        let rates = (0..count as u64).map(hour_of_week).collect();
        let start = monday + jiff::SignedDuration::from_mins(minute);
        let mut recording = Recording { rates, bucket, start, zero_us: 0, period: count };
        let first = monday.date() + jiff::SignedDuration::from_hours(24 * day);
        recording.start_at(first);
        // The buckets begin `minute % 60` past the hour, and carry the rate until then of the hour before.
        let at = SimTime::ZERO + SimDuration::from_hours(hour) + SimDuration::from_mins(minute as u64 % 60);
        let expected = ((day as u64 * 24 + hour) % 168) as f64;
        prop_assert_eq!(recording.mean_rate(at, at), expected);
    }
}
