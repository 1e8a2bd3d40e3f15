//! States and rows of which clients see a part.

/// Declares a state or row: what is stored of it, and which of that clients see in what shape under which name.
///
/// ```
/// use resurgam::domain::{Field, Shown, Value};
///
/// resurgam::state! {
///     /// A seat.
///     pub struct Seat {
///         row_number: u64 as long "rowNumber",
///         guest: Option<String> as text "guest",
///         /// Since the last guest.
///         swept: bool,
///     }
/// }
/// assert_eq!(Seat::FIELDS, [Field::long("rowNumber"), Field::text("guest")]);
/// assert_eq!(Seat::default().values(), [Value::Int(0), Value::Null]);
/// ```
///
/// What is computed, or lies deeper, is shown by [`shows!`](crate::shows).
#[macro_export]
macro_rules! state {
    ($(#[$meta:meta])* $visibility:vis struct $state:ident {
        $($(#[$about:meta])* $access:vis $field:ident: $kind:ty $(as $shape:ident $name:literal $(.$more:ident())*)?),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        $visibility struct $state {
            $($(#[$about])* $access $field: $kind,)+
        }

        impl $crate::domain::Shown for $state {
            const FIELDS: &'static [$crate::domain::Field] = &[$($($crate::domain::Field::$shape($name)$(.$more())*,)?)+];

            fn values(&self) -> Vec<$crate::domain::Value> {
                vec![$($($crate::shown!(self.$field, $name),)?)+]
            }
        }
    };
}

/// Gives the value of a field that [`state!`](crate::state) names.
#[doc(hidden)]
#[macro_export]
macro_rules! shown {
    ($value:expr, $name:literal) => {
        $crate::domain::Value::from($value.clone())
    };
}
