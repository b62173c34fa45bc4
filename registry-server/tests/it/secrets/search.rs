//! Looks for secrets in everything that a registry leaves behind.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// What must not be found, and what each is.
#[derive(Debug, Default)]
pub(super) struct Secrets(Vec<(String, String)>);

/// What is looked through: a name for each place, and what is there.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeSet<(String, String)>);

impl Secrets {
    /// Remembers a secret, and gives it back.
    pub(super) fn add(&mut self, what: &str, secret: impl Into<String>) -> String {
        let secret = secret.into();
        assert!(secret.len() >= 6, "{what} is too short to be looked for: {secret}");
        self.0.push((what.to_owned(), secret.clone()));
        secret
    }

    /// Returns the number of minutes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The newest of this kind.
    pub(super) fn last(&self, what: &str) -> String {
        let of_kind = self.0.iter().rev().find(|(kind, _)| kind == what);
        of_kind.unwrap_or_else(|| panic!("there is no {what}")).1.clone()
    }

    /// What they are, each kind once, in the order in which they came up.
    pub(super) fn kinds(&self) -> Vec<&str> {
        let mut kinds = Vec::new();
        for (what, _) in &self.0 {
            if !kinds.contains(&what.as_str()) {
                kinds.push(what.as_str());
            }
        }
        kinds
    }
}

impl Places {
    pub(super) fn add(&mut self, place: &str, content: impl AsRef<[u8]>) {
        // All that is looked for is ASCII, which stays as it is.
        self.0.insert((place.to_owned(), String::from_utf8_lossy(content.as_ref()).into_owned()));
    }

    /// Returns the number of minutes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Every file below `folder` as it is now. Its name is looked through too.
    pub(super) fn add_folder(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.add_folder(&path);
            } else if let Ok(content) = fs::read(&path) {
                let name = path.as_os_str().as_encoded_bytes();
                self.add(&format!("storage {}", path.display()), [name, b"\n", &content].concat());
            }
        }
    }

    /// Which secrets are in which places, and how they are written there.
    pub(super) fn find(&self, secrets: &Secrets) -> Vec<String> {
        let mut found = BTreeSet::new();
        for (what, secret) in &secrets.0 {
            for (how, spelling) in spellings(secret) {
                for (place, content) in &self.0 {
                    if contains(content, &spelling) {
                        found.insert(format!("{what} {how} in {place}"));
                    }
                }
            }
        }
        found.into_iter().collect()
    }
}

/// Every way in which a text may have been written.
fn spellings(secret: &str) -> Vec<(&'static str, String)> {
    let mut all = vec![("as it is", secret.to_owned())];
    if is_digits(secret) {
        return all;
    }
    let mut hex = String::new();
    for byte in secret.bytes() {
        write!(hex, "{byte:02x}").unwrap();
    }
    all.push(("in hex", hex.to_uppercase()));
    all.push(("in hex", hex));
    all.push(("backwards", secret.chars().rev().collect()));
    let escaped: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    if escaped != secret {
        all.push(("escaped", escaped));
    }
    // What Base64 makes of it depends on what is before and behind: of each third, what does not.
    for before in 0..3 {
        let text = STANDARD_NO_PAD.encode([&vec![0; before], secret.as_bytes()].concat());
        let whole = (before + secret.len()) / 3 * 4;
        let own = &text[(before * 8).div_ceil(6)..whole];
        all.push(("in Base64", own.to_owned()));
        all.push(("in Base64", own.replace('+', "-").replace('/', "_")));
    }
    all
}

fn is_digits(secret: &str) -> bool {
    secret.bytes().all(|byte| byte.is_ascii_digit())
}

/// A few digits are looked for as a word of their own: they are a part of many a digest and time.
fn contains(content: &str, spelling: &str) -> bool {
    let part_of_another =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'.');
    let bytes = content.as_bytes();
    content.match_indices(spelling).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let behind = bytes.get(at + spelling.len());
        !is_digits(spelling) || !(part_of_another(before) || part_of_another(behind))
    })
}

#[test]
fn what_is_planted_is_found() {
    let mut secrets = Secrets::default();
    secrets.add("password", "Quince+41 ?");
    secrets.add("digits", "918273");
    let found = |content: &[u8]| {
        let mut places = Places::default();
        places.add("there", content);
        places.find(&secrets)
    };
    for (how, content) in [
        ("as it is", "\"Quince+41 ?\"".to_owned()),
        ("in hex", "5175696e63652b3431203f".to_owned()),
        ("in hex", "5175696E63652B3431203F".to_owned()),
        ("backwards", "? 14+ecniuQ".to_owned()),
        ("escaped", "password=Quince%2B41+%3F&x".to_owned()),
        ("in Base64", STANDARD_NO_PAD.encode("ana:Quince+41 ?")),
        ("in Base64", STANDARD_NO_PAD.encode("ben1:Quince+41 ?")),
        ("in Base64", base64::engine::general_purpose::URL_SAFE.encode("eve22:Quince+41 ?!")),
    ] {
        assert_eq!(found(content.as_bytes()), [format!("password {how} in there")], "{content}");
    }
    assert_eq!(found(b"otp=918273"), ["digits as it is in there"]);
    assert_eq!(found(b"ab918273cd 12:00:01.918273Z 9182734"), Vec::<String>::new());
}
