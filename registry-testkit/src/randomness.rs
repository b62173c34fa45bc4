use std::sync::{Mutex, PoisonError};

use registry_core::randomness::Randomness;

/// The same bytes for the same seed, in the order in which they are asked for. Fit for nothing but tests.
///
/// ```
/// use registry_core::randomness::Randomness;
/// use registry_testkit::SeededRandomness;
/// let bytes = |seed| {
///     let mut bytes = [0; 20];
///     SeededRandomness::new(seed).fill(&mut bytes);
///     bytes
/// };
/// assert_eq!(bytes(1), bytes(1));
/// assert_ne!(bytes(1), bytes(2));
/// ```
#[derive(Debug)]
pub struct SeededRandomness(Mutex<u64>);

impl SeededRandomness {
    /// Begins at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Randomness for SeededRandomness {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&split_mix(&mut state).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// One step of `SplitMix64`, whose constants are those of its paper (Steele, Lea, Flood 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_where_it_stopped() {
        let randomness = SeededRandomness::new(7);
        let (mut one, mut other) = ([0; 11], [0; 11]);
        randomness.fill(&mut one);
        randomness.fill(&mut other);
        assert_ne!(one, other);
        assert!(one.iter().any(|byte| *byte != one[0]));
    }

    #[test]
    fn is_the_published_generator() {
        let mut state = 1_234_567;
        assert_eq!(split_mix(&mut state), 6_457_827_717_110_365_317);
        assert_eq!(split_mix(&mut state), 3_203_168_211_198_807_973);
    }
}
