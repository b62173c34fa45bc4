use indexmap::IndexMap;

use crate::domain::{PackageName, Version};

use super::PackumentError;
use super::foreign_document::{ForeignDocument, text};
use super::full::{field, key};

/// A packument without the versions that are not wanted.
#[derive(Debug)]
pub(crate) struct CutPackument {
    /// The document: the name, the wanted versions with their manifests as they were, their times, the dist-tags that name
    /// one of them, `latest`, and the owners as they were: who reads the cut refuses those that cannot be read.
    pub(crate) json: Vec<u8>,
    /// The wanted versions that the packument does not have.
    pub(crate) missing: Vec<Version>,
}

/// Cuts a full document to the `wanted` versions. What the rest of the document says of other versions is left out, the
/// time of the last change too, so that a cut changes only if a wanted version does.
pub(crate) fn cut_packument(
    name: &PackageName,
    json: &[u8],
    wanted: &[Version],
) -> Result<CutPackument, PackumentError> {
    let document = ForeignDocument::parse(name, json)?;
    document.cut(wanted).map_err(|source| PackumentError { name: name.clone(), source })
}

impl ForeignDocument<'_> {
    fn cut(&self, wanted: &[Version]) -> Result<CutPackument, serde_json::Error> {
        let mut json = b"{".to_vec();
        field(&mut json, "name", &self.name)?;
        field(&mut json, "dist-tags", &self.tags_of(wanted))?;
        key(&mut json, "versions")?;
        json.push(b'{');
        let mut missing = Vec::new();
        for version in wanted {
            match self.versions.0.get(version.as_str()) {
                Some(manifest) => field(&mut json, version.as_str(), manifest)?,
                None => missing.push(version.clone()),
            }
        }
        json.push(b'}');
        let mut times = self.entries("time");
        times.0.retain(|of, _| of.as_str() == "created" || is_of(wanted, Some(of.as_str())));
        field(&mut json, "time", &times.0)?;
        if let Some(maintainers) = self.fields.get("maintainers").copied().flatten() {
            field(&mut json, "maintainers", maintainers)?;
        }
        json.push(b'}');
        Ok(CutPackument { json, missing })
    }

    /// Returns the tags that name a wanted version. Without `latest` among them, the highest version is `latest`, prereleases
    /// last: then it follows what later bundles bring.
    fn tags_of(&self, wanted: &[Version]) -> IndexMap<String, String> {
        let tags = self.entries("dist-tags").0.into_iter();
        let tags = tags.filter_map(|(tag, version)| Some((tag.as_str().to_owned(), text(version)?)));
        let mut tags: IndexMap<_, _> =
            tags.filter(|(_, version)| is_of(wanted, Some(version.as_str()))).collect();
        let present = wanted.iter().filter(|version| self.versions.0.contains_key(version.as_str()));
        let highest = present.max_by_key(|version| (!version.is_prerelease(), (*version).clone()));
        if let Some(highest) = highest.filter(|_| !tags.contains_key("latest")) {
            tags.insert("latest".to_owned(), highest.to_string());
        }
        tags
    }
}

fn is_of(wanted: &[Version], version: Option<&str>) -> bool {
    wanted.iter().any(|wanted| Some(wanted.as_str()) == version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_other_versions() {
        let name = PackageName::parse("pear").unwrap();
        let wanted = ["1.1.0", "1.0.0", "9.0.0"].map(|version| Version::parse(version).unwrap());
        let json = br##"{"_id":"pear","_rev":"7","name":"pear","readme":"# pear",
            "dist-tags":{"latest":"2.0.0","old":"1.0.0","odd":7},
            "versions":{"1.0.0":{"name":"pear","dist":{"shasum":"0a"},"deprecated":"no"},"1.1.0":{"name":"pear" , "x":1},"2.0.0":{}},
            "time":{"created":"2020","modified":"2026","1.0.0":"2021","1.1.0":"2022","2.0.0":"2023","0.1.0":"2019"},
            "maintainers":[{"name":"eva","email":"eva@source.example"},7]}"##;
        let cut = cut_packument(&name, json, &wanted).unwrap();
        assert_eq!(cut.missing, [Version::parse("9.0.0").unwrap()]);
        insta::assert_snapshot!(String::from_utf8(cut.json).unwrap(), @r#"{"name":"pear","dist-tags":{"old":"1.0.0","latest":"1.1.0"},"versions":{"1.1.0":{"name":"pear" , "x":1},"1.0.0":{"name":"pear","dist":{"shasum":"0a"},"deprecated":"no"}},"time":{"created":"2020","1.0.0":"2021","1.1.0":"2022"},"maintainers":[{"name":"eva","email":"eva@source.example"},7]}"#);
        assert!(cut_packument(&name, b"<!doctype html>", &wanted).is_err());
    }
}
