//! Describes errors in a `registry.toml` with the keys of the file rather than the types of the program.

use crate::nearest::nearest;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

const TEXT: &str = "a text in quotes";
const ADDRESS: &str = "an address and a port, such as \"127.0.0.1:4873\"";

/// Describes an error: its line, its key, the value and the expected one. `own` are the frontend's top-level keys.
pub(super) fn complaint(text: &str, error: &toml::de::Error, own: &[&str]) -> String {
    let line = error.span().map(|span| format!("line {}: ", line_of(text, span.start))).unwrap_or_default();
    let Ok(document) = DeTable::parse(text) else {
        return format!("{line}this is not TOML: {}", error.message());
    };
    let place = error.span().and_then(|span| find(document.get_ref(), &span)).unwrap_or_default();
    format!("{line}{}", place.say(error.message(), own))
}

/// Returns the line of this byte, counted from 1.
pub(super) fn line_of(text: &str, byte: usize) -> usize {
    text.as_bytes().iter().take(byte).filter(|byte| **byte == b'\n').count() + 1
}

/// A key of the file, and its tables.
#[derive(Default)]
struct Place {
    path: Vec<String>,
    /// Whether the innermost table is an array of tables, `[[packages]]`.
    is_repeated: bool,
    is_table: bool,
    value: Option<String>,
}

impl Place {
    fn say(&self, message: &str, own: &[&str]) -> String {
        let key = self.path.last().map(String::as_str).unwrap_or_default();
        if let Some(rest) = message.strip_prefix("unknown field ") {
            let (unknown, known) = rest.split_once(", expected ").unwrap_or((rest, ""));
            let known = known.strip_prefix("one of ").unwrap_or(known);
            // The place is the unknown key itself.
            let inside = self.path.split_last().map_or(&[][..], |(_, tables)| tables);
            let own = own.iter().filter(|_| inside.is_empty()).map(|key| format!("`{key}`"));
            let known = own.chain([known.to_owned()]).collect::<Vec<_>>().join(", ");
            let names = known.split(", ").map(|name| name.trim_matches('`'));
            let meant = nearest(unknown.trim_matches('`'), names)
                .map_or_else(|| "the".to_owned(), |name| format!("did you mean `{name}`? The"));
            return format!(
                "there is no setting {unknown} {}; {meant} settings there are {known}",
                self.within(inside)
            );
        }
        if let Some(missing) = message.strip_prefix("missing field ") {
            return format!("{missing} is missing {}: write a line that sets it", self.within(&self.path));
        }
        let name = self.name();
        if let Some(rest) = message.strip_prefix("unknown variant ") {
            let (found, known) = rest.split_once(", expected ").unwrap_or((rest, ""));
            let known = known.strip_prefix("one of ").unwrap_or(known).replace('`', "\"");
            return format!(
                "{name} is {}; write {}",
                found.replace('`', "\""),
                known.replace("\", \"", "\" or \"")
            );
        }
        let mismatch =
            message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
        if let Some((found, wanted)) = mismatch.and_then(|rest| rest.rsplit_once(", expected ")) {
            let quotes = if found.starts_with("string ") { ", without quotes" } else { "" };
            return format!(
                "{name} must be {}; it is {}",
                self.wanted(wanted, key, quotes),
                found_value(found)
            );
        }
        match &self.value {
            Some(value) if message == "invalid socket address syntax" => {
                format!("{name} must be {ADDRESS}; it is the text {value}")
            }
            _ if message == "wanted string or table" => format!("{name} must be {TEXT}"),
            _ if self.path.is_empty() => message.to_owned(),
            _ => format!("{name}: {message}"),
        }
    }

    /// Returns the key with its table: `[limits] owners`.
    fn name(&self) -> String {
        match self.path.split_last() {
            Some((key, [])) => format!("`{key}`"),
            Some((key, tables)) if !self.is_table => format!("`{} {key}`", self.header(tables)),
            Some(_) => format!("`{}`", self.header(&self.path)),
            None => "the configuration".to_owned(),
        }
    }

    fn header(&self, tables: &[String]) -> String {
        let path = tables.join(".");
        if self.is_repeated { format!("[[{path}]]") } else { format!("[{path}]") }
    }

    fn within(&self, tables: &[String]) -> String {
        if tables.is_empty() { "outside of tables".to_owned() } else { format!("in {}", self.header(tables)) }
    }

    /// Describes the value that serde expects, in terms of the file.
    fn wanted(&self, expected: &str, key: &str, quotes: &str) -> String {
        let number = |least: &str| {
            let units = ["MiB", "KiB", "bytes", "seconds", "minutes", "hours", "days"];
            let is_in = |unit: &&str| key.ends_with(&format!("_{}", unit.to_lowercase()));
            let unit = units.into_iter().find(is_in).map(|unit| format!(" of {unit}")).unwrap_or_default();
            format!("a whole number{unit}, {least} or more{quotes}")
        };
        match expected {
            "u8" | "u16" | "u32" | "u64" | "usize" => number("0"),
            _ if expected.contains("nonzero") => number("1"),
            "a boolean" => format!("true or false{quotes}"),
            "a string" | "string" | "path string" => TEXT.to_owned(),
            "socket address" => ADDRESS.to_owned(),
            _ if expected.starts_with("enum ") => TEXT.to_owned(),
            _ if ["packages", "policy", "issuers", "retain", "require"].contains(&key) => {
                format!("tables that each begin with [[{}]]", self.path.join("."))
            }
            _ if expected.contains("sequence") => "a list, such as [\"one\", \"two\"]".to_owned(),
            _ if expected.contains("map") || expected.starts_with("struct ") => {
                format!("a table that begins with [{}]", self.path.join("."))
            }
            other => other.to_owned(),
        }
    }
}

/// Describes the value that serde found, in terms of the file.
fn found_value(found: &str) -> String {
    let quoted = |kind: &str| found.strip_prefix(kind).map(|value| value.trim_matches('`').to_owned());
    match found {
        "map" => "a table".to_owned(),
        "sequence" => "a list".to_owned(),
        _ => quoted("string ")
            .map(|value| format!("the text {value}"))
            .or_else(|| quoted("boolean "))
            .or_else(|| quoted("integer ").map(|value| format!("the number {value}")))
            .or_else(|| quoted("floating point ").map(|value| format!("the number {value}")))
            .unwrap_or_else(|| found.to_owned()),
    }
}

/// Returns the key whose name or value is at `span`. A table's span covers only its header, so its content is searched
/// first.
fn find(table: &DeTable<'_>, span: &Range<usize>) -> Option<Place> {
    table.iter().find_map(|(key, value)| {
        let mut place =
            if key.span().contains(&span.start) { Some(Place::default()) } else { find_in(value, span) }?;
        place.path.insert(0, key.get_ref().to_string());
        Some(place)
    })
}

fn find_in(value: &Spanned<DeValue<'_>>, span: &Range<usize>) -> Option<Place> {
    let inside = match value.get_ref() {
        DeValue::Table(table) => find(table, span),
        DeValue::Array(items) => items.iter().find_map(|item| {
            let mut place = find_in(item, span)?;
            place.is_repeated |= item.get_ref().is_table() && place.path.len() <= 1;
            Some(place)
        }),
        _ => None,
    };
    let here = || {
        let text = value.get_ref().as_str().map(|text| format!("{text:?}"));
        let is_table = value.get_ref().is_table();
        value.span().contains(&span.start).then(|| Place { is_table, value: text, ..Place::default() })
    };
    inside.or_else(here)
}
