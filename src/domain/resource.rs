//! How a state looks to a client: collection, fields, methods, and how a body becomes a command.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::aggregate::{Aggregate, Held};
use super::fact::Kind;
use super::message::AnyCommand;
use super::value::{Field, FieldType, Value};
use super::view::View;

/// A collection of aggregates or rows as clients see it.
#[derive(Clone)]
pub struct Resource {
    /// The path and the rel of the collection, `rentals`.
    pub collection: &'static str,
    /// The rel of an item, `rental`.
    pub item: &'static str,
    /// The name of the schema, `Rental`.
    pub title: &'static str,
    /// Whose state it shows.
    pub kind: Kind,
    /// Whether lists come in pages.
    pub paging: Paging,
    /// Whether items stand at `/{item}` too, as plain objects with their id, answered with 200 whatever was done.
    pub is_plain_too: bool,
    /// The fields in their order.
    pub fields: &'static [Field],
    /// What a client may do beside reading.
    pub methods: Methods,
    represent: fn(&dyn Held) -> Vec<Value>,
}

type Translate = Arc<dyn Fn(&Body) -> Arc<dyn AnyCommand> + Send + Sync>;

/// The writing methods a resource offers; each turns a body into a command.
#[derive(Clone, Default)]
pub struct Methods {
    /// POST on the collection.
    pub create: Option<Translate>,
    /// PUT on an item.
    pub replace: Option<Translate>,
    /// PATCH on an item.
    pub patch: Option<Translate>,
    /// DELETE on an item.
    pub delete: Option<Translate>,
}

/// A state or row that clients see: its fields, and their values in the same order.
pub trait Shown: 'static {
    /// The fields.
    const FIELDS: &'static [Field];

    /// Returns their values.
    fn values(&self) -> Vec<Value>;
}

/// Returns the values of a state of that type; none when it is of another.
#[must_use]
pub fn values_of<T: Shown>(state: &dyn Held) -> Vec<Value> {
    state.as_any().downcast_ref().map_or_else(Vec::new, T::values)
}

/// How a collection is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// In pages, with a `page` object.
    Paged,
    /// All at once, as a plain repository did.
    Whole,
}

/// A request's body after its fields were read by their shapes; unknown fields are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    fields: BTreeMap<&'static str, Value>,
}

impl FromIterator<(&'static str, Value)> for Body {
    /// Gathers fields that were sent.
    fn from_iter<I: IntoIterator<Item = (&'static str, Value)>>(sent: I) -> Self {
        Self { fields: sent.into_iter().collect() }
    }
}

impl Body {
    /// Sets a field that was sent.
    pub fn set(&mut self, field: &'static str, value: Value) {
        self.fields.insert(field, value);
    }

    /// Returns a field in its type; that type's default when missing.
    #[must_use]
    pub fn read<T: FieldType>(&self, field: &str) -> T {
        self.sent(field).unwrap_or_default()
    }

    /// Returns a field in its type if it was sent.
    #[must_use]
    pub fn sent<T: FieldType>(&self, field: &str) -> Option<T> {
        self.fields.get(field).map(T::of)
    }

    /// Returns a text; `None` when missing or `null`.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<String> {
        self.sent_text(field).flatten()
    }

    /// Returns a 32-bit number; 0 when missing or `null`.
    #[must_use]
    pub fn int(&self, field: &str) -> i32 {
        self.sent_int(field).unwrap_or(0)
    }

    /// Returns a 64-bit number; `None` when missing or `null`.
    #[must_use]
    pub fn long(&self, field: &str) -> Option<i64> {
        self.read(field)
    }

    /// Returns a text if it was sent: `Some(None)` is a sent `null`.
    #[must_use]
    pub fn sent_text(&self, field: &str) -> Option<Option<String>> {
        self.sent(field)
    }

    /// Returns a 32-bit number if it was sent; a sent `null` is 0.
    #[must_use]
    pub fn sent_int(&self, field: &str) -> Option<i32> {
        self.sent(field)
    }
}

impl Resource {
    /// Shows an aggregate; `represent` gives the values in the fields' order.
    #[must_use]
    pub fn of<A: Aggregate>(
        collection: &'static str,
        item: &'static str,
        fields: &'static [Field],
        represent: fn(&dyn Held) -> Vec<Value>,
    ) -> Self {
        Self::showing(A::KIND, Paging::Paged, collection, item, fields, represent)
    }

    /// Shows a view; `represent` gives the values in the fields' order.
    #[must_use]
    pub fn of_view<V: View>(
        collection: &'static str,
        item: &'static str,
        fields: &'static [Field],
        represent: fn(&dyn Held) -> Vec<Value>,
    ) -> Self {
        Self::showing(V::KIND, Paging::Whole, collection, item, fields, represent)
    }

    /// Shows an aggregate as it shows itself.
    #[must_use]
    pub fn shown<A: Aggregate + Shown>(collection: &'static str, item: &'static str) -> Self {
        Self::of::<A>(collection, item, A::FIELDS, values_of::<A>)
    }

    /// Shows a view as its rows show themselves.
    #[must_use]
    pub fn shown_view<V: View + Shown>(collection: &'static str, item: &'static str) -> Self {
        Self::of_view::<V>(collection, item, V::FIELDS, values_of::<V>)
    }

    fn showing(
        kind: Kind,
        paging: Paging,
        collection: &'static str,
        item: &'static str,
        fields: &'static [Field],
        represent: fn(&dyn Held) -> Vec<Value>,
    ) -> Self {
        let (title, methods) = (item, Methods::default());
        Self { collection, item, title, kind, paging, is_plain_too: false, fields, methods, represent }
    }

    /// Names the schema when it is not the item's rel.
    #[must_use]
    pub fn titled(mut self, title: &'static str) -> Self {
        self.title = title;
        self
    }

    /// Offers the items at `/{item}` and `/{item}/{id}` too, as plain objects.
    #[must_use]
    pub fn plain_too(mut self) -> Self {
        self.is_plain_too = true;
        self
    }

    /// Offers POST on the collection.
    #[must_use]
    pub fn post<C: AnyCommand>(mut self, translate: fn(&Body) -> C) -> Self {
        self.methods.create = Some(erase(translate));
        self
    }

    /// Offers PUT on an item.
    #[must_use]
    pub fn put<C: AnyCommand>(mut self, translate: fn(&Body) -> C) -> Self {
        self.methods.replace = Some(erase(translate));
        self
    }

    /// Offers PATCH on an item.
    #[must_use]
    pub fn patch<C: AnyCommand>(mut self, translate: fn(&Body) -> C) -> Self {
        self.methods.patch = Some(erase(translate));
        self
    }

    /// Offers DELETE on an item.
    #[must_use]
    pub fn delete<C: AnyCommand>(mut self, translate: fn(&Body) -> C) -> Self {
        self.methods.delete = Some(erase(translate));
        self
    }

    /// Returns the values of a state in the fields' order.
    #[must_use]
    pub fn represent(&self, state: &dyn Held) -> Vec<Value> {
        (self.represent)(state)
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource")
            .field("collection", &self.collection)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Methods")
            .field("create", &self.create.is_some())
            .field("replace", &self.replace.is_some())
            .field("patch", &self.patch.is_some())
            .field("delete", &self.delete.is_some())
            .finish()
    }
}

fn erase<C: AnyCommand>(translate: fn(&Body) -> C) -> Translate {
    Arc::new(move |body| Arc::new(translate(body)))
}

#[cfg(test)]
mod tests {
    use super::super::system::spec::tests::{Plan, Seat, SeatCommand, TakeSeat};
    use super::*;

    fn body(value: Value) -> Body {
        let mut body = Body::default();
        body.set("field", value);
        body
    }

    #[test]
    fn a_field_that_was_not_sent_has_its_shapes_default() {
        let empty = Body::default();
        assert_eq!((empty.text("field"), empty.int("field"), empty.long("field")), (None, 0, None));
        assert_eq!((empty.sent_text("field"), empty.sent_int("field")), (None, None));
    }

    #[test]
    fn a_sent_null_is_a_wish_and_not_an_absence() {
        let null = body(Value::Null);
        assert_eq!((null.text("field"), null.int("field"), null.long("field")), (None, 0, None));
        assert_eq!((null.sent_text("field"), null.sent_int("field")), (Some(None), Some(0)));
    }

    #[test]
    fn a_sent_value_is_read_in_its_shape() {
        let number = body(Value::Int(7));
        assert_eq!((number.int("field"), number.long("field")), (7, Some(7)));
        assert_eq!(number.text("field"), Some("7".to_owned()));
        let text = body("seven".into());
        assert_eq!((text.text("field"), text.int("field"), text.long("field")), (Some("seven".to_owned()), 0, None));
    }

    #[test]
    fn a_resource_offers_only_what_was_declared() {
        let nothing: fn(&dyn Held) -> Vec<Value> = |_| Vec::new();
        let seats = Resource::of::<Seat>("seats", "seat", &[], nothing)
            .titled("Seat")
            .post(|body| SeatCommand::from(TakeSeat { seat: body.int("field").unsigned_abs() }));
        assert_eq!((seats.title, seats.kind, seats.paging), ("Seat", Seat::KIND, Paging::Paged));
        let create = seats.methods.create.as_ref().expect("a POST");
        let command = create(&body(Value::Int(7)));
        assert_eq!(command.as_any().downcast_ref(), Some(&SeatCommand::from(TakeSeat { seat: 7 })));
        let others = [&seats.methods.replace, &seats.methods.patch, &seats.methods.delete];
        assert!(others.iter().all(|method| method.is_none()));
        let plans = Resource::of_view::<Plan>("plans", "plan", &[], nothing);
        assert_eq!((plans.title, plans.kind, plans.paging), ("plan", Plan::KIND, Paging::Whole));
    }
}
