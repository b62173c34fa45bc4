use std::collections::BTreeMap;

use url::Url;

/// A bucket and how to come to it, in the words of `registry_core::storage::open_bucket`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreAddress {
    bucket: String,
    options: BTreeMap<String, String>,
}

impl StoreAddress {
    /// The bucket `s3://name`, `gs://name` or `az://name`, and the options it is reached with.
    pub fn new<Text: Into<String>>(
        bucket: &str,
        options: impl IntoIterator<Item = (&'static str, Text)>,
    ) -> Self {
        let options = options.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
        Self { bucket: bucket.to_owned(), options }
    }

    /// With another option, in place of one of the same name.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.options.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Without the option `key`.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.options.remove(key);
        self
    }

    /// The folder `prefix` of the bucket; nothing is the whole bucket.
    ///
    /// # Panics
    ///
    /// If that makes no URL.
    pub fn url(&self, prefix: &str) -> Url {
        let url = format!("{}/{prefix}", self.bucket);
        url.parse().unwrap_or_else(|error| panic!("{url} is no URL: {error}"))
    }

    /// The options.
    pub fn options(&self) -> &BTreeMap<String, String> {
        &self.options
    }

    /// The options as variables of the environment, which have the same names in capitals.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.options.iter().map(|(key, value)| (key.to_ascii_uppercase(), value.clone())).collect()
    }
}
