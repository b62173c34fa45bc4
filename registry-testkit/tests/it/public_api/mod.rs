//! The public API of each library is in its `public-api.txt`, so that a change of it is seen in review.
//!
//! The listing is made of the source: it is the same with any toolchain and any features.

mod listing;
mod modules;
mod names;
mod text;

use std::collections::BTreeSet;
use std::path::Path;

const LIBRARIES: [&str; 4] = ["registry-core", "registry-lambda", "registry-server", "registry-testkit"];

/// Set, it writes the files anew.
const RENEW: &str = "RENEW_PUBLIC_API";

#[test]
fn the_public_api_is_the_one_that_is_written_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let renew = std::env::var_os(RENEW).is_some();
    let mut differences = String::new();
    for library in LIBRARIES {
        let file = root.join(library).join("public-api.txt");
        let modules = modules::read(&root.join(library).join("src"));
        let found = listing::list(&library.replace('-', "_"), &modules);
        if renew {
            std::fs::write(&file, &found).unwrap();
        }
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        differences += &difference(library, &written, &found);
    }
    assert!(
        differences.is_empty(),
        "the public API is another than the public-api.txt says:\n{differences}\
        If this is wanted, run {RENEW}=1 cargo test --workspace --test it public_api"
    );
}

/// The lines that are gone and those that are new.
fn difference(library: &str, written: &str, found: &str) -> String {
    let lines = |text: &'static str, of: &str, other: &str| -> String {
        let other: BTreeSet<_> = other.lines().collect();
        let only = of.lines().filter(|line| !other.contains(line));
        only.map(|line| format!("{library} {text} {line}\n")).collect::<Vec<_>>().concat()
    };
    if written == found {
        return String::new();
    }
    let changed = lines("-", written, found) + &lines("+", found, written);
    if changed.is_empty() { format!("{library}: the order of the lines\n") } else { changed }
}

#[test]
fn a_listing_has_what_users_can_name_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "lib.rs",
        r#"
        mod inner;
        #[cfg(feature = "disk")]
        pub mod disk;
        pub use inner::{Shown, Shown as Again, Named};
        pub use std::io::Error;
        pub const MOST: usize = 3;
        #[cfg(test)]
        mod tests { pub fn unseen() {} }
        impl From<Shown> for String { fn from(_: Shown) -> Self { String::new() } }
        "#,
    );
    write(
        "inner.rs",
        r#"
        use std::fmt;
        /// Documented.
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub struct Shown { /// Documented.
            pub name: String, secret: u8 }
        pub struct Unseen;
        impl Shown {
            pub async fn open<T: Into<String>>(&self, name: T, other: Option<&'static str>) -> Result<Self, fmt::Error>
            where T: Send { todo!() }
            pub const LONGEST: usize = 4;
            pub(crate) fn of_the_crate(&self) {}
            fn private(&self) {}
            #[cfg(feature = "disk")]
            pub fn path(&self) {}
        }
        impl fmt::Display for Shown { fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result { Ok(()) } }
        impl Iterator for Shown { type Item = u8; fn next(&mut self) -> Option<u8> { None } }
        trait Private {}
        impl Private for Shown {}
        pub trait Named: Send { type Key: Ord; const KIND: u8; fn name(&self) -> String; fn title(&self) -> String { self.name() } }
        impl Named for Shown { type Key = u8; const KIND: u8 = 1; fn name(&self) -> String { String::new() } }
        impl Named for u8 { type Key = u8; const KIND: u8 = 2; fn name(&self) -> String { String::new() } }
        "#,
    );
    write(
        "disk.rs",
        r"
        pub enum Kind { #[default] Plain, Of(u8, String), With { path: String } }
        pub struct Wrapped(pub String, u8);
        pub type Pair = (u8, u8);
        pub use crate::MOST;
        ",
    );
    let found = listing::list("example", &modules::read(folder.path()));
    insta::assert_snapshot!(found, @r#"
    example: pub mod
    example::Again.name: String
    example::Again: #[derive(Clone, Debug)] #[non_exhaustive] pub struct Shown with private fields
    example::Again: impl From<Shown> for String
    example::Again: impl Iterator for Shown { type Item = u8; }
    example::Again: impl Named for Shown { type Key = u8; }
    example::Again: impl fmt::Display for Shown
    example::Again::LONGEST: pub const LONGEST: usize
    example::Again::open: pub async fn open<T: Into<String>>(&self, name: T, other: Option<&'static str>) -> Result<Self, fmt::Error> where T: Send
    example::Again::path: #[cfg(feature = "disk")] pub fn path(&self)
    example::Error: pub use std::io::Error
    example::MOST: pub const MOST: usize
    example::Named: impl Named for u8 { type Key = u8; }
    example::Named: pub trait Named: Send
    example::Named::KIND: const KIND: u8
    example::Named::Key: type Key: Ord
    example::Named::name: fn name(&self) -> String
    example::Named::title: fn title(&self) -> String with a default
    example::Shown.name: String
    example::Shown: #[derive(Clone, Debug)] #[non_exhaustive] pub struct Shown with private fields
    example::Shown: impl From<Shown> for String
    example::Shown: impl Iterator for Shown { type Item = u8; }
    example::Shown: impl Named for Shown { type Key = u8; }
    example::Shown: impl fmt::Display for Shown
    example::Shown::LONGEST: pub const LONGEST: usize
    example::Shown::open: pub async fn open<T: Into<String>>(&self, name: T, other: Option<&'static str>) -> Result<Self, fmt::Error> where T: Send
    example::Shown::path: #[cfg(feature = "disk")] pub fn path(&self)
    example::disk: #[cfg(feature = "disk")] pub mod
    example::disk::Kind: #[cfg(feature = "disk")] pub enum Kind
    example::disk::Kind::Of: #[cfg(feature = "disk")] Of(u8, String)
    example::disk::Kind::Plain: #[cfg(feature = "disk")] Plain
    example::disk::Kind::With: #[cfg(feature = "disk")] With { path: String }
    example::disk::MOST: #[cfg(feature = "disk")] pub use crate::MOST
    example::disk::Pair: #[cfg(feature = "disk")] pub type Pair = (u8, u8)
    example::disk::Wrapped: #[cfg(feature = "disk")] pub struct Wrapped(pub String, _) with private fields
    "#);
}

#[test]
fn a_changed_line_is_shown_as_it_was_and_as_it_is() {
    assert_eq!(difference("core", "a\nb\n", "a\nb\n"), "");
    assert_eq!(difference("core", "a\nb\n", "a\nc\n"), "core - b\ncore + c\n");
    assert_eq!(difference("core", "b\na\n", "a\nb\n"), "core: the order of the lines\n");
}
