//! The stock's own ledger, fact by fact: at every position of the log it adds up, whatever had been stopped by then.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::Server;

/// How many facts are asked for at once.
const FACTS: usize = 1_000;

/// What is known of one stock at a position of the log.
#[derive(Default)]
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

/// Tells how OA rental's and book rental's facts move which stock.
fn moved(fact: &Value) -> Option<(u64, Moved)> {
    let number = |field: &str| fact[field].as_i64();
    let (id, rental) = (fact["id"].as_u64(), fact["rentalId"].as_u64());
    let moved = match fact["eventType"].as_str()? {
        "ProductInventoryRegisted" => Moved::Set(number("qty")?),
        "BookSaved" => Moved::Set(number("stock")?),
        "StockChanged" => Moved::To { left: number("qty")?, rental: rental? },
        "StockDecreased" | "StockIncreased" => Moved::To { left: number("stock")?, rental: rental? },
        _ => return None,
    };
    Some((id?, moved))
}

impl Stock {
    /// Takes one movement in; says what is wrong with it.
    fn follow(&mut self, moved: Moved) -> Option<String> {
        match moved {
            Moved::Set(qty) => (self.registered, self.left) = (qty, qty),
            Moved::To { left, rental } => {
                let taken = self.left - left;
                let before = self.out.insert(rental, self.out.get(&rental).copied().unwrap_or(0) + taken);
                self.left = left;
                let is_sound = match before {
                    None => taken > 0,
                    Some(out) => out > 0 && taken == -out,
                };
                if !is_sound {
                    return Some(format!("rental {rental} took {taken} after it had {before:?}"));
                }
            }
        }
        let out: i64 = self.out.values().sum();
        let adds_up = self.left >= 0 && self.left + out == self.registered;
        (!adds_up).then(|| format!("{} left, {out} out, {} registered", self.left, self.registered))
    }
}

/// Reads a system's whole story; returns how many movements of stocks it tells, and those after which one does not add up.
pub(super) fn faults(server: &Server, system: &str) -> (usize, Vec<String>) {
    let (mut stocks, mut movements, mut faults) = (BTreeMap::<u64, Stock>::new(), 0, Vec::new());
    let mut after = 0;
    loop {
        let told = server.get("gateway", &format!("/{system}/events?after={after}&limit={FACTS}"));
        assert_eq!(told.status, 200, "{}", told.text());
        let facts: Vec<Value> =
            told.text().lines().map(|line| serde_json::from_str(line).expect("a fact is json")).collect();
        for fact in &facts {
            let position = fact["meta"]["position"].as_u64().expect("a position");
            assert!(position > after, "the story goes back from {after} to {position}");
            after = position;
            if let Some((id, moved)) = moved(fact) {
                movements += 1;
                let fault = stocks.entry(id).or_default().follow(moved);
                faults.extend(fault.map(|fault| format!("{system}, stock {id} at position {position}: {fault}")));
            }
        }
        if facts.len() < FACTS {
            return (movements, faults);
        }
    }
}
