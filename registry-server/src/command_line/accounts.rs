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
