//! One sentence a question: who is cheapest, who wastes least, who recovers fastest, who answers most requests.
//!
//! A winner is declared over another platform only if the 95 % interval of their paired comparison leaves out "the
//! same" *and* its Holm-corrected p-value is below 5 %. Knows rows and words, not how either number was computed.
//! Start at [`verdicts`].

use super::comparison::Against;
use super::note;
use super::number::{duration, percent, phrase};
use super::words::list;
use crate::results::metric::{Better, MetricDefinition, QUESTIONS, Scale};
use crate::results::rows::{ResultSet, SummaryRow};

/// An answer, or the reason why there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The metric that was asked about.
    pub metric: &'static str,
    /// The platform that is better than every other one beyond chance.
    pub winner: Option<String>,
    /// Not wrapped: see [`super::words::wrap`].
    pub sentence: String,
}

/// The words of one question.
struct Question {
    metric: &'static MetricDefinition,
    statistic: &'static str,
    /// `Cheapest`.
    superlative: &'static str,
    /// `Cost`, where nobody is the best.
    subject: &'static str,
    /// What there was none of, if no platform has a value.
    missing: &'static str,
    /// The value as it stands in brackets behind the name.
    value: fn(f64) -> String,
    /// How far apart: as a share of the other, as a factor, or in points of percent.
    distance: Distance,
    /// A sentence more: what the number rests on.
    note: fn(&ResultSet) -> Option<String>,
}

enum Distance {
    /// `38 % below pets`.
    Percent,
    /// `12 times as fast as pets`, or `20 % faster than pets` if close.
    Speed,
    /// `20 points below pets`: in percent, not of it; the word belongs to the value shown.
    Points(&'static str),
}

/// One verdict a question, in the order of [`QUESTIONS`].
pub fn verdicts(results: &ResultSet) -> Vec<Verdict> {
    questions().iter().map(|question| question.answer(results)).collect()
}

fn questions() -> [Question; 4] {
    let words = [
        ("Cheapest", "Cost", "no cost was metered", usd_a_month as fn(f64) -> String, Distance::Percent),
        ("Wastes least", "Waste", "no CPU was paid for", waste, Distance::Points("below")),
        (
            "Recovers fastest from the loss of a machine or zone",
            "Recovery from the loss of a machine or zone",
            "nothing had to recover",
            median,
            Distance::Speed,
        ),
        ("Most available", "Availability", "no request was offered", of_requests, Distance::Points("above")),
    ];
    let notes: [fn(&ResultSet) -> Option<String>; 4] = [note::cost, |_| None, |_| None, note::bad_releases];
    let mut words = words.into_iter().zip(notes);
    QUESTIONS.map(|(id, statistic)| {
        let ((superlative, subject, missing, value, distance), note) =
            words.next().expect("words for each question");
        Question { metric: id.definition(), statistic, superlative, subject, missing, value, distance, note }
    })
}

fn usd_a_month(value: f64) -> String {
    format!("{} a month", phrase(Scale::Usd, value))
}

/// The complement of utilization: idle, wasted and overhead together.
fn waste(utilization: f64) -> String {
    format!("{} % of paid CPU idle, wasted or overhead", percent(1.0 - utilization))
}

fn median(seconds: f64) -> String {
    format!("median {}", duration(seconds))
}

fn of_requests(share: f64) -> String {
    format!("{} % of requests", percent(share))
}

/// A platform that has a value, and the best one against it.
struct Contender<'a> {
    name: &'a str,
    value: f64,
}

impl Question {
    fn answer(&self, results: &ResultSet) -> Verdict {
        let (mut contenders, missing) = self.contenders(results);
        let verdict = |winner: Option<&str>, text: String| {
            let silent = match missing.as_slice() {
                [] => String::new(),
                names => format!(" No value for {}.", list(names)),
            };
            let note = (self.note)(results).map_or(String::new(), |note| format!(" {note}"));
            Verdict {
                metric: self.metric.name,
                winner: winner.map(str::to_owned),
                sentence: text + &silent + &note,
            }
        };
        if contenders.is_empty() {
            let sentence = format!("{}: {}.", self.subject, self.missing);
            return Verdict { metric: self.metric.name, winner: None, sentence };
        }
        let best = contenders.remove(self.index_of_best(&contenders));
        let named = format!("{} ({})", best.name, (self.value)(best.value));
        if contenders.is_empty() {
            let text = format!("{}: {named}; nothing to compare it with.", self.subject);
            return verdict(None, text);
        }

        let row = |other: &Contender<'_>| {
            Against::find(results, (self.metric.name, self.statistic), best.name, other.name)
        };
        if results.manifest.replications < 2 {
            let phrases: Vec<String> =
                contenders.iter().map(|other| self.phrase(&row(other)).to(other.name)).collect();
            let text = format!(
                "{}: no winner from one replication, which gives no interval; {named} is {}.",
                self.subject,
                list(&phrases)
            );
            return verdict(None, text);
        }
        let with_interval = |other: &Contender<'_>| {
            let phrase = self.phrase(&row(other));
            format!("{} ({})", phrase.to(other.name), phrase.interval)
        };
        let [mut known, mut equal, mut corrected, mut open] = [const { Vec::new() }; 4];
        for other in &contenders {
            let (against, phrase) = (row(other), self.phrase(&row(other)));
            if against.is_significant() {
                known.push(with_interval(other));
            } else if phrase.is_equal {
                equal.push(with_interval(other));
            } else {
                let side = if against.leaves_out_equality() { &mut corrected } else { &mut open };
                side.push(format!("{} ({}, {})", other.name, phrase.alone, phrase.interval));
            }
        }
        if known.len() == contenders.len() {
            let text = format!("{}: {named}, {}.", self.superlative, list(&known));
            return verdict(Some(best.name), text);
        }
        // What is certain comes first, then what is not, each with the names that it is about.
        let unclear = if known.is_empty() { "no clear winner: " } else { "" };
        known.append(&mut equal);
        let certain =
            if known.is_empty() { " looks best".to_owned() } else { format!(" is {}", list(&known)) };
        let mut text = format!("{}: {unclear}{named}{certain}", self.subject);
        // An interval is of one comparison; where it alone looks decisive, say why it is not.
        for (names, why) in [(open, ""), (corrected, " once all comparisons are counted")] {
            if !names.is_empty() {
                text += &format!("; against {} it is not certain{why}", list(&names));
            }
        }
        verdict(None, text + ".")
    }

    /// Platforms with a value in the manifest's order, and the names of those without.
    fn contenders<'a>(&self, results: &'a ResultSet) -> (Vec<Contender<'a>>, Vec<&'a str>) {
        let (mut contenders, mut missing) = (Vec::new(), Vec::new());
        for platform in &results.manifest.platforms {
            let is_it = |row: &&SummaryRow| {
                row.platform == platform.name
                    && row.service.is_empty()
                    && row.is_of(self.metric.name, self.statistic)
            };
            match results.summary.iter().find(is_it).and_then(|row| row.value) {
                Some(value) => contenders.push(Contender { name: &platform.name, value }),
                None => missing.push(platform.name.as_str()),
            }
        }
        (contenders, missing)
    }

    /// Of equals the first.
    fn index_of_best(&self, contenders: &[Contender<'_>]) -> usize {
        let merit = |contender: &Contender<'_>| match self.metric.better {
            Better::Higher => -contender.value,
            Better::Lower | Better::Neither => contender.value,
        };
        let indices = 0..contenders.len();
        indices.min_by(|&a, &b| merit(&contenders[a]).total_cmp(&merit(&contenders[b]))).expect("not empty")
    }

    /// How far the best one is from the other.
    fn phrase(&self, against: &Against) -> Phrase {
        let (range, neutral, unit) = match self.distance {
            // The best is the smaller: 1 − best/other is how far below it lies.
            Distance::Percent => (against.ratio.map(|ratio| (1.0 - ratio) * 100.0).flipped(), 0.0, " %"),
            Distance::Speed => {
                let faster = against.ratio.map(|ratio| 1.0 / ratio).flipped();
                match faster.value {
                    Some(value) if value > 1.0 && value < 2.0 => {
                        (faster.map(|factor| (factor - 1.0) * 100.0), 0.0, " %")
                    }
                    _ => (faster, 1.0, ""),
                }
            }
            Distance::Points(_) => (against.difference.map(|difference| difference * 100.0), 0.0, ""),
        };
        let (value, interval) = range.write(neutral, unit);
        let is_equal = range.value.is_none_or(|value| value <= neutral);
        let (alone, joint) = match self.distance {
            Distance::Speed if is_equal => ("as fast".to_owned(), "as"),
            _ if is_equal => ("the same".to_owned(), "as"),
            Distance::Percent => (format!("{value} % below"), ""),
            Distance::Speed if neutral == 0.0 => (format!("{value} % faster"), "than"),
            Distance::Speed => (format!("{value} times"), "as fast as"),
            Distance::Points(comparative) => (format!("{value} points {comparative}"), ""),
        };
        Phrase { alone, joint, interval, is_equal }
    }
}

/// A distance in words.
struct Phrase {
    /// `34 times`, for brackets.
    alone: String,
    /// `as fast as`: what leads on to the other's name.
    joint: &'static str,
    interval: String,
    /// The two values are the same.
    is_equal: bool,
}

impl Phrase {
    /// `34 times as fast as pets`.
    fn to(&self, other: &str) -> String {
        let joint = if self.joint.is_empty() { String::new() } else { format!(" {}", self.joint) };
        format!("{}{joint} {other}", self.alone)
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
