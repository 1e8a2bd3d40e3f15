//! Names of fields as clients see them.

/// Gives a field's name as clients see it: `book_id` is `bookId`.
#[doc(hidden)]
#[macro_export]
macro_rules! camel_case {
    ($field:ident) => {{
        const SNAKE: &str = stringify!($field);
        const CAMEL: [u8; $crate::domain::value::camel_case::camel_length(SNAKE)] =
            $crate::domain::value::camel_case::camel(SNAKE);
        const NAME: &str = $crate::domain::value::camel_case::text(&CAMEL);
        NAME
    }};
}

/// Returns how long a field's name is in camel case.
#[doc(hidden)]
#[must_use]
pub const fn camel_length(snake: &str) -> usize {
    let (mut at, mut length) = (0, 0);
    while at < snake.len() {
        length += (snake.as_bytes()[at] != b'_') as usize;
        at += 1;
    }
    length
}

/// Writes a field's name in camel case.
#[doc(hidden)]
#[must_use]
pub const fn camel<const LENGTH: usize>(snake: &str) -> [u8; LENGTH] {
    let (mut camel, mut written, mut at) = ([0; LENGTH], 0, 0);
    while at < snake.len() {
        let byte = snake.as_bytes()[at];
        if byte != b'_' {
            let is_first = at > 0 && snake.as_bytes()[at - 1] == b'_';
            camel[written] = if is_first { byte.to_ascii_uppercase() } else { byte };
            written += 1;
        }
        at += 1;
    }
    camel
}

/// Reads a name.
///
/// # Panics
///
/// Panics (at compile time) when it is no text, which no name of Rust's is.
#[doc(hidden)]
#[must_use]
pub const fn text(name: &[u8]) -> &str {
    match std::str::from_utf8(name) {
        Ok(name) => name,
        Err(_) => panic!("a name is text"),
    }
}
