/// Accounts.
#[derive(Debug)]
pub struct LocalAccounts;
/// Cost.
#[derive(Debug)]
pub struct PasswordCost;
