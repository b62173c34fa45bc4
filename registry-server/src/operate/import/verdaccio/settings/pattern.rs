/// Patterns of rules for a pattern of Verdaccio, which are those of the npm package minimatch.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Patterns {
    /// They match at least what the other one matches. None, if that matches no name.
    pub(in super::super) patterns: Vec<String>,
    /// Whether they match nothing else.
    pub(in super::super) are_exact: bool,
}

/// Converts a pattern.
pub(in super::super) fn patterns(glob: &str) -> Patterns {
    if glob.starts_with('#') {
        return Patterns { patterns: Vec::new(), are_exact: true };
    }
    if glob.starts_with('!') {
        return Patterns { patterns: vec!["**".to_owned()], are_exact: false };
    }
    let mut converted = Patterns { patterns: Vec::new(), are_exact: true };
    for glob in expand_braces(glob) {
        let (glob, is_exact) = widen(&glob);
        converted.are_exact &= is_exact;
        for pattern in of_names(&glob) {
            if !converted.patterns.contains(&pattern) {
                converted.patterns.push(pattern);
            }
        }
    }
    converted
}

/// Expands `{a,b}`. Other braces stay.
fn expand_braces(glob: &str) -> Vec<String> {
    let found = glob.find('{').and_then(|open| Some((open, closing(&glob[open..])? + open)));
    let Some((open, close)) = found else { return vec![glob.to_owned()] };
    let (before, inside, after) = (&glob[..open], &glob[open + 1..close], &glob[close + 1..]);
    let choices = choices(inside);
    if choices.len() < 2 {
        return vec![glob.to_owned()];
    }
    choices.iter().flat_map(|choice| expand_braces(&format!("{before}{choice}{after}"))).collect()
}

/// Returns where the first brace is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(at, character)| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}

/// Splits at the commas outside of further braces.
fn choices(text: &str) -> Vec<String> {
    let (mut depth, mut choices) = (0, vec![String::new()]);
    for character in text.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                choices.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = choices.last_mut() {
            last.push(character);
        }
    }
    choices
}

/// Stands for what a rule cannot say. No star, because two of those would cross a `/`.
const ANYTHING: char = '\0';

/// Replaces what a rule cannot say: `?`, `[ab]`, `+(a|b)`, `{1..3}`. Returns whether there was nothing to replace.
fn widen(glob: &str) -> (String, bool) {
    let (mut widened, mut is_exact) = (String::new(), true);
    let mut rest = glob.chars().peekable();
    while let Some(character) = rest.next() {
        let until = match character {
            '[' => Some(']'),
            '{' => Some('}'),
            '?' | '*' | '+' | '@' | '!' if rest.peek() == Some(&'(') => Some(')'),
            _ => None,
        };
        if let Some(until) = until {
            while rest.next().is_some_and(|character| character != until) {}
        }
        if until.is_some() || matches!(character, '?' | '\\') {
            widened.push(ANYTHING);
            is_exact = false;
        } else {
            widened.push(character);
        }
    }
    (widened, is_exact)
}

/// Returns the patterns of names for a pattern of paths, of which a name has one or two segments.
fn of_names(glob: &str) -> Vec<String> {
    // Within a segment, minimatch takes two stars for one.
    let segments: Vec<String> = glob
        .split('/')
        .map(|segment| if segment == "**" { segment.to_owned() } else { one_star(segment) })
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments[..] {
        ["**"] | ["**", "**" | "*"] | ["**", "**", "*"] => vec!["**".to_owned()],
        [name] => vec![name.to_owned()],
        ["**", name] => vec![name.to_owned(), format!("*/{name}")],
        [scope, "**" | "*"] => vec![format!("{scope}/*")],
        [scope, name] => vec![format!("{scope}/{name}")],
        _ => Vec::new(),
    }
}

fn one_star(segment: &str) -> String {
    let mut text = segment.replace(ANYTHING, "*");
    while text.contains("**") {
        text = text.replace("**", "*");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_what_minimatch_matches() {
        for (glob, expected) in [
            ("**", &["**"][..]),
            ("*", &["*"]),
            ("@*/*", &["@*/*"]),
            ("@acme/**", &["@acme/*"]),
            ("**/*", &["**"]),
            ("acme-**", &["acme-*"]),
            ("**-web", &["*-web"]),
            ("**/config", &["config", "*/config"]),
            ("{a,b-{c,d}}-*", &["a-*", "b-c-*", "b-d-*"]),
            ("@{a,b}/*", &["@a/*", "@b/*"]),
            ("left-pad", &["left-pad"]),
            ("a/b/c", &[]),
            ("#a", &[]),
        ] {
            assert_eq!(
                patterns(glob),
                Patterns {
                    patterns: expected.iter().map(|text| (*text).to_owned()).collect(),
                    are_exact: true
                },
                "{glob}"
            );
        }
    }

    #[test]
    fn what_cannot_be_said_is_widened() {
        for (glob, widened) in [
            ("acme-?", "acme-*"),
            ("[ab]*", "*"),
            ("@acme/+(a|b)", "@acme/*"),
            ("@(a|b)/*", "*/*"),
            ("a{1..3}", "a*"),
            ("!acme", "**"),
        ] {
            let converted = patterns(glob);
            assert_eq!((&*converted.patterns[0], converted.are_exact), (widened, false), "{glob}");
        }
    }
}
