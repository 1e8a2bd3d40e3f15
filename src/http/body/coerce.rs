//! What a JSON value means for a field: the originals' forgiving rules, less what would lose something.

use crate::domain::{Field, Shape, Value};

use super::object::BadBody;

const SHOWN_CHARS_MAX: usize = 40;

/// Reads what was sent for a field by the field's shape.
pub(super) fn coerce(field: &Field, token: &str) -> Result<Value, BadBody> {
    let (value, expected) = match field.shape {
        Shape::Int => (coerce_int(token), "a whole number of 32 bits"),
        Shape::Long => (coerce_whole(token).map(Value::from), "a whole number of 64 bits"),
        Shape::Text => (coerce_text(token), "a text, a number or a boolean"),
    };
    value.map_err(|Unfit| BadBody::Field { field: field.name, expected, found: shortened(token) })
}

/// A value that means nothing for a shape.
pub(super) struct Unfit;

fn coerce_int(token: &str) -> Result<Value, Unfit> {
    let number = coerce_whole(token)?.unwrap_or(0);
    i32::try_from(number).map(Value::from).map_err(|_| Unfit)
}

/// Reads a number, or that there is none.
pub(super) fn coerce_whole(token: &str) -> Result<Option<i64>, Unfit> {
    match token.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b'"') => {
            let text: String = serde_json::from_str(token).map_err(|_| Unfit)?;
            match text.trim_matches(|c| c <= ' ') {
                "" | "null" => Ok(None),
                digits => digits.parse().map(Some).map_err(|_| Unfit),
            }
        }
        Some(_) | None => whole_number(token).map(Some).ok_or(Unfit),
    }
}

fn coerce_text(token: &str) -> Result<Value, Unfit> {
    match token.as_bytes().first() {
        Some(b'n') => Ok(Value::Null),
        Some(b'"') => serde_json::from_str(token).map(Value::Text).map_err(|_| Unfit),
        Some(b'{' | b'[') | None => Err(Unfit),
        Some(_) => Ok(Value::from(token)),
    }
}

/// Reads a JSON number that is whole, however it is written; `None` when digits would be lost.
pub(super) fn whole_number(token: &str) -> Option<i64> {
    const POWER_MAX: u32 = 18;
    if let Ok(number) = token.parse() {
        return Some(number);
    }
    // Not by way of f64, which takes 1e-400 for 0 and 9.0000000000000000001 for 9.
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let significant = digits.trim_end_matches('0');
    if ["", "-"].contains(&significant) {
        return Some(0);
    }
    let places = |digits: usize| i64::try_from(digits).ok();
    let zeros = places(digits.len() - significant.len())?;
    let power = exponent.parse::<i64>().ok()?.checked_add(zeros)?.checked_sub(places(fraction.len())?)?;
    let power = u32::try_from(power).ok().filter(|power| *power <= POWER_MAX)?;
    significant.parse::<i64>().ok()?.checked_mul(10_i64.pow(power))
}

fn shortened(token: &str) -> String {
    let mut shown: String = token.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < token.len() {
        shown.push('…');
    }
    shown
}
