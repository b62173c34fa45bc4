use registry_core::randomness::Randomness as _;

use crate::SeededRandomness;

/// No input becomes longer.
const LONGEST: usize = 16 << 10;

/// Numbers and texts that something may take for what it is not.
const WORDS: [&[u8]; 24] = [
    b"\0",
    b"%2f",
    b"%25",
    b"..",
    b"/",
    b"\\",
    b"\"",
    b"{}",
    b"[]",
    b"null",
    b"true",
    b"-1",
    b"0",
    b"\xff",
    b"\n",
    b"18446744073709551616",
    b"1e400",
    b"\\ud800",
    b"\\u0000",
    b"@",
    b"latest",
    b"1.0.0",
    b"__proto__",
    b"\xc3\xa9",
];

/// Changes inputs at random: a poor fuzzer, and one that always tries the same.
pub(super) struct Mutations<'a> {
    random: SeededRandomness,
    corpus: &'a [Vec<u8>],
}

impl<'a> Mutations<'a> {
    /// Of a corpus, which is not empty.
    pub(super) fn new(seed: u64, corpus: &'a [Vec<u8>]) -> Self {
        Self { random: SeededRandomness::new(seed), corpus }
    }

    /// One of the corpus, changed up to four times.
    pub(super) fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.pick().to_vec();
        for _ in 0..=self.below(4) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let (start, end) = self.range(input.len());
        match self.below(6) {
            0 => input.insert(start, self.byte()),
            1 => input[start..end].iter_mut().take(1).for_each(|byte| *byte = self.byte()),
            2 => drop(input.drain(start..end)),
            3 => drop(input.splice(start..start, WORDS[self.below(WORDS.len())].iter().copied())),
            4 => {
                let part = input[start..end].to_vec();
                let at = self.below(input.len() + 1);
                input.splice(at..at, part);
            }
            _ => {
                let other = self.pick();
                let (from, to) = self.range(other.len());
                input.splice(start..end, other[from..to].iter().copied());
            }
        }
    }

    fn pick(&mut self) -> &'a [u8] {
        let at = self.below(self.corpus.len());
        &self.corpus[at]
    }

    /// Mostly short.
    fn range(&mut self, length: usize) -> (usize, usize) {
        let start = self.below(length + 1);
        let most = if self.below(4) == 0 { length } else { 16 };
        let end = start + self.below((length - start).min(most) + 1);
        (start, end)
    }

    fn byte(&mut self) -> u8 {
        let mut byte = [0];
        self.random.fill(&mut byte);
        byte[0]
    }

    /// A number below `end`, which is not zero. That small ones are a little likelier does not matter.
    fn below(&mut self, end: usize) -> usize {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes);
        usize::from_le_bytes(bytes) % end
    }
}
