//! The catalogue: what the business does, one folder a system.

pub mod book_market;
pub mod book_rental;
pub mod car_rental;
pub mod hair_shop;
pub mod oa_rental;

use crate::domain::System;

/// Describes every system of this build.
#[must_use]
pub fn all() -> Vec<System> {
    vec![oa_rental::system(), car_rental::system(), book_rental::system(), book_market::system(), hair_shop::system()]
}

#[cfg(test)]
mod tests;
