use clap::Subcommand;

/// Actions on accounts.
#[derive(Debug, Subcommand)]
pub enum AccountAction {
    /// Print every name that an account has or had, and the provider that owns it.
    List,
    /// Print what is known of an account.
    Show {
        /// The account.
        name: String,
    },
    /// Add an account with a random password and print the password, whether or not users may sign up. A name that an import
    /// reserved becomes the account's.
    Add {
        /// The account.
        name: String,
        /// The address of its mail.
        #[arg(long)]
        email: Option<String>,
    },
    /// Give a name to a provider, also one that an import reserved: its user of that name owns the name from then on.
    Admit {
        /// The name.
        name: String,
        /// The id of the provider: local, htpasswd, github, or the name of an OpenID issuer as `account list` shows it.
        #[arg(long)]
        provider: String,
        /// The stable id of the user at the provider, so that no other user of that name gets it.
        #[arg(long)]
        subject: Option<String>,
    },
    /// Remove an account with its tokens and its second factor. What it owns stays, and its name stays taken.
    Remove {
        /// The account.
        name: String,
    },
    /// Set a random password and print it. The sessions of the account end.
    ResetPassword {
        /// The account.
        name: String,
    },
    /// Remove the second factor of an account, so that its user can set up another one.
    ResetTwoFactor {
        /// The account.
        name: String,
    },
}
