//! The document: each path with the methods it offers, and what they answer.

use serde_json::{Map, Value, json};

use super::Of;
use super::schemas::{self, list_name, refer, sent_name};
use crate::domain::{Paging, Resource, Route, Verb};
use crate::http::problem::PROBLEM_JSON;
use crate::http::routes::{ResourceRoutes, ServiceRoutes};

const HAL: &str = "application/hal+json";
const JSON: &str = "application/json";

/// A description that grows path by path.
pub(super) struct Document {
    title: String,
    about: String,
    server: String,
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
    selective: bool,
}

impl Document {
    /// Describes what stands behind an address.
    pub(super) fn of(of: Of<'_>, server: &str, selective: bool) -> Self {
        let (title, about) = match of {
            Of::Gateway(system) => (system.name.to_owned(), system.about.to_owned()),
            Of::Service(service) => {
                (format!("{}/{}", service.system, service.name), format!("the service {}", service.name))
            }
        };
        let (paths, schemas) = (Map::new(), schemas::shared());
        let mut document = Self { title, about, server: server.to_owned(), paths, schemas, selective };
        match of {
            Of::Gateway(system) => {
                for service in &system.services {
                    let is_first = |name: &str| system.service_of(name).is_some_and(|first| first.name == service.name);
                    document.service(service, is_first);
                }
                document.stories();
            }
            Of::Service(service) => document.service(service, |_| true),
        }
        document
    }

    /// Writes it.
    pub(super) fn json(self) -> Value {
        json!({
            "openapi": "3.1.0",
            "info": { "title": self.title, "description": self.about, "version": env!("CARGO_PKG_VERSION") },
            "servers": [{ "url": self.server }],
            "paths": self.paths,
            "components": {
                "schemas": self.schemas,
                "parameters": parameters(),
                "responses": failures(),
            },
        })
    }

    fn service(&mut self, service: &ServiceRoutes, is_reached: impl Fn(&str) -> bool) {
        for at in service.resources.iter().filter(|at| is_reached(at.resource.collection)) {
            self.resource(service.name, at);
        }
        for route in &service.routes {
            if is_reached(route.path.trim_start_matches('/').split('/').next().unwrap_or_default()) {
                self.route(service.name, route);
            }
        }
    }

    fn resource(&mut self, tag: &str, at: &ResourceRoutes) {
        let resource = &at.resource;
        schemas::add(resource, &mut self.schemas);
        let (collection, item) = (resource.collection, resource.item);
        let list = json!({ "200": shown(&list_name(resource), &[HAL, JSON]) });
        let mut reading = operation(tag, &format!("list {collection}"), list);
        let pages = ["page", "size", "sort", "cursor"].into_iter().filter(|_| resource.paging == Paging::Paged);
        reading["parameters"] = pages.map(parameter).chain(self.selections(resource)).collect();
        let path = format!("/{collection}");
        self.add(&path, "get", reading);
        if resource.methods.create.is_some() {
            let created = json!({ "201": shown(resource.title, &[HAL, JSON]) });
            self.add(&path, "post", writing(tag, &format!("create {item}"), created, Some(resource), &[JSON]));
        }
        let one = json!({ "200": shown(resource.title, &[HAL, JSON]), "404": failure("NotFound") });
        let path = format!("/{collection}/{{id}}");
        let mut reading = operation(tag, &format!("show {item}"), one);
        if at.spec.is_some() {
            let fields = [parameter("fields")].into_iter().filter(|_| self.selective);
            reading["parameters"] = [parameter("at")].into_iter().chain(fields).collect();
            let facts = json!({ "200": { "description": "its facts, the oldest first" }, "404": failure("NotFound") });
            let history = format!("{path}/history");
            self.add(&history, "get", operation(tag, &format!("history of {item}"), facts));
            self.paths[&history]["parameters"] = json!([parameter("id")]);
        }
        self.add(&path, "get", reading);
        self.paths[&path]["parameters"] = json!([parameter("id")]);
        self.changes(tag, resource, &path);
    }

    fn selections(&self, resource: &Resource) -> Vec<Value> {
        let filter = |(field, schema): (String, Value)| json!({ "name": field, "in": "query", "description": "only items with this value", "schema": schema });
        let indexed: Vec<_> = resource.fields.iter().copied().filter(|field| field.indexed).collect();
        let filters = schemas::fields(&indexed).into_iter().map(filter);
        [parameter("fields")].into_iter().chain(filters).filter(|_| self.selective).collect()
    }

    fn changes(&mut self, tag: &str, resource: &Resource, path: &str) {
        let changed = json!({ "200": shown(resource.title, &[HAL, JSON]), "204": { "description": "done" } });
        let gone = json!({ "204": { "description": "done" } });
        let patches: &[&str] = &[JSON, "application/merge-patch+json", "application/json-patch+json"];
        let offers = [
            ("put", &resource.methods.replace, "replace", &changed, Some(resource), &[JSON][..]),
            ("patch", &resource.methods.patch, "change", &changed, Some(resource), patches),
            ("delete", &resource.methods.delete, "delete", &gone, None, &[][..]),
        ];
        for (method, offer, verb, done, body, media) in offers {
            if offer.is_some() {
                let what = format!("{verb} {}", resource.item);
                let mut operation = writing(tag, &what, done.clone(), body, media);
                operation["responses"]["404"] = failure("NotFound");
                operation["responses"]["412"] = failure("PreconditionFailed");
                self.add(path, method, operation);
            }
        }
    }

    fn route(&mut self, tag: &str, route: &Route) {
        let method = match route.verb {
            Verb::Get => "get",
            Verb::Post => "post",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
        };
        let done = json!({ "200": { "description": "a plain answer, as the original's own controller gave" } });
        let mut operation = operation(tag, &format!("{method} {}", route.path), done);
        if !route.fields.is_empty() {
            let body = json!({ "type": "object", "properties": schemas::fields(route.fields) });
            operation["requestBody"] = json!({ "content": { JSON: { "schema": body } } });
        }
        self.add(route.path, method, operation);
        if route.path.contains("{id}") {
            self.paths[route.path]["parameters"] = json!([parameter("id")]);
        }
    }

    fn stories(&mut self) {
        let events =
            json!({ "200": { "description": "facts as they are committed: JSON lines, or server-sent events" } });
        self.add("/events", "get", operation("stories", "follow events", events));
        let story = json!({ "200": { "description": "the facts of one story, the oldest first" } });
        self.add("/correlations/{id}", "get", operation("stories", "tell a story", story));
        self.paths["/correlations/{id}"]["parameters"] = json!([parameter("story")]);
    }

    fn add(&mut self, path: &str, method: &str, operation: Value) {
        let at = self.paths.entry(path).or_insert_with(|| json!({}));
        at[method] = operation;
    }
}

fn operation(tag: &str, what: &str, done: Value) -> Value {
    let mut responses = done;
    responses["503"] = failure("Unavailable");
    let id: Vec<String> = what.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_owned).collect();
    json!({ "tags": [tag], "operationId": format!("{tag}_{}", id.join("_")), "summary": what, "responses": responses })
}

fn writing(tag: &str, what: &str, done: Value, body: Option<&Resource>, media: &[&str]) -> Value {
    let mut operation = operation(tag, what, done);
    operation["parameters"] = json!(["key", "patience"].map(parameter));
    for (status, name) in [("400", "BadRequest"), ("409", "Refused"), ("504", "Unknown")] {
        operation["responses"][status] = failure(name);
    }
    if let Some(resource) = body {
        let schema = |media: &&str| match media.contains("json-patch") {
            true => json!({ "schema": { "type": "array", "items": { "type": "object" } } }),
            false => json!({ "schema": refer(&sent_name(resource)) }),
        };
        let content: Map<String, Value> = media.iter().map(|media| ((*media).to_owned(), schema(media))).collect();
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    operation
}

fn shown(schema: &str, media: &[&str]) -> Value {
    let content: Map<String, Value> =
        media.iter().map(|media| ((*media).to_owned(), json!({ "schema": refer(schema) }))).collect();
    json!({ "description": schema, "content": content })
}

fn parameter(name: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}

fn failure(name: &str) -> Value {
    json!({ "$ref": format!("#/components/responses/{name}") })
}

fn parameters() -> Value {
    let number = json!({ "type": "integer", "minimum": 0 });
    let text = json!({ "type": "string" });
    let query = |name: &str, about: &str, schema: &Value| json!({ "name": name, "in": "query", "description": about, "schema": schema });
    let header =
        |name: &str, about: &str| json!({ "name": name, "in": "header", "description": about, "schema": text });
    let path = |name: &str, schema: &Value| json!({ "name": name, "in": "path", "required": true, "schema": schema });
    json!({
        "id": path("id", &number),
        "story": path("id", &text),
        "page": query("page", "which page, from 0", &number),
        "size": query("size", "how many on a page", &number),
        "sort": query("sort", "a field, and `,desc` for the other way round", &text),
        "cursor": query("cursor", "instead of page: empty at first, then as the link `next` has it; nothing is counted", &text),
        "fields": query("fields", "the fields that are wanted, separated by commas; all of them without it", &text),
        "at": query("at", "its past: a version, or a time (RFC 3339)", &text),
        "key": header("Idempotency-Key", "the same for a repeat: it is recognised, and answered as before"),
        "patience": header("Request-Timeout", "how long the client waits, in seconds"),
    })
}

fn failures() -> Value {
    let failed =
        |about: &str| json!({ "description": about, "content": { PROBLEM_JSON: { "schema": refer("Problem") } } });
    json!({
        "BadRequest": failed("the body, a parameter or a header makes no sense"),
        "NotFound": { "description": "it is not there" },
        "Refused": failed("a rule of the business, by name"),
        "PreconditionFailed": failed("it is not what the client believed"),
        "Unavailable": {
            "description": "not executed; come back after the seconds of Retry-After",
            "headers": { "Retry-After": { "schema": { "type": "integer" } } },
            "content": { PROBLEM_JSON: { "schema": refer("Problem") } },
        },
        "Unknown": failed("nobody knows in time; ask again with the same Idempotency-Key"),
    })
}
