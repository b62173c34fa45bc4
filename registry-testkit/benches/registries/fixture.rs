use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use registry_testkit::benchmark::{Nginx, NginxFiles, SyntheticPackage};
use registry_testkit::tarball::gzip;
use serde_json::{Map, Value, json};

use crate::application::{Application, PLACEHOLDER, json_files};

/// The registry behind all of them: nginx with files. It takes no time and knows no limits, and no client signs in.
pub(crate) struct Fixture {
    nginx: Nginx,
    pub(crate) application: Application,
}

/// One version, and a tarball of 300 KB.
pub(crate) const SMALL: &str = "bench-small";
/// About 60 KB in the form for installs, and a tarball of 10 MB.
pub(crate) const MEDIUM: &str = "bench-medium";
/// About 10 MB in full, several in the form for installs.
pub(crate) const LARGE: &str = "bench-large";

impl Fixture {
    /// Writes all files and starts it.
    pub(crate) fn start(application: Application) -> anyhow::Result<Self> {
        let nginx = Nginx::start(NginxFiles::Registry)?;
        let base_url = nginx.base_url();
        for package in [
            SyntheticPackage::new(SMALL, 1, 300 << 10),
            SyntheticPackage::new(MEDIUM, 40, 10 << 20),
            SyntheticPackage::new(LARGE, 4200, 1000),
        ] {
            let packument = package.packument(&base_url);
            put_packument(&nginx, "full", &package.name, packument.to_string().as_bytes())?;
            let abbreviated = SyntheticPackage::abbreviated(&packument).to_string();
            put_packument(&nginx, "abbreviated", &package.name, abbreviated.as_bytes())?;
            nginx
                .put(&format!("tarballs/{0}/-/{0}-1.0.0.tgz", package.name), &package.tarball)
                .context("cannot write a tarball")?;
        }
        for (name, path) in json_files(&application.folder.join("packuments"))? {
            let text = fs::read_to_string(&path)?.replace(PLACEHOLDER, &base_url);
            put_packument(&nginx, "abbreviated", &name, text.as_bytes())?;
            let full = full_of(serde_json::from_str(&text)?);
            put_packument(&nginx, "full", &name, full.to_string().as_bytes())?;
        }
        link_all(&application.folder.join("tarballs"), &nginx.folder().join("tarballs"))?;
        Ok(Self { nginx, application })
    }

    /// Where it listens.
    pub(crate) fn base_url(&self) -> String {
        self.nginx.base_url()
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.nginx.id()
    }
}

fn put_packument(nginx: &Nginx, form: &str, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    nginx.put(&format!("{form}/{name}.json"), bytes)?;
    nginx.put(&format!("{form}/{name}.json.gz"), &gzip(bytes))
}

/// Installs fetch the short form alone, so that is all there is of these packages; a registry that asks for the full one
/// gets the same with the fields that it cannot do without.
fn full_of(mut packument: Value) -> Value {
    let versions = packument["versions"].as_object().into_iter().flat_map(Map::keys);
    let time: BTreeMap<_, _> = versions
        .map(String::as_str)
        .chain(["created", "modified"])
        .map(|version| (version.to_owned(), json!("2020-01-01T00:00:00.000Z")))
        .collect();
    packument["_id"] = packument["name"].clone();
    packument["time"] = json!(time);
    packument
}

fn link_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (from, to) = (entry?.path(), to);
        let to = to.join(from.file_name().unwrap_or_default());
        if from.is_dir() {
            link_all(&from, &to)?;
        } else {
            fs::hard_link(&from, &to).with_context(|| format!("cannot link {}", from.display()))?;
        }
    }
    Ok(())
}
