//! Search: the index entry of a package, the parsed query, and the relevance of one to the other.
//!
//! ```
//! use registry_core::domain::packument::Packument;
//! use registry_core::domain::search::{Findable, SearchEntry, SearchText};
//! let name = "@acme/pear".parse()?;
//! let json = br#"{"name":"@acme/pear","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"description":"A green fruit"}}}"#;
//! let entry = SearchEntry::of(&Packument::parse(&name, json)?).unwrap();
//! let pear = Findable::new(name, Some(entry));
//! assert!(SearchText::parse("green scope:acme").relevance(&pear).is_some());
//! assert!(SearchText::parse("green not:unstable scope:other").relevance(&pear).is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod entry;
mod findable;
mod relevance;
mod text;

pub use entry::SearchEntry;
pub use findable::Findable;
pub use relevance::Relevance;
pub use text::SearchText;
