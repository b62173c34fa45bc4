/// What was measured, line by line, and whether it is as good as promised.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Line>);

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

impl Report {
    /// A number that promises nothing.
    pub(crate) fn plain(&mut self, what: &str, measured: f64) {
        self.put(what, measured, Promise::None);
    }

    /// A number that is to be `most` or less.
    pub(crate) fn at_most(&mut self, what: &str, measured: f64, most: f64) {
        self.put(what, measured, Promise::AtMost(most));
    }

    /// A number that is to be `least` or more.
    pub(crate) fn at_least(&mut self, what: &str, measured: f64, least: f64) {
        self.put(what, measured, Promise::AtLeast(least));
    }

    /// In place of an earlier line of the same name.
    fn put(&mut self, what: &str, measured: f64, promise: Promise) {
        self.0.retain(|line| line.what != what);
        self.0.push(Line { what: what.to_owned(), measured, promise });
    }

    /// Prints the table, and tells whether every promise is kept.
    pub(crate) fn print(&self) -> bool {
        println!("\n{:<52} {:>10}  promised", "", "measured");
        let mut kept = true;
        for Line { what, measured, promise } in &self.0 {
            let (promised, holds) = match promise {
                Promise::None => (String::new(), true),
                Promise::AtMost(most) => (format!("at most {most}"), measured <= most),
                Promise::AtLeast(least) => (format!("at least {least}"), measured >= least),
            };
            let digits = if *measured >= 100.0 { 0 } else { 2 };
            println!("{what:<52} {measured:>10.digits$}  {promised}{}", if holds { "" } else { "  MISSED" });
            kept &= holds;
        }
        kept
    }
}

/// The one in the middle: what disturbs the machine for a moment does not move it.
pub(crate) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
