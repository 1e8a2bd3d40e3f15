//! Fields said in one place: read from bodies, stored, and shown to clients under the names of the code.

use super::{Field, Shape, Value};

/// A type that stands for a field's shape; its `Default` is what the field's absence means.
pub trait FieldType: Default {
    /// The shape.
    const SHAPE: Shape;

    /// Reads what was sent.
    fn of(sent: &Value) -> Self;
}

impl FieldType for Option<String> {
    const SHAPE: Shape = Shape::Text;

    fn of(sent: &Value) -> Self {
        match sent {
            Value::Text(text) => Some(text.clone()),
            Value::Int(number) => Some(number.to_string()),
            Value::Null => None,
        }
    }
}

/// A text that is always there; empty when missing.
impl FieldType for String {
    const SHAPE: Shape = Shape::Text;

    fn of(sent: &Value) -> Self {
        Option::<Self>::of(sent).unwrap_or_default()
    }
}

impl FieldType for Option<i64> {
    const SHAPE: Shape = Shape::Long;

    fn of(sent: &Value) -> Self {
        match sent {
            Value::Int(number) => Some(*number),
            Value::Null | Value::Text(_) => None,
        }
    }
}

impl FieldType for i32 {
    const SHAPE: Shape = Shape::Int;

    fn of(sent: &Value) -> Self {
        Option::<i64>::of(sent).and_then(|number| Self::try_from(number).ok()).unwrap_or(0)
    }
}

/// The id of something: what no number names is number 0, which there never is.
impl FieldType for u64 {
    const SHAPE: Shape = Shape::Long;

    fn of(sent: &Value) -> Self {
        Option::<i64>::of(sent).and_then(|number| Self::try_from(number).ok()).unwrap_or(0)
    }
}

impl FieldType for Option<u64> {
    const SHAPE: Shape = Shape::Long;

    fn of(sent: &Value) -> Self {
        Option::<i64>::of(sent).and_then(|number| u64::try_from(number).ok())
    }
}

/// Says how a state or row shows itself: each field with its shape, its name and its value, in the order clients see.
/// What a [`Field`] has beside, like `.indexed()`, follows the name.
///
/// ```
/// use resurgam::domain::Shown;
///
/// struct Seat { row: u64, guest: Option<String> }
/// resurgam::shows! {
///     Seat: |seat| {
///         long "row" = seat.row;
///         text "guest".indexed() = &seat.guest;
///     }
/// }
/// assert_eq!(Seat::FIELDS[1].name, "guest");
/// assert_eq!(Seat { row: 2, guest: None }.values().len(), Seat::FIELDS.len());
/// ```
///
/// What shows itself already, a [`form!`](crate::form) or another state, may stand among them, or be all.
///
/// ```
/// use resurgam::domain::Shown;
///
/// resurgam::form! { struct Guest { name: Option<String>, age: i32 } }
/// struct Ticket { seat: u64, guest: Guest }
/// resurgam::shows! { Ticket: |ticket| { long "seat" = ticket.seat; ..Guest = ticket.guest; } }
/// assert_eq!(Ticket::FIELDS.iter().map(|field| field.name).collect::<Vec<_>>(), ["seat", "name", "age"]);
/// ```
#[macro_export]
macro_rules! shows {
    ($shown:ty: |$it:ident| {
        $($shape:ident $name:literal $(.$more:ident())* = $value:expr;)*
        $(..$part:ty = $whole:expr;
            $($later_shape:ident $later_name:literal $(.$later_more:ident())* = $later_value:expr;)*)?
    }) => {
        impl $crate::domain::Shown for $shown {
            const FIELDS: &'static [$crate::domain::Field] = {
                const PARTS: &[&[$crate::domain::Field]] = &[
                    &[$($crate::domain::Field::$shape($name)$(.$more())*),*],
                    $(
                        <$part as $crate::domain::Shown>::FIELDS,
                        &[$($crate::domain::Field::$later_shape($later_name)$(.$later_more())*),*],
                    )?
                ];
                const ALL: [$crate::domain::Field; $crate::domain::value::form::count(PARTS)] =
                    $crate::domain::value::form::joined(PARTS);
                &ALL
            };

            fn values(&self) -> Vec<$crate::domain::Value> {
                let $it = self;
                let values = [$($crate::domain::Value::from($value)),*].into_iter();
                $(let values = values.chain($whole.values());)?
                $($(let values = values.chain([$crate::domain::Value::from($later_value)]);)*)?
                values.collect()
            }
        }
    };
}

/// Declares fields that bodies have and clients see, in this order and in camel case: a struct that is read from a
/// [`Body`](crate::domain::Body) and shows itself. Its second name is what a body may change of it, field by field. A field
/// may be `as indexed`.
///
/// ```
/// use resurgam::domain::{Body, Shown, Value};
///
/// resurgam::form! {
///     /// Who sits where.
///     pub(crate) struct Guest changed by GuestChange { seat_id: u64 as indexed, first_name: Option<String> }
/// }
/// let body: Body = [("seatId", Value::Int(7)), ("firstName", "Ada".into())].into_iter().collect();
/// let ada = Guest::from(&body);
/// assert_eq!((ada.seat_id, ada.first_name.as_deref(), Guest::FIELDS[1].name), (7, Some("Ada"), "firstName"));
/// let moved: Body = [("seatId", Value::Int(8))].into_iter().collect();
/// assert_eq!(GuestChange::from(&moved).over(&ada), Guest { seat_id: 8, ..ada });
/// ```
#[macro_export]
macro_rules! form {
    () => {};
    ($(#[$meta:meta])* $visibility:vis struct $form:ident { $($fields:tt)+ } $($others:tt)*) => {
        $crate::one_form! { $(#[$meta])* $visibility $form { $($fields)+ } }
        $crate::form! { $($others)* }
    };
    ($(#[$meta:meta])* $visibility:vis struct $form:ident changed by $change:ident { $($fields:tt)+ } $($others:tt)*) => {
        $crate::one_form! { $(#[$meta])* $visibility $form { $($fields)+ } }
        $crate::form_change! { $visibility $form $change { $($fields)+ } }
        $crate::form! { $($others)* }
    };
}

/// Declares one [`form!`](crate::form).
#[doc(hidden)]
#[macro_export]
macro_rules! one_form {
    ($(#[$meta:meta])* $visibility:vis $form:ident { $($field:ident: $kind:ty $(as $more:ident)?),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        $visibility struct $form {
            $($visibility $field: $kind,)+
        }

        impl From<&$crate::domain::Body> for $form {
            fn from(body: &$crate::domain::Body) -> Self {
                Self { $($field: body.read($crate::camel_case!($field)),)+ }
            }
        }

        impl $crate::domain::Shown for $form {
            const FIELDS: &'static [$crate::domain::Field] =
                &[$($crate::domain::Field::of::<$kind>($crate::camel_case!($field))$(.$more())?,)+];

            fn values(&self) -> Vec<$crate::domain::Value> {
                vec![$($crate::domain::Value::from(self.$field.clone()),)+]
            }
        }
    };
}

/// Declares what a body may change of a [`form!`](crate::form).
#[doc(hidden)]
#[macro_export]
macro_rules! form_change {
    ($visibility:vis $form:ident $change:ident { $($field:ident: $kind:ty $(as $more:ident)?),+ $(,)? }) => {
        #[doc = concat!("What is to change of a [`", stringify!($form), "`]: what was sent.")]
        #[derive(Clone, Debug, Default, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        $visibility struct $change {
            $($visibility $field: Option<$kind>,)+
        }

        impl From<&$crate::domain::Body> for $change {
            fn from(body: &$crate::domain::Body) -> Self {
                Self { $($field: body.sent($crate::camel_case!($field)),)+ }
            }
        }

        impl From<$form> for $change {
            fn from(whole: $form) -> Self {
                Self { $($field: Some(whole.$field),)+ }
            }
        }

        impl $change {
            /// Returns what was sent, and for the rest what there was.
            $visibility fn over(&self, old: &$form) -> $form {
                let (new, old) = (self.clone(), old.clone());
                $form { $($field: new.$field.unwrap_or(old.$field),)+ }
            }
        }
    };
}

/// Returns how many fields parts have together.
#[doc(hidden)]
#[must_use]
pub const fn count(parts: &[&[Field]]) -> usize {
    let (mut part, mut all) = (0, 0);
    while part < parts.len() {
        all += parts[part].len();
        part += 1;
    }
    all
}

/// Puts fields one behind the other.
#[doc(hidden)]
#[must_use]
pub const fn joined<const ALL: usize>(parts: &[&[Field]]) -> [Field; ALL] {
    let (mut fields, mut part, mut written) = ([Field::text(""); ALL], 0, 0);
    while part < parts.len() {
        let mut at = 0;
        while at < parts[part].len() {
            fields[written] = parts[part][at];
            (written, at) = (written + 1, at + 1);
        }
        part += 1;
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Body, Shown};

    crate::form! {
        /// What is asked for.
        struct Wish changed by Changes { book_id: u64, qty: i32, by: Option<i64>, first_name: Option<String> }
        struct Row { wish_id: Option<u64>, last_status: String }
    }

    struct Order {
        nr: u64,
        wish: Wish,
    }

    crate::shows! { Order: |order| { long "nr" = order.nr; ..Wish = order.wish; int "doubled" = 2 * order.wish.qty; } }

    fn body(sent: &[(&'static str, Value)]) -> Body {
        sent.iter().cloned().collect()
    }

    fn names(fields: &[Field]) -> Vec<&str> {
        fields.iter().map(|field| field.name).collect()
    }

    #[test]
    fn fields_go_by_their_names_in_camel_case_and_have_the_shapes_of_their_types() {
        assert_eq!(names(Wish::FIELDS), ["bookId", "qty", "by", "firstName"]);
        let shapes = |fields: &[Field]| fields.iter().map(|field| field.shape).collect::<Vec<_>>();
        assert_eq!(shapes(Wish::FIELDS), [Shape::Long, Shape::Int, Shape::Long, Shape::Text]);
        assert_eq!(shapes(Row::FIELDS), [Shape::Long, Shape::Text]);
        assert_eq!(Row::default().values(), [Value::Null, "".into()]);
    }

    #[test]
    fn what_a_body_does_not_say_has_its_types_default_and_what_is_no_id_is_number_0() {
        assert_eq!(Wish::from(&Body::default()), Wish::default());
        let sent = body(&[("bookId", Value::Int(-5)), ("qty", Value::Int(i64::MAX)), ("firstName", Value::Int(7))]);
        assert_eq!(Wish::from(&sent), Wish { first_name: Some("7".to_owned()), ..Wish::default() });
        let row = Row::from(&body(&[("wishId", Value::Int(-1)), ("lastStatus", "new".into())]));
        assert_eq!(row, Row { wish_id: None, last_status: "new".to_owned() });
    }

    #[test]
    fn what_was_sent_stands_over_what_there_was_also_when_it_is_nothing() {
        let old = Wish { book_id: 1, qty: 2, by: Some(3), first_name: Some("Ada".to_owned()) };
        assert_eq!(Changes::from(&Body::default()).over(&old), old);
        let changes = Changes::from(&body(&[("qty", Value::Null), ("firstName", Value::Null)]));
        assert_eq!(changes.over(&old), Wish { qty: 0, first_name: None, ..old.clone() });
        assert_eq!(Changes::from(Wish::default()).over(&old), Wish::default());
    }

    #[test]
    fn what_shows_itself_may_stand_among_other_fields() {
        assert_eq!(names(Order::FIELDS), ["nr", "bookId", "qty", "by", "firstName", "doubled"]);
        let order = Order { nr: 9, wish: Wish { qty: 2, ..Wish::default() } };
        let [nr, zero, two, four] = [9, 0, 2, 4].map(Value::Int);
        assert_eq!(order.values(), [nr, zero, two, Value::Null, Value::Null, four]);
    }
}
