//! Which page of a collection a client asked for, and in what order.
//!
//! Nothing here is an error: what cannot be understood counts as not sent, as the original services had it.

use std::cmp::Ordering;
use std::ops::Range;

use super::selection::{self, Fields, Filters};
use crate::domain::{Field, Paging, Resource, Value};

/// A page of a collection as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageQuery {
    /// The number of the page, from 0.
    pub page: u64,
    /// How many items a page has.
    pub size: u64,
    /// The orders that could be understood, the strongest first.
    pub sort: Vec<Order>,
    /// Whether a page, a size or an order was asked for at all.
    pub explicit: bool,
    /// The fields that are wanted.
    pub fields: Fields,
    /// The values that items must have.
    pub filters: Filters,
    /// The query as it was sent.
    pub raw: Option<String>,
}

/// One order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The field, or `id`.
    pub field: &'static str,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// How many items a page has when nothing else was asked for.
pub const PAGE_SIZE_DEFAULT: u64 = 20;
/// How many items a page has at most.
pub const PAGE_SIZE_MAX: u64 = 1000;

const ID: &str = "id";

impl PageQuery {
    /// Reads the query of a request; a collection without pages has one page with everything, unsorted.
    #[must_use]
    pub fn read(raw: Option<&str>, resource: &Resource) -> Self {
        let raw = raw.filter(|raw| !raw.is_empty());
        let (mut page, mut size, mut sort, mut explicit) = (None, None, Vec::new(), false);
        for (name, value) in parameters(raw.unwrap_or_default()) {
            match name.as_str() {
                "page" => page = page.or(Some(value)),
                "size" => size = size.or(Some(value)),
                "sort" => read_sort(&value, resource.fields, &mut sort),
                _ => continue,
            }
            explicit = true;
        }
        let raw = raw.map(str::to_owned);
        match resource.paging {
            Paging::Paged => Self {
                page: whole(page).unwrap_or(0),
                size: whole(size).filter(|size| *size > 0).unwrap_or(PAGE_SIZE_DEFAULT).min(PAGE_SIZE_MAX),
                sort,
                explicit,
                raw,
                ..Self::default()
            },
            Paging::Whole => Self { size: u64::MAX, explicit, raw, ..Self::default() },
        }
    }

    /// Reads which fields of which items are wanted, too.
    ///
    /// # Errors
    ///
    /// Fails when a field is named that is not there, or not indexed, or with a value that it cannot have.
    pub fn selecting(mut self, resource: &Resource) -> Result<Self, String> {
        self.fields = Fields::read(self.raw.as_deref(), resource)?;
        self.filters = selection::filters(self.raw.as_deref(), resource)?;
        self.explicit |= self.is_selecting();
        Ok(self)
    }

    /// Tells whether not everything is wanted.
    #[must_use]
    pub fn is_selecting(&self) -> bool {
        self.fields != Fields::default() || !self.filters.is_empty()
    }

    /// Counts the pages of a collection.
    #[must_use]
    pub fn pages(&self, total: u64) -> u64 {
        total.div_ceil(self.size.max(1))
    }

    /// Returns the places of this page's items among all of them; empty beyond the end.
    #[must_use]
    pub fn window(&self, total: usize) -> Range<usize> {
        let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).min(total);
        let start = self.page.saturating_mul(self.size);
        place(start)..place(start.saturating_add(self.size))
    }

    /// Puts rows into the asked order; rows that are equal in it stay as they are.
    ///
    /// Nothing comes before numbers, numbers before text; text goes by code point.
    pub fn sort_rows(&self, fields: &[Field], rows: &mut [(u64, Vec<Value>)]) {
        let place = |order: &Order| fields.iter().position(|field| field.name == order.field);
        let orders: Vec<_> = self.sort.iter().map(|order| (place(order), order.descending)).collect();
        if orders.is_empty() {
            return;
        }
        rows.sort_by(|a, b| {
            let by = |(place, descending): &(Option<usize>, bool)| {
                let ascending = match place {
                    Some(place) => a.1.get(*place).cmp(&b.1.get(*place)),
                    None => a.0.cmp(&b.0),
                };
                if *descending { ascending.reverse() } else { ascending }
            };
            orders.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
    }
}

/// Lists the parameters of a query, percent-decoded, in their order.
pub fn parameters(raw: &str) -> impl Iterator<Item = (String, String)> {
    raw.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decoded(name), decoded(value))
    })
}

/// Adds the orders of one parameter: fields, then perhaps the direction of all of them.
fn read_sort(value: &str, fields: &'static [Field], sort: &mut Vec<Order>) {
    let value = value.trim_end_matches(',');
    let (names, last) = value.rsplit_once(',').unwrap_or(("", value));
    let (names, descending) = match last {
        word if word.eq_ignore_ascii_case("desc") => (names, true),
        word if word.eq_ignore_ascii_case("asc") => (names, false),
        _ => (value, false),
    };
    for name in names.split(',') {
        let known = fields.iter().map(|field| field.name).chain([ID]).find(|known| *known == name);
        // A field's second order can decide nothing.
        let fresh = known.filter(|known| sort.iter().all(|order| order.field != *known));
        sort.extend(fresh.map(|field| Order { field, descending }));
    }
}

/// Reads a number as far as the originals could count.
fn whole(text: Option<String>) -> Option<u64> {
    let number: i32 = text?.parse().ok()?;
    u64::try_from(number).ok()
}

/// Takes percent-encoding and pluses back.
#[must_use]
pub fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = match byte {
            b'%' => hex(bytes.get(at + 1)).zip(hex(bytes.get(at + 2))),
            _ => None,
        };
        plain.push(match (escaped, byte) {
            (Some((high, low)), _) => high << 4 | low,
            (None, b'+') => b' ',
            (None, other) => other,
        });
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8(plain).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn hex(digit: Option<&u8>) -> Option<u8> {
    let value = char::from(*digit?).to_digit(16)?;
    u8::try_from(value).ok()
}
