//! Operations on tokens, directly in the storage, with or without a running server.

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use tokio::runtime::Builder;

use crate::command_line::{CreateToken, Overrides};
use crate::logging;
use crate::run::{print, refuse_memory};
use crate::settings::{Network, Settings};
use registry_core::accounts::TokenOptions;
use registry_core::auth::TokenPermission;
use registry_core::settings::{Trial, accounts_builder, open_existing_store};

/// Creates a token and prints it. Stdout contains nothing else, so that scripts can capture it.
pub(crate) fn create(overrides: &Overrides, token: &CreateToken) -> anyhow::Result<()> {
    let Settings { registry: settings, .. } = Settings::load_for_process(overrides)?;
    refuse_memory(&settings.storage)?;
    let _flusher = logging::start(&settings.log)?;
    let access = settings.packages.compile(&settings.upstreams)?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the threads of the command")?;
    let options = TokenOptions {
        name: token.name.clone(),
        permission: if token.read_only { TokenPermission::ReadOnly } else { TokenPermission::ReadWrite },
        packages: (!token.package.is_empty()).then(|| token.package.clone()),
        networks: token.cidr.iter().map(Network::as_net).collect(),
        days: token.expires_in,
        bypass_two_factor: token.bypass_2fa,
        ..TokenOptions::default()
    };
    let made = runtime.block_on(async {
        let store = open_existing_store(&settings.storage, Trial::Always).await?;
        let registry = accounts_builder(&settings, store)?.access(access).build();
        let made = registry.create_operator_token(&token.user, options).await;
        registry.flush_events().await;
        made.with_context(|| format!("cannot make a token for {}", token.user))
    })?;
    print(&format!("{}\n", made.secret.expose_secret()))
}
