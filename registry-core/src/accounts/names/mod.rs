//! One name, one owner, over all providers.
//!
//! Packages, rules, organisations and second factors know people by their name alone. So a name belongs to one provider,
//! and to one subject of it: to the first that comes with it, capitals aside. That is written down in the store before
//! the name counts for anything, by a put that succeeds only where there is nothing yet, so that all replicas agree. It is
//! never changed; only an operator removes it.
//!
//! Every way in passes [`Registry::admit`], and whatever asks for an account by its name asks [`Registry::account_of`].

mod claim;
mod look_up;

pub(crate) use claim::ISSUED_TOKEN;
pub(crate) use claim::NameClaim;
pub(crate) use look_up::Account;
