//! Log-linear latency buckets: eight to each power of two, so that a reading is at most 1/16 off.
//!
//! Fixed and the same for every meter, so that shards, seconds and reports from other processes add
//! up without loss.

/// Buckets from 0 µs to 134 s; longer latencies count in the last.
pub(crate) const BUCKETS: usize = 200;
const LINEAR: u64 = 8;
const SUB_BITS: u32 = 3;

/// The bucket that a latency falls into.
pub(crate) fn index(latency_us: u64) -> usize {
    if latency_us < LINEAR {
        return latency_us as usize;
    }
    let octave = 63 - latency_us.leading_zeros();
    let sub = (latency_us >> (octave - SUB_BITS)) & (LINEAR - 1);
    let index = ((octave - SUB_BITS + 1) as usize) * LINEAR as usize + sub as usize;
    index.min(BUCKETS - 1)
}

/// The smallest latency of a bucket, in µs; of `BUCKETS`, the end of the last.
pub(crate) fn lower_us(index: usize) -> u64 {
    let index = index as u64;
    if index < LINEAR {
        return index;
    }
    let shift = index / LINEAR - 1;
    (LINEAR + index % LINEAR) << shift
}

/// The latency, in ms, that the share `quantile` of the counted calls did not exceed: the middle of
/// the bucket in which it lies. 0 when nothing was counted.
pub(crate) fn quantile_ms(buckets: &[u64; BUCKETS], quantile: f64) -> f64 {
    let count: u64 = buckets.iter().sum();
    if count == 0 {
        return 0.0;
    }
    let rank = ((quantile * count as f64).ceil() as u64).clamp(1, count);
    let mut seen = 0;
    for (index, bucket) in buckets.iter().enumerate() {
        seen += bucket;
        if seen >= rank {
            return (lower_us(index) + lower_us(index + 1)) as f64 / 2_000.0;
        }
    }
    unreachable!("the rank is at most the sum of the buckets")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_meet_without_gaps() {
        for index in 0..BUCKETS {
            assert_eq!(super::index(lower_us(index)), index);
            assert_eq!(super::index(lower_us(index + 1) - 1), index);
        }
        assert_eq!(super::index(u64::MAX), BUCKETS - 1);
        assert_eq!(lower_us(BUCKETS), 1 << 27);
    }

    #[test]
    fn quantiles_are_the_middles_of_their_buckets() {
        let mut buckets = [0; BUCKETS];
        assert_eq!(quantile_ms(&buckets, 0.5), 0.0);
        for latency_us in 1..=1_000_u64 {
            buckets[super::index(latency_us)] += 1;
        }
        assert!((quantile_ms(&buckets, 0.5) - 0.5).abs() < 0.035);
        assert!((quantile_ms(&buckets, 0.99) - 0.99).abs() < 0.07);
        assert!((quantile_ms(&buckets, 0.0) - 0.0015).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn a_reading_is_at_most_a_fourteenth_off(latency_us in 8_u64..134_000_000) {
            let index = super::index(latency_us);
            let middle = (lower_us(index) + lower_us(index + 1)) as f64 / 2.0;
            prop_assert!((middle - latency_us as f64).abs() / latency_us as f64 <= 0.07);
        }
    }
}
