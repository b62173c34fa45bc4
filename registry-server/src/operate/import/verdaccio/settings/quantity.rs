//! Numbers with units, as Verdaccio writes sizes and durations.

/// Splits a number from its unit.
pub(super) fn split(text: &str) -> Option<(f64, &str)> {
    let at = text.find(|character: char| !character.is_ascii_digit() && character != '.');
    let (number, unit) = text.split_at(at.unwrap_or(text.len()));
    Some((number.parse().ok()?, unit.trim()))
}

/// Rounds up, and returns what lies between 1 and `most`.
pub(super) fn rounded_up(number: f64, most: u32) -> Option<u64> {
    let number = number.ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 1 and the most"
    )]
    (1.0..=f64::from(most)).contains(&number).then_some(number as u64)
}
