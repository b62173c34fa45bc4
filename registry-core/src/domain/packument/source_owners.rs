use serde_json::Value;
use serde_json::value::RawValue;

use super::{Person, SourceError};

/// Reads the `maintainers` of another registry: a list or a single one, each as an object with `name` and `email`, or as npm's
/// text `name <email> (url)`. Fails for what cannot be read, since a package without owners belongs to every account.
pub(super) fn owners(told: Option<&RawValue>) -> Result<Vec<Person>, SourceError> {
    let told = told.map_or(Ok(Value::Null), |told| serde_json::from_str(told.get()));
    let people = match told.map_err(|_| SourceError::Owners)? {
        Value::Null => return Ok(Vec::new()),
        Value::Array(people) => people,
        one => vec![one],
    };
    people.iter().map(|person| read(person).ok_or(SourceError::Owners)).collect()
}

fn read(person: &Value) -> Option<Person> {
    let (name, email) = match person {
        Value::String(text) => {
            let (name, rest) = text.split_at(text.find(['<', '(']).unwrap_or(text.len()));
            let email = rest.strip_prefix('<').and_then(|rest| rest.split('>').next());
            (name.trim(), email.unwrap_or_default().trim())
        }
        Value::Object(fields) => {
            let field = |name: &str| fields.get(name).and_then(Value::as_str);
            (field("name")?, field("email").unwrap_or_default())
        }
        _ => return None,
    };
    let is_name = !name.is_empty() && !name.contains(char::is_control);
    is_name.then(|| Person { name: name.to_owned(), email: email.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(json: &str) -> Option<Vec<String>> {
        let raw = RawValue::from_string(json.to_owned()).unwrap();
        let owners = owners(Some(&raw)).ok()?;
        Some(owners.into_iter().map(|owner| format!("{}|{}", owner.name, owner.email)).collect())
    }

    #[test]
    fn owners_are_read_in_every_shape_that_registries_write() {
        for (json, expected) in [
            (r#"[{"name":"ana","email":"ana@registry.example"}]"#, "ana|ana@registry.example"),
            (r#"[{"name":"ana"}]"#, "ana|"),
            (r#"{"name":"ana","email":"a"}"#, "ana|a"),
            (r#""ana""#, "ana|"),
            (r#"["ana"]"#, "ana|"),
            (r#"["ana <ana@registry.example> (https://registry.example)"]"#, "ana|ana@registry.example"),
            (r#"["Ana Bell (https://registry.example)"]"#, "Ana Bell|"),
        ] {
            assert_eq!(names(json), Some(vec![expected.to_owned()]), "{json}");
        }
        for none in ["null", "[]"] {
            assert_eq!(names(none), Some(Vec::new()), "{none}");
        }
        assert!(owners(None).unwrap().is_empty());
    }

    /// Without owners, a package belongs to every account, so nothing unreadable counts as no owner.
    #[test]
    fn what_cannot_be_read_is_not_taken_for_no_owner() {
        for odd in [
            r#"{"ana":"x"}"#,
            "{}",
            "1",
            "true",
            "[7]",
            r#"[{"email":"a"}]"#,
            r#"[{"name":""}]"#,
            r#"[{"name":["ana"]}]"#,
            r#"[{"username":"ana"}]"#,
            r#"[{"name":"ana"},null]"#,
            r#"["<ana@registry.example>"]"#,
            r#"[{"name":"a\nb"}]"#,
            r#"["\u001b[31mred"]"#,
        ] {
            assert_eq!(names(odd), None, "{odd}");
        }
    }
}
