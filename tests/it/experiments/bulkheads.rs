//! Where only so many may at once: the others are told to come later, and nobody else is disturbed.

use super::*;

#[test]
fn too_many_cancels_are_told_to_come_later_and_rentals_go_on() {
    let _machine = alone();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = rented(
        dir.path(),
        // The bulkhead alone: the breaker would open as well.
        &["asks.running_max=2", "asks.queue_max=4", "breaker.slow_ms=0", "breaker.calls_min=1000000"]
            .map(|setting| format!("guard.ask.{setting}")),
    );
    let fault = slow_down(&server, "oa-rental/delivery");
    let cancels: Vec<_> = CROWDS.map(|id| format!("{}/rentals/{id} DELETE", server.url("rental"))).collect();
    let rents =
        [format!(r#"{}/rentals POST {{"productId":"1","qty":"1","productName":"computer"}}"#, server.url("rental"))];
    let canceling = siege(dir.path(), "cancels", (USERS, THOUGHTFUL, THINKING), &cancels);
    let renting = siege(dir.path(), "rents", (5, THOUGHTFUL, THINKING), &rents);
    let mut ids = CAREFUL;
    let told = eventually("a cancel is told to come later", || {
        let (answer, _) = cancel(&server, ids.next().expect("rentals are left"));
        (answer.status == 503 && answer.text().contains("bulkhead")).then_some(answer)
    });
    assert!(told.header("retry-after").is_some_and(|wait| wait.parse::<u64>().is_ok_and(|wait| wait >= 1)));
    let (canceling, renting) = (ended(canceling), ended(renting));
    went_well(&renting);
    assert!(server.client("admin").send(&operator(Request::delete(&fault))).is_success());
    eprintln!(
        "== experiment: {USERS} users cancel where two may at once: {} % available, {} a second; {} rentals beside it, none failed",
        canceling.availability, canceling.rate, renting.transactions,
    );
}

#[test]
fn a_bulkhead_of_one_without_a_queue_turns_some_readers_away_and_no_others() {
    let _machine = alone();
    let read = |settings: &str| {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = dir.path().join("mine.toml");
        std::fs::write(&file, settings).expect("settings");
        let server = Server::start(dir.path(), &["--config", file.to_str().expect("a path")]);
        for _ in 0..20 {
            let product = Request::post("/products", r#"{"name":"computer","qty":"9"}"#);
            assert_eq!(server.send("product", &product).status, 201);
        }
        let products =
            siege(dir.path(), "products", (10, EAGER, NOT_AT_ALL), &[format!("{}/products", server.url("product"))]);
        let rentals =
            siege(dir.path(), "rentals", (1, EAGER, NOT_AT_ALL), &[format!("{}/rentals", server.url("rental"))]);
        (ended(products), ended(rentals))
    };
    let (free, _) = read("");
    went_well(&free);
    assert_eq!(free.availability, "100.00", "{}", free.text);
    let one = "[guard.of.\"oa-rental/product/product\"]\nreads = { running_max = 1, queue_max = 0, wait_max_ms = 0 }\n";
    let (products, rentals) = read(one);
    assert!(products.failed > 0, "{}", products.text);
    went_well(&rentals);
    eprintln!(
        "== experiment: 10 readers, one place and no queue: {} % available (100.00 % without), {} turned away; none elsewhere",
        products.availability, products.failed,
    );
}
