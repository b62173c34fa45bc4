use std::borrow::Cow;

use icu_normalizer::DecomposingNormalizerBorrowed;

const NORMALIZER: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfd();

/// Folds a path, so that paths that some disk treats as the same file become equal. Keeps the number of segments.
pub(super) fn folded(path: &str) -> String {
    let mut folded = String::with_capacity(path.len());
    for (number, part) in path.split('/').enumerate() {
        if number > 0 {
            folded.push('/');
        }
        folded.push_str(&folded_name(without_stream(part)));
    }
    folded
}

/// Folds a name, so that names that some disk treats as the same file become equal.
///
/// Windows and macOS ignore case, and macOS ignores how a letter is composed. No single case mapping suffices: only
/// uppercasing maps `ſ` to `S`, only lowercasing maps the Kelvin sign to `k`, and only the lowercase of `ẞ` uppercases
/// to `SS`. Windows ignores trailing dots and spaces. Apple's older disks ignore invisible characters.
pub(super) fn folded_name(name: &str) -> String {
    let name = if name.is_ascii() {
        Cow::Borrowed(name)
    } else {
        name.chars().filter(|sign| is_shown(*sign)).collect()
    };
    let name = name.trim_end_matches(['.', ' ']);
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let composed = NORMALIZER.normalize(name).to_lowercase();
    NORMALIZER.normalize(&composed.to_uppercase().to_lowercase()).into_owned()
}

/// Strips the name of a Windows stream or attribute, such as `::$DATA` or `:$I30:$INDEX_ALLOCATION`.
fn without_stream(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((rest, kind)) if kind.starts_with('$') => rest.split_once(':').map_or(rest, |(file, _)| file),
        _ => name,
    }
}

fn is_shown(sign: char) -> bool {
    !matches!(sign, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

/// Whether Windows treats a name as a device in every folder, such as `NUL` or `aux.js`.
pub(in crate::domain) fn is_device(name: &str) -> bool {
    let name = name.split(['.', ':']).next().unwrap_or_default().trim_end_matches(' ').to_ascii_uppercase();
    let number = name.strip_prefix("COM").or_else(|| name.strip_prefix("LPT"));
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&name.as_str())
        || number.is_some_and(|number| {
            matches!(number, "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³")
        })
}

#[cfg(test)]
mod tests {
    use icu_normalizer::ComposingNormalizerBorrowed;

    use super::*;

    #[test]
    fn equal_files_on_some_disk_fold_to_equal_names() {
        for (one, other) in [
            ("README.md", "readme.md"),
            ("Lib/a.js", "lib/A.js"),
            ("café.js", "cafe\u{301}.js"),
            ("CAFÉ.js", "cafe\u{301}.js"),
            ("stra\u{df}e", "STRASSE"),
            ("\u{212a}.js", "k.js"),
            ("\u{3a3}.js", "\u{3c2}.js"),
            ("\u{ac00}.js", "\u{1100}\u{1161}.js"),
            ("a.js.", "a.js"),
            ("a.js ", "a.js"),
            ("lib. /a.js", "lib/a.js"),
            ("a.js::$data", "a.js"),
            ("a::$INDEX_ALLOCATION/b.js", "a/b.js"),
            ("a:$I30:$INDEX_ALLOCATION/b.js", "a/b.js"),
            ("a:$DATA", "a"),
            ("\u{1e9e}.js", "ss.js"),
            ("\u{1e9e}.js", "\u{df}.js"),
            ("a\u{200d}.js", "a.js"),
        ] {
            assert_eq!(folded(one), folded(other), "{one:?} and {other:?}");
        }
    }

    #[test]
    fn a_letter_is_the_same_in_both_cases_and_however_it_is_composed() {
        let composer = ComposingNormalizerBorrowed::new_nfc();
        for letter in ('\u{80}'..='\u{1ffff}').map(String::from) {
            let is = folded_name(&letter);
            let mut others = vec![letter.to_uppercase(), letter.to_lowercase(), is.clone()];
            for other in others.clone() {
                others.extend([
                    composer.normalize(&other).into_owned(),
                    NORMALIZER.normalize(&other).into_owned(),
                ]);
            }
            for other in others {
                assert_eq!(folded_name(&other), is, "{letter:?} and {other:?}");
            }
        }
    }

    #[test]
    fn distinct_files_on_every_disk_fold_to_distinct_names() {
        for (one, other) in [
            ("a.js", "a.ts"),
            ("a.js", "a.j"),
            ("a/b.js", "a b.js"),
            ("é.js", "e.js"),
            (".a", "a"),
            (" a", "a"),
            ("man/Foo::Bar.3", "man/Foo::Baz.3"),
            ("a.js:x", "a.js"),
            ("ä/b", "a\u{308}b"),
        ] {
            assert_ne!(folded(one), folded(other), "{one:?} and {other:?}");
        }
    }

    #[test]
    fn devices_have_no_other_names() {
        for name in
            ["CON", "nul", "aux.js", "Aux.d.ts", "prn.", "NUL .txt", "com1", "LPT9.x", "COM\u{b9}", "conin$"]
        {
            assert!(is_device(name), "{name}");
        }
        for name in
            ["console", "null", "auxiliary.js", "com", "com0", "com10", "lpt", ".aux", "x.nul", "icon", ""]
        {
            assert!(!is_device(name), "{name}");
        }
    }
}
