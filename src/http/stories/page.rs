//! As many facts as one answer tells, and where the rest is.

use std::ops::ControlFlow;

use warp::http::StatusCode;
use warp::http::header::LINK;

use super::FACTS_MAX;
use super::fact::{JSON, position, told};
use crate::domain::Recorded;
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::journal::Position;

/// Reads after which position a client wants to go on; 0: from the beginning.
pub(super) fn after(request: &Request) -> Result<Position, Problem> {
    request.parameter("after").map_or(Ok(0), |sent| position("after", &sent))
}

/// The facts of one answer.
#[derive(Debug, Default)]
pub(super) struct Page {
    told: Vec<String>,
    last: Position,
    has_more: bool,
}

impl Page {
    /// Takes one more fact; breaks off when it is one too many.
    pub(super) fn take(&mut self, fact: &Recorded) -> ControlFlow<()> {
        if self.told.len() >= FACTS_MAX {
            self.has_more = true;
            return ControlFlow::Break(());
        }
        self.told.push(told(fact));
        self.last = fact.position;
        ControlFlow::Continue(())
    }

    /// Answers with the facts; `path` is where this answer is, and with the last position where the rest is.
    pub(super) fn into_answer(self, path: &str) -> Answer {
        let answer = Answer::with_body(StatusCode::OK, JSON, format!("[{}]", self.told.join(",")));
        match self.has_more {
            true => answer.header(LINK, &format!("<{path}?after={}>; rel=\"next\"", self.last)),
            false => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Aggregate as _, Stream};
    use crate::systems::oa_rental::product::{Product, ProductEvent, ProductRemoved};

    fn fact(position: Position) -> Recorded {
        Recorded {
            position,
            stream: Stream::new(Product::KIND, 1),
            version: position,
            public_version: position,
            time_ms: 0,
            command: 0,
            causation: 0,
            correlation: Arc::from("a story"),
            trace: None,
            event: Arc::new(ProductEvent::from(ProductRemoved { id: 1 })),
        }
    }

    #[test]
    fn one_answer_tells_so_many_facts_and_links_to_the_rest_only_if_there_is_one() {
        let mut page = Page::default();
        for position in 1..=FACTS_MAX {
            assert!(page.take(&fact(position as Position)).is_continue());
        }
        let mut longer = Page { told: page.told.clone(), ..page };
        assert_eq!(page.into_answer("/products/1/history").headers.get(LINK), None);
        assert!(longer.take(&fact(1_000_000)).is_break());
        assert_eq!(longer.told.len(), FACTS_MAX);
        let link = format!("</products/1/history?after={FACTS_MAX}>; rel=\"next\"");
        assert_eq!(longer.into_answer("/products/1/history").headers[LINK], link);
    }
}
