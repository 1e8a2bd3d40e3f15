//! The five systems.

use super::rentals::{BOOK_RENTAL, CAR_RENTAL, OA_RENTAL};
use super::sales::{BOOK_MARKET, HAIR_SHOP};
use super::{Collection, Field, Plain, Posted, Shape, System};

pub(super) const fn text(name: &'static str, posted: Posted) -> Field {
    Field { name, shape: Shape::Text, posted, is_optional: false }
}

pub(super) const fn int(name: &'static str, posted: Posted) -> Field {
    Field { name, shape: Shape::Int, posted, is_optional: false }
}

pub(super) const fn long(name: &'static str, posted: Posted) -> Field {
    Field { name, shape: Shape::Long, posted, is_optional: false }
}

pub(super) const fn optional(name: &'static str, posted: Posted) -> Field {
    Field { name, shape: Shape::Text, posted, is_optional: true }
}

/// A collection that is only read, in pages: one item for each that is posted.
pub(super) const fn of(
    [system, service]: [&'static str; 2],
    [path, item, title]: [&'static str; 3],
    fields: &'static [Field],
) -> Collection {
    Collection {
        system,
        service,
        path,
        item,
        title,
        is_paged: true,
        fields,
        methods: "",
        body: "{}",
        patch: "{}",
        remains: None,
        rest: "{}",
        first: 0,
        each: 1,
        is_plain_too: false,
        at_gateway: true,
    }
}

impl Collection {
    pub(super) const fn whole(self) -> Self {
        Self { is_paged: false, ..self }
    }

    pub(super) const fn with(self, methods: &'static str, body: &'static str) -> Self {
        Self { methods, body, ..self }
    }

    pub(super) const fn patched_by(self, patch: &'static str) -> Self {
        Self { patch, ..self }
    }

    pub(super) const fn at_rest(self, rest: &'static str) -> Self {
        Self { rest, ..self }
    }

    pub(super) const fn plain_too(self) -> Self {
        Self { is_plain_too: true, ..self }
    }

    pub(super) const fn hidden(self) -> Self {
        Self { at_gateway: false, ..self }
    }

    pub(super) const fn remains(self, members: &'static str) -> Self {
        Self { remains: Some(members), ..self }
    }

    pub(super) const fn first(self, first: u64) -> Self {
        Self { first, ..self }
    }

    pub(super) const fn each(self, each: u64) -> Self {
        Self { each, ..self }
    }
}

pub(crate) const SYSTEMS: &[System] = &[
    System {
        name: "oa-rental",
        settings: &[],
        collections: OA_RENTAL,
        made: &[
            ("product", "/products", r#"{"name":"desk {n}","qty":900}"#),
            ("rental", "/rentals", r#"{"productId":1,"qty":{n},"status":"ORDERED","productName":"desk"}"#),
        ],
        plain: &[],
    },
    System {
        name: "car-rental",
        settings: &[],
        collections: CAR_RENTAL,
        made: &[("contract", "/contracts", r#"{"custName":"customer {n}","modelName":"sonata","amt":{n}}"#)],
        plain: &[],
    },
    System {
        name: "book-rental",
        settings: &["systems.book-rental.initial_stock=9000", "systems.book-rental.superuser=root7"],
        collections: BOOK_RENTAL,
        made: &[
            ("reserve", "/reserves", r#"{"bookId":2,"customerId":"reader {n}","customerName":"r","qty":{n}}"#),
            ("rent", "/rentals", r#"{"bookId":5,"qty":{n},"customerId":"customer {n}","customerName":"c"}"#),
        ],
        plain: &[
            plain("rent", "/env", 200, "root7"),
            plain("rent", "/superuser", 200, "root7"),
            plain("delivery", "/env", 200, "root7"),
        ],
    },
    System {
        name: "book-market",
        settings: &[],
        collections: BOOK_MARKET,
        made: &[("order", "/orders", r#"{"bookId":10,"qty":{n},"customerId":33}"#)],
        plain: &[
            plain("order", "/circuitBreaker?isYn=Y", 200, "CircuitBreaker!!!"),
            plain("payment", "/circuitBreaker?isYn=Y", 200, "CircuitBreaker!!!"),
            plain("order", "/circuitBreaker?isYn=N", 200, " SUCCESS!!!"),
            plain("payment", "/circuitBreaker?isYn=y", 200, " SUCCESS!!!"),
            plain("order", "/circuitBreaker", 200, " SUCCESS!!!"),
            plain("payment", "/selectPaymentInfo?orderId=0", 200, "CircuitBreaker!!!!!!"),
            plain("payment", "/selectPaymentInfo?orderId=-1", 200, "CircuitBreaker!!!!!!"),
            plain("payment", "/selectPaymentInfo?orderId=1", 200, ""),
            plain("payment", "/selectPaymentInfo?orderId=99999", 404, ""),
            plain("payment", "/selectPaymentInfo?orderId=9223372036854775807", 404, ""),
            plain("payment", "/selectPaymentInfo?orderId=x", 400, "no number"),
            plain("payment", "/selectPaymentInfo?orderId=", 400, "no number"),
            plain("payment", "/selectPaymentInfo?orderId=9223372036854775808", 400, "no number"),
            plain("payment", "/selectPaymentInfo", 400, "orderId is missing"),
        ],
    },
    System {
        name: "hair-shop",
        settings: &[],
        collections: HAIR_SHOP,
        made: &[("reservation", "/reservations", r#"{"customerId":"OHM {n}","date":"20211001","stylingType":"perm"}"#)],
        plain: &[],
    },
];

const fn plain(service: &'static str, path: &'static str, status: u16, text: &'static str) -> Plain {
    Plain { service, path, status, text }
}
