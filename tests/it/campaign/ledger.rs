//! Writers that remember what they were told; `audit` holds the server to it.
//!
//! A request is written down before it is sent. Answered: its effect is there, once. Not answered: it may have happened,
//! at most once; sending it again with its key makes it exactly once.

use std::io;

use crate::campaign::audit::{Faults, Listing};
use crate::campaign::{Dice, Doors};
use crate::client::{Answer, JSON_FIRST, Request};
use crate::support::Server;

/// More than any campaign rents, so that every rental can be delivered.
pub(crate) const STOCK: u64 = 2_000_000;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Products,
    Rentals,
}

impl Table {
    /// The service that owns the collection, and its path and rel.
    pub(crate) fn place(self) -> (&'static str, &'static str) {
        match self {
            Table::Products => ("product", "products"),
            Table::Rentals => ("rental", "rentals"),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    No,
    Asked,
    Yes,
}

/// What one writer knows of one row.
pub(crate) struct Row {
    label: String,
    pub(crate) id: Option<u64>,
    /// The values it may show: one when every write to it was answered.
    qtys: Vec<u64>,
    keyed: Option<Request>,
    pub(crate) gone: Gone,
}

pub(crate) struct Writer {
    pub(crate) name: String,
    dice: Dice,
    /// The product it rents.
    pub(crate) stock_id: u64,
    sequence: u64,
    products: Vec<Row>,
    rentals: Vec<Row>,
    /// Rows written to since the last `settle`.
    fresh: Vec<(Table, usize)>,
    /// Answers that were not 2xx.
    pub(crate) refused: Vec<(u16, String)>,
}

impl Writer {
    /// Registers the product it rents: one each, so that writers do not wait for each other's stock.
    pub(crate) fn new(server: &Server, number: u64, seed: u64) -> Writer {
        let writer = Writer::try_new(server, number, seed).expect("the stock is registered");
        let copy = format!("/products/{}", writer.stock_id);
        server.becomes("delivery", &copy, "known to Delivery", |p| p["qty"] == STOCK);
        writer
    }

    /// The same at a server that may refuse it, or not answer.
    pub(crate) fn try_new(server: &Server, number: u64, seed: u64) -> Option<Writer> {
        let name = format!("w{number}");
        let body = format!(r#"{{"name":"{name}-stock","qty":{STOCK}}}"#);
        let made = server.client("product").try_send(&Request::post("/products", body)).ok()?;
        let stock_id = made.located_id()?;
        Some(Writer {
            name,
            dice: Dice::new(seed ^ number),
            stock_id,
            sequence: 0,
            products: Vec::new(),
            rentals: Vec::new(),
            fresh: Vec::new(),
            refused: Vec::new(),
        })
    }

    /// One random write. An error means that no answer came.
    pub(crate) fn step(&mut self, doors: &mut Doors) -> io::Result<()> {
        match self.dice.below(20) {
            0..8 => self.create(Table::Products, doors),
            8..12 => self.patch(doors),
            12..17 => self.create(Table::Rentals, doors),
            _ => self.cancel(doors),
        }
    }

    /// A new row, which costs the store more than any other write.
    pub(crate) fn grow(&mut self, doors: &mut Doors) -> io::Result<()> {
        self.create(Table::Products, doors)
    }

    pub(crate) fn rows(&self, table: Table) -> &[Row] {
        match table {
            Table::Products => &self.products,
            Table::Rentals => &self.rentals,
        }
    }

    fn rows_mut(&mut self, table: Table) -> &mut Vec<Row> {
        match table {
            Table::Products => &mut self.products,
            Table::Rentals => &mut self.rentals,
        }
    }

    fn create(&mut self, table: Table, doors: &mut Doors) -> io::Result<()> {
        self.sequence += 1;
        let (label, stock_id) = (format!("{}-{}", self.name, self.sequence), self.stock_id);
        let qty = 1 + self.dice.below(3);
        let body = match table {
            Table::Products => format!(r#"{{"name":"{label}","qty":"{qty}"}}"#),
            Table::Rentals => {
                format!(r#"{{"productId":{stock_id},"qty":{qty},"status":"ORDERED","productName":"{label}"}}"#)
            }
        };
        let mut request = Request::post(&format!("/{}", table.place().1), body);
        let with_key = self.dice.below(2) == 0;
        if with_key {
            request = request.header("Idempotency-Key", &format!("\"{label}\""));
        }
        let keyed = with_key.then(|| request.clone());
        self.rows_mut(table).push(Row { label, id: None, qtys: vec![qty], keyed, gone: Gone::No });
        self.fresh.push((table, self.rows(table).len() - 1));
        let answer = doors.of(table).try_send(&request)?;
        if self.is_taken(&request, &answer) {
            let id = answer.located_id();
            assert!(id.is_some(), "201 without Location: {answer:?}");
            self.rows_mut(table).last_mut().expect("pushed above").id = id;
        }
        Ok(())
    }

    fn patch(&mut self, doors: &mut Doors) -> io::Result<()> {
        let Some((index, id)) = self.pick(Table::Products) else {
            return Ok(());
        };
        self.sequence += 1;
        let qty = self.sequence;
        self.products[index].qtys.push(qty);
        self.fresh.push((Table::Products, index));
        let request = Request::new("PATCH", &format!("/products/{id}"))
            .header("Accept", JSON_FIRST)
            .json(format!(r#"{{"qty":{qty}}}"#));
        let answer = doors.product.try_send(&request)?;
        if self.is_taken(&request, &answer) {
            self.products[index].qtys = vec![qty];
        }
        Ok(())
    }

    fn cancel(&mut self, doors: &mut Doors) -> io::Result<()> {
        let Some((index, id)) = self.pick(Table::Rentals) else {
            return Ok(());
        };
        self.rentals[index].gone = Gone::Asked;
        self.fresh.push((Table::Rentals, index));
        let request = Request::delete(&format!("/rentals/{id}"));
        let answer = doors.rental.try_send(&request)?;
        if self.is_taken(&request, &answer) {
            self.rentals[index].gone = Gone::Yes;
        }
        Ok(())
    }

    /// One of the newest fifty rows, if it certainly exists.
    fn pick(&mut self, table: Table) -> Option<(usize, u64)> {
        let back = 1 + self.dice.below(50) as usize;
        let index = self.rows(table).len().checked_sub(back)?;
        let row = &self.rows(table)[index];
        if row.gone == Gone::No { row.id.map(|id| (index, id)) } else { None }
    }

    fn is_taken(&mut self, request: &Request, answer: &Answer) -> bool {
        if !answer.is_success() {
            self.refused.push((answer.status, format!("{}: {}", request.path(), answer.text())));
        }
        answer.is_success()
    }

    /// Sends again what was never answered, with the same key or to the same row, and reads what was written.
    pub(crate) fn settle(&mut self, server: &Server, faults: &mut Faults) {
        let mut doors = Doors::new(server);
        self.resend(Table::Products, &mut doors, faults);
        self.resend(Table::Rentals, &mut doors, faults);
        for row in self.rentals.iter_mut().filter(|row| row.gone == Gone::Asked) {
            let id = row.id.expect("only known rows are canceled");
            let answer = doors.rental.send(&Request::delete(&format!("/rentals/{id}")));
            if ![204, 404].contains(&answer.status) {
                let said = answer.text();
                faults.lost(format!("cancel of rental {id} sent again: {} {said}", answer.status));
            }
            row.gone = Gone::Yes;
        }
        self.read_again(&mut doors, faults);
    }

    /// Every keyed creation without an answer, and one that had one: the key must lead to the same row.
    fn resend(&mut self, table: Table, doors: &mut Doors, faults: &mut Faults) {
        let again = self.dice.below(1 + self.rows(table).len() as u64) as usize;
        for (index, row) in self.rows_mut(table).iter_mut().enumerate() {
            let Some(request) = row.keyed.as_ref().filter(|_| row.id.is_none() || index == again) else {
                continue;
            };
            let answer = doors.of(table).send(request);
            let found = answer.located_id();
            if answer.status != 201 || row.id.is_some_and(|id| found != Some(id)) {
                let (label, id, status) = (&row.label, row.id, answer.status);
                faults.lost(format!("{label} {id:?} resent with its key: {status} {found:?}"));
            }
            row.id = row.id.or(found);
        }
    }

    /// Reads every row written to since the last time: later writes must not hide a lost one.
    fn read_again(&mut self, doors: &mut Doors, faults: &mut Faults) {
        for (table, index) in std::mem::take(&mut self.fresh) {
            let row = &self.rows(table)[index];
            let Some(id) = row.id else { continue };
            let path = format!("/{}/{id}", table.place().1);
            let answer = doors.of(table).send(&Request::get(&path));
            let qty = answer.json()["qty"].as_u64();
            let kept = answer.status == 200 && qty.is_some_and(|qty| row.qtys.contains(&qty));
            if (row.gone == Gone::Yes && answer.status != 404) || (row.gone == Gone::No && !kept) {
                let (label, status) = (&row.label, answer.status);
                faults.lost(format!("{label} {path} reads {status} {qty:?}, not {:?}", row.qtys));
            }
        }
    }

    /// Compares what is remembered with what is listed; adopts what was never answered and is there.
    pub(crate) fn compare(&mut self, table: Table, listed: &Listing, faults: &mut Faults) {
        for row in self.rows_mut(table).iter_mut() {
            let found = listed.of_label(&row.label);
            let shown = format!("{} {:?} listed as {found:?}", row.label, row.id);
            match (row.gone, row.id, found) {
                (_, _, [_, _, ..]) => faults.doubled(shown),
                (Gone::Yes, _, []) | (_, None, []) => {}
                (Gone::Yes, _, [_]) => faults.lost(format!("a cancel: {shown}")),
                (_, Some(_), []) => faults.lost(shown),
                (_, known, [(id, qty)]) => {
                    if known.is_some_and(|known| known != *id) || !row.qtys.contains(qty) {
                        faults.lost(format!("{shown}, not {:?}", row.qtys));
                    }
                    row.id = Some(*id);
                }
            }
        }
    }
}
