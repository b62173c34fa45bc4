use std::fmt;

use serde_json::{Value, json};

/// What was measured, line by line, and whether it is as good as promised.
///
/// ```
/// use registry_testkit::benchmark::Promises;
/// let mut promises = Promises::default();
/// promises.at_least("packument against nginx", 0.9, 0.8);
/// assert!(promises.kept());
/// promises.at_most("memory after the start, MB", 30.0, 20.0);
/// assert!(!promises.kept() && promises.to_string().ends_with("at most 20  FAIL\n"));
/// ```
#[derive(Debug, Default)]
pub struct Promises(Vec<Line>);

#[derive(Debug)]
struct Line {
    what: String,
    measured: f64,
    promise: Promise,
}

#[derive(Debug, Clone, Copy)]
enum Promise {
    None,
    AtMost(f64),
    AtLeast(f64),
}

impl Promises {
    /// A number that promises nothing.
    pub fn plain(&mut self, what: &str, measured: f64) {
        self.put(what, measured, Promise::None);
    }

    /// A number that is to be `most` or less.
    pub fn at_most(&mut self, what: &str, measured: f64, most: f64) {
        self.put(what, measured, Promise::AtMost(most));
    }

    /// A number that is to be `least` or more.
    pub fn at_least(&mut self, what: &str, measured: f64, least: f64) {
        self.put(what, measured, Promise::AtLeast(least));
    }

    /// Whether every number is as promised. One that could not be measured (`NaN`) is not.
    pub fn kept(&self) -> bool {
        self.0.iter().all(Line::holds)
    }

    /// The lines for a program to read.
    pub fn to_json(&self) -> Value {
        self.0
            .iter()
            .map(|line| {
                let (least, most) = match line.promise {
                    Promise::None => (None, None),
                    Promise::AtMost(most) => (None, Some(most)),
                    Promise::AtLeast(least) => (Some(least), None),
                };
                json!({
                    "what": line.what,
                    "measured": line.measured,
                    "at_least": least,
                    "at_most": most,
                    "kept": line.holds(),
                })
            })
            .collect()
    }

    /// In place of an earlier line of the same name.
    fn put(&mut self, what: &str, measured: f64, promise: Promise) {
        self.0.retain(|line| line.what != what);
        self.0.push(Line { what: what.to_owned(), measured, promise });
    }
}

impl Line {
    fn holds(&self) -> bool {
        match self.promise {
            Promise::None => true,
            Promise::AtMost(most) => self.measured <= most,
            Promise::AtLeast(least) => self.measured >= least,
        }
    }
}

impl fmt::Display for Promises {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{:<64} {:>10}  promised", "", "measured")?;
        for line in &self.0 {
            let Line { what, measured, promise } = line;
            let promised = match promise {
                Promise::None => String::new(),
                Promise::AtMost(most) => format!("at most {most}"),
                Promise::AtLeast(least) => format!("at least {least}"),
            };
            let verdict = match (promise, line.holds()) {
                (Promise::None, _) => "",
                (_, true) => "  PASS",
                (_, false) => "  FAIL",
            };
            let digits = if *measured >= 100.0 { 0 } else { 2 };
            writeln!(formatter, "{what:<64} {measured:>10.digits$}  {promised}{verdict}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_not_kept() {
        let mut promises = Promises::default();
        promises.at_least("ratio", f64::NAN, 0.8);
        assert!(!promises.kept());
        promises.at_least("ratio", 0.8, 0.8);
        assert!(promises.kept(), "the later line counts");
    }
}
