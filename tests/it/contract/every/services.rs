//! §11.2 and the actuator of §11.7: what every service and every gateway says of itself.

use serde_json::{Value, json};

use super::super::row::{HAL, JSON, Row, accepting, any, change, row};
use super::{Way, printed};
use crate::client::{Answer, JSON_FIRST, Request};
use crate::offer::{Collection, Shape, System};
use crate::services::{ALL, listeners};
use crate::support::Server;

const READ: &str = "GET,HEAD,OPTIONS";
const ACTUATOR: &str = "application/vnd.spring-boot.actuator.v2+json;charset=UTF-8";

pub(super) fn rows(server: &Server, system: &'static System) -> Vec<Row> {
    let services = listeners(system.name).filter(|listener| !["gateway", "admin"].contains(listener));
    let mut rows = Vec::new();
    for service in services {
        let way = Way::to_service(server, system.name, service);
        let shown: Vec<&Collection> = system.collections.iter().filter(|of| of.service == service).collect();
        rows.extend(root(&way, &shown));
        shown.iter().for_each(|of| rows.extend(profile(&way, of)));
        rows.extend(actuator(&way));
        rows.extend(descriptions(&way, &shown));
    }
    let gateway = Way::by_gateway(server, system.name, "gateway");
    let shown: Vec<&Collection> = system.collections.iter().filter(|of| of.at_gateway).collect();
    rows.extend(actuator(&gateway));
    rows.extend(descriptions(&gateway, &shown));
    if server.system() == ALL {
        shown.iter().for_each(|of| rows.extend(profile(&gateway, of)));
    }
    rows
}

fn root(way: &Way, shown: &[&Collection]) -> Vec<Row> {
    let template = |of: &Collection| if of.is_paged { "{?page,size,sort}" } else { "" };
    let mut own: Vec<(&str, String)> =
        shown.iter().map(|of| (of.path, format!("{}/{}{}", way.links, of.path, template(of)))).collect();
    own.push(("profile", format!("{}/profile", way.links)));
    let body = printed::links(&own).replace('\n', "\n  ");
    let body = format!("{{\n  \"_links\" : {body}\n}}");
    let mut profiles = vec![("self", format!("{}/profile", way.links))];
    profiles.extend(shown.iter().map(|of| (of.path, format!("{}/profile/{}", way.links, of.path))));
    let profiles = printed::links(&profiles).replace('\n', "\n  ");
    let at = |id, ask, status| row(id, way.door, ask, status);
    let options = |path: &str| Request::new("OPTIONS", &way.path(path));
    vec![
        at("T001", any(&way.path("/")), 200).header("content-type", HAL).bytes(body.clone()),
        at("T002", accepting(&way.path("/"), JSON_FIRST), 200).header("content-type", JSON).bytes(body.clone()),
        at("T004", Request::new("HEAD", &way.path("/")), 200)
            .header("content-type", HAL)
            .header("content-length", body.len().to_string())
            .empty(),
        at("T005", options("/"), 200).members("allow", READ).empty(),
        at("T006", any(&way.path("/profile")), 200)
            .header("content-type", HAL)
            .bytes(format!("{{\n  \"_links\" : {profiles}\n}}")),
        at("T007", options("/profile"), 200).members("allow", READ).empty(),
        at("T013", any(&way.path("/profile/nosuch")), 404),
        at("T049", any(&way.path("/nosuch")), 404).json(json!({"path": way.path("/nosuch"), "error": "Not Found"})),
        at("T049", accepting(&way.path("/nosuch/1"), JSON_FIRST), 404),
        at("T050", accepting(&way.path("/nosuch"), "text/html"), 404),
        at("T125", Request::delete(&way.path("/nosuch/1")), 404),
    ]
}

fn profile(way: &Way, of: &'static Collection) -> Vec<Row> {
    let path = way.path(&format!("/profile/{}", of.path));
    let href = format!("{}/profile/{}", way.links, of.path);
    let at = |id, ask, status| row(id, way.door, ask, status);
    let lists_id = if of.is_paged { "T008" } else { "T011" };
    vec![
        at(lists_id, any(&path), 200)
            .header("content-type", "application/alps+json;charset=UTF-8")
            .judged("the profile of what is offered", move |answer| is_profile(of, &href, answer)),
        at("T009", accepting(&path, JSON_FIRST), 200)
            .header("content-type", JSON)
            .json(json!({"alps": {"version": "1.0"}})),
        at("T012", any(&path), 200).judged("no method that is not offered", move |answer| is_offered(of, answer)),
        at("T010", accepting(&path, "application/schema+json"), 200)
            .header("content-type", "application/schema+json;charset=UTF-8")
            .json(json!({"type": "object", "$schema": "http://json-schema.org/draft-04/schema#"}))
            .judged("the fields of the offer in their order", |answer| is_schema(of, answer)),
        at("T014", Request::new("OPTIONS", &path), 200).members("allow", READ).empty(),
        at("T127", change("PUT", &path, "{}"), 405).members("allow", READ),
    ]
}

/// The methods a profile tells of: verb, name and type of each.
fn offered(of: &Collection) -> Vec<(&'static str, &'static str, &'static str)> {
    let (collection, item) = (of.path, of.item);
    let mut offered = vec![("get", collection, "SAFE"), ("get", item, "SAFE")];
    if of.offers("POST") {
        offered.insert(0, ("create", collection, "UNSAFE"));
    }
    let writes = [("PUT", "update", "IDEMPOTENT"), ("PATCH", "patch", "UNSAFE"), ("DELETE", "delete", "IDEMPOTENT")];
    let writes = writes.into_iter().filter(|(method, ..)| of.offers(method));
    offered.extend(writes.map(|(_, verb, kind)| (verb, item, kind)));
    offered
}

/// Whether every method that is shown is offered; the representation comes before them.
fn is_offered(of: &Collection, answer: &Answer) -> bool {
    let offered: Vec<String> = offered(of).iter().map(|(verb, name, _)| format!("{verb}-{name}")).collect();
    let body = answer.json();
    let Some((_, methods)) = body["alps"]["descriptor"].as_array().and_then(|all| all.split_first()) else {
        return false;
    };
    let is_one = |method: &Value| method["id"].as_str().is_some_and(|id| offered.iter().any(|offered| offered == id));
    !methods.is_empty() && methods.iter().all(is_one)
}

fn is_profile(of: &Collection, href: &str, answer: &Answer) -> bool {
    let collection = of.path;
    let rt = format!("#{}-representation", of.item);
    let expected = offered(of);
    let body = answer.json();
    let Some((shown, methods)) = body["alps"]["descriptor"].as_array().and_then(|all| all.split_first()) else {
        return false;
    };
    let names = |of: &Value| -> Vec<String> {
        let nested = of["descriptor"].as_array().into_iter().flatten().filter(|nested| nested["type"] == "SEMANTIC");
        nested.filter_map(|nested| nested["name"].as_str().map(str::to_owned)).collect()
    };
    let is_shown = shown["id"] == rt[1..] && shown["href"] == href;
    let has_fields = names(shown) == of.fields.iter().map(|field| field.name).collect::<Vec<_>>();
    let are_methods = methods.len() == expected.len()
        && methods.iter().zip(expected).all(|(found, (verb, name, kind))| {
            let parameters: &[&str] =
                if name == collection && verb == "get" && of.is_paged { &["page", "size", "sort"] } else { &[] };
            found["id"] == format!("{verb}-{name}")
                && found["name"] == name
                && found["type"] == kind
                && found["rt"] == rt
                && names(found) == parameters
        });
    is_shown && has_fields && are_methods
}

fn is_schema(of: &Collection, answer: &Answer) -> bool {
    let (body, text) = (answer.json(), answer.text());
    let words = |text: &str| text.replace(' ', "").to_lowercase();
    let typed = |name: &str| match of.field(name).shape {
        Shape::Text => "string",
        Shape::Int | Shape::Long => "integer",
    };
    let mut places = Vec::new();
    for field in of.fields {
        let property = &body["properties"][field.name];
        let is_right = property["type"] == typed(field.name)
            && property["readOnly"] == false
            && property["title"].as_str().is_some_and(|title| words(title) == words(field.name));
        places.push(text.find(&format!("\"{}\" : {{", field.name)).filter(|_| is_right));
    }
    let is_whole = body["properties"].as_object().is_some_and(|all| all.len() == of.fields.len());
    let has_title = body["title"].as_str().is_some_and(|title| words(title) == words(of.title));
    is_whole && has_title && places.iter().all(Option::is_some) && places.is_sorted()
}

fn actuator(way: &Way) -> Vec<Row> {
    let at = |id, path: &str, status| row(id, way.door, any(&way.path(path)), status);
    let own = format!("http://{}", way.links.strip_prefix("http://").unwrap_or_default());
    let href = |path: &str| json!({"href": format!("{own}/actuator{path}"), "templated": false});
    let index = at("T178", "/actuator", 200).header("content-type", ACTUATOR);
    let is_elsewhere = way.is_gateway && way.prefix.is_empty();
    vec![
        at("T175", "/actuator/health", 200).header("content-type", ACTUATOR).bytes(r#"{"status":"UP"}"#),
        row("T176", way.door, accepting(&way.path("/actuator/health"), JSON_FIRST), 200).header("content-type", JSON),
        // A gateway of its own has its own address, and not a service's.
        match is_elsewhere {
            true => index,
            false => {
                index.json(json!({"_links": {"self": href(""), "health": href("/health"), "info": href("/info")}}))
            }
        },
        at("T179", "/actuator/info", 200).bytes("{}"),
        at("T180", "/actuator/health/liveness", 200).json(json!({"status": "UP"})),
        at("T180", "/actuator/health/readiness", 200).json(json!({"status": "UP"})),
        at("T185", "/actuator/prometheus", 200).header("content-type", "text/plain; version=0.0.4;charset=utf-8"),
        at("T186", "/actuator/circuitbreakers", 200).header("content-type", ACTUATOR),
        at("T190", "/actuator/bulkheads", 200).header("content-type", ACTUATOR),
        at("T190", "/actuator/retries", 200).header("content-type", ACTUATOR),
        at("T191", "/actuator/nosuch", 404),
        row("T192", way.door, change("POST", &way.path("/actuator/health"), "{}"), 405).members("allow", READ),
    ]
}

/// OpenAPI: exactly the methods of the offer, at the addresses of the offer.
fn descriptions(way: &Way, shown: &[&'static Collection]) -> Vec<Row> {
    let offered: Vec<&'static Collection> = shown.to_vec();
    let described = |path: &str| {
        let offered = offered.clone();
        row("T196", way.door, any(&way.path(path)), 200)
            .header("content-type", "application/json")
            .json(json!({"openapi": "3.1.0"}))
            .judged("the methods that are offered", move |answer| {
                let paths = &answer.json()["paths"];
                offered.iter().all(|of| {
                    let is_offered = |path: &str, methods: &[&str]| {
                        ["POST", "PUT", "PATCH", "DELETE"].iter().all(|method| {
                            let wanted = methods.contains(method) && of.offers(method);
                            paths[path].get(method.to_lowercase()).is_some() == wanted
                        }) && paths[path]["get"].is_object()
                    };
                    is_offered(&format!("/{}", of.path), &["POST"])
                        && is_offered(&format!("/{}/{{id}}", of.path), &["PUT", "PATCH", "DELETE"])
                })
            })
    };
    vec![described("/openapi.json"), described("/v3/api-docs")]
}
