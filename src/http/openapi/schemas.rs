//! How bodies look: of items as they are sent and shown, of pages, of failures.

use serde_json::{Map, Value, json};

use crate::domain::{Field, Paging, Resource, Shape};

/// A reference to a schema.
pub(super) fn refer(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The name of the schema of what is sent; ids and links are not.
pub(super) fn sent_name(resource: &Resource) -> String {
    format!("{}Body", resource.title)
}

/// The name of the schema of a list.
pub(super) fn list_name(resource: &Resource) -> String {
    format!("{}List", resource.title)
}

/// Adds the schemas of a resource.
pub(super) fn add(resource: &Resource, schemas: &mut Map<String, Value>) {
    let mut sent = fields(resource.fields);
    schemas.insert(sent_name(resource), json!({ "type": "object", "properties": sent }));
    sent.insert("_links".to_owned(), refer("Links"));
    let always = resource.fields.iter().filter(|field| !field.optional).map(|field| field.name);
    let required: Vec<&str> = always.chain(["_links"]).collect();
    let shown = json!({ "type": "object", "properties": sent, "required": required });
    schemas.insert(resource.title.to_owned(), shown);
    let embedded = json!({ (resource.collection): { "type": "array", "items": refer(resource.title) } });
    let mut list = Map::from_iter([
        ("_embedded".to_owned(), json!({ "type": "object", "properties": embedded })),
        ("_links".to_owned(), refer("Links")),
    ]);
    if resource.paging == Paging::Paged {
        list.insert("page".to_owned(), refer("Page"));
    }
    schemas.insert(list_name(resource), json!({ "type": "object", "properties": list }));
}

/// Describes fields by their shapes.
pub(super) fn fields(fields: &[Field]) -> Map<String, Value> {
    fields.iter().map(|field| (field.name.to_owned(), shape(field.shape))).collect()
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Text => json!({ "type": ["string", "null"] }),
        Shape::Int => json!({ "type": "integer", "format": "int32", "description": "0 when missing" }),
        Shape::Long => json!({ "type": ["integer", "null"], "format": "int64" }),
    }
}

/// The schemas that all resources share.
pub(super) fn shared() -> Map<String, Value> {
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer", "minimum": 0 });
    let link = json!({
        "type": "object", "required": ["href"],
        "properties": { "href": text(), "templated": { "type": "boolean" } },
    });
    let page = json!({
        "type": "object", "required": ["size", "totalElements", "totalPages", "number"],
        "properties": { "size": number(), "totalElements": number(), "totalPages": number(), "number": number() },
    });
    let problem = json!({
        "type": "object", "required": ["type", "title", "status"], "description": "RFC 9457, with the originals' keys beside",
        "properties": {
            "type": text(), "title": text(), "status": number(), "detail": text(), "instance": text(),
            "timestamp": text(), "error": text(), "message": text(), "path": text(),
        },
    });
    let links = json!({ "type": "object", "additionalProperties": refer("Link") });
    Map::from_iter(
        [("Link", link), ("Links", links), ("Page", page), ("Problem", problem)]
            .map(|(name, schema)| (name.to_owned(), schema)),
    )
}
