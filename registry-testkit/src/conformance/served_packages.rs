use bytes::Bytes;
use registry_core::domain::{Integrity, PackageName, Version};
use registry_core::upstream::PackumentForm;
use serde_json::{Value, json};

/// The packages that an upstream has while [`upstream`](super::upstream()) checks it, and no others.
#[derive(Debug, Clone)]
pub struct ServedPackages(pub Vec<ServedPackage>);

/// One of the packages.
#[derive(Debug, Clone)]
pub struct ServedPackage {
    /// Its name.
    pub name: PackageName,
    /// Its versions, of which the last is tagged `latest`.
    pub versions: Vec<ServedVersion>,
}

/// One version of a package.
#[derive(Debug, Clone)]
pub struct ServedVersion {
    /// The version.
    pub version: Version,
    /// The bytes at the tarball's URL. They need not be a tarball.
    pub tarball: Bytes,
}

impl ServedPackages {
    /// The packages that the suite serves: with and without a scope, small and large.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "the names and versions here are good ones"
    )]
    pub fn sample() -> Self {
        let package = |name: &str, versions: &[(&str, usize)]| ServedPackage {
            name: PackageName::parse(name).expect("a name"),
            versions: versions
                .iter()
                .map(|(version, length)| ServedVersion {
                    version: Version::parse(version).expect("a version"),
                    tarball: format!("{name}@{version} ")
                        .into_bytes()
                        .into_iter()
                        .cycle()
                        .take(*length)
                        .collect(),
                })
                .collect(),
        };
        Self(vec![
            package("left-pad", &[("1.0.0", 400), ("1.1.0", 1 << 20)]),
            package("@acme/web", &[("2.0.0-rc.1", 1)]),
            package("JSONStream", &[("0.10.0", 0)]),
        ])
    }

    /// The package of that name.
    pub fn find(&self, name: &PackageName) -> Option<&ServedPackage> {
        self.0.iter().find(|package| package.name == *name)
    }

    /// The bytes at a path of a tarball's URL, counted from the base URL: `/left-pad/-/left-pad-1.0.0.tgz`.
    pub fn tarball(&self, path: &str) -> Option<&Bytes> {
        self.0.iter().find_map(|package| {
            let found =
                package.versions.iter().find(|version| package.tarball_path(&version.version) == path);
            found.map(|version| &version.tarball)
        })
    }
}

impl ServedPackage {
    /// The packument in one of its forms, with tarballs below `base_url`, which ends without a `/`.
    pub fn packument(&self, base_url: &str, form: PackumentForm) -> Value {
        let mut packument = json!({ "name": self.name, "dist-tags": {}, "versions": {} });
        for ServedVersion { version, tarball } in &self.versions {
            packument["dist-tags"]["latest"] = json!(version);
            packument["versions"][version.as_str()] = json!({
                "name": self.name,
                "version": version,
                "dist": {
                    "tarball": format!("{base_url}{}", self.tarball_path(version)),
                    "integrity": Integrity::of(tarball).to_string(),
                },
            });
            if form == PackumentForm::Full {
                packument["time"][version.as_str()] = json!("2026-01-02T03:04:05.000Z");
            }
        }
        packument
    }

    fn tarball_path(&self, version: &Version) -> String {
        format!("/{}/-/{}-{version}.tgz", self.name, self.name.base())
    }
}
