/// How often operations fail by themselves. The same seed and the same order of operations give the same faults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultPlan {
    /// Where the faults are drawn from.
    pub seed: u64,
    /// Which part of all operations, from 0 to 1, fails before it has an effect.
    pub before_effect: f64,
    /// Which part fails after it had its effect, so that the caller cannot know.
    pub after_effect: f64,
    /// Which part lets other tasks go first, up to eight times.
    pub delayed: f64,
}

impl FaultPlan {
    /// No fault but those scripted.
    pub const NONE: Self = Self { seed: 0, before_effect: 0.0, after_effect: 0.0, delayed: 0.0 };

    /// A bad day: every twentieth operation fails before its effect, every twentieth after, half are delayed.
    pub const fn bad_day(seed: u64) -> Self {
        Self { seed, before_effect: 0.05, after_effect: 0.05, delayed: 0.5 }
    }
}

/// Numbers that look random and are not (`SplitMix64`).
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0, inclusive, to 1, exclusive.
    pub(crate) fn fraction(&mut self) -> f64 {
        // 32 bits go into a double without loss.
        let bits = u32::try_from(self.next() >> 32).unwrap_or(u32::MAX);
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }

    /// Whether something happens that does in this part, from 0 to 1, of all cases.
    pub(crate) fn chance(&mut self, part: f64) -> bool {
        self.fraction() < part
    }

    /// From 0, inclusive, to `bound`, exclusive; 0 where there is nothing to choose from.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from((u128::from(self.next()) * bound as u128) >> 64).unwrap_or(0)
    }

    /// One of these.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub(crate) fn pick<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len())]
    }
}
