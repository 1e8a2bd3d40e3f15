//! Conservation across aggregates: stock and money, at rest and at every position of the log.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Evidence;
use crate::chaos::report::Verdict;

const BOOK: &str = "book-rental/book/book";
const LENT: &str = "배송생성";

/// Gathers what was compared, and where two sides differ.
#[derive(Default)]
struct Sides {
    looked_at: u64,
    faults: Vec<String>,
}

impl Sides {
    fn must(&mut self, holds: bool, what: impl FnOnce() -> String) {
        self.looked_at += 1;
        self.faults.extend((!holds).then(what));
    }

    fn verdict(self, what: &'static str) -> Verdict {
        Verdict::of(self.looked_at, what, self.faults)
    }
}

fn field<'a>(items: &'a BTreeMap<u64, Value>, id: u64, name: &str) -> &'a Value {
    items.get(&id).map_or(&Value::Null, |item| &item[name])
}

/// What was registered is on hand or out: after each movement, and at rest as clients see it.
pub(super) fn stock_adds_up(evidence: &Evidence) -> Verdict {
    let (shown, ledgers) = (&evidence.shown, &evidence.story.ledgers);
    let mut sides = Sides { looked_at: ledgers.movements, faults: ledgers.unsound.clone() };
    let (deliveries, rentals) = (shown.of("oa-rental/delivery/delivery"), shown.of("book-rental/rent/rental"));
    let (mut delivered, mut lent) = (BTreeMap::<u64, i64>::new(), BTreeMap::<u64, i64>::new());
    for delivery in deliveries.values().filter(|delivery| delivery["status"] == "DELIVERED") {
        *delivered.entry(delivery["productId"].as_u64().unwrap_or(0)).or_default() +=
            delivery["qty"].as_i64().unwrap_or(0);
    }
    for rental in rentals.values().filter(|rental| rental["status"] == LENT) {
        *lent.entry(rental["bookId"].as_u64().unwrap_or(0)).or_default() += rental["qty"].as_i64().unwrap_or(0);
    }
    for (stream, stock) in &ledgers.stocks {
        let (kind, id) = (stream.kind.path(), stream.id);
        let (out, left) = if kind == BOOK {
            (lent.get(&id), field(shown.of(BOOK), id, "stock").as_i64())
        } else {
            (delivered.get(&id), field(shown.of("oa-rental/delivery/product"), id, "qty").as_i64())
        };
        // One that has left the catalogue is shown no more.
        let Some(left) = left else { continue };
        let out = out.copied().unwrap_or(0);
        sides.must(left + out == stock.registered, || {
            format!("{stream}: {left} on hand and {out} out of {}", stock.registered)
        });
        for copy in ["oa-rental/product/product", "oa-rental/rental/product"].iter().filter(|_| kind != BOOK) {
            let says = field(shown.of(copy), id, "qty");
            sides.must(*says == left, || format!("{copy} {id} says {says} beside {left}"));
        }
    }
    sides.verdict("movements and stocks")
}

/// A rental takes its units once and gives back what it took, once.
pub(super) fn nothing_is_rented_twice(evidence: &Evidence) -> Verdict {
    let ledgers = &evidence.story.ledgers;
    Verdict::of(ledgers.takings, "takings of stock", ledgers.twice.clone())
}

/// What is paid is what stands, in money where there is a sum.
pub(super) fn money_adds_up(evidence: &Evidence) -> Verdict {
    let shown = &evidence.shown;
    let (pays, kept) = (shown.of("car-rental/pay/pay"), shown.of("car-rental/reservation/reservation"));
    let mut sides = Sides::default();
    for (id, contract) in shown.of("car-rental/contract/contract") {
        let paid = field(pays, *id, "amt");
        sides.must(*paid == contract["amt"], || format!("contract {id}: {} and paid {paid}", contract["amt"]));
        let status = field(kept, *id, "reservationStatus");
        let expected = if contract["amt"] == 0 { "reservationCanceled" } else { "reserved" };
        sides.must(status == expected, || format!("contract {id}: its reservation is {status}, not {expected}"));
    }
    let paid = shown.of("hair-shop/payment/payment");
    for (id, reservation) in shown.of("hair-shop/reservation/reservation") {
        let payment = field(paid, *id, "status");
        let expected = match reservation["status"].as_str() {
            Some("Reservation Completed") => "PAY_COMPLETED",
            Some("Reservation Canceled") => "PAY_CANCELED",
            _ => "a status at rest",
        };
        sides.must(payment == expected, || {
            format!("reservation {id} is {}, its payment {payment}", reservation["status"])
        });
    }
    sides.verdict("payments")
}

/// No order without one payment, no payment without its order, and so on in all five systems, by their facts; what is
/// shipped is paid, and what is told was shipped.
pub(super) fn what_stands_is_paid_once(evidence: &Evidence) -> Verdict {
    let shown = &evidence.shown;
    let (orders, payments) = (shown.of("book-market/order/order"), shown.of("book-market/payment/payment"));
    let shipped = shown.of("book-market/delivery/delivery");
    let (looked_at, faults) = evidence.story.pairs.judged();
    let mut sides = Sides { looked_at, faults };
    for (id, payment) in payments {
        let (paid, stands) = (payment["status"] == "Ordered", orders.contains_key(id));
        sides.must(paid == stands, || {
            format!("payment {id} is {}, and that its order stands is {stands}", payment["status"])
        });
        let out = field(shipped, *id, "status");
        sides.must(paid == (out == "Shipped"), || format!("payment {id} is {}, its delivery {out}", payment["status"]));
    }
    for id in orders.keys() {
        sides.must(payments.contains_key(id), || format!("order {id} has no payment"));
    }
    let mut told = BTreeMap::<u64, u32>::new();
    for message in shown.of("book-market/kakao/kakao").values() {
        *told.entry(message["orderId"].as_u64().unwrap_or(0)).or_default() += 1;
    }
    for (id, count) in &told {
        sides.must(*count == 1 && shipped.contains_key(id), || format!("{count} messages about order {id}"));
    }
    let (delivered, rented) = (shown.of("oa-rental/delivery/delivery"), shown.of("oa-rental/rental/rental"));
    for (id, rental) in rented {
        let delivery = field(delivered, *id, "status");
        sides.must(rental["status"] == *delivery, || {
            format!("rental {id} is {}, its delivery {delivery}", rental["status"])
        });
    }
    sides.verdict("orders, payments and deliveries")
}
