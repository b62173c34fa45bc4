use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use registry_core::randomness::Randomness as _;
use tar::{EntryType, Header};

use crate::SeededRandomness;

/// Parts of paths that some client reads in its own way.
const PARTS: [&str; 42] = [
    "package",
    "package",
    "package",
    "x",
    ".",
    "..",
    "",
    "C:",
    "c:",
    "z:a",
    "C:package.json",
    "package.json",
    "package.json",
    "PACKAGE.json",
    "package.json.",
    "package.json ",
    "package.json:x",
    "PACKAG~1.JSO",
    "pac\u{212a}age.json",
    "lib",
    "lib",
    "a.js",
    "a.js",
    "é",
    "e\u{301}",
    "\\\\srv\\share",
    "a\\b",
    "?",
    "??",
    "...",
    " ",
    ".npmignore",
    ".gitignore",
    "binding.gyp",
    "LIB",
    "node_modules",
    "~",
    "\u{feff}a",
    "a\nb",
    "PaxHeader",
    "A.JS",
    "aux.js",
];

/// Keys of extended headers.
const KEYS: [&str; 12] = [
    "path",
    "path",
    "path",
    "size",
    "linkpath",
    "type",
    "comment",
    "mtime",
    "SCHILY.dev",
    "GNU.sparse.name",
    "mode",
    "uname",
];

/// A tarball that is mostly in order, with something in it that clients may read differently. Always the same for a seed.
pub fn adversarial_tarball(seed: u64) -> Vec<u8> {
    let mut maker = Maker { random: SeededRandomness::new(seed), archive: Vec::new(), number: 0 };
    maker.make()
}

struct Maker {
    random: SeededRandomness,
    archive: Vec<u8>,
    number: u32,
}

impl Maker {
    fn make(&mut self) -> Vec<u8> {
        let manifest_at = self.below(3);
        let entries = 1 + self.below(5);
        for at in 0..=entries.max(manifest_at) {
            if at == manifest_at {
                self.file("package/package.json");
            } else {
                self.entry();
            }
        }
        match self.below(12) {
            0 => {}
            1 => self.zeros(512),
            2 => {
                self.zeros(512);
                self.entry();
            }
            _ => self.zeros(1024),
        }
        self.gzip()
    }

    fn gzip(&mut self) -> Vec<u8> {
        let level = [Compression::none(), Compression::fast()][self.below(2)];
        let cut = if self.one_in(4) { self.below(self.archive.len() + 1) } else { self.archive.len() };
        let mut tarball = Vec::new();
        for part in [&self.archive[..cut], &self.archive[cut..]] {
            if !part.is_empty() {
                let mut encoder = GzEncoder::new(Vec::new(), level);
                let packed = encoder.write_all(part).and_then(|()| encoder.finish());
                tarball.extend(packed.unwrap_or_default());
            }
        }
        tarball
    }

    /// An ordinary file, a large one, or anything.
    fn entry(&mut self) {
        match self.below(8) {
            0 => self.file("package/a.js"),
            1 => {
                // So that what follows is cut where clients receive the next part.
                let size = 15_000 + self.below(60_000);
                let path = format!("package/large-{}", self.number);
                let content = vec![b'x'; size];
                self.write(EntryType::Regular, path.as_bytes(), &content, |_| {});
            }
            2 => {
                let folder = self.path();
                self.write(EntryType::Directory, folder.as_bytes(), b"", |_| {});
            }
            3 | 4 => self.described(),
            5 => self.damaged(),
            _ => {
                let path = self.path();
                self.file(&path);
            }
        }
    }

    fn file(&mut self, path: &str) {
        let content = self.content(path);
        self.write(EntryType::Regular, path.as_bytes(), &content, |_| {});
    }

    /// Each file is another one, also each `package.json`.
    fn content(&mut self, path: &str) -> Vec<u8> {
        self.number += 1;
        let number = self.number;
        if path.to_lowercase().contains("pac") {
            format!(r#"{{"name":"package-{number}","version":"1.0.0"}}"#).into_bytes()
        } else {
            number.to_string().into_bytes()
        }
    }

    /// A file that is described by one header before it, or by several.
    fn described(&mut self) {
        for _ in 0..=usize::from(self.one_in(5)) {
            if self.one_in(3) {
                let path = self.path();
                let end = ["\0", "", "\0\0", "\0x"][self.mostly_first(4)];
                let description = format!("{path}{end}");
                self.write(EntryType::GNULongName, b"././@LongLink", description.as_bytes(), |_| {});
            } else {
                let mut records = Vec::new();
                for _ in 0..=self.below(3) {
                    records.extend(self.record());
                }
                let kind = [EntryType::XHeader, EntryType::XGlobalHeader][self.mostly_first(2)];
                let name = ["PaxHeader/a", "PaxHeader", "package/package.json"][self.mostly_first(3)];
                self.write(kind, name.as_bytes(), &records, |_| {});
            }
        }
        let path = if self.one_in(2) { self.path() } else { "PaxHeader".to_owned() };
        self.file(&path);
    }

    fn record(&mut self) -> Vec<u8> {
        let key = KEYS[self.below(KEYS.len())];
        let value = match key {
            "size" => ["1", "0", "512", "0x1", "1e0", "-1"][self.below(6)].to_owned(),
            "type" => "Directory".to_owned(),
            "comment" => {
                let path = self.path();
                let hidden = record("path", &path);
                let hidden = hidden.trim_end_matches('\n');
                let digits = hidden.find(' ').unwrap_or_default();
                let (length, rest) = hidden.split_at(digits);
                [
                    format!("a\n{hidden}"),
                    format!("a\n0{length}{}", rest.trim_start()),
                    format!("a\n{length}x{}", rest.trim_start()),
                    format!("a\n {hidden}"),
                    path,
                ][self.below(5)]
                .clone()
            }
            _ => self.path(),
        };
        let mut record = record(key, &value);
        match self.below(20) {
            0 => record.insert(0, '0'),
            1 => record = record.replacen('=', " ", 1),
            2 => record.push('\n'),
            3 => record = record.replacen(' ', "\t", 1),
            _ => {}
        }
        let mut record = record.into_bytes();
        if self.one_in(30) {
            let at = self.below(record.len());
            record[at] = 0xff;
        }
        record
    }

    /// A file whose header is not quite as packers write it.
    fn damaged(&mut self) {
        let path = self.path();
        let content = self.content(&path);
        let way = self.below(14);
        let (number, other) = (self.below(512), self.path());
        let byte = u8::try_from(self.below(256)).unwrap_or_default();
        let length = content.len();
        let kinds = b"0\x0012345678ADKLMNSVXxg";
        let kind = kinds[self.below(kinds.len())];
        self.write(EntryType::Regular, path.as_bytes(), &content, |header| match way {
            0 => header[156] = kind,
            1 => header[257..265].copy_from_slice(b"ustar  \0"),
            2 => header[257..265].fill(0),
            3 => {
                header[257..265].copy_from_slice(b"ustar  \0");
                header[345..352].copy_from_slice(b"package");
            }
            4 => {
                header[257..265].fill(0);
                header[345..352].copy_from_slice(b"package");
            }
            5 | 6 => {
                let prefix = &other.as_bytes()[..other.len().min(150)];
                header[345..345 + prefix.len()].copy_from_slice(prefix);
            }
            7 => header[124..136].copy_from_slice(format!("{length:>11o} ").as_bytes()),
            8 => header[124..136].copy_from_slice(format!("\0{length:010o}\0").as_bytes()),
            9 => header[124..136].copy_from_slice(format!("{length:09o} 7\0").as_bytes()),
            10 => {
                header[124..136].fill(0);
                header[124] = 0x80;
                header[135] = u8::try_from(length).unwrap_or_default();
            }
            11 => header[0] = 0,
            12 => header[157] = b'a',
            _ => header[number] = byte,
        });
    }

    fn path(&mut self) -> String {
        let mut path = if self.one_in(12) { String::new() } else { "package/".to_owned() };
        for at in 0..=self.below(3) {
            if at > 0 {
                path.push('/');
            }
            path.push_str(PARTS[self.below(PARTS.len())]);
        }
        match self.below(16) {
            0 => path.push('/'),
            1 => path = format!("package/{}", &path),
            2 => path = format!("package///?/{path}"),
            3 => path.push_str(&"/ö".repeat(self.below(60))),
            _ => {}
        }
        path
    }

    fn write(&mut self, kind: EntryType, path: &[u8], content: &[u8], alter: impl FnOnce(&mut [u8; 512])) {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        let length = path.len().min(100);
        header.as_mut_bytes()[..length].copy_from_slice(&path[..length]);
        alter(header.as_mut_bytes());
        header.set_cksum();
        match self.below(40) {
            0 => header.as_mut_bytes()[148] = b' ',
            1 => header.as_mut_bytes()[148] = 0,
            _ => {}
        }
        self.archive.extend_from_slice(header.as_bytes());
        self.archive.extend_from_slice(content);
        self.archive.resize(self.archive.len().next_multiple_of(512), 0);
    }

    fn zeros(&mut self, count: usize) {
        self.archive.resize(self.archive.len() + count, 0);
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn mostly_first(&mut self, count: usize) -> usize {
        if self.one_in(4) { self.below(count) } else { 0 }
    }

    /// A number below `end`, which is not zero. That small ones are a little likelier does not matter.
    fn below(&mut self, end: usize) -> usize {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes);
        usize::from_le_bytes(bytes) % end
    }
}

/// A record of an extended header, which begins with its own length.
fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let lengths = rest.len()..rest.len() + 9;
    let length = lengths.into_iter().find(|length| length.to_string().len() + rest.len() == *length);
    format!("{}{rest}", length.unwrap_or_default())
}
