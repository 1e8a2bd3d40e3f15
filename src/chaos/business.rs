//! What clients do in the five systems: what they make, change and undo, and what they need for it.

use super::load::Dice;
use crate::domain::Kind;

/// How many products are rented, and how many books: few, so that many want the same one.
pub(super) const GOODS: u64 = 3;
/// How many of each there are: more than any load rents.
pub(super) const STOCK: u64 = 1_000_000;

/// A collection that clients write to.
#[derive(Debug)]
pub(super) struct Trade {
    pub(super) system: &'static str,
    pub(super) collection: &'static str,
    pub(super) kind: Kind,
    /// What is sent to make one; `$` is the id of what is rented.
    pub(super) body: &'static str,
    /// What is rented, in `GOODS_OF`.
    pub(super) goods: Option<usize>,
    /// What is sent to change one; `@` is a number.
    pub(super) change: Option<&'static str>,
    /// How one is undone: by this PATCH, or by a DELETE.
    pub(super) undo: Option<Option<&'static str>>,
}

/// What is rented, made before anything else: path, kind and body.
pub(super) const GOODS_OF: [(&str, &str, Kind, &str); 2] = [
    ("oa-rental", "products", Kind::new("oa-rental/product/product"), r#"{"name":"rented","qty":"@"}"#),
    ("book-rental", "books", Kind::new("book-rental/book/book"), r#"{"name":"lent","price":"1","stock":"@"}"#),
];

/// Every collection that clients write to.
pub(super) const TRADES: [Trade; 6] = [
    Trade {
        system: "oa-rental",
        collection: "rentals",
        kind: Kind::new("oa-rental/rental/rental"),
        body: r#"{"productId":"$","qty":"1"}"#,
        goods: Some(0),
        change: None,
        undo: Some(None),
    },
    Trade {
        system: "oa-rental",
        collection: "products",
        kind: Kind::new("oa-rental/product/product"),
        body: r#"{"name":"kept","qty":"7"}"#,
        goods: None,
        change: Some(r#"{"qty":"@"}"#),
        undo: None,
    },
    Trade {
        system: "book-market",
        collection: "orders",
        kind: Kind::new("book-market/order/order"),
        body: r#"{"bookId":"10","qty":"1","customerId":"33"}"#,
        goods: None,
        change: None,
        undo: Some(None),
    },
    Trade {
        system: "car-rental",
        collection: "contracts",
        kind: Kind::new("car-rental/contract/contract"),
        body: r#"{"custName":"a","modelName":"b","amt":"100"}"#,
        goods: None,
        change: None,
        undo: Some(Some(r#"{"amt":0}"#)),
    },
    Trade {
        system: "book-rental",
        collection: "rentals",
        kind: Kind::new("book-rental/rent/rental"),
        body: r#"{"bookId":"$","qty":"1"}"#,
        goods: Some(1),
        change: None,
        undo: Some(Some(r#"{"status":"cancel"}"#)),
    },
    Trade {
        system: "hair-shop",
        collection: "reservations",
        kind: Kind::new("hair-shop/reservation/reservation"),
        body: r#"{"customerId":"OHM"}"#,
        goods: None,
        change: None,
        undo: Some(Some(r#"{"status":"CANCEL_REQUESTED"}"#)),
    },
];

impl Trade {
    pub(super) fn path(&self) -> String {
        format!("/{}/{}", self.system, self.collection)
    }

    /// What is sent to make one of these goods.
    pub(super) fn making(&self, goods: &[Vec<u64>; 2], dice: &mut Dice) -> String {
        let id = self.goods.and_then(|which| dice.one_of(&goods[which]).copied());
        self.body.replace('$', &id.unwrap_or(0).to_string())
    }
}
