use super::Settings;

impl Settings {
    /// What the settings protect less than they seem to, for the operator to read at the start.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.registry.warnings();
        let everywhere =
            self.server.trusted_proxies.iter().find(|network| network.as_net().prefix_len() == 0);
        warnings.extend(everywhere.map(|network| {
            format!(
                "[server]: trusted_proxies lists {network}, so every machine that connects can fake the \
                 address that its requests come from: list the addresses of your proxies"
            )
        }));
        warnings
    }
}
