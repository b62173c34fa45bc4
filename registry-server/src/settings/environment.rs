use clap::CommandFactory as _;
use registry_core::settings::FrontendVariables;

use super::Settings;
use crate::command_line::{CommandLine, Overrides};
use crate::publish::TOKEN_VARIABLE;

/// Variables of `registry-lambda`, and what to do about them here.
const OF_LAMBDA: [(&str, &str); 3] = [
    (
        "REGISTRY_STORAGE_MUST_EXIST",
        "only registry-lambda reads it. Write must_exist = true under [storage] in the file given with --config, and remove \
         the variable",
    ),
    ("REGISTRY_LAMBDA_RESPONSE", "only registry-lambda reads it; remove it"),
    ("REGISTRY_AUTHORIZER_RESPONSE", "only registry-authorizer reads it; remove it"),
];

impl Settings {
    /// Loads the settings of this process, and refuses `REGISTRY_…` variables that nothing reads.
    pub(crate) fn load_for_process(overrides: &Overrides) -> anyhow::Result<Self> {
        let settings = Self::load(overrides)?;
        let command = CommandLine::command();
        let of_flags = command.get_arguments().filter_map(|flag| flag.get_env()?.to_str());
        let own: Vec<&str> = of_flags.chain([TOKEN_VARIABLE]).collect();
        let frontend = FrontendVariables { own: &own, elsewhere: &OF_LAMBDA };
        settings.registry.refuse_unknown_variables(std::env::vars_os(), frontend)?;
        Ok(settings)
    }
}
