//! What honest clients ask of any collection of any system, and of the paths written by hand.

use super::grammar::{Draft, Grammar, LASTING};
use crate::offer::{Collection, Posted, Shape};

impl Grammar {
    fn collection(&mut self) -> &'static Collection {
        let collections = self.system().collections;
        &collections[self.place(collections.len())]
    }

    /// A collection that offers one of these methods, and one of them.
    fn offering(&mut self, methods: &[&'static str]) -> (&'static Collection, &'static str) {
        loop {
            let (of, method) = (self.collection(), self.one(methods));
            if of.offers(method) {
                return (of, method);
            }
        }
    }

    /// A way to a collection: by the service itself, or by the gateway that leads to it.
    fn path(&mut self, of: &Collection) -> String {
        let by_gateway = of.at_gateway && self.chance(500);
        let name = if of.is_plain_too && self.chance(300) { of.item } else { of.path };
        let service = if by_gateway { String::new() } else { format!("/services/{}", of.service) };
        format!("/{}{service}/{name}", of.system)
    }

    pub(super) fn look(&mut self) -> Draft {
        let of = self.collection();
        let (path, method) = (self.path(of), self.one(&["GET", "HEAD", "OPTIONS"]));
        let rest = self.one(&["/1", "", "/2", "/50"]);
        Draft::new(method, format!("{path}{rest}"), of.fields)
    }

    pub(super) fn item(&mut self) -> Draft {
        let of = self.collection();
        let (path, method) = (self.path(of), self.one(&["GET", "GET", "HEAD"]));
        Draft::new(method, format!("{path}/{}", self.id()), of.fields)
    }

    pub(super) fn post(&mut self) -> Draft {
        let (of, method) = self.offering(&["POST"]);
        let (path, body) = (self.path(of), self.body(of));
        Draft { body: Some(body), ..Draft::new(method, path, of.fields) }
    }

    pub(super) fn change(&mut self) -> Draft {
        let (of, method) = self.offering(&["PUT", "PATCH"]);
        let path = format!("{}/{}", self.path(of), self.id());
        let body = match (method, self.dice.below(3)) {
            ("PATCH", 0) => self.operations(of),
            ("PATCH", 1) => of.patch.into(),
            _ => self.body(of),
        };
        Draft { body: Some(body), ..Draft::new(method, path, of.fields) }
    }

    pub(super) fn removal(&mut self) -> Draft {
        let (of, method) = self.offering(&["DELETE"]);
        let path = format!("{}/{}", self.path(of), LASTING + self.id());
        Draft::new(method, path, of.fields)
    }

    pub(super) fn list(&mut self) -> Draft {
        let of = self.collection();
        let field = of.fields[self.place(of.fields.len())].name;
        let sort = match self.dice.below(7) {
            0 => "&sort=id,desc".into(),
            1 => format!("&sort={field}"),
            2 => format!("&sort={field},desc&sort=id"),
            _ => String::new(),
        };
        let (page, size) = (self.dice.below(40), 1 + self.dice.below(30));
        let query = if self.chance(100) { "cursor=".into() } else { format!("page={page}&size={size}{sort}") };
        Draft::new("GET", format!("{}?{query}", self.path(of)), of.fields)
    }

    /// What reads the log: rare, for it is long.
    pub(super) fn story(&mut self) -> Draft {
        let (of, id, number) = (self.collection(), self.id(), self.dice.below(400));
        let path = self.path(of);
        let target = match self.dice.below(8) {
            0 => format!("{path}/{id}/history"),
            1 => format!("{path}/{id}?at={number}"),
            2 => format!("/{}/correlations/story-{number}", of.system),
            _ => format!("/{}/events?after={number}&limit=20", of.system),
        };
        Draft::new("GET", target, of.fields)
    }

    pub(super) fn hall(&mut self) -> Draft {
        let of = self.collection();
        let service = if self.chance(500) { format!("/services/{}", of.service) } else { String::new() };
        let rest = self.one(&[
            "/actuator",
            "/actuator/info",
            "/actuator/health",
            "/actuator/health/readiness",
            "/actuator/circuitbreakers",
            "/profile/",
            "",
        ]);
        let collection = if rest == "/profile/" { of.path } else { "" };
        Draft::new("GET", format!("/{}{service}{rest}{collection}", of.system), of.fields)
    }

    /// What is written by hand.
    pub(super) fn plain(&mut self) -> Draft {
        let number = self.id();
        let (system, path) = match self.dice.below(6) {
            0 => ("book-rental/services/view", "view".into()),
            1 => ("book-rental", format!("view/{number}")),
            2 => ("book-rental", self.one(&["env", "superuser"]).into()),
            3 => ("book-market", format!("circuitBreaker?isYn={}", self.one(&["Y", "N", ""]))),
            _ => ("book-market/services/payment", format!("selectPaymentInfo?orderId={number}")),
        };
        Draft::new("GET", format!("/{system}/{path}"), &[])
    }

    /// A body with every field of a collection.
    fn body(&mut self, of: &Collection) -> Vec<u8> {
        let members = of.fields.iter().map(|field| {
            let value = match (field.posted, field.shape) {
                // Of the first five there is most.
                (Posted::Names, _) => (1 + self.dice.below(7)).to_string(),
                (_, Shape::Text) => format!("\"{}\"", self.word()),
                (_, Shape::Int | Shape::Long) if field.name.ends_with("Id") => self.id().to_string(),
                (_, Shape::Int | Shape::Long) => self.dice.below(6).to_string(),
            };
            format!("\"{}\":{value}", field.name)
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(",")).into_bytes()
    }

    fn operations(&mut self, of: &Collection) -> Vec<u8> {
        let (field, qty) = (&of.fields[self.place(of.fields.len())], self.dice.below(1_000));
        let (first, name) = (self.one(&["replace", "add", "test"]), field.name);
        format!(
            r#"[{{"op":"{first}","path":"/{name}","value":{qty}}},{{"op":"copy","from":"/{name}","path":"/{name}"}}]"#
        )
        .into_bytes()
    }
}
