use clap::Args;
use clap::builder::PossibleValuesParser;
use registry_core::events::EventKind;

/// The rights that events tell of.
const RIGHTS: [&str; 4] = ["read", "star", "publish", "administer"];

/// `log`
#[derive(Debug, Args)]
pub struct LogQuestion {
    /// Only events since this time: 2026-01-02T03:04:05Z, 2026-01-02 (UTC), or how long ago: 30m, 24h, 7d
    #[arg(long = "since", value_name = "TIME")]
    pub since: Option<String>,
    /// Only events until this time, in the same format
    #[arg(long = "until", value_name = "TIME")]
    pub until: Option<String>,
    /// Only events of this user, failed logins included
    #[arg(long = "user", value_name = "NAME")]
    pub user: Option<String>,
    /// Only events of this package
    #[arg(long = "package", value_name = "PACKAGE")]
    pub package: Option<String>,
    /// Only this kind of event, such as published or logged-in, or events that need this right: read, publish,
    /// administer
    #[arg(long = "action", value_name = "ACTION", value_parser = known_actions())]
    pub action: Option<String>,
    /// Only rejections: denials, failed logins, and unknown credentials
    #[arg(long = "denied")]
    pub denied: bool,
    /// Keep printing new events until interrupted
    #[arg(long = "follow", short = 'f', conflicts_with = "until")]
    pub follow: bool,
    /// Print each event as one line of JSON
    #[arg(long = "json")]
    pub json: bool,
}

/// The kinds of events, and the rights that events need.
fn known_actions() -> PossibleValuesParser {
    PossibleValuesParser::new(RIGHTS.into_iter().chain(EventKind::NAMES))
}
