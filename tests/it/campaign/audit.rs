//! Holds a server to what its writers remember: every answered fact once, nothing that was not asked for, no stock lost.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;

use crate::campaign::ledger::{Gone, STOCK, Table, Writer};
use crate::client::{Request, id_of};
use crate::support::{Server, poll};

/// Followers get this long to catch up; what is wrong after that is wrong.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(30);
const PAGE_ROWS: usize = 1_000;

/// What the audit found.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) lost: Vec<String>,
    pub(crate) doubled: Vec<String>,
}

impl Faults {
    pub(crate) fn lost(&mut self, what: String) {
        self.lost.push(what);
    }

    pub(crate) fn doubled(&mut self, what: String) {
        self.doubled.push(what);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty()
    }
}

/// A whole collection, read page by page.
pub(crate) struct Listing {
    rows: Vec<(u64, Value)>,
    by_label: HashMap<String, Vec<(u64, u64)>>,
}

impl Listing {
    fn read(server: &Server, service: &str, rel: &str) -> Listing {
        let mut client = server.client(service);
        let mut listing = Listing { rows: Vec::new(), by_label: HashMap::new() };
        for page in 0.. {
            let path = format!("/{rel}?page={page}&size={PAGE_ROWS}&sort=id");
            let answer = client.send(&Request::get(&path)).json();
            let rows = answer["_embedded"][rel].as_array().cloned().unwrap_or_default();
            let is_last = rows.len() < PAGE_ROWS || answer.get("page").is_none();
            rows.into_iter().for_each(|row| listing.add(row));
            if is_last {
                break;
            }
        }
        listing
    }

    fn add(&mut self, row: Value) {
        let href = row["_links"]["self"]["href"].as_str();
        let id = href.and_then(id_of).expect("every row has a self link");
        let label = row["name"].as_str().or(row["productName"].as_str()).unwrap_or_default();
        let qty = row["qty"].as_u64().unwrap_or_default();
        self.by_label.entry(label.to_string()).or_default().push((id, qty));
        self.rows.push((id, row));
    }

    /// Id and qty of the rows that carry a label.
    pub(crate) fn of_label(&self, label: &str) -> &[(u64, u64)] {
        self.by_label.get(label).map_or(&[], Vec::as_slice)
    }
}

/// Compares everything, again and again until it agrees or the time for catching up is over.
pub(crate) fn audit(server: &Server, writers: &mut [Writer]) -> Faults {
    let mut faults = Faults::default();
    poll(CATCH_UP_TIMEOUT, || {
        faults = Faults::default();
        audit_rows(Table::Products, server, writers, &mut faults);
        audit_rows(Table::Rentals, server, writers, &mut faults);
        audit_stock(server, writers, &mut faults);
        faults.is_empty().then_some(())
    });
    faults
}

/// Every remembered row is listed once with a value it may have, and no other row is listed.
fn audit_rows(table: Table, server: &Server, writers: &mut [Writer], faults: &mut Faults) {
    let (service, rel) = table.place();
    let listed = Listing::read(server, service, rel);
    writers.iter_mut().for_each(|writer| writer.compare(table, &listed, faults));
    let stock = if table == Table::Products { writers.len() } else { 0 };
    let known = writers.iter().flat_map(|writer| writer.rows(table));
    let expected = stock + known.filter(|row| row.id.is_some() && row.gone != Gone::Yes).count();
    let ids: HashSet<u64> = listed.rows.iter().map(|(id, _)| *id).collect();
    if listed.rows.len() != expected || ids.len() != expected {
        let (rows, ids) = (listed.rows.len(), ids.len());
        faults.doubled(format!("{rows} {rel} with {ids} ids listed, {expected} known"));
    }
    if table == Table::Rentals {
        let late = listed.rows.iter().find(|(_, row)| row["status"] != "DELIVERED");
        let shown = late.map(|(id, row)| format!("rental {id}, in stock, is {}", row["status"]));
        faults.lost.extend(shown);
    }
}

/// What was there at first is on hand or delivered, all three copies say so, and nothing canceled is delivered.
fn audit_stock(server: &Server, writers: &[Writer], faults: &mut Faults) {
    let deliveries = Listing::read(server, "delivery", "deliveries");
    let mut out: HashMap<u64, u64> = HashMap::new();
    let mut delivered: HashSet<u64> = HashSet::new();
    for (id, row) in deliveries.rows.iter().filter(|(_, row)| row["status"] == "DELIVERED") {
        let product = row["productId"].as_u64().unwrap_or_default();
        *out.entry(product).or_default() += row["qty"].as_u64().unwrap_or_default();
        delivered.insert(*id);
    }
    for writer in writers {
        let sold = out.get(&writer.stock_id).copied().unwrap_or_default();
        let path = format!("/products/{}", writer.stock_id);
        for service in ["delivery", "rental", "product"] {
            let on_hand = server.get(service, &path).json()["qty"].as_u64();
            if on_hand != STOCK.checked_sub(sold) {
                let what = format!("stock of {}: {on_hand:?} at {service}", writer.name);
                faults.lost(format!("{what}, {sold} delivered, {STOCK} at first"));
            }
        }
        let canceled = writer.rows(Table::Rentals).iter().filter(|row| row.gone == Gone::Yes);
        let kept = canceled.filter_map(|row| row.id).find(|id| delivered.contains(id));
        faults.lost.extend(kept.map(|id| format!("rental {id} is canceled and delivered")));
    }
}
