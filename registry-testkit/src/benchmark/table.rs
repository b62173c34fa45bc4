use std::fmt;

use serde_json::{Value, json};

use super::{median, ratio};

/// Whether a greater number is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// As with requests in a second.
    More,
    /// As with time and memory.
    Less,
}

/// What one subject did.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Its number in each round.
    Rounds(Vec<f64>),
    /// Its number in each round, and what to know about it, such as that it is only a bound.
    Noted(Vec<f64>, String),
    /// Why there is none.
    Absent(String),
}

impl Cell {
    /// The numbers, none where it was not measured.
    pub fn rounds(&self) -> &[f64] {
        match self {
            Self::Rounds(rounds) | Self::Noted(rounds, _) => rounds,
            Self::Absent(_) => &[],
        }
    }
}

/// One thing that all subjects did.
#[derive(Debug, Clone)]
pub struct Row {
    /// What it was.
    pub what: String,
    /// Of the numbers, such as `ms`.
    pub unit: &'static str,
    /// Which numbers are good.
    pub better: Better,
    /// One for each column of the table.
    pub cells: Vec<Cell>,
}

/// Several subjects side by side. The first column is the one that the others are compared with.
///
/// ```
/// use registry_testkit::benchmark::{Better, Cell, Row, Table};
/// let mut table = Table::new(["this server", "nginx"]);
/// let cells = vec![Cell::Rounds(vec![90.0, 80.0]), Cell::Rounds(vec![100.0, 100.0])];
/// table.push(Row { what: "packument".into(), unit: "requests/s", better: Better::More, cells });
/// assert_eq!(table.ratio("packument", "nginx"), Some(0.9));
/// ```
#[derive(Debug)]
pub struct Table {
    columns: Vec<String>,
    rows: Vec<Row>,
}

impl Table {
    /// A table without a row.
    pub fn new<Name: Into<String>>(columns: impl IntoIterator<Item = Name>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// The first column's number divided by that of `column`; `None` where one of them is not there.
    pub fn ratio(&self, what: &str, column: &str) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.what == what)?;
        let at = self.columns.iter().position(|name| name == column)?;
        ratio_in(row, at)
    }

    /// The median of the first column.
    pub fn first(&self, what: &str) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.what == what)?;
        Some(median(row.cells.first()?.rounds())).filter(|number| number.is_finite())
    }

    /// The rows for a program to read.
    pub fn to_json(&self) -> Value {
        self.rows
            .iter()
            .map(|row| {
                let cells: serde_json::Map<_, _> = self
                    .columns
                    .iter()
                    .enumerate()
                    .zip(&row.cells)
                    .map(|((at, column), cell)| (column.clone(), cell_json(row, at, cell)))
                    .collect();
                json!({
                    "what": row.what,
                    "unit": row.unit,
                    "more_is_better": row.better == Better::More,
                    "subjects": cells,
                })
            })
            .collect()
    }
}

fn cell_json(row: &Row, at: usize, cell: &Cell) -> Value {
    let note = match cell {
        Cell::Rounds(_) => None,
        Cell::Noted(_, note) | Cell::Absent(note) => Some(note),
    };
    let middle = Some(median(cell.rounds())).filter(|number| number.is_finite());
    json!({ "median": middle, "rounds": cell.rounds(), "ratio": ratio_in(row, at), "note": note })
}

fn ratio_in(row: &Row, at: usize) -> Option<f64> {
    let ratio = ratio(row.cells.first()?.rounds(), row.cells.get(at)?.rounds());
    ratio.is_finite().then_some(ratio)
}

/// Three digits that matter.
fn short(number: f64) -> String {
    let digits = match number.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{number:.digits$}")
}

impl fmt::Display for Table {
    /// In the first column a number with its unit; in the others, the first column's divided by theirs, with `+` where
    /// the first one is better and `-` where it is worse, by more than a tenth.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut notes: Vec<&str> = Vec::new();
        write!(formatter, "{:<60}", "")?;
        for column in &self.columns {
            write!(formatter, " {column:>18}")?;
        }
        writeln!(formatter)?;
        for row in &self.rows {
            write!(formatter, "{:<60}", row.what)?;
            for (at, cell) in row.cells.iter().enumerate() {
                let mark = match cell {
                    Cell::Rounds(_) => String::new(),
                    Cell::Noted(_, note) | Cell::Absent(note) => {
                        let known = notes.iter().position(|known| known == note);
                        let number = known.unwrap_or_else(|| {
                            notes.push(note);
                            notes.len() - 1
                        });
                        format!(" [{}]", number + 1)
                    }
                };
                let text = match (cell, ratio_in(row, at).filter(|_| at > 0)) {
                    (Cell::Absent(_), _) => "not run".to_owned(),
                    (_, Some(ratio)) => format!("{} {}", short(ratio), sign(ratio, row.better)),
                    // The first one, or there is nothing to divide.
                    (cell, None) => format!("{} {}", short(median(cell.rounds())), row.unit),
                };
                write!(formatter, " {:>18}", format!("{text}{mark}"))?;
            }
            writeln!(formatter)?;
        }
        for (number, note) in notes.iter().enumerate() {
            writeln!(formatter, "[{}] {note}", number + 1)?;
        }
        Ok(())
    }
}

fn sign(ratio: f64, better: Better) -> char {
    match (better, ratio) {
        (_, ratio) if (0.9..=1.1).contains(&ratio) => '=',
        (Better::More, ratio) if ratio > 1.0 => '+',
        (Better::Less, ratio) if ratio < 1.0 => '+',
        _ => '-',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["this server", "nginx", "other"]);
        let rounds = |numbers: &[f64]| Cell::Rounds(numbers.to_vec());
        table.push(Row {
            what: "packument".into(),
            unit: "requests/s",
            better: Better::More,
            cells: vec![
                rounds(&[900.0, 800.0, 1000.0]),
                rounds(&[1000.0; 3]),
                Cell::Noted(vec![10.0; 3], "does not compress".into()),
            ],
        });
        table.push(Row {
            what: "publish".into(),
            unit: "ms",
            better: Better::Less,
            cells: vec![rounds(&[5.0]), Cell::Absent("takes none".into()), rounds(&[10.0])],
        });
        table
    }

    #[test]
    fn ratios_are_of_the_first_column() {
        let table = table();
        assert_eq!(table.ratio("packument", "nginx"), Some(0.9));
        assert_eq!(table.ratio("packument", "other"), Some(90.0));
        assert_eq!(table.ratio("publish", "nginx"), None);
        assert_eq!(table.first("publish"), Some(5.0));
    }

    #[test]
    fn it_prints_as_a_table() {
        insta::assert_snapshot!(table().to_string(), @r"
                                                                            this server              nginx              other
        packument                                                        900 requests/s             0.90 =         90.0 + [1]
        publish                                                                 5.00 ms        not run [2]             0.50 +
        [1] does not compress
        [2] takes none
        ");
    }

    #[test]
    fn a_program_finds_every_number() {
        let json = table().to_json();
        assert_eq!(json[0]["subjects"]["other"]["ratio"], 90.0);
        assert_eq!(json[1]["subjects"]["nginx"]["median"], Value::Null);
        assert_eq!(json[1]["subjects"]["nginx"]["note"], "takes none");
    }
}
