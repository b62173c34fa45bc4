//! Extended headers, which change the path or the size of the next entry.
//!
//! npm's own reader parses them line by line, others by the length of each record, so a value with a line break means
//! different things to them. Both are parsed here, and must agree.

/// The fields of an extended header for the next entry.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Extensions<'a> {
    pub(super) path: Option<&'a [u8]>,
    pub(super) link: Option<&'a [u8]>,
    pub(super) size: Option<&'a [u8]>,
}

/// Parses an extended header, or returns what clients would read differently.
pub(super) fn parse(data: &[u8]) -> Result<Extensions<'_>, &'static str> {
    let records = by_length(data)?;
    // yarn 1 ignores everything after such a record.
    if records.iter().any(|record| !record.contains(&b'=')) {
        return Err("its extended header is malformed");
    }
    let hides = records.iter().any(|record| record.split(|byte| *byte == b'\n').skip(1).any(may_have_length));
    let extensions = meaning(records)?;
    if !hides && extensions == meaning(by_lines(data))? {
        Ok(extensions)
    } else {
        Err("its extended header holds a line break that hides something")
    }
}

/// Whether npm would find a length at the beginning of a line, which it matches less strictly than other readers.
fn may_have_length(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_start_matches(|sign: char| sign.is_whitespace() || sign == '\u{feff}');
    line.strip_prefix(['+', '-']).unwrap_or(line).starts_with(|sign: char| sign.is_ascii_digit())
}

fn by_length(mut data: &[u8]) -> Result<Vec<&[u8]>, &'static str> {
    const MALFORMED: &str = "its extended header is malformed";
    let mut records = Vec::new();
    while !data.is_empty() {
        let digits = data.iter().take_while(|byte| byte.is_ascii_digit()).count();
        // Readers differ in how much they skip for a length that begins with zero.
        let length = std::str::from_utf8(&data[..digits])
            .ok()
            .filter(|length| !length.starts_with('0'))
            .and_then(|length| length.parse::<usize>().ok())
            .filter(|length| (digits + 2..=data.len()).contains(length))
            .ok_or(MALFORMED)?;
        let (record, rest) = data.split_at(length);
        match (record[digits], record[length - 1]) {
            (b' ', b'\n') => records.push(&record[digits + 1..length - 1]),
            _ => return Err(MALFORMED),
        }
        data = rest;
    }
    Ok(records)
}

fn by_lines(data: &[u8]) -> Vec<&[u8]> {
    data.split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let digits = line.iter().position(|byte| *byte == b' ')?;
            let length: usize = std::str::from_utf8(&line[..digits]).ok()?.trim().parse().ok()?;
            (length == line.len() + 1).then_some(&line[digits + 1..])
        })
        .collect()
}

fn meaning(records: Vec<&[u8]>) -> Result<Extensions<'_>, &'static str> {
    let mut extensions = Extensions::default();
    for record in records {
        let Some(equals) = record.iter().position(|byte| *byte == b'=') else {
            continue;
        };
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        let slot = match key {
            b"path" => &mut extensions.path,
            b"linkpath" => &mut extensions.link,
            b"size" => &mut extensions.size,
            // npm's reader takes `type` as the kind of the entry; others ignore it.
            b"type" => return Err("its extended header changes its kind"),
            key if key.starts_with(b"GNU.sparse.") => return Err("it is a sparse file"),
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err("its extended header says something twice");
        }
    }
    Ok(extensions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> String {
        let rest = format!(" {text}\n");
        let length =
            (rest.len()..rest.len() + 9).find(|length| length.to_string().len() + rest.len() == *length);
        format!("{}{rest}", length.unwrap())
    }

    #[test]
    fn reads_what_it_knows_and_skips_the_rest() {
        let data = record("mtime=1.5")
            + &record("path=package/é")
            + &record("size=7")
            + &record("SCHILY.xattr.x=\0\x01");
        let expected = Extensions { path: Some("package/é".as_bytes()), size: Some(b"7"), link: None };
        assert_eq!(parse(data.as_bytes()), Ok(expected));
        assert_eq!(parse(b""), Ok(Extensions::default()));
        assert_eq!(parse(record("linkpath=a=b").as_bytes()).unwrap().link, Some(&b"a=b"[..]));
    }

    #[test]
    fn a_line_break_is_harmless_until_it_hides_something() {
        assert_eq!(parse(record("comment=a\nb").as_bytes()), Ok(Extensions::default()));
        let hidden = record(&format!("comment=a\n{}", record("path=package/package.json").trim_end()));
        assert!(parse(hidden.as_bytes()).unwrap_err().contains("line break"));
        assert!(parse(record("path=package/a\nb").as_bytes()).unwrap_err().contains("line break"));
        let after_an_empty_line = record("comment=a") + "\n" + &record("path=x");
        assert!(parse(after_an_empty_line.as_bytes()).is_err());
    }

    #[test]
    fn a_line_that_only_npm_reads_as_a_record_is_rejected() {
        for line in [
            "028path=package/package.json",
            "28xpath=package/package.json",
            " 9 path=a",
            "+9 path=a",
            "\u{feff}8path=a",
        ] {
            let refused = parse(record(&format!("comment=a\n{line}")).as_bytes()).unwrap_err();
            assert!(refused.contains("line break"), "{line}");
        }
        assert!(parse(b"011 path=a\n").is_err());
        assert!(parse(b"8 abcde\n").is_err());
    }

    #[test]
    fn ambiguous_headers_are_rejected() {
        for text in ["type=Directory", "GNU.sparse.name=package/package.json", "GNU.sparse.major=1"] {
            assert!(parse(record(text).as_bytes()).is_err(), "{text}");
        }
        assert!(parse((record("path=a") + &record("path=b")).as_bytes()).unwrap_err().contains("twice"));
    }

    #[test]
    fn lengths_must_be_right() {
        for data in [
            "x",
            "9 path=a",
            "7 path=a\n",
            "99 path=a\n",
            "0 \n",
            "2 \n",
            "18446744073709551616 a=b\n",
            "-9 path=a\n",
        ] {
            assert!(parse(data.as_bytes()).is_err(), "{data:?}");
        }
        assert!(parse(b"9 path=a\n").is_ok());
    }
}
