//! How families of messages are declared.

/// Declares a family of messages: an enum with one variant per frozen struct, its newest schema version, and the
/// older versions it can still read.
///
/// ```
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// struct SeatTakenV1 { seat: u32 }
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// pub struct SeatTaken { seat: u32, row: u32 }
/// impl From<SeatTakenV1> for SeatTaken {
///     fn from(old: SeatTakenV1) -> Self { Self { seat: old.seat, row: 0 } }
/// }
///
/// resurgam::messages! {
///     /// What happens in a theatre.
///     pub enum TheatreEvent { SeatTaken = 2, reads 1 as SeatTakenV1 }
/// }
/// ```
///
/// A struct may be declared where it is named; its fields are as visible as the family, and camel case to clients. The
/// family may say what it is, and which of its events clients never see.
///
/// ```
/// use resurgam::domain::AnyEvent;
///
/// resurgam::messages! {
///     pub(crate) enum SeatEvent: Event hiding SeatWiped {
///         /// Somebody sits there.
///         SeatTaken { seat_row: u32, seat: u32 } = 1;
///         /// The seat is clean again.
///         SeatWiped {} = 1;
///     }
/// }
/// let taken = SeatTaken { seat_row: 2, seat: 7 };
/// assert_eq!(serde_json::to_value(&taken)?, serde_json::json!({ "seatRow": 2, "seat": 7 }));
/// assert!(SeatEvent::from(taken).is_public());
/// assert!(!SeatEvent::from(SeatWiped {}).is_public());
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// Messages that say the same may share a shape, which is stored and shown as if it stood in each; and an aggregate's two
/// families may stand together.
///
/// ```
/// use resurgam::domain::Tells as _;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// struct Place { seat: u32 }
/// resurgam::messages! {
///     enum HallCommand: Command { Sit {} = 1 }
///     enum HallEvent: Event { Sat(Place) = 1; Rose(Place) = 1 }
/// }
/// let sat = HallEvent::from(Sat(Place { seat: 7 }));
/// assert_eq!(serde_json::to_value(Sat(Place { seat: 7 }))?, serde_json::json!({ "seat": 7 }));
/// let (told, other): (Option<&Sat>, Option<&Rose>) = (sat.told(), sat.told());
/// assert_eq!((told, other), (Some(&Sat(Place { seat: 7 })), None));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[macro_export]
macro_rules! messages {
    ($(
        $(#[$meta:meta])* $visibility:vis enum $family:ident
            $(: $role:ident $(hiding $($hidden:ident),+)?)? { $($messages:tt)* }
    )+) => {
        $($crate::family! {
            $(#[$meta])* $visibility enum $family $(: $role $(hiding $($hidden),+)?)? { $($messages)* }
        })+
    };
}

/// Declares one family of [`messages!`](crate::messages).
#[doc(hidden)]
#[macro_export]
macro_rules! family {
    ($(#[$meta:meta])* $visibility:vis enum $family:ident
        $(: $role:ident $(hiding $($hidden:ident),+)?)?
    {
        $(
            $(#[$about:meta])*
            $message:ident $({ $($field:ident: $kind:ty),* $(,)? })? $(($said:ty))? = $schema:literal
            $(, reads $old:literal as $shape:ty)*
        );+ $(;)?
    }) => {
        $($crate::frozen! { $(#[$about])* $visibility $message $({ $($field: $kind),* })? $(($said))? })+
        $($crate::role! { $role for $family: $($($hidden)+)? })?

        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[allow(clippy::enum_variant_names, reason = "messages have the names that clients and the log know")]
        $visibility enum $family {
            $(
                #[doc = concat!("See [`", stringify!($message), "`].")]
                $message($message),
            )+
        }

        $(
            impl From<$message> for $family {
                fn from(message: $message) -> Self {
                    Self::$message(message)
                }
            }

            impl $crate::domain::Tells<$message> for $family {
                fn told(&self) -> Option<&$message> {
                    #[allow(unreachable_patterns, reason = "a family may have one message only")]
                    #[allow(clippy::wildcard_enum_match_arm, reason = "whatever else there is, it is not this one")]
                    match self {
                        Self::$message(message) => Some(message),
                        _ => None,
                    }
                }
            }
        )+

        impl $crate::domain::Message for $family {
            fn name(&self) -> &'static str {
                match self {
                    $(Self::$message(_) => stringify!($message),)+
                }
            }

            fn schema(&self) -> u16 {
                match self {
                    $(Self::$message(_) => $schema,)+
                }
            }

            fn payload(&self) -> &dyn $crate::domain::message::erased_serde::Serialize {
                match self {
                    $(Self::$message(message) => message,)+
                }
            }

            fn decode(
                name: &str,
                schema: u16,
                from: &mut dyn $crate::domain::message::erased_serde::Deserializer<'_>,
            ) -> Result<Self, $crate::domain::DecodeError> {
                match (name, schema) {
                    $(
                        (stringify!($message), $schema) =>
                            Ok(Self::$message($crate::domain::message::read(name, from)?)),
                        $(
                            (stringify!($message), $old) => {
                                let old: $shape = $crate::domain::message::read(name, from)?;
                                Ok(Self::$message(old.into()))
                            }
                        )*
                    )+
                    (name, schema) => Err($crate::domain::DecodeError::unknown(name, schema)),
                }
            }

            fn known() -> &'static [(&'static str, u16)] {
                &[$((stringify!($message), $schema), $((stringify!($message), $old),)*)+]
            }
        }
    };
}

/// Declares the struct of a message whose fields [`messages!`](crate::messages) was given.
#[doc(hidden)]
#[macro_export]
macro_rules! frozen {
    ($visibility:vis $message:ident) => {};
    ($(#[$about:meta])* $visibility:vis $message:ident { $($field:ident: $kind:ty),* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        $visibility struct $message {
            $($visibility $field: $kind,)*
        }
    };
    ($(#[$about:meta])* $visibility:vis $message:ident ($said:ty)) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(transparent)]
        $visibility struct $message($visibility $said);
    };
}

/// Says what a family of [`messages!`](crate::messages) is, and which of its events clients never see.
#[doc(hidden)]
#[macro_export]
macro_rules! role {
    (Command for $family:ident:) => {
        impl $crate::domain::Command for $family {}
    };
    (Event for $family:ident: $($hidden:ident)*) => {
        impl $crate::domain::Event for $family {
            const INTERNAL: &'static [&'static str] = {
                // Only what is an event of the family can be hidden.
                $(let _: fn($hidden) -> Self = Self::$hidden;)*
                &[$(stringify!($hidden)),*]
            };
        }
    };
}
