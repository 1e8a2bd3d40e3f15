//! The links of a collection: itself, its pages and its profile, in the order of the originals.

use crate::domain::{Paging, Resource};

use super::base::{Base, push_number, push_uri};
use super::page_query::{PageQuery, decoded};
use super::selection;

pub(super) const PAGE_VARIABLES: &str = "{?page,size,sort}";

/// Where a link of a collection leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The collection, with variables for pages.
    Template,
    /// What was asked for, as it was asked for.
    Request,
    /// A page by its number.
    Page(u64),
    /// The collection's profile.
    Profile,
}

impl Target {
    pub(super) fn push(self, out: &mut String, resource: &Resource, base: &Base, query: &PageQuery) {
        match self {
            Self::Template => base.push_collection(out, resource),
            Self::Request => {
                base.push_collection(out, resource);
                if let Some(raw) = &query.raw {
                    out.push('?');
                    push_uri(out, raw);
                }
            }
            Self::Page(number) => {
                base.push_collection(out, resource);
                out.push_str("?page=");
                push_number(out, number);
                out.push_str("&size=");
                push_number(out, query.size);
                push_sort(out, query);
                push_selection(out, resource, query);
            }
            Self::Profile => out.push_str(&base.profile(resource)),
        }
    }
}

/// Lists the links of a collection in the order of the originals.
pub(super) fn collection_links(
    resource: &Resource,
    query: &PageQuery,
    total: u64,
) -> impl Iterator<Item = (&'static str, Target)> {
    let is_paged = resource.paging == Paging::Paged;
    let last = query.pages(total).saturating_sub(1);
    let has_previous = is_paged && query.page > 0;
    let has_next = is_paged && query.page < last;
    let has_more = has_previous || has_next;
    let own = if is_paged && !query.explicit { Target::Template } else { Target::Request };
    let page = |is_there: bool, rel, number| is_there.then_some((rel, Target::Page(number)));
    let links = [
        page(has_more, "first", 0),
        page(has_previous, "prev", query.page.saturating_sub(1)),
        Some(("self", own)),
        page(has_next, "next", query.page.saturating_add(1)),
        page(has_more, "last", last),
        Some(("profile", Target::Profile)),
    ];
    links.into_iter().flatten()
}

/// Writes what selects fields and items, as it was sent.
pub(super) fn push_selection(out: &mut String, resource: &Resource, query: &PageQuery) {
    let sent = query.raw.as_deref().filter(|_| query.is_selecting()).unwrap_or_default();
    let names = |part: &str| decoded(part.split_once('=').map_or(part, |(name, _)| name));
    for part in sent.split('&').filter(|part| selection::selects(resource, &names(part))) {
        out.push('&');
        push_uri(out, part);
    }
}

/// Writes the orders as they were understood; neighbours with one direction share a parameter.
fn push_sort(out: &mut String, query: &PageQuery) {
    let mut orders = query.sort.iter().peekable();
    let mut is_open = false;
    while let Some(order) = orders.next() {
        out.push_str(if is_open { "," } else { "&sort=" });
        out.push_str(order.field);
        is_open = orders.peek().is_some_and(|next| next.descending == order.descending);
        if !is_open {
            out.push_str(if order.descending { ",desc" } else { ",asc" });
        }
    }
}
