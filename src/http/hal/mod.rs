//! What clients see of a state: bodies in HAL, every link, and the profiles that describe them.

mod base;
mod bodies;
mod cursor;
mod page_query;
mod collection_links;
mod selection;
pub mod profile;
mod spaced;

pub use base::Base;
pub use bodies::{Link, item, links, page, root, slice, uri_list};
pub use cursor::Cursor;
pub use page_query::{Order, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, PageQuery, decoded, parameters};
pub use selection::{Fields, Filters};

#[cfg(test)]
mod tests;
