//! Takes out of a text what differs from run to run, so that it can be compared with a snapshot.

/// Which literal texts stand for what, longest first.
pub(super) fn redact(text: &str, replacements: &[(String, &str)]) -> String {
    let mut redacted = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.contains("A complete log of this run can be found in:") {
            continue;
        }
        let mut line = line.to_owned();
        for (literal, name) in replacements {
            line = line.replace(literal, name);
        }
        redacted.push_str(&without_timings(&line));
    }
    redacted
}

/// Writes `[time]` for every `412ms`, `3s` and `1m` that stands as a word of its own.
fn without_timings(line: &str) -> String {
    line.split_inclusive(char::is_whitespace)
        .map(|piece| {
            let word = piece.trim_end();
            let unit =
                word.trim_start_matches(|character: char| character.is_ascii_digit() || character == '.');
            if word.starts_with(|character: char| character.is_ascii_digit())
                && matches!(unit, "ms" | "s" | "m")
            {
                format!("[time]{}", &piece[word.len()..])
            } else {
                piece.to_owned()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_named() {
        let replacements =
            [("http://127.0.0.1:40123".to_owned(), "[registry]"), ("/tmp/abc".to_owned(), "[home]")];
        let text = "npm http fetch GET 200 http://127.0.0.1:40123/one 12ms (cache miss)\n\
                    added 3 packages in 2s\n\
                    wrote /tmp/abc/work\n\
                    npm error A complete log of this run can be found in: /tmp/abc/.npm/_logs/x.log\n\
                    one@1.0.0 takes 3 items";
        assert_eq!(
            redact(text, &replacements),
            "npm http fetch GET 200 [registry]/one [time] (cache miss)\n\
             added 3 packages in [time]\n\
             wrote [home]/work\n\
             one@1.0.0 takes 3 items"
        );
    }
}
