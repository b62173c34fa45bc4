/// What was measured, in MB, and whether it is as little as promised.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<(String, f64, Option<f64>)>);

impl Table {
    /// A number that promises nothing.
    pub(crate) fn plain(&mut self, what: &str, measured: f64) {
        self.0.push((what.to_owned(), measured, None));
    }

    /// A number that is to be `most` or less.
    pub(crate) fn at_most(&mut self, what: &str, measured: f64, most: f64) {
        self.0.push((what.to_owned(), measured, Some(most)));
    }

    /// Prints the table, and tells whether every promise is kept.
    pub(crate) fn print(&self) -> bool {
        println!("\n{:<60} {:>10}  promised", "", "measured");
        for (what, measured, most) in &self.0 {
            let promised = most.map(|most| format!("at most {most}")).unwrap_or_default();
            let missed = if most.is_some_and(|most| *measured > most) { "  MISSED" } else { "" };
            println!("{what:<60} {measured:>10.1}  {promised}{missed}");
        }
        self.0.iter().all(|(_, measured, most)| most.is_none_or(|most| *measured <= most))
    }
}
