//! Search: the index entry of a package, the parsed query, and the relevance of one to the other.

mod entry;
mod findable;
mod relevance;
mod text;

pub use entry::SearchEntry;
pub(crate) use findable::Findable;
pub(crate) use text::SearchText;

#[cfg(test)]
mod tests {
    use crate::domain::packument::Packument;

    use super::*;

    #[test]
    fn a_package_is_found_by_its_description_and_filtered_by_its_scope() {
        let name = "@acme/pear".parse().unwrap();
        let json = br#"{"name":"@acme/pear","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"description":"A green fruit"}}}"#;
        let entry = SearchEntry::of(&Packument::parse(&name, json).unwrap()).unwrap();
        let pear = Findable::new(name, Some(entry));
        assert!(SearchText::parse("green scope:acme").relevance(&pear).is_some());
        assert!(SearchText::parse("green not:unstable scope:other").relevance(&pear).is_none());
    }
}
