//! What clients do in the five systems: they make things, change them and undo them, all by chance.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::actors::admission::Target;
use crate::clock::Clock;
use crate::domain::system::Catalogue;
use crate::domain::{AnyCommand, Stream};

/// To how many of each kind clients come back.
const IDS: u64 = 6;

/// One thing a client does.
#[derive(Clone, Debug)]
pub(super) struct Deed {
    pub(super) target: Target,
    pub(super) command: Arc<dyn AnyCommand>,
}

/// Whether a new one is made, or one that may be there is told.
#[derive(Clone, Copy)]
enum To {
    New,
    One,
}

/// To whom, of which kind, and the command with its fields.
type Said = (To, &'static str, &'static str, Value);

/// Draws the next deed.
pub(super) fn draw(dice: &Clock, catalogue: &Catalogue) -> Deed {
    deed(dice, catalogue, drawn(dice))
}

/// Makes something that is never refused.
pub(super) fn creation(catalogue: &Catalogue) -> Deed {
    let message = json!({"orderId": null, "customerId": 1, "status": null, "message": "goodbye"});
    deed(&Clock::manual(0, 0), catalogue, (To::New, "book-market/kakao/kakao", "SendMessage", message))
}

fn deed(dice: &Clock, catalogue: &Catalogue, (to, kind, name, fields): Said) -> Deed {
    let spec = catalogue.aggregate(kind).expect("a kind of the catalogue");
    let mut reader = <dyn erased_serde::Deserializer<'_>>::erase(fields);
    let command = (spec.decode_command)(name, 1, &mut reader).expect("a command of that kind");
    let target = match to {
        To::New => Target::New(spec.kind),
        To::One => Target::Existing(Stream::new(spec.kind, 1 + dice.random() % IDS)),
    };
    Deed { target, command }
}

fn drawn(dice: &Clock) -> Said {
    let below = |end: u64| dice.random() % end;
    match below(5) {
        0 => office(&below),
        1 => books(&below),
        2 => market(&below),
        3 => cars(&below),
        _ => hair(&below),
    }
}

fn office(below: &impl Fn(u64) -> u64) -> Said {
    const PRODUCT: &str = "oa-rental/product/product";
    const RENTAL: &str = "oa-rental/rental/rental";
    match below(12) {
        0..=1 => (To::New, PRODUCT, "RegisterProduct", json!({"name": "copier", "qty": below(12)})),
        2 => (To::One, PRODUCT, "ChangeProduct", json!({"name": "printer", "qty": null})),
        3..=8 => {
            let fields = json!({"productId": 1 + below(3), "qty": 1 + below(4), "status": null, "productName": null});
            (To::New, RENTAL, "PlaceRental", fields)
        }
        _ => (To::One, RENTAL, "CancelRental", json!({})),
    }
}

fn books(below: &impl Fn(u64) -> u64) -> Said {
    const RENTAL: &str = "book-rental/rent/rental";
    const RESERVE: &str = "book-rental/reserve/reserve";
    // One book in six there never was.
    let wish = || {
        let customer = ["ann", "bob"][usize::from(below(2) == 0)];
        json!({"wish": {"bookId": 1 + below(6), "qty": 1 + below(9), "customerId": customer, "customerName": null}})
    };
    match below(12) {
        0..=5 => (To::New, RENTAL, "PlaceRental", wish()),
        6 => (To::One, RENTAL, "CancelRental", json!({})),
        7..=8 => (To::One, RENTAL, "ChangeRental", json!({"status": "cancel"})),
        9..=10 => (To::New, RESERVE, "PlaceReserve", wish()),
        _ => (To::One, RESERVE, "CancelReserve", json!({})),
    }
}

fn market(below: &impl Fn(u64) -> u64) -> Said {
    const ORDER: &str = "book-market/order/order";
    match below(10) {
        0..=5 => (To::New, ORDER, "PlaceOrder", json!({"bookId": 1, "qty": below(9), "customerId": below(3)})),
        6..=8 => (To::One, ORDER, "CancelOrder", json!({})),
        _ => {
            let message = json!({"orderId": null, "customerId": 1, "status": null, "message": "hello"});
            (To::New, "book-market/kakao/kakao", "SendMessage", message)
        }
    }
}

fn cars(below: &impl Fn(u64) -> u64) -> Said {
    const CONTRACT: &str = "car-rental/contract/contract";
    match below(10) {
        0..=5 => {
            let terms = json!({"custName": "ann", "modelName": "beetle", "amt": below(100)});
            (To::New, CONTRACT, "MakeContract", json!({"terms": terms}))
        }
        6..=7 => (To::One, CONTRACT, "ChangeContract", json!({"custName": null, "modelName": null, "amt": 0})),
        8 => (To::One, CONTRACT, "ChangeContract", json!({"custName": "bob", "modelName": null, "amt": 7})),
        _ => (To::One, CONTRACT, "RemoveContract", json!({})),
    }
}

fn hair(below: &impl Fn(u64) -> u64) -> Said {
    const RESERVATION: &str = "hair-shop/reservation/reservation";
    match below(10) {
        0..=5 => {
            let wish = json!({"customerId": "ann", "date": "monday", "stylingType": "cut", "shopId": null});
            (To::New, RESERVATION, "Place", json!({"wish": wish}))
        }
        6..=8 => (To::One, RESERVATION, "SetStatus", json!({"status": "CANCEL_REQUESTED"})),
        _ => (To::One, "hair-shop/hairshop/hairshop", "ChangeDesigner", json!({"designerId": "zoe"})),
    }
}
