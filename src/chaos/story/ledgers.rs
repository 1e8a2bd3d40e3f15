//! The stocks' own ledgers, fact by fact: at every position of the log they add up, whatever was dead by then.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{At, facts_of};
use crate::domain::Stream;
use crate::journal::Record;

/// What is known of one stock at a position of the log.
#[derive(Debug, Default)]
pub(in crate::chaos) struct Stock {
    pub(in crate::chaos) registered: i64,
    pub(in crate::chaos) left: i64,
    /// What each rental has out, 0 for one that has brought it back.
    pub(in crate::chaos) out: BTreeMap<u64, i64>,
}

/// A movement of a stock, as a fact tells it.
enum Moved {
    /// It was set.
    Set(i64),
    /// So many are left after a rental took or gave back.
    To { left: i64, rental: u64 },
}

/// Every stock, and what was wrong with it when.
#[derive(Debug, Default)]
pub(in crate::chaos) struct Ledgers {
    pub(in crate::chaos) stocks: BTreeMap<Stream, Stock>,
    pub(in crate::chaos) movements: u64,
    /// How often a rental took or gave back.
    pub(in crate::chaos) takings: u64,
    /// Where a stock does not add up.
    pub(in crate::chaos) unsound: Vec<String>,
    /// Where a rental took twice, or gave back what it had not.
    pub(in crate::chaos) twice: Vec<String>,
}

impl Ledgers {
    pub(super) fn take(&mut self, at: At, record: &Record) {
        let Some(facts) = facts_of(record) else { return };
        for (event, index) in facts.events.iter().zip(0..) {
            let Some(moved) = moved(event.name(), || serde_json::to_value(event.payload()).unwrap_or_default()) else {
                continue;
            };
            self.movements += 1;
            self.takings += u64::from(matches!(moved, Moved::To { .. }));
            let stock = self.stocks.entry(facts.stream).or_default();
            let place = format!("{} at position {}", facts.stream, at.position + index);
            self.twice.extend(stock.follow(moved).map(|fault| format!("{place}: {fault}")));
            let out: i64 = stock.out.values().sum();
            if stock.left < 0 || stock.left + out != stock.registered {
                let Stock { left, registered, .. } = stock;
                self.unsound.push(format!("{place}: {left} left, {out} out, {registered} registered"));
            }
        }
    }
}

impl Stock {
    /// Takes one movement in; says what a rental may not do.
    fn follow(&mut self, moved: Moved) -> Option<String> {
        match moved {
            Moved::Set(qty) => {
                (self.registered, self.left) = (qty + self.out.values().sum::<i64>(), qty);
                None
            }
            Moved::To { left, rental } => {
                let taken = self.left - left;
                let before = self.out.insert(rental, self.out.get(&rental).copied().unwrap_or(0) + taken);
                self.left = left;
                let is_sound = match before {
                    None => taken > 0,
                    Some(out) => out > 0 && taken == -out,
                };
                (!is_sound).then(|| format!("rental {rental} took {taken} after it had {before:?}"))
            }
        }
    }
}

/// Tells how OA rental's and book rental's facts move which stock.
fn moved(name: &str, fields: impl FnOnce() -> Value) -> Option<Moved> {
    let (set, left) = match name {
        "ProductInventoryRegisted" => ("qty", None),
        "BookSaved" => ("stock", None),
        "StockChanged" => ("", Some("qty")),
        "StockDecreased" | "StockIncreased" => ("", Some("stock")),
        _ => return None,
    };
    let fields = fields();
    match left {
        None => Some(Moved::Set(fields[set].as_i64()?)),
        Some(left) => Some(Moved::To { left: fields[left].as_i64()?, rental: fields["rentalId"].as_u64()? }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rental_takes_once_and_gives_back_what_it_took_once() {
        let mut stock = Stock::default();
        assert_eq!(stock.follow(Moved::Set(10)), None);
        assert_eq!(stock.follow(Moved::To { left: 8, rental: 1 }), None);
        assert_eq!(stock.follow(Moved::To { left: 10, rental: 1 }), None);
        assert_eq!((stock.left, stock.registered, stock.out[&1]), (10, 10, 0));
        assert!(stock.follow(Moved::To { left: 11, rental: 1 }).is_some(), "it gives back again");
        assert!(stock.follow(Moved::To { left: 12, rental: 2 }).is_some(), "it gives back what it never took");
    }

    #[test]
    fn a_stock_that_is_set_anew_counts_what_is_out_besides() {
        let mut stock = Stock::default();
        stock.follow(Moved::Set(10));
        stock.follow(Moved::To { left: 7, rental: 1 });
        stock.follow(Moved::Set(50));
        assert_eq!((stock.left, stock.registered), (50, 53));
    }
}
