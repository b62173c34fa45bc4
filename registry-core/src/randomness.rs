//! The source of randomness for this library.
//!
//! ```
//! use registry_core::randomness::{Randomness, SystemRandomness};
//! let (mut one, mut other) = ([0; 16], [0; 16]);
//! SystemRandomness.fill(&mut one);
//! SystemRandomness.fill(&mut other);
//! assert_ne!(one, other);
//! ```

use std::fmt::Debug;

/// Fills buffers with unpredictable bytes. Injected, so that a test can repeat a run.
pub trait Randomness: Debug + Send + Sync + 'static {
    /// Overwrites all of `buffer`.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's generator, suitable for secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    #[expect(clippy::disallowed_methods, reason = "the one place where the system's generator is read")]
    #[expect(
        clippy::expect_used,
        reason = "without randomness no secret can be made, and going on would be unsafe"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system's random generator answers");
    }
}

/// Returns `LENGTH` random bytes.
pub(crate) fn random_bytes<const LENGTH: usize>(randomness: &dyn Randomness) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    randomness.fill(&mut bytes);
    bytes
}
