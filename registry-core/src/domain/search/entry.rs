use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::packument::{Audience, JsonKey, Packument, Person};

/// The longest description, URL or other text in an entry, in characters.
const LONGEST_TEXT: usize = 400;
/// The most keywords and maintainers in an entry.
const MOST: usize = 50;

/// The search entry of a package, from its `latest` version. Texts are truncated at 400 characters and lists at 50
/// entries, so that an index of many packages stays small.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SearchEntry {
    /// The version that `latest` names.
    pub version: String,
    /// Its description.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Its keywords.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// When it was published (RFC 3339), if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Its home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Its repository, as a URL for a browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The URL of its issue tracker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bugs: Option<String>,
    /// Its license.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// The name of its author.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The publisher of the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher: Option<Person>,
    /// The owners of the package.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub maintainers: Vec<Person>,
    /// Whether it is deprecated.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
    /// Whether it is private: only its owners, and principals whom rules or teams name, find it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restricted: bool,
}

/// The fields of a manifest that are read, of any type.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Manifest {
    description: Value,
    keywords: Value,
    homepage: Value,
    repository: Value,
    bugs: Value,
    license: Value,
    author: Value,
    #[serde(rename = "_npmUser")]
    publisher: Value,
    deprecated: Value,
}

impl SearchEntry {
    /// Builds the entry of a package; `None` if it has no published version. Fields of the wrong type are omitted, so
    /// that no package is lost because of them.
    pub fn of(packument: &Packument<'_>) -> Option<Self> {
        let latest = packument.latest().filter(|latest| packument.versions.contains_key(*latest));
        // A bucket written by codebox-npm may hold packages without the tag.
        let version = latest.or_else(|| packument.versions.keys().next_back().map(JsonKey::as_str))?;
        let manifest = packument.versions.get(version).map_or_else(Manifest::default, |raw| read(raw));
        Some(Self {
            version: version.to_owned(),
            description: text(&manifest.description).unwrap_or_default(),
            keywords: keywords(&manifest.keywords),
            date: packument.time.get(version).cloned(),
            homepage: text(&manifest.homepage),
            repository: named(&manifest.repository, "url").map(|url| browsable(&url)),
            bugs: named(&manifest.bugs, "url"),
            license: named(&manifest.license, "type"),
            author: named(&manifest.author, "name"),
            publisher: serde_json::from_value(manifest.publisher).ok(),
            maintainers: packument.maintainers.iter().take(MOST).cloned().collect(),
            restricted: packument.protection.restricted,
            deprecated: manifest.deprecated.as_str().is_some_and(|reason| !reason.is_empty()),
        })
    }

    /// Returns the package's audience.
    pub fn audience(&self) -> Audience {
        Audience::of_owners(self.restricted, &self.maintainers)
    }
}

fn read(manifest: &RawValue) -> Manifest {
    serde_json::from_str(manifest.get()).unwrap_or_default()
}

fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    (!text.is_empty()).then(|| text.chars().take(LONGEST_TEXT).collect())
}

/// Returns a text, or the text in `field` of an object.
fn named(value: &Value, field: &str) -> Option<String> {
    text(value).or_else(|| text(value.get(field)?))
}

/// Returns an array, or the words of one text, which old packages have.
fn keywords(value: &Value) -> Vec<String> {
    match value {
        Value::Array(keywords) => keywords.iter().filter_map(text).take(MOST).collect(),
        Value::String(keywords) => {
            let words = keywords.split([',', ' ']).filter(|word| !word.is_empty());
            words.take(MOST).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// Converts a git URL to one for a browser.
fn browsable(url: &str) -> String {
    let url = url.strip_prefix("git+").unwrap_or(url);
    let url = url.strip_suffix(".git").unwrap_or(url);
    match url.strip_prefix("git://").or_else(|| url.strip_prefix("ssh://git@")) {
        Some(rest) => format!("https://{rest}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(json: &str) -> Option<SearchEntry> {
        let json = json.replacen('{', r#"{"name":"pear","#, 1);
        SearchEntry::of(&Packument::parse(&"pear".parse().unwrap(), json.as_bytes()).unwrap())
    }

    #[test]
    fn the_version_shown_is_latest_or_else_the_last() {
        let both = r#""versions":{"1.0.0":{},"2.0.0":{}}"#;
        let version = |tags: &str| entry(&format!("{{{tags}{both}}}")).unwrap().version;
        assert_eq!(version(r#""dist-tags":{"latest":"1.0.0"},"#), "1.0.0");
        assert_eq!(version(r#""dist-tags":{"latest":"9.0.0"},"#), "2.0.0");
        assert_eq!(version(""), "2.0.0");
        assert_eq!(entry(r#"{"versions":{}}"#), None);
    }

    #[test]
    fn fields_come_in_all_their_forms() {
        let entry = entry(
            r#"{"versions":{"1.0.0":{"keywords":"a, b","repository":{"url":"git+https://git.example/a.git"},
            "bugs":"https://bugs.example","license":{"type":"MIT"},"author":{"name":"Ana"},
            "deprecated":"old","_npmUser":{"name":"ana"}}}}"#,
        );
        let entry = entry.unwrap();
        assert_eq!(entry.keywords, ["a", "b"]);
        assert_eq!(entry.repository.as_deref(), Some("https://git.example/a"));
        assert_eq!(entry.bugs.as_deref(), Some("https://bugs.example"));
        assert_eq!(entry.license.as_deref(), Some("MIT"));
        assert_eq!(entry.author.as_deref(), Some("Ana"));
        assert_eq!(entry.publisher.unwrap().name, "ana");
        assert!(entry.deprecated);
    }

    #[test]
    fn invalid_entries_are_omitted() {
        let damaged =
            r#"{"versions":{"1.0.0":{"keywords":7,"description":[],"author":1,"deprecated":false}}}"#;
        let expected = SearchEntry { version: "1.0.0".into(), ..SearchEntry::default() };
        assert_eq!(entry(damaged), Some(expected.clone()));
        assert_eq!(entry(r#"{"versions":{"1.0.0":"text"}}"#), Some(expected));
    }
}
