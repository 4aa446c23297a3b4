//! Pools small enough to count, and what their resamples must share.

use super::*;
use crate::metrics::histogram::bin_of;

fn closed(values: &[f64]) -> Vec<Observation> {
    values.iter().map(|&value| Observation { value, censored: false }).collect()
}

#[test]
fn quantiles_are_those_of_the_pool() {
    // Pool 1..6: the median is the 3rd, the maximum the 6th.
    let pooled =
        PooledQuantiles::of_spans(&[closed(&[1.0, 6.0]), closed(&[3.0, 2.0, 5.0, 4.0])], &[0.5, 1.0], 1);
    assert_eq!(pooled.estimate(0).value, Some(3.0));
    assert_eq!(pooled.estimate(1), Estimate { value: Some(6.0), low: None, high: None });
}

#[test]
fn the_same_seed_gives_the_same_interval_and_another_seed_another() {
    let samples: Vec<_> = (0..12).map(|k| closed(&[f64::from(k), f64::from(k * k)])).collect();
    let interval = |seed| PooledQuantiles::of_spans(&samples, &[0.5], seed).estimate(0);
    assert_eq!(interval(5), interval(5));
    assert!((6..20).any(|seed| interval(seed) != interval(5)));
}

#[test]
fn fewer_than_five_replications_with_a_span_have_no_interval() {
    let one = PooledQuantiles::of_spans(&[closed(&[1.0, 2.0, 3.0])], &[0.5], 1);
    assert_eq!(one.estimate(0), Estimate { value: Some(2.0), low: None, high: None });
    assert_eq!(PooledQuantiles::of_spans(&[], &[0.5], 1).estimate(0), Estimate::default());
    assert_eq!(PooledQuantiles::of_spans(&[vec![], vec![]], &[0.5], 1).estimate(0), Estimate::default());
    // Thirty replications ran, k of them saw incidents, always the same two: the median is 4.
    let interval = |k: usize| {
        let samples: Vec<_> = (0..30).map(|r| closed(if r < k { &[4.0, 5.0] } else { &[] })).collect();
        let pooled = PooledQuantiles::of_spans(&samples, &[0.5], 1);
        assert_eq!(pooled.compare(&pooled, 0).p_value.is_some(), k >= 5);
        pooled.estimate(0).low
    };
    assert_eq!((interval(4), interval(5)), (None, Some(4.0)));
}

#[test]
fn an_interval_of_spans_goes_half_way_on_and_ends_before_the_last() {
    // Ten replications of one span each, 1 to 10. Resampled medians end at the 8th: half-way on is 8.5. The 90th
    // percentile has no span beyond its interval, and so none.
    let samples: Vec<_> = (1..=10).map(|k| closed(&[f64::from(k)])).collect();
    let pooled = PooledQuantiles::of_spans(&samples, &[0.5, 0.9], 1);
    assert_eq!(pooled.estimate(0), Estimate { value: Some(5.0), low: Some(2.0), high: Some(8.5) });
    assert_eq!(pooled.estimate(1), Estimate { value: Some(9.0), low: None, high: None });
}

#[test]
fn requests_are_weighed_not_replications() {
    // 300 requests of about 10 ms in one replication, 100 of about 1,000 ms in another: a quarter is slow, so
    // the 70th percentile is fast and the 80th slow. A mean of quantiles would lie half-way.
    let of = |at: f64, requests| Histogram::from_masses(bin_of(at), &[requests]);
    let pooled = PooledQuantiles::of_histograms(&[of(10.0, 300.0), of(1_000.0, 100.0)], &[0.7, 0.8], 1);
    let [p70, p80] = [0, 1].map(|index| pooled.estimate(index).value.expect("there are requests"));
    assert!((p70 - 10.0).abs() <= 10.0 / 64.0 && (p80 - 1_000.0).abs() <= 1_000.0 / 64.0, "{p70} {p80}");
    // Within a bin it is linear: 280 of the 300 up to the 70th percentile.
    let (left, right) = (edge(bin_of(10.0)), edge(bin_of(10.0) + 1));
    assert_eq!(p70, left + (right - left) * 280.0 / 300.0);
    let none = PooledQuantiles::of_histograms(&[Histogram::default()], &[0.5], 1);
    assert_eq!((none.estimate(0), none.replications()), (Estimate::default(), 0));
}

#[test]
fn a_quantile_hidden_by_open_spans_is_none_not_infinite() {
    let mut samples = vec![closed(&[1.0]); 6];
    samples.iter_mut().for_each(|sample| sample.push(Observation { value: 2.0, censored: true }));
    let pooled = PooledQuantiles::of_spans(&samples, &[0.5, 0.9], 1);
    assert_eq!(pooled.estimate(0).value, Some(1.0));
    assert_eq!(pooled.estimate(1), Estimate::default());
}

#[test]
fn pairs_share_their_draws() {
    // b is a + 10 observation by observation: every resample differs by exactly 10.
    let a: Vec<_> = (0..20).map(|k| closed(&[f64::from(k * k % 17) + 1.0])).collect();
    let b: Vec<_> = (0..20).map(|k| closed(&[f64::from(k * k % 17) + 11.0])).collect();
    let (a, b) = (PooledQuantiles::of_spans(&a, &[0.5], 3), PooledQuantiles::of_spans(&b, &[0.5], 3));
    let pair = a.compare(&b, 0);
    assert_eq!(pair.difference, Estimate { value: Some(10.0), low: Some(10.0), high: Some(10.0) });
    assert!(pair.p_value.expect("twenty replications") < 0.001);
    assert_eq!(a.compare(&a, 0).p_value, Some(1.0));
}
