use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Puts a packument of so many MB where a server on the folder finds it.
pub(crate) fn store(storage: &Path, megabytes: usize) -> anyhow::Result<()> {
    let folder = storage.join("objects/pear");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("index.json"), packument(megabytes << 20))?;
    Ok(())
}

/// Manifests as they are published, in size and in how well they compress.
fn packument(bytes: usize) -> String {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let (mut versions, mut time) = (String::new(), String::new());
    let mut number = 0;
    while versions.len() < bytes {
        let comma = if number == 0 { "" } else { "," };
        let version = format!("1.{}.{}", number / 100, number % 100);
        let _ = write!(
            versions,
            r#"{comma}"{version}":{{"name":"pear","version":"{version}","description":"{}","gitHead":"{}","dist":{{"tarball":"pear/-/pear-{version}.tgz","shasum":"{}","integrity":"sha512-{}","fileCount":5,"unpackedSize":12345}},"dependencies":{{"#,
            "A package that stands for all the others while memory is measured. ".repeat(8),
            noise.hex(40),
            noise.hex(40),
            noise.hex(86) + "==",
        );
        for dependency in 0..40 {
            let comma = if dependency == 0 { "" } else { "," };
            let _ =
                write!(versions, r#"{comma}"@orchard/dependency-{dependency}":"^{dependency}.{number}.3""#);
        }
        versions.push_str("}}");
        let _ = write!(time, r#","{version}":"2026-01-02T03:04:05.000Z""#);
        number += 1;
    }
    format!(
        r#"{{"name":"pear","dist-tags":{{"latest":"1.0.0"}},"versions":{{{versions}}},"time":{{"created":"2026-01-01T00:00:00.000Z","modified":"2026-01-02T03:04:05.000Z"{time}}}}}"#
    )
}

/// The same digits each time.
struct Noise(u64);

impl Noise {
    fn hex(&mut self, length: usize) -> String {
        let digit = |state: &mut u64| {
            // xorshift64
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            char::from_digit((*state & 15) as u32, 16).unwrap_or('0')
        };
        std::iter::repeat_with(|| digit(&mut self.0)).take(length).collect()
    }
}
