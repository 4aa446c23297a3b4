//! Recorded traffic: reads a CSV file of request counts or rates, and says how high the rate was at any time.
//!
//! Knows neither files (the caller has read the bytes) nor chance: what comes of a rate is decided elsewhere.
//! Knows clock times and weekdays, but no daylight saving: every day has 24 hours.
//!
//! Start at [`read_recording`], then [`Recording::start_at`].

use crate::engine::{SimDuration, SimTime};
use crate::parameter::units::Factor;
use crate::parameter::{Node, ParameterValue, Value, choices, found, quoted, section, suggestion};
use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, fmt::temporal::Pieces, tz::Offset};
use std::fmt;

const DAY_US: u64 = SimDuration::from_days(1).as_micros();
const WEEK_US: u64 = 7 * DAY_US;

/// More would be a mistake in the timestamps: 19 years of minutes.
const MAX_BUCKETS: u64 = 10_000_000;

/// More would be a mistake in the values [requests/s]; it also keeps all sums finite.
const MAX_RATE: f64 = 1e12;

/// More than these are counted but not kept.
const MAX_PROBLEMS: usize = 20;

choices! {
    /// What the numbers of a recording are.
    pub enum ValueKind {
        /// Requests per bucket.
        Count = "count",
        /// Requests per second.
        Rate = "rate",
    }
}

choices! {
    /// What happens to buckets without a value.
    pub enum Gaps {
        /// The recording is refused.
        Error = "error",
        /// They get the value before the gap; at the very beginning, the first one known.
        Hold = "hold",
        /// They lie on a line between the values beside the gap; at either end of the recording, as `hold`.
        Interpolate = "interpolate",
        /// They get zero.
        Zero = "zero",
    }
}

section! {
    /// How to read the recording that `traffic.file` names: a CSV file with a header line and commas.
    pub struct RecordingParameters {
        /// Column of the timestamps, at which buckets begin: RFC 3339, `2026-01-05 14:30:00` or unix seconds.
        time_column: String = "timestamp", grade Choice;
        /// Column of the requests, in the unit that `value` tells.
        value_column: String = "value", grade Choice;
        /// Column that tells whether a value counts. Without it, or if empty, all do.
        status_column: Option<String>, optional;
        /// What the status column says where a value counts; all else is a gap.
        ok_status: String = "ok", grade Choice;
        /// What the values are: requests per bucket or per second.
        value: ValueKind = "count", grade Choice;
        /// Time from one row to the next.
        bucket: SimDuration = "5m" in |b| !b.is_zero() && DAY_US.is_multiple_of(b.as_micros())
            => "a duration that divides a day, such as `1m`, `5m` or `1h`", grade Choice;
        /// Multiplies every value.
        scale: Factor = "1" in |scale| scale.as_f64() > 0.0 => "more than 0", grade Choice;
        /// Offset from UTC of the clock to keep. Times with another offset, and unix seconds, are converted;
        /// times without an offset are taken to be by it. Default: the clock as written, unix seconds as UTC.
        time_zone: Option<UtcOffset>, optional;
        /// What buckets get that have no row, an empty value or a status that is not ok.
        gaps: Gaps = "error", grade Choice;
    }
}

/// What a clock shows compared with UTC, in whole minutes: `-04:00` or `UTC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcOffset(Offset);

impl ParameterValue for UtcOffset {
    const EXPECTED: &'static str = "an offset such as `-04:00` or `UTC`";

    fn read(node: &Node) -> Result<Self, String> {
        let Value::String(text) = &node.value else { return Err(found(node)) };
        let offset = match text.trim() {
            "UTC" | "Z" => Some(Offset::UTC),
            text => jiff::fmt::strtime::parse("%:z", text).ok().and_then(|time| time.offset()),
        };
        let offset = offset.filter(|offset| offset.seconds() % 60 == 0).map(UtcOffset);
        offset.ok_or_else(|| format!("{}, which is not an offset from UTC", found(node)))
    }

    fn placeholder() -> Self {
        UtcOffset(Offset::UTC)
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, minutes) = (if self.0.is_negative() { '-' } else { '+' }, self.0.seconds().abs() / 60);
        match minutes {
            0 => f.pad("UTC"),
            _ => f.pad(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)),
        }
    }
}

/// One mistake in a recording. Texts are as those of [`Problem`](crate::parameter::Problem).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingProblem {
    /// Where, counted from 1; `None` if it concerns the whole file.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// The problems found so far, of which the first few are kept.
#[derive(Default)]
struct Findings {
    kept: Vec<RecordingProblem>,
    more: u64,
}

impl Findings {
    /// Adds one; an empty `help` is none.
    fn add(&mut self, line: impl Into<Option<u64>>, message: impl Into<String>, help: impl Into<String>) {
        if self.kept.len() < MAX_PROBLEMS {
            let help = Some(help.into()).filter(|help| !help.is_empty());
            self.kept.push(RecordingProblem { line: line.into(), message: message.into(), help });
        } else {
            self.more += 1;
        }
    }

    fn into_problems(mut self) -> Vec<RecordingProblem> {
        if self.more > 0 {
            let message = format!("and {} more", self.more);
            self.kept.push(RecordingProblem { line: None, message, help: None });
        }
        self.kept
    }
}

/// A row of the file.
struct Row {
    line: u64,
    /// What the clock showed [µs since its 1970].
    clock_us: i64,
    /// Requests per second; `None` is a gap. A bad value, reported already, stands here as 0.
    rate: Option<f64>,
}

/// Reads a CSV file.
///
/// The first timestamp begins the first bucket, so all may be off the full hour by the same amount. A row at
/// time t belongs to bucket ⌊(t − first) / bucket⌋. If that gives a bucket two rows, timestamps are taken to
/// jitter, and each row belongs to the nearest bucket instead.
///
/// # Errors
/// Everything that is wrong, but at most 20 problems and a count of the rest. What cannot be judged, such as
/// gaps between times that could not be read, is left for the next attempt.
pub fn read_recording(
    bytes: &[u8],
    parameters: &RecordingParameters,
) -> Result<Recording, Vec<RecordingProblem>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut findings = Findings::default();
    if let Err(error) = std::str::from_utf8(bytes) {
        let line = 1 + newlines(&bytes[..error.valid_up_to()]);
        findings.add(line, "the file is not UTF-8 text", "save it as UTF-8");
    }
    let text = String::from_utf8_lossy(bytes);
    let rows = read_rows(&text, parameters, &mut findings);
    match rows.and_then(|rows| fill_buckets(&rows, parameters, &mut findings)) {
        Some(recording) if findings.kept.is_empty() => Ok(recording),
        _ => Err(findings.into_problems()),
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

/// The rows in order of time, or `None` if not all of them could be read and so gaps cannot be told.
fn read_rows(text: &str, parameters: &RecordingParameters, findings: &mut Findings) -> Option<Vec<Row>> {
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().expect(VALID_TEXT).clone();
    let mut column = |name: &str| {
        let found = header.iter().position(|field| field == name);
        if found.is_none() && !header.is_empty() {
            let help = suggestion(name, &header.iter().collect::<Vec<_>>()).unwrap_or_default();
            findings.add(None, format!("there is no column {}", quoted(name)), help);
        }
        found
    };
    let (time_column, value_column) = (column(&parameters.time_column), column(&parameters.value_column));
    let status_column = parameters.status_column.as_deref().filter(|name| !name.is_empty()).map(column);
    if header.is_empty() {
        findings.add(None, "the file is empty", "");
    }
    let (time_column, value_column, status_column) =
        (time_column?, value_column?, status_column.map_or(Some(None), |column| column.map(Some))?);
    let (mut rows, mut all_read) = (Vec::<Row>::new(), true);
    let (mut at, mut line) = (0, 1);
    for record in reader.records() {
        let record = record.expect(VALID_TEXT);
        // The csv crate has a row begin where the last one ended, which may be before a line feed.
        let begin = record.position().expect("a row that was read has a place").byte() as usize;
        let blank = text.as_bytes()[begin..].iter().take_while(|&byte| matches!(byte, b'\r' | b'\n')).count();
        line += newlines(&text.as_bytes()[at..begin + blank]);
        at = begin + blank;
        if record.len() != header.len() {
            let message = format!("there are {} fields, but the header has {}", record.len(), header.len());
            findings.add(line, message, "");
            all_read = false;
            continue;
        }
        let Some(clock_us) = clock_time(&record[time_column], parameters.time_zone) else {
            let message = format!("{} is not a timestamp", quoted(&record[time_column]));
            findings.add(line, message, TIMESTAMP_HELP);
            all_read = false;
            continue;
        };
        if let Some(last) = rows.last().filter(|last| last.clock_us > clock_us) {
            let (this, that) = (civil(clock_us), civil(last.clock_us));
            findings.add(line, format!("{this} is earlier than {that} in line {}", last.line), ORDER_HELP);
            all_read = false;
        }
        let counts = status_column.is_none_or(|column| record[column] == parameters.ok_status);
        let cell = Some(&record[value_column]).filter(|cell| counts && !cell.is_empty());
        let rate = cell.map(|cell| {
            rate_of(cell, parameters).unwrap_or_else(|why| {
                findings.add(line, format!("{} is {why}", quoted(cell)), VALUE_HELP);
                0.0
            })
        });
        rows.push(Row { line, clock_us, rate });
    }
    if rows.is_empty() && all_read {
        findings.add(None, "there are no rows", "");
    }
    (all_read && !rows.is_empty()).then_some(rows)
}

const VALID_TEXT: &str = "reading valid text from memory cannot fail";
const TIMESTAMP_HELP: &str = "expected `2026-01-05T14:30:00Z`, `2026-01-05 14:30:00` or unix seconds";
const ORDER_HELP: &str =
    "sort the rows by time; if a clock was set back, give times with an offset and set `time_zone`";
const VALUE_HELP: &str = "leave the value empty where nothing was recorded";

/// What the clock showed at a timestamp [µs since its 1970], or `None` if it is none.
fn clock_time(text: &str, zone: Option<UtcOffset>) -> Option<i64> {
    let offset_us = |offset: Offset| i64::from(offset.seconds()) * 1_000_000;
    let zone_us = zone.map(|UtcOffset(offset)| offset_us(offset));
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.abs() < 1e12);
    let clock_us = if let Some(seconds) = seconds {
        (seconds * 1e6).round() as i64 + zone_us.unwrap_or(0)
    } else {
        let pieces = Pieces::parse(text).ok().filter(|pieces| pieces.time_zone_annotation().is_none())?;
        let written = pieces.date().to_datetime(pieces.time().unwrap_or_default());
        let written_us = Offset::UTC.to_timestamp(written).ok()?.as_microsecond();
        let moved_us = pieces.to_numeric_offset().zip(zone_us).map(|(from, to)| to - offset_us(from));
        written_us + moved_us.unwrap_or(0)
    };
    Timestamp::from_microsecond(clock_us).is_ok().then_some(clock_us)
}

fn civil(clock_us: i64) -> DateTime {
    Offset::UTC.to_datetime(Timestamp::from_microsecond(clock_us).unwrap_or(Timestamp::MAX))
}

/// The rate [requests/s] that a cell stands for, or what the cell is instead.
fn rate_of(cell: &str, parameters: &RecordingParameters) -> Result<f64, &'static str> {
    let value: f64 = cell.parse().map_err(|_| "not a number")?;
    let per_second = match parameters.value {
        ValueKind::Count => value / parameters.bucket.as_secs_f64(),
        ValueKind::Rate => value,
    };
    let rate = per_second * parameters.scale.as_f64();
    match () {
        () if value.is_nan() => Err("not a number"),
        () if value < 0.0 => Err("negative"),
        () if value.is_infinite() => Err("infinite"),
        () if rate > MAX_RATE => Err("more than 10¹² requests per second"),
        () => Ok(rate + 0.0),
    }
}

/// Gives each bucket its rate. `None` if something is wrong, which has been reported then.
fn fill_buckets(
    rows: &[Row],
    parameters: &RecordingParameters,
    findings: &mut Findings,
) -> Option<Recording> {
    let (bucket, bucket_us) = (parameters.bucket, parameters.bucket.as_micros());
    assert!(
        bucket_us > 0 && DAY_US.is_multiple_of(bucket_us),
        "a bucket divides a day, but {bucket} does not"
    );
    let (first, last) = (rows.first()?, rows.last()?);
    let start_of =
        |index: u64| civil(first.clock_us.saturating_add_unsigned(index.saturating_mul(bucket_us)));
    let index = |row: &Row, slack_us: u64| (row.clock_us.abs_diff(first.clock_us) + slack_us) / bucket_us;
    let one_each = |&slack_us: &u64| rows.is_sorted_by(|a, b| index(a, slack_us) < index(b, slack_us));
    let slack_us = [0, bucket_us / 2].into_iter().find(one_each);
    let index = |row: &Row| index(row, slack_us.unwrap_or(0));
    let count = index(last) + 1;
    if count > MAX_BUCKETS {
        let (from, to) = (start_of(0), civil(last.clock_us));
        let message = format!("{from} to {to} are {count} buckets of {bucket}, more than {MAX_BUCKETS}");
        findings.add(None, message, "check the first and the last timestamp");
        return None;
    }
    if slack_us.is_none() {
        let help = bucket_help(rows, bucket);
        for pair in rows.windows(2).filter(|pair| index(&pair[0]) == index(&pair[1])) {
            let (from, line) = (start_of(index(&pair[0])), pair[0].line);
            let message = format!("the {bucket} from {from} have a value already, in line {line}");
            findings.add(pair[1].line, message, help.as_str());
        }
        return None;
    }
    if count < 2 {
        findings.add(None, format!("there is one bucket of {bucket}, but a recording needs two"), "");
        return None;
    }
    let known: Vec<(u64, f64)> = rows.iter().filter_map(|row| Some((index(row), row.rate?))).collect();
    if known.is_empty() {
        let ok = quoted(&parameters.ok_status);
        let help =
            parameters.status_column.as_deref().map(|column| format!("{} is never {ok}", quoted(column)));
        findings.add(None, "no row has a value", help.unwrap_or_default());
        return None;
    }
    let gaps = count - known.len() as u64;
    if gaps > 0 && parameters.gaps == Gaps::Error {
        // Rows and buckets go in step up to the first missing row, in whose place the next row stands.
        let (at, row) = (0..)
            .zip(rows)
            .find(|&(at, row)| index(row) != at || row.rate.is_none())
            .expect("a gap has a row in or behind it, because the last row ends the recording");
        let missing = if index(row) == at { "" } else { ", missing before this line" };
        let message =
            format!("{gaps} of {count} buckets have no value, the first at {}{missing}", start_of(at));
        let cure = "set `gaps` to \"hold\", \"interpolate\" or \"zero\"";
        let hint = Some(bucket_help(rows, bucket)).filter(|hint| !hint.is_empty());
        findings.add(row.line, message, hint.map_or(cure.to_owned(), |hint| format!("{hint}; or {cure}")));
        return None;
    }
    let rates = fill_gaps(&known, count, parameters.gaps);
    let period = rates.len();
    Some(Recording { rates, bucket, start: start_of(0), zero_us: 0, period })
}

/// Advice if the median time between two rows could be a bucket and is none, else empty.
fn bucket_help(rows: &[Row], bucket: SimDuration) -> String {
    let mut steps: Vec<u64> =
        rows.windows(2).map(|pair| pair[1].clock_us.abs_diff(pair[0].clock_us)).collect();
    steps.sort_unstable();
    let step = SimDuration::from_micros(steps.get(steps.len() / 2).copied().unwrap_or(0));
    if step == bucket || step.is_zero() || !DAY_US.is_multiple_of(step.as_micros()) {
        return String::new();
    }
    format!("most rows are {step} apart, so `bucket` may have to be \"{step}\"")
}

/// One rate per bucket, from the `known` ones in order.
fn fill_gaps(known: &[(u64, f64)], count: u64, gaps: Gaps) -> Vec<f64> {
    let at_an_end = |rate: f64| if gaps == Gaps::Zero { 0.0 } else { rate };
    let (first, last) = (known.first().expect("one is known"), known.last().expect("one is known"));
    let mut rates = vec![at_an_end(first.1); first.0 as usize];
    for pair in known.windows(2) {
        let ((left, before), (right, after)) = (pair[0], pair[1]);
        rates.push(before);
        rates.extend((left + 1..right).map(|at| match gaps {
            Gaps::Error | Gaps::Hold => before,
            Gaps::Interpolate => before + (after - before) * ((at - left) as f64 / (right - left) as f64),
            Gaps::Zero => 0.0,
        }));
    }
    rates.push(last.1);
    rates.resize(count as usize, at_an_end(last.1));
    rates
}

/// Request rates of a recording: constant within each bucket, repeated for ever.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Requests per second in each bucket.
    rates: Vec<f64>,
    bucket: SimDuration,
    start: DateTime,
    /// Where in the recording time zero of the simulation falls [µs after its start].
    zero_us: u64,
    /// After how many buckets it repeats.
    period: usize,
}

impl Recording {
    /// Aligns the recording with a simulation whose time zero is midnight of `date`. Before, time zero is the
    /// start of the recording, which repeats as a whole.
    ///
    /// | length | repeats after | time zero is |
    /// |---|---|---|
    /// | a week or more | as many whole weeks as it has | its first midnight with the weekday of `date` |
    /// | a day or more | as many whole days as it has | its first midnight |
    /// | less than a day | its length | so that its start comes at its own clock time on `date` |
    ///
    /// A recording of at least a day thus keeps its clock times, one of at least a week also its weekdays.
    ///
    /// What repeats is one unbroken piece of the recording, of whole buckets. It begins with the bucket that
    /// holds the midnight of time zero. Where that leaves less than a period, the piece is the last period of
    /// the recording: once its end is reached, it goes on at its beginning, which lies before that midnight.
    /// What is before and behind the piece is left out.
    pub fn start_at(&mut self, date: Date) {
        let bucket_us = self.bucket.as_micros();
        let length_us = self.rates.len() as u64 * bucket_us;
        let clock_us = self.start.time().duration_since(jiff::civil::Time::midnight()).as_micros();
        let clock_us = u64::try_from(clock_us).expect("no time is before midnight");
        let to_midnight_us = (DAY_US - clock_us) % DAY_US;
        let (period_us, zero_us) = if length_us < DAY_US {
            (length_us, (length_us - clock_us % length_us) % length_us)
        } else if length_us < WEEK_US {
            (length_us - length_us % DAY_US, to_midnight_us)
        } else {
            let weekday = self.start.weekday().wrapping_add(i8::from(to_midnight_us > 0));
            let days = u64::try_from(weekday.until(date.weekday())).expect("weekdays are counted forward");
            (length_us - length_us % WEEK_US, to_midnight_us + days * DAY_US)
        };
        self.zero_us = zero_us;
        self.period = (period_us / bucket_us) as usize;
    }

    /// The time average of the rate from `from` until just before `to` [requests/s], also across buckets and
    /// repetitions; the rate at `from` if they are equal. Times are exact; sums of rates round, by less than
    /// 1e-8 of the result. Takes time in proportion to the buckets touched, at most two periods.
    ///
    /// # Panics
    /// If `to` is before `from`.
    pub fn mean_rate(&self, from: SimTime, to: SimTime) -> f64 {
        let (bucket_us, period_us) = (self.bucket.as_micros(), self.period().as_micros());
        let span_us = to.since(from).as_micros();
        // Where in the period `from` falls, which begins with the bucket that holds time zero.
        let mut at_us = (from.as_micros() % period_us + self.zero_us % bucket_us) % period_us;
        if span_us <= bucket_us - at_us % bucket_us {
            return self.rate_in(at_us / bucket_us);
        }
        let mut left_us = span_us % period_us;
        let whole_us = span_us - left_us;
        let mut requests_e6 = if whole_us > 0 { self.mean() * whole_us as f64 } else { 0.0 };
        while left_us > 0 {
            let step_us = left_us.min(bucket_us - at_us % bucket_us);
            requests_e6 += self.rate_in(at_us / bucket_us) * step_us as f64;
            at_us = (at_us + step_us) % period_us;
            left_us -= step_us;
        }
        requests_e6 / span_us as f64
    }

    /// The highest rate from `from` until `to` [requests/s], both included.
    pub fn highest_rate(&self, from: SimTime, to: SimTime) -> f64 {
        if to.since(from) >= self.period() {
            return self.peak();
        }
        let mut highest = self.mean_rate(to, to);
        let mut at = from;
        while at < to {
            highest = highest.max(self.mean_rate(at, at));
            at = self.next_bucket(at);
        }
        highest
    }

    /// When the bucket ends that holds `t`.
    pub fn next_bucket(&self, t: SimTime) -> SimTime {
        let (bucket_us, period_us) = (self.bucket.as_micros(), self.period().as_micros());
        let at_us = (t.as_micros() % period_us + self.zero_us % bucket_us) % period_us;
        t + SimDuration::from_micros(bucket_us - at_us % bucket_us)
    }

    /// The rate in one bucket of the period.
    fn rate_in(&self, bucket: u64) -> f64 {
        let at = (self.zero_us / self.bucket.as_micros() + bucket) as usize;
        self.rates[if at < self.rates.len() { at } else { at - self.period }]
    }

    /// Mean rate of what repeats [requests/s].
    pub fn mean(&self) -> f64 {
        self.repeated().iter().sum::<f64>() / self.period as f64
    }

    /// Highest rate of a bucket in what repeats [requests/s].
    pub fn peak(&self) -> f64 {
        self.repeated().iter().copied().fold(0.0, f64::max)
    }

    /// The piece that repeats: from time zero on or, if that leaves less than a period, the last period.
    fn repeated(&self) -> &[f64] {
        let from = ((self.zero_us / self.bucket.as_micros()) as usize).min(self.rates.len() - self.period);
        &self.rates[from..from + self.period]
    }

    /// Requests per second in each bucket of the file, used or not.
    pub fn rates(&self) -> &[f64] {
        &self.rates
    }

    /// Length of a bucket.
    pub fn bucket(&self) -> SimDuration {
        self.bucket
    }

    /// When the first bucket begins, by the clock of the recording.
    pub fn start(&self) -> DateTime {
        self.start
    }

    /// After what time it repeats.
    pub fn period(&self) -> SimDuration {
        self.bucket * self.period as u64
    }
}

#[cfg(test)]
#[path = "recorded_tests.rs"]
mod tests;
