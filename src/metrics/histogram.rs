//! A histogram of spans that merges exactly: whole counts in fixed bins, so that order does not matter.
//!
//! As in HdrHistogram a bin is a power of two cut into equal parts, here 64, so none is wider than 1.6 % of what is
//! in it; the number of a bin is the leading bits of the float itself. Counts are thousandths of a request, since a
//! flow has no whole ones. About eight bytes a bin and a few hundred bins a service. Knows neither services nor
//! requests. Start at [`Histogram::from_masses`].

/// Bits of the mantissa that tell bins apart.
const PRECISION: u32 = 6;
const SHIFT: u32 = 52 - PRECISION;
/// What a unit of mass counts for.
const UNITS: f64 = 1_000.0;

/// Counts in consecutive bins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    first: usize,
    counts: Vec<u64>,
}

/// The bin that holds a span, in whatever unit.
///
/// # Panics
/// If it is negative or not a number.
pub fn bin_of(span: f64) -> usize {
    assert!(span >= 0.0, "a span is not negative");
    (span.to_bits() >> SHIFT) as usize
}

/// Where a bin begins; the one before ends there.
pub fn edge(bin: usize) -> f64 {
    f64::from_bits((bin as u64) << SHIFT)
}

impl Histogram {
    /// From real masses in consecutive bins. Rounds what lies below each edge, not each bin: the total keeps its
    /// value however many bins there are.
    pub fn from_masses(first: usize, masses: &[f64]) -> Histogram {
        let (mut below, mut counted) = (0.0, 0);
        let counts = masses.iter().map(|mass| {
            below += mass * UNITS;
            let count = (below.round() as u64).saturating_sub(counted);
            counted += count;
            count
        });
        let mut histogram = Histogram { first, counts: counts.collect() };
        histogram.trim();
        histogram
    }

    fn trim(&mut self) {
        // Nothing counted is the same nothing wherever it was looked for.
        let Some(last) = self.counts.iter().rposition(|&count| count > 0) else {
            *self = Histogram::default();
            return;
        };
        self.counts.truncate(last + 1);
        let empty = self.counts.iter().take_while(|&&count| count == 0).count();
        self.counts.drain(..empty);
        self.first += empty;
    }

    /// Adds all that the other counted. Exact: any order of merging gives the same counts.
    pub fn merge(&mut self, other: &Histogram) {
        if self.counts.is_empty() {
            return self.clone_from(other);
        }
        if other.counts.is_empty() {
            return;
        }
        let missing = self.first.saturating_sub(other.first);
        self.counts.splice(..0, std::iter::repeat_n(0, missing));
        self.first -= missing;
        let offset = other.first - self.first;
        self.counts.resize(self.counts.len().max(offset + other.counts.len()), 0);
        for (ours, theirs) in self.counts[offset..].iter_mut().zip(&other.counts) {
            *ours += theirs;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The bins that hold anything: the first, and the one after the last.
    pub fn bins(&self) -> (usize, usize) {
        (self.first, self.first + self.counts.len())
    }

    /// What was counted up to the end of each bin, in thousandths, over a range of bins that holds them all.
    pub fn cumulative(&self, (from, to): (usize, usize)) -> Vec<u64> {
        let mut sum = 0;
        let mut below = |bin: usize| {
            let index = bin.checked_sub(self.first);
            sum += index.and_then(|index| self.counts.get(index)).copied().unwrap_or(0);
            sum
        };
        (from..to).map(&mut below).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bins_are_at_most_a_64th_wide_and_meet_at_their_edges() {
        for span in [1e-6, 0.01, 0.1, 1.0, 1.99, 2.0, 37.5, 1e5] {
            let bin = bin_of(span);
            let (low, high) = (edge(bin), edge(bin + 1));
            assert!(low <= span && span < high, "{low} {span} {high}");
            assert!(high - low <= low / 64.0 && bin_of(high) == bin + 1, "{low} to {high}");
        }
    }

    #[test]
    fn rounding_keeps_the_total() {
        // Ten bins of 0.4 thousandths: each alone would round to nothing; together they are 4 thousandths.
        let histogram = Histogram::from_masses(100, &[0.000_4; 10]);
        let (from, to) = histogram.bins();
        assert_eq!(histogram.cumulative((from, to)).last(), Some(&4));
        // Below the edges 0.4, 0.8, 1.2, … round to 0, 1, 1, 2, 2, 2, 3, 3, 4, 4: the first and last bin hold none.
        assert_eq!((from, to), (101, 109));
    }

    proptest! {
        #[test]
        fn merging_is_exact_in_any_order(
            parts in prop::collection::vec((0usize..40, prop::collection::vec(0.0f64..3.0, 0..20)), 1..6)
        ) {
            let parts: Vec<Histogram> =
                parts.iter().map(|(first, masses)| Histogram::from_masses(*first, masses)).collect();
            let merged = |order: &mut dyn Iterator<Item = &Histogram>| {
                let mut all = Histogram::default();
                order.for_each(|part| all.merge(part));
                all
            };
            let forward = merged(&mut parts.iter());
            prop_assert_eq!(&forward, &merged(&mut parts.iter().rev()));
            let range = (0, 60);
            let sums: Vec<u64> = (0..60)
                .map(|bin| parts.iter().map(|part| part.cumulative(range)[bin]).sum())
                .collect();
            prop_assert_eq!(forward.cumulative(range), sums);
        }
    }
}
