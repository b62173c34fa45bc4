/// The one in the middle: what disturbs the machine for a moment does not move it. `NaN` of no numbers.
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The median of the ratios round by round: each is of two numbers that were measured one right after the other, so
/// what else the machine does is in both.
pub fn ratio(numbers: &[f64], others: &[f64]) -> f64 {
    let ratios: Vec<f64> = numbers.iter().zip(others).map(|(number, other)| number / other).collect();
    median(&ratios)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_what_is_far_off() {
        assert!((median(&[3.0, 900.0, 1.0]) - 3.0).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        // Of the medians it would be 20 / 20.
        let (one, other) = ([10.0, 20.0, 40.0], [5.0, 20.0, 20.0]);
        assert!((ratio(&one, &other) - 2.0).abs() < f64::EPSILON);
    }
}
