//! Nothing appears and nothing vanishes: all systems at once, many clients, services that stop and start at random.
//!
//! `RESURGAM_CONSERVATION_SECONDS` and `RESURGAM_SEED` set and repeat it.

mod ledger;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::campaign::{Dice, alone, seed, setting};
use crate::client::Request;
use crate::services::ALL;
use crate::support::{Server, now, poll};

const CLIENTS: u64 = 64;
const PRODUCTS: u64 = 8;
pub(crate) const STOCK: i64 = 1_000;
/// How many each of the first five books has.
pub(crate) const BOOKS: i64 = 100_000;
/// How long the systems may take to come to rest.
const REST: Duration = Duration::from_secs(60);

/// What clients do, by system: what they make, and how they undo one of it.
pub(crate) const BUSINESS: [(&str, &str, &str, &str, Option<&str>); 5] = [
    ("oa-rental", "rentals", r#"{"productId":"$","qty":"1"}"#, "DELETE", None),
    ("book-market", "orders", r#"{"bookId":"10","qty":"1","customerId":"33"}"#, "DELETE", None),
    ("car-rental", "contracts", r#"{"custName":"a","modelName":"b","amt":"100"}"#, "PATCH", Some(r#"{"amt":0}"#)),
    ("book-rental", "rentals", r#"{"bookId":"$5","qty":"1"}"#, "PATCH", Some(r#"{"status":"cancel"}"#)),
    ("hair-shop", "reservations", r#"{"customerId":"OHM"}"#, "PATCH", Some(r#"{"status":"CANCEL_REQUESTED"}"#)),
];
/// What is stopped and started meanwhile.
const STOPPED: [&str; 10] = [
    "oa-rental/delivery",
    "oa-rental/rental",
    "book-market/payment",
    "book-market/delivery",
    "book-market/kakao",
    "car-rental/pay",
    "car-rental/reservation",
    "book-rental/delivery",
    "book-rental/book",
    "hair-shop/hairshop",
];

fn client(server: &Server, mut dice: Dice, over: &AtomicBool, answered: &AtomicU64) {
    let mut client = server.client("gateway");
    let mut made: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    while !over.load(Ordering::Relaxed) {
        let (system, collection, body, undo, undone_by) = BUSINESS[dice.below(5) as usize];
        let own = made.entry(system).or_default();
        let path = format!("/{system}/{collection}");
        let request = match own.is_empty() || dice.below(3) > 0 {
            true => {
                let body = body.replace("$5", &(1 + dice.below(5)).to_string());
                Request::post(&path, body.replace('$', &(1 + dice.below(PRODUCTS)).to_string()))
            }
            false => {
                let id = own.swap_remove(dice.below(own.len() as u64) as usize);
                let request = Request::new(undo, &format!("{path}/{id}"));
                undone_by.map_or(request.clone(), |body| request.json(body))
            }
        };
        let answer = client.send(&request);
        let is_known = [200, 201, 204, 404, 409, 503, 504].contains(&answer.status);
        assert!(is_known, "{} {}: {} {}", request.method(), request.path(), answer.status, answer.text());
        if answer.status == 201 {
            own.push(answer.located_id().expect("an id"));
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Every item of a service's collection, by id.
fn all(server: &Server, system: &str, service: &str, collection: &str) -> BTreeMap<u64, Value> {
    let mut items = BTreeMap::new();
    for page in 0.. {
        let path = format!("/{system}/services/{service}/{collection}?size=1000&page={page}");
        let told = server.get("gateway", &path);
        assert_eq!(told.status, 200, "{path}: {}", told.text());
        let list = told.json();
        let shown = list["_embedded"][collection].as_array().cloned().unwrap_or_default();
        let full = shown.len() == 1_000;
        items.extend(shown.into_iter().map(|item| {
            let own = item["_links"]["self"]["href"].as_str().and_then(crate::client::id_of).expect("a link");
            (own, item)
        }));
        if !full || list["page"].is_null() {
            break;
        }
    }
    items
}

/// A row of a view, whose list shows so many at most.
fn row(server: &Server, listed: &BTreeMap<u64, Value>, path: &str, id: u64) -> Value {
    const LISTED_MAX: usize = 10_000;
    match listed.get(&id) {
        Some(row) => row.clone(),
        None if listed.len() < LISTED_MAX => Value::Null,
        None => server.get("gateway", &format!("{path}/{id}")).json(),
    }
}

fn count(items: &BTreeMap<u64, Value>, field: &str, value: &str) -> i64 {
    items.values().filter(|item| item[field] == value).count() as i64
}

/// What does not add up.
pub(crate) fn faults(server: &Server) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, what: String| faults.extend((!holds).then_some(what));

    let deliveries = all(server, "oa-rental", "delivery", "deliveries");
    for (id, stock) in all(server, "oa-rental", "delivery", "products") {
        let of = |item: &&Value| item["productId"] == id && item["status"] == "DELIVERED";
        let out: i64 = deliveries.values().filter(of).filter_map(|delivery| delivery["qty"].as_i64()).sum();
        let left = stock["qty"].as_i64().unwrap_or(-1);
        must(left + out == STOCK, format!("product {id}: {left} in stock and {out} delivered of {STOCK}"));
        for service in ["product", "rental"] {
            let copy = server.get("gateway", &format!("/oa-rental/services/{service}/products/{id}")).json();
            must(copy["qty"] == left, format!("product {id} at {service}: {} beside {left}", copy["qty"]));
        }
    }
    let rentals = all(server, "oa-rental", "rental", "rentals");
    let views = all(server, "oa-rental", "information", "myOrders");
    for (id, rental) in &rentals {
        let delivery = deliveries.get(id).map_or(&Value::Null, |delivery| &delivery["status"]);
        must(rental["status"] == *delivery, format!("rental {id}: {} and its delivery {delivery}", rental["status"]));
        let view = row(server, &views, "/oa-rental/myOrders", *id)["deliveryStatus"].clone();
        must(view == *delivery, format!("myOrders {id}: {view}, its delivery {delivery}"));
    }
    must(
        count(&deliveries, "status", "DELIVERED") == count(&rentals, "status", "DELIVERED"),
        "a delivery without its rental is delivered".to_owned(),
    );

    let orders = all(server, "book-market", "order", "orders");
    let payments = all(server, "book-market", "payment", "payments");
    let shipped = all(server, "book-market", "delivery", "deliveries");
    for (id, payment) in &payments {
        let (paid, stands) = (payment["status"] == "Ordered", orders.contains_key(id));
        must(
            paid == stands,
            format!("payment {id} is {}, its order {}", payment["status"], if stands { "stands" } else { "is gone" }),
        );
        let out = shipped.get(id).is_some_and(|delivery| delivery["status"] == "Shipped");
        must(paid == out, format!("payment {id} is {}, its delivery {:?}", payment["status"], shipped.get(id)));
    }
    must(orders.keys().all(|id| payments.contains_key(id)), "an order without a payment".to_owned());
    let told = all(server, "book-market", "kakao", "kakaos");
    let of_orders: Vec<u64> = told.values().filter_map(|message| message["orderId"].as_u64()).collect();
    must(of_orders.iter().all(|id| shipped.contains_key(id)), "a message about an order that never was".to_owned());
    must(of_orders.len() == shipped.len(), format!("{} messages about {} deliveries", of_orders.len(), shipped.len()));
    let pages = all(server, "book-market", "customerview", "mypages");
    for (id, delivery) in &shipped {
        let (page, delivery) = (row(server, &pages, "/book-market/mypages", *id), &delivery["status"]);
        must(page["status"] == *delivery, format!("mypage {id}: {}, its delivery {delivery}", page["status"]));
    }

    let pays = all(server, "car-rental", "pay", "pays");
    let kept = all(server, "car-rental", "reservation", "reservations");
    for (id, contract) in all(server, "car-rental", "contract", "contracts") {
        let given_up = contract["amt"] == 0;
        let pay = pays.get(&id).map_or(&Value::Null, |pay| &pay["amt"]);
        must(*pay == contract["amt"], format!("contract {id}: {} and paid {pay}", contract["amt"]));
        let status = kept.get(&id).map_or(&Value::Null, |kept| &kept["reservationStatus"]);
        let expected = if given_up { "reservationCanceled" } else { "reserved" };
        must(*status == expected, format!("contract {id}: its reservation is {status}, not {expected}"));
    }

    let lent = all(server, "book-rental", "rent", "rentals");
    for (id, book) in all(server, "book-rental", "book", "books") {
        let out =
            lent.values().filter(|rental| rental["bookId"] == id && rental["status"] == "배송생성").count() as i64;
        let left = book["stock"].as_i64().unwrap_or(-1);
        must(left + out == BOOKS, format!("book {id}: {left} in stock and {out} lent of {BOOKS}"));
    }

    let paid = all(server, "hair-shop", "payment", "payments");
    for (id, reservation) in all(server, "hair-shop", "reservation", "reservations") {
        let payment = paid.get(&id).map_or(&Value::Null, |payment| &payment["status"]);
        let expected = match reservation["status"].as_str() {
            Some("Reservation Completed") => "PAY_COMPLETED",
            Some("Reservation Canceled") => "PAY_CANCELED",
            _ => "a status at rest",
        };
        must(*payment == expected, format!("reservation {id} is {}, its payment {payment}", reservation["status"]));
    }
    faults
}

#[test]
fn stock_and_money_add_up_in_all_systems_whatever_is_stopped_meanwhile() {
    let _machine = alone();
    let seed = seed();
    let seconds = setting("RESURGAM_CONSERVATION_SECONDS", 5);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let books = format!("systems.book-rental.initial_stock={BOOKS}");
    let server = Server::serving(ALL, dir.path(), &["--set", &books]);
    for _ in 0..PRODUCTS {
        let product = Request::post("/oa-rental/products", format!(r#"{{"name":"computer","qty":"{STOCK}"}}"#));
        assert_eq!(server.send("gateway", &product).status, 201);
    }
    let (over, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut stops = 0;
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (server, over, answered) = (&server, &over, &answered);
            scope.spawn(move || client(server, Dice::new(seed ^ (number + 1)), over, answered));
        }
        let (mut dice, end) = (Dice::new(seed), now() + Duration::from_secs(seconds));
        while now() < end {
            let service = STOPPED[dice.below(STOPPED.len() as u64) as usize];
            for verb in ["stop", "start"] {
                server.operate(&format!("/admin/services/{service}/{verb}"), r#"{"reason":"a storm"}"#);
                thread::park_timeout(Duration::from_millis(20 + dice.below(200)));
            }
            stops += 1;
        }
        over.store(true, Ordering::Relaxed);
    });
    let mut left = Vec::new();
    let at_rest = poll(REST, || {
        left = faults(&server);
        left.is_empty().then_some(())
    });
    assert!(at_rest.is_some(), "{} things do not add up, {:#?}", left.len(), &left[..left.len().min(20)]);
    let mut movements = 0;
    for system in ["oa-rental", "book-rental"] {
        let (moved, faults) = ledger::faults(&server, system);
        assert!(faults.is_empty(), "{} movements do not add up, {:#?}", faults.len(), &faults[..faults.len().min(20)]);
        movements += moved;
    }
    let made = [
        ("oa-rental", "rental", "rentals"),
        ("book-market", "payment", "payments"),
        ("car-rental", "contract", "contracts"),
        ("book-rental", "rent", "rentals"),
        ("hair-shop", "reservation", "reservations"),
    ]
    .map(|(system, service, collection)| all(&server, system, service, collection).len());
    assert!(made.iter().all(|made| *made > 0), "a system stood still: {made:?}");
    assert!(movements > made[0] / 2, "{movements} movements of stock are too few to have been read");
    let made: usize = made.iter().sum();
    let wounds = server.wounds(&["503", "504"]);
    assert!(wounds.is_empty(), "{wounds:#?}");
    eprintln!(
        "== conservation: {CLIENTS} clients in five systems for {seconds} s, {} answers, {made} things made, {stops} stops of \
         services: everything adds up, the stocks after each of {movements} movements",
        answered.load(Ordering::Relaxed),
    );
}
