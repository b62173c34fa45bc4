use chrono::DateTime;
use serde_json::{Map, Value, json};

use crate::clock::timestamp;
use crate::domain::PackageName;

/// Completes a hit of an upstream in npm's format with every field that clients rely on. Clients crash on fields that
/// are missing or have another type, and many registries omit fields.
pub(super) fn complete(hit: Value, name: &PackageName) -> Value {
    let mut hit = object(hit);
    let mut package = object(hit.remove("package").unwrap_or_default());
    let maintainers: Vec<Value> = match package.remove("maintainers") {
        Some(Value::Array(people)) => people.iter().filter_map(person).collect(),
        Some(one) => person(&one).into_iter().collect(),
        None => Vec::new(),
    };
    let publisher = ["publisher", "author"].iter().find_map(|field| person(package.get(*field)?));
    let publisher = publisher.or_else(|| maintainers.first().cloned());
    let text = |package: &Map<String, Value>, field: &str| {
        package.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    for field in ["version", "description"] {
        package.insert(field.into(), text(&package, field).into());
    }
    let date = DateTime::parse_from_rfc3339(&text(&package, "date")).unwrap_or_default();
    package.insert("date".into(), timestamp(date.to_utc()).into());
    package.insert("keywords".into(), keywords(package.get("keywords")));
    for field in ["license", "sanitized_name"] {
        if package.get(field).is_some_and(|value| !value.is_string()) {
            package.remove(field);
        }
    }
    let links = object(package.remove("links").unwrap_or_default());
    let links: Map<String, Value> = links.into_iter().filter(|(_, link)| link.is_string()).collect();
    package.insert("links".into(), links.into());
    package.insert("name".into(), json!(name));
    package.insert("scope".into(), name.scope().unwrap_or("unscoped").into());
    package.insert("publisher".into(), publisher.unwrap_or_else(|| json!({ "username": "", "email": "" })));
    package.insert("maintainers".into(), maintainers.into());
    if package.get("author").is_some_and(|author| !author["name"].is_string()) {
        package.remove("author");
    }
    hit.insert("package".into(), package.into());
    let score = &hit.get("score").cloned().unwrap_or_default();
    let number = |value: &Value, usual: f64| value.as_f64().unwrap_or(usual);
    let detail = |part: &str| number(&score["detail"][part], 1.0);
    let [quality, popularity, maintenance] = ["quality", "popularity", "maintenance"].map(detail);
    let detail = json!({ "quality": quality, "popularity": popularity, "maintenance": maintenance });
    hit.insert("score".into(), json!({ "final": number(&score["final"], 1.0), "detail": detail }));
    if !hit.get("searchScore").is_some_and(Value::is_number) {
        hit.insert("searchScore".into(), json!(1));
    }
    if !hit.get("flags").is_some_and(Value::is_object) {
        hit.insert("flags".into(), json!({ "insecure": 0 }));
    }
    hit.into()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Renders a person for clients; `None` if there is no name.
fn person(value: &Value) -> Option<Value> {
    let told = |field: &str| value[field].as_str().filter(|text| !text.is_empty());
    let name = value.as_str().map(|text| text.split('<').next().unwrap_or_default().trim());
    let name = name.or_else(|| told("username")).or_else(|| told("name")).or_else(|| told("email"));
    let name = name.filter(|name| !name.is_empty())?;
    Some(json!({ "username": name, "email": told("email").unwrap_or_default() }))
}

fn keywords(value: Option<&Value>) -> Value {
    match value {
        Some(Value::Array(words)) => words.iter().filter(|word| word.is_string()).cloned().collect(),
        Some(Value::String(words)) => {
            words.split([',', ' ']).filter(|word| !word.is_empty()).map(Value::from).collect()
        }
        _ => json!([]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(package: &Value) -> Value {
        let name = PackageName::parse("@acme/pear").unwrap();
        complete(json!({ "package": package }), &name)
    }

    #[test]
    fn missing_and_invalid_fields_are_filled_in() {
        for odd in [json!(null), json!(7), json!("x"), json!([]), json!([null, 7]), json!({})] {
            let package = json!({
                "name": "@acme/pear", "version": odd, "description": odd, "date": odd, "keywords": odd, "links": odd,
                "maintainers": odd, "publisher": odd, "author": odd, "license": odd, "scope": odd,
            });
            let hit = of(&package);
            let package = &hit["package"];
            for field in ["name", "scope", "version", "description", "date"] {
                assert!(package[field].is_string(), "{odd} {field}: {package}");
            }
            assert!(DateTime::parse_from_rfc3339(package["date"].as_str().unwrap()).is_ok(), "{package}");
            assert!(
                package["publisher"]["username"].is_string() && package["publisher"]["email"].is_string()
            );
            assert!(package["keywords"].as_array().unwrap().iter().all(Value::is_string), "{package}");
            let people = package["maintainers"].as_array().unwrap();
            assert!(
                people.iter().all(|person| person["username"].is_string() && person["email"].is_string())
            );
            assert!(package["links"].is_object() && hit["score"]["detail"]["quality"].is_number());
            assert!(package.get("license").is_none_or(Value::is_string));
        }
    }

    #[test]
    fn existing_fields_are_preserved() {
        let package = json!({
            "name": "@acme/pear", "scope": "acme", "version": "1.0.0", "description": "a pear",
            "date": "2026-01-02T03:04:05.000Z", "keywords": ["fruit"], "links": { "npm": "https://registry.example" },
            "maintainers": [{ "username": "ana", "email": "ana@registry.example" }, { "name": "ben" }, "eve <e@f>"],
            "license": "MIT",
        });
        let hit = of(&package);
        let mut expected = package;
        let ana = json!({ "username": "ana", "email": "ana@registry.example" });
        expected["publisher"] = ana.clone();
        expected["maintainers"] =
            json!([ana, { "username": "ben", "email": "" }, { "username": "eve", "email": "" }]);
        assert_eq!(hit["package"], expected);
    }
}
