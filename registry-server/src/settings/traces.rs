use serde::Deserialize;

/// `[traces]`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TraceSettings {
    /// The base URL of a collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`; `None` sends no spans, unless
    /// the standard's variables name a collector.
    pub endpoint: Option<CollectorUrl>,
    /// The share of requests that are traced, of those that no proxy has decided about; `None` leaves it to the standard's
    /// variables, which trace all.
    pub ratio: Option<SampleRatio>,
}

/// The URL of a collector.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct CollectorUrl(String);

/// A share between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct SampleRatio(f64);

impl SampleRatio {
    /// Returns the share.
    pub fn as_f64(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for SampleRatio {
    type Error = String;

    fn try_from(ratio: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&ratio) {
            Ok(Self(ratio))
        } else {
            Err(format!(
                "{ratio} is no share of requests; write a number from 0.0 to 1.0, such as 0.1 for one in ten"
            ))
        }
    }
}

impl TryFrom<String> for CollectorUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let url = url::Url::parse(&text).ok();
        let is_base = |url: &url::Url| {
            matches!(url.scheme(), "http" | "https")
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        };
        if text.trim_end_matches('/').ends_with(PATH) {
            return Err(format!("spans are posted to {PATH} below the URL: write it without that path"));
        }
        if url.is_some_and(|url| is_base(&url)) {
            Ok(Self(text))
        } else {
            // The text may hold a secret.
            Err("this is no URL of a collector; write one such as http://127.0.0.1:4318, and put credentials into \
                 OTEL_EXPORTER_OTLP_HEADERS"
                .to_owned())
        }
    }
}

/// Where spans are posted, below the base URL.
const PATH: &str = "v1/traces";

impl TraceSettings {
    /// Returns the URL that spans are posted to; `None` if there are none to be sent. Without a setting, the variables of the
    /// specification of OpenTelemetry decide, which `variable` reads.
    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "only a build that sends spans asks"))]
    pub(crate) fn effective_endpoint(&self, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let is_disabled = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || set("OTEL_TRACES_EXPORTER").is_some_and(|exporter| exporter == "none");
        if is_disabled {
            return None;
        }
        let below = |base: &str| format!("{}/{PATH}", base.trim_end_matches('/'));
        let of_settings = self.endpoint.as_ref().map(|url| below(&url.0));
        of_settings
            .or_else(|| set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
            .or_else(|| set("OTEL_EXPORTER_OTLP_ENDPOINT").map(|base| below(&base)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(setting: Option<&str>, variables: &[(&str, &str)]) -> Option<String> {
        let endpoint = setting.map(|url| CollectorUrl::try_from(url.to_owned()).unwrap());
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        TraceSettings { endpoint, ratio: None }.effective_endpoint(variable)
    }

    #[test]
    fn a_setting_wins_over_the_variables_of_the_standard() {
        let (base, traces) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let (a, b) = ("http://a.example:4318", "http://b.example/all");
        assert_eq!(endpoint(None, &[]), None);
        assert_eq!(endpoint(None, &[(base, "")]), None);
        assert_eq!(endpoint(Some(a), &[(base, b)]).unwrap(), "http://a.example:4318/v1/traces");
        assert_eq!(
            endpoint(None, &[(base, "http://b.example/all/")]).unwrap(),
            "http://b.example/all/v1/traces"
        );
        assert_eq!(endpoint(None, &[(base, a), (traces, b)]).unwrap(), b, "it is used as it is");
        for off in [("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_TRACES_EXPORTER", "none")] {
            assert_eq!(endpoint(Some(a), &[off]), None);
        }
    }

    #[test]
    fn wrong_settings_say_what_is_right() {
        for url in [
            "127.0.0.1:4318",
            "ftp://a.example",
            "http://ana:secret@a.example",
            "http://a.example/?key=secret",
        ] {
            let refused = CollectorUrl::try_from(url.to_owned()).unwrap_err();
            assert!(refused.contains("http://127.0.0.1:4318") && !refused.contains("secret"), "{refused}");
        }
        let whole = CollectorUrl::try_from("http://a.example:4318/v1/traces".to_owned()).unwrap_err();
        assert!(whole.contains("write it without that path"), "{whole}");
        for ratio in [-0.1, 1.1, f64::NAN] {
            assert!(SampleRatio::try_from(ratio).unwrap_err().contains("0.0 to 1.0"));
        }
    }
}
