//! What an operator points at: `system/service/kind/id`, shorter forms, and `*` for any part.

use crate::actors::chaos::victims::Name;
use crate::domain::{Kind, Stream};

/// Tells whether a target covers an aggregate.
pub(super) fn covers(target: &str, stream: Stream) -> bool {
    // Asked of every living one: few targets say which of a kind.
    match target.rsplit_once('/') {
        _ if covers_kind(target, stream.kind) => true,
        Some((kind, _)) if covers_kind(kind, stream.kind) => leads_to(target, &stream.to_string()),
        Some(_) | None => false,
    }
}

/// Tells whether a target covers a part of the house.
pub(super) fn covers_part(target: &str, name: &Name) -> bool {
    match name {
        Name::Aggregate(stream) => covers(target, *stream),
        Name::Part(name) => leads_to(target, name),
    }
}

/// Tells whether a target covers every aggregate or row of a kind.
pub(super) fn covers_kind(target: &str, kind: Kind) -> bool {
    leads_to(target, kind.path())
}

fn leads_to(target: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    target.split('/').all(|wanted| parts.next().is_some_and(|part| wanted == "*" || wanted == part))
}

/// Reads a target that names one aggregate of these kinds.
pub(super) fn stream(target: &str, kinds: impl IntoIterator<Item = Kind>) -> Option<Stream> {
    let (path, id) = target.rsplit_once('/')?;
    let id = id.parse().ok()?;
    kinds.into_iter().find(|kind| kind.path() == path).map(|kind| Stream::new(kind, id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Aggregate as _;
    use crate::systems::oa_rental::rental::Rental;

    #[test]
    fn a_target_covers_what_its_parts_name_and_a_star_is_any() {
        let rental = Stream::new(Rental::KIND, 3);
        for target in ["*", "oa-rental", "oa-rental/rental", "oa-rental/rental/rental/3", "*/*/rental", "*/*/*/3"] {
            assert!(covers(target, rental), "{target}");
        }
        for target in ["", "oa", "rental", "oa-rental/delivery", "oa-rental/rental/rental/33", "*/*/*/*/*"] {
            assert!(!covers(target, rental), "{target}");
        }
    }

    #[test]
    fn a_target_covers_a_kind_unless_it_names_one_of_it() {
        for target in ["*", "oa-rental/rental", "oa-rental/*/rental", "oa-rental/rental/rental"] {
            assert!(covers_kind(target, Rental::KIND), "{target}");
        }
        for target in ["", "oa-rental/delivery", "oa-rental/rental/rental/3", "*/*/*/*"] {
            assert!(!covers_kind(target, Rental::KIND), "{target}");
        }
    }

    #[test]
    fn one_aggregate_is_named_by_its_whole_path() {
        let named = |target| stream(target, [Rental::KIND]);
        assert_eq!(named("oa-rental/rental/rental/3"), Some(Stream::new(Rental::KIND, 3)));
        for target in ["", "3", "oa-rental/rental/rental", "oa-rental/rental/*/3", "oa-rental/rental/rental/x"] {
            assert_eq!(named(target), None, "{target}");
        }
    }
}
