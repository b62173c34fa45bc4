//! Each name has one owner across all providers.
//!
//! Packages, rules, organizations and second factors identify accounts by name alone. So a name, ignoring case,
//! belongs to the one provider and subject that uses it first. The claim is stored before the name is used, by a put
//! that succeeds only if there is none, so that all replicas agree. Its owner never changes; only an operator removes
//! it. An import reserves the names of owners who have no account, until an operator says whose they are.
//!
//! Every login passes [`Accounts::admit`], and every look-up of an account by name uses [`Accounts::account_of`].

mod claim;
mod look_up;
mod reserve;

pub(crate) use claim::{ISSUED_TOKEN, LOCAL, NameClaim};
pub(crate) use look_up::Account;
