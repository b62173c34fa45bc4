//! A template of `CloudFormation`, as far as the one of `examples/aws-lambda` uses its language.

use std::collections::BTreeMap;
use std::path::PathBuf;

use saphyr::{LoadableYamlNode as _, ScalarOwned, YamlOwned};
use serde_json::{Map, Value, json};

/// The template, and what its parameters were given.
pub(super) struct Template {
    pub(super) document: Value,
    parameters: BTreeMap<&'static str, &'static str>,
}

pub(super) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/aws-lambda")
}

impl Template {
    pub(super) fn with(parameters: &[(&'static str, &'static str)]) -> Self {
        let text = std::fs::read_to_string(folder().join("template.yaml")).unwrap();
        let document = json_of(&YamlOwned::load_from_str(&text).unwrap()[0]);
        Self { document, parameters: parameters.iter().copied().collect() }
    }

    /// A resource with everything put in. `None` where its condition does not hold.
    pub(super) fn resource(&self, name: &str) -> Option<Value> {
        let resource = &self.document["Resources"][name];
        assert!(resource.is_object(), "no resource {name}");
        let is_there = resource["Condition"].as_str().is_none_or(|condition| self.holds(condition));
        is_there.then(|| self.put_in(resource).unwrap())
    }

    /// The environment of a function.
    pub(super) fn environment(&self, function: &str) -> BTreeMap<String, String> {
        let function = self.resource(function).unwrap();
        let variables = function["Properties"]["Environment"]["Variables"].as_object().unwrap();
        variables.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
    }

    fn holds(&self, condition: &str) -> bool {
        self.put_in(&self.document["Conditions"][condition]).unwrap().as_bool().unwrap()
    }

    /// `None` is `AWS::NoValue`, which takes away what it is the value of.
    fn put_in(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(values) => Some(values.iter().filter_map(|value| self.put_in(value)).collect()),
            Value::Object(map) if map.keys().any(|name| is_function(name)) => {
                assert_eq!(map.len(), 1, "{map:?}");
                let (name, argument) = map.iter().next().unwrap();
                self.call(name, argument)
            }
            Value::Object(map) => Some(self.put_in_map(map)),
            plain => Some(plain.clone()),
        }
    }

    fn put_in_map(&self, map: &Map<String, Value>) -> Value {
        map.iter().filter_map(|(name, value)| Some((name.clone(), self.put_in(value)?))).collect()
    }

    fn call(&self, name: &str, argument: &Value) -> Option<Value> {
        let list = || argument.as_array().unwrap();
        let all = || list().iter().map(|value| self.put_in(value).unwrap()).collect::<Vec<_>>();
        let is_true = |value: &Value| value.as_bool().unwrap();
        match name {
            "Ref" if argument == "AWS::NoValue" => None,
            "Ref" => Some(self.reference(argument.as_str().unwrap()).into()),
            "Fn::GetAtt" => Some(attribute(argument.as_str().unwrap()).into()),
            "Fn::Sub" => Some(self.substituted(argument).into()),
            "Fn::If" => {
                let [condition, yes, no] = &list()[..] else { panic!("{argument}") };
                self.put_in(if self.holds(condition.as_str().unwrap()) { yes } else { no })
            }
            "Fn::Equals" => Some((all()[0] == all()[1]).into()),
            "Fn::Not" => Some((!is_true(&all()[0])).into()),
            "Fn::And" => Some(all().iter().all(is_true).into()),
            "Fn::Or" => Some(all().iter().any(is_true).into()),
            other => panic!("this test does not know {other}"),
        }
    }

    fn reference(&self, name: &str) -> String {
        let parameter = &self.document["Parameters"][name];
        match name {
            "AWS::Partition" => "aws".into(),
            "AWS::Region" => "eu-west-1".into(),
            "AWS::AccountId" => "123456789012".into(),
            "AWS::URLSuffix" => "amazonaws.com".into(),
            "AWS::StackName" => "npm".into(),
            _ if parameter.is_object() => match self.parameters.get(name) {
                Some(given) => (*given).to_owned(),
                None => parameter["Default"].as_str().unwrap_or_else(|| panic!("{name} is needed")).into(),
            },
            _ => {
                assert!(self.document["Resources"][name].is_object(), "nothing is called {name}");
                format!("the-{}", name.to_lowercase())
            }
        }
    }

    fn substituted(&self, argument: &Value) -> String {
        let (text, own) = match argument {
            Value::Array(both) => (both[0].as_str().unwrap(), self.put_in(&both[1]).unwrap()),
            text => (text.as_str().unwrap(), json!({})),
        };
        let mut pieces = text.split("${");
        let mut whole = pieces.next().unwrap().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('}').unwrap();
            whole += &match own[name].as_str() {
                Some(own) => own.to_owned(),
                None if name.contains('.') => attribute(name),
                None => self.reference(name),
            };
            whole += rest;
        }
        whole
    }
}

fn is_function(name: &str) -> bool {
    name == "Ref" || name.starts_with("Fn::")
}

fn attribute(name: &str) -> String {
    format!("arn:{}", name.split('.').next().unwrap().to_lowercase())
}

/// `!Name` in YAML is `Fn::Name` in JSON.
fn json_of(yaml: &YamlOwned) -> Value {
    match yaml {
        YamlOwned::Value(scalar) => match scalar {
            ScalarOwned::Boolean(value) => (*value).into(),
            ScalarOwned::Integer(value) => (*value).into(),
            ScalarOwned::String(value) => value.as_str().into(),
            other => panic!("{other:?}"),
        },
        YamlOwned::Sequence(values) => values.iter().map(json_of).collect(),
        YamlOwned::Mapping(map) => {
            let key = |key: &YamlOwned| match json_of(key) {
                Value::String(key) => key,
                other => other.to_string(),
            };
            map.iter().map(|(name, value)| (key(name), json_of(value))).collect()
        }
        YamlOwned::Tagged(tag, value) => {
            let name = if tag.suffix == "Ref" { "Ref".to_owned() } else { format!("Fn::{}", tag.suffix) };
            json!({ name: json_of(value) })
        }
        other => panic!("{other:?}"),
    }
}
