//! What the five systems promise their customers: goods and money add up.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::evidence::Evidence;
use super::invariants::same;
use crate::chaos::Pairs;
use crate::domain::{Kind, Stream};

/// What is known of one stock at a position of the log.
#[derive(Debug, Default)]
struct Stock {
    registered: i64,
    left: i64,
    /// What each rental has out, 0 for one that has brought it back.
    out: BTreeMap<u64, i64>,
}

/// A movement of a stock, as a fact tells it.
enum Moved {
    /// It was set.
    Set(i64),
    /// So many are left after a rental took or gave back.
    To { left: i64, rental: u64 },
}

fn moved(name: &str, fact: &Value) -> Option<Moved> {
    let number = |field: &str| fact[field].as_i64();
    let rental = || fact["rentalId"].as_u64();
    Some(match name {
        "ProductInventoryRegisted" => Moved::Set(number("qty")?),
        "BookSaved" => Moved::Set(number("stock")?),
        "StockChanged" => Moved::To { left: number("qty")?, rental: rental()? },
        "StockDecreased" | "StockIncreased" => Moved::To { left: number("stock")?, rental: rental()? },
        _ => return None,
    })
}

impl Stock {
    fn follow(&mut self, moved: &Moved) -> bool {
        match *moved {
            Moved::Set(qty) => (self.registered, self.left) = (qty, qty),
            Moved::To { left, rental } => {
                let taken = self.left - left;
                self.left = left;
                let before = self.out.insert(rental, self.out.get(&rental).copied().unwrap_or(0) + taken);
                let is_sound = before.map_or(taken > 0, |out| out > 0 && taken == -out);
                if !is_sound {
                    return false;
                }
            }
        }
        self.left >= 0 && self.left + self.out.values().sum::<i64>() == self.registered
    }
}

/// At every position each stock has what was registered less what is out, and nothing comes back twice.
pub(super) fn stocks_add_up(evidence: &Evidence<'_>) -> Result<(), String> {
    let mut stocks: BTreeMap<Stream, Stock> = BTreeMap::new();
    for fact in &evidence.facts {
        let payload = serde_json::to_value(fact.event.payload()).map_err(|error| error.to_string())?;
        let Some(moved) = moved(fact.event.name(), &payload) else { continue };
        let stock = stocks.entry(fact.stream).or_default();
        if !stock.follow(&moved) {
            return Err(format!("{} at {}: {:?} leaves {stock:?}", fact.stream, fact.position, fact.event));
        }
    }
    // What is out is what stands: delivered and not cancelled, rented and not cancelled.
    for (stream, stock) in &stocks {
        let out: BTreeSet<u64> = stock.out.iter().filter(|(_, out)| **out > 0).map(|(id, _)| *id).collect();
        let (kind, stands, gone) = match stream.kind.path() {
            "book-rental/book/book" => (Kind::new("book-rental/rent/rental"), "RentSaved", "RentCanceled"),
            _ => (Kind::new("oa-rental/delivery/delivery"), "Delivered", "StockReturned"),
        };
        let standing = evidence.facts.iter().filter(|fact| fact.stream.kind == kind && fact.event.name() == stands);
        let mut expected: BTreeSet<u64> = standing.map(|fact| fact.stream.id).collect();
        evidence.facts.iter().filter(|fact| fact.stream.kind == kind && fact.event.name() == gone).for_each(|fact| {
            expected.remove(&fact.stream.id);
        });
        expected.retain(|id| stock.out.contains_key(id));
        same(&out, &expected, || format!("who has something of {stream}"))?;
    }
    Ok(())
}

/// No order without its payment and no payment without its order, and so on in all five systems.
pub(super) fn what_belongs_together_is_there_together(evidence: &Evidence<'_>) -> Result<(), String> {
    let mut pairs = Pairs::default();
    evidence.facts.iter().for_each(|fact| pairs.count(fact.stream, &*fact.event));
    let (_, faults) = pairs.judged();
    faults.into_iter().next().map_or(Ok(()), Err)
}

/// Three services know an office product's stock.
pub(super) fn copies_are_equal(evidence: &Evidence<'_>) -> Result<(), String> {
    let qty = |kind: &'static str, id: u64| -> Result<Value, String> {
        let row = evidence.process.journal.row(Stream::new(Kind::new(kind), id)).map_err(|error| error.to_string())?;
        let state = row.map_or(Ok(Value::Null), |row| serde_json::to_value(row.state.payload()));
        let state = state.map_err(|error| error.to_string())?;
        // Delivery's own is a copy that counts.
        Ok(state.get("of").unwrap_or(&state)["qty"].clone())
    };
    let stock = "oa-rental/delivery/product";
    let saved = evidence.facts.iter().filter(|fact| fact.event.name() == "ProductSaved");
    for id in saved.map(|fact| fact.stream.id) {
        for copy in ["oa-rental/product/product", "oa-rental/rental/product"] {
            same(&qty(copy, id)?, &qty(stock, id)?, || format!("{copy} {id}"))?;
        }
    }
    Ok(())
}
