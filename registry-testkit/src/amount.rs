use std::any::type_name;
use std::str::FromStr;

/// How many there are of something in a test: `usual`, unless the environment variable says another number, which makes a
/// quick test a long one.
///
/// # Panics
///
/// Panics if the variable is no such number.
///
/// ```
/// assert_eq!(registry_testkit::amount("A_VARIABLE_THAT_NOBODY_SETS", 3), 3);
/// ```
pub fn amount<Number: FromStr>(variable: &str, usual: Number) -> Number {
    let Ok(amount) = std::env::var(variable) else { return usual };
    amount
        .parse()
        .unwrap_or_else(|_| panic!("{variable} must be a {}, and is {amount}", type_name::<Number>()))
}
