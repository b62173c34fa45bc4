//! Which receivers of changes fail, since when, and how many changes wait for them.

use chrono::{DateTime, Utc};
use registry_core::Registry;
use registry_core::changes::DeliveryState;
use registry_core::hooks::FailingHook;
use registry_core::settings::{Settings, SinkUrl};

use super::super::bulk::count;
use super::{Examined, chain};

/// How many hooks of accounts are named.
const MOST_HOOKS: usize = 20;

/// Examines what the store says of the deliveries to the sinks of the settings. Calls no receiver.
pub(super) async fn deliveries(settings: &Settings, registry: &Registry) -> Vec<Examined> {
    let sinks = sinks(settings);
    let names: Vec<String> = sinks.iter().map(|(name, _)| name.clone()).collect();
    let states = match registry.stored_delivery_states(&names).await {
        Ok(states) => states,
        Err(error) => return vec![unreadable(error)],
    };
    let label = |state: &DeliveryState| {
        let found = sinks.iter().find(|(name, _)| *name == state.sink);
        found.map_or_else(|| state.sink.clone(), |(_, label)| label.clone())
    };
    let mut examined: Vec<_> = states.iter().flat_map(|state| troubles(state, &label(state))).collect();
    if settings.hooks.is_some() {
        match registry.failing_hooks().await {
            Ok(hooks) => examined.extend(of_hooks(&hooks)),
            Err(error) => examined.push(unreadable(error)),
        }
    }
    if examined.is_empty() && !sinks.is_empty() {
        examined.push(Examined::ok("deliveries", "no receiver of changes fails"));
    }
    examined
}

/// Returns the sinks of the settings, each as its name in the store, and as its section with the host: the rest of a URL
/// may contain a secret.
fn sinks(settings: &Settings) -> Vec<(String, String)> {
    let host = |url: &SinkUrl| url.as_url().host_str().unwrap_or_default().to_owned();
    let webhooks = settings.webhooks.iter().map(|(name, table)| {
        (format!("webhook-{name}"), format!("[webhooks.{name}] at {}", host(&table.url)))
    });
    let topics = settings
        .sns
        .iter()
        .map(|(name, table)| (format!("sns-{name}"), format!("[sns.{name}] {}", table.topic_arn)));
    let hooks = settings.hooks.iter().map(|_| ("npm-hooks".to_owned(), "[hooks]".to_owned()));
    let log = settings.codebox_log.iter();
    let log = log.map(|table| ("codebox-log".to_owned(), format!("[codebox_log] at {}", host(&table.url))));
    webhooks.chain(topics).chain(hooks).chain(log).collect()
}

fn troubles(state: &DeliveryState, label: &str) -> Vec<Examined> {
    let mut troubles = Vec::new();
    let given_up = match state.given_up {
        0 => String::new(),
        number => format!("; {} given up so far", count(number, "change")),
    };
    if let Some(since) = state.failing_since {
        let waiting = count(state.behind, "change");
        let error = state.error.as_deref().unwrap_or_default();
        let message =
            format!("{label} fails since {}: {error}; {waiting} not delivered{given_up}", shown(since));
        let advice = "check that the receiver runs, that this machine reaches it, and that it answers 200 to 299; it is tried \
                      again within 30 minutes, and what waits is then sent";
        troubles.push(Examined::wrong("deliveries", message, advice));
    }
    if let Some(oldest) = state.refused.iter().min_by_key(|refused| refused.since) {
        let waiting = state.refused.iter().map(|refused| refused.waiting as u64).sum();
        let (waiting, packages) = (count(waiting, "change"), count(state.refused.len() as u64, "package"));
        let message = format!(
            "{label} refuses a change of {packages}, {} since {}: {}; {waiting} not delivered{given_up}",
            oldest.subject,
            shown(oldest.since),
            oldest.error
        );
        let advice = "let the receiver answer 200 to what it does not want; other packages are delivered, and what stays \
                      refused is given up after give_up_hours, or 3 days";
        troubles.push(Examined::warning("deliveries", message, advice));
    }
    troubles
}

fn of_hooks(hooks: &[FailingHook]) -> impl Iterator<Item = Examined> {
    let named = hooks.iter().take(MOST_HOOKS).map(|hook| {
        let FailingHook { id, account, host, since, waiting, error, .. } = hook;
        let waiting = count(*waiting as u64, "change");
        let message = format!(
            "hook {id} of {account} at {host} fails since {}: {error}; {waiting} not delivered",
            shown(*since)
        );
        let advice =
            "tell the account: `npm hook update` changes the endpoint, `npm hook rm` removes the hook";
        Examined::warning("hooks", message, advice)
    });
    let others = hooks.len().saturating_sub(MOST_HOOKS);
    let others = (others > 0).then(|| {
        let message = format!("{} more fail", count(others as u64, "hook"));
        Examined::warning("hooks", message, "the log of the server names them")
    });
    named.chain(others)
}

fn unreadable(error: registry_core::Error) -> Examined {
    let advice = "restore the object that the text names from a backup; without it, deliveries begin with the next change";
    Examined::wrong("deliveries", chain(error), advice)
}

fn shown(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}
