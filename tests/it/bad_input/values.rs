//! Paths, parameters and bodies that mean nothing, or too much.

use super::{Case, answered, check, product, refused, with_body};
use crate::client::Request;
use crate::support::Server;

const REFUSED: &[u16] = &[400];

fn get(target: &[u8]) -> Vec<u8> {
    [b"GET ", target, b" HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat()
}

fn bodies() -> Vec<Case> {
    let nested = |open: &str, close: &str, count: usize| [open.repeat(count), close.repeat(count)].concat();
    let half = 30_000;
    let deep = |value: String| product(format!(r#"{{"name":"a","extra":{value}}}"#).as_bytes());
    let patch = |list: String| {
        with_body("PATCH", "/products/1", "Content-Type: application/json-patch+json\r\n", list.as_bytes())
    };
    vec![
        refused("a body of 1 MB", product(&vec![b' '; 1 << 20]), &[413]),
        refused("100,000 brackets", product("[".repeat(100_000).as_bytes()), &[413]),
        answered("60,000 brackets", product("[".repeat(60_000).as_bytes()), REFUSED),
        answered("60,000 brackets in a member", deep("[".repeat(60_000)), REFUSED),
        answered("30,000 arrays in a member", deep(nested("[", "]", half)), REFUSED),
        answered("10,000 objects in a member", deep(nested(r#"{"a":"#, "}", 10_000)), REFUSED),
        answered("30,000 arrays in a patch", patch(nested("[", "]", half)), REFUSED),
        answered(
            "30,000 arrays as a patch's value",
            patch(format!(r#"[{{"op":"add","path":"/name","value":{}}}]"#, nested("[", "]", half))),
            REFUSED,
        ),
        answered("brackets in a text", product(format!(r#"{{"name":"{}"}}"#, "[".repeat(200)).as_bytes()), &[201]),
        answered("an empty body", product(b""), REFUSED),
        answered("bytes that are no UTF-8", product(b"{\"name\":\"\xff\xfe\"}"), REFUSED),
        answered("a surrogate half", product(br#"{"name":"\ud800"}"#), REFUSED),
        answered("an overlong slash", product(b"{\"name\":\"\xc0\xaf\"}"), REFUSED),
        answered("NUL in a text", product(br#"{"name":"a\u0000b"}"#), &[201]),
        answered("a raw NUL in a text", product(b"{\"name\":\"a\0b\"}"), REFUSED),
        answered("NUL bytes alone", product(&[0; 100]), REFUSED),
        answered("UTF-16", product(b"\xff\xfe{\0}\0"), REFUSED),
        answered(
            "a member 1,000 times",
            product(format!("{{{}}}", vec![r#""qty":1"#; 1000].join(",")).as_bytes()),
            &[201],
        ),
        answered("XML", with_body("POST", "/products", "Content-Type: application/xml\r\n", b"<a/>"), &[415]),
        answered("a body on GET", with_body("GET", "/products", "", b"{"), &[200]),
    ]
}

fn quantities() -> Vec<Case> {
    let taken = ["-0", "0", "-0.0", "2147483647", "2147483647.0", "0.2147483647e10", "1e2", "0e999999999999", "\"7\""];
    let refused = [
        "2147483648",
        "-2147483649",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "1e400",
        "-1e400",
        "1e-400",
        "1e99999999999999999999",
        "9.0000000000000000000001",
        "0.1",
        "NaN",
        "Infinity",
        "0x10",
        "01",
        "+1",
        "1_000",
        "\"1e2\"",
        "\"２\"",
        "true",
        "[1]",
        "{}",
        "--1",
    ];
    let case = |qty: &str, statuses| {
        answered(format!("a qty of {qty}"), product(format!(r#"{{"name":"a","qty":{qty}}}"#).as_bytes()), statuses)
    };
    let digits = "9".repeat(60_000);
    let mut cases: Vec<Case> = taken.map(|qty| case(qty, &[201])).into();
    cases.extend(refused.map(|qty| case(qty, REFUSED)));
    cases.extend(["-1", "-2147483648"].map(|qty| case(qty, &[409])));
    cases.extend([digits.clone(), format!("0.{digits}"), format!("1e{digits}")].map(|qty| {
        let json = format!(r#"{{"qty":{qty}}}"#);
        answered("a qty of 60,000 digits", product(json.as_bytes()), REFUSED)
    }));
    cases
}

fn ids() -> Vec<Case> {
    let ids: [&[u8]; 26] = [
        b"0",
        b"-1",
        b"18446744073709551616",
        b"18446744073709551615",
        b"9223372036854775808",
        b"%00",
        b"1%00",
        b"..",
        b"../",
        b"../../etc/passwd",
        b"%2e%2e%2f",
        b"..%5c..",
        b"1.0",
        b"1e0",
        b"0x1",
        b"%31",
        b"1;a=b",
        b"'%20or%201=1",
        b"%ff",
        b"%",
        b"%zz",
        b"null",
        b"NaN",
        b"*",
        b"$%7Bjndi:x%7D",
        b"%F0%9F%92%A9",
    ];
    let verbs = ["GET", "HEAD", "PUT", "PATCH", "DELETE"];
    let each = ids.into_iter().flat_map(|id| verbs.map(|verb| (verb, id)));
    let cases = each.map(|(verb, id)| {
        let id = String::from_utf8_lossy(id);
        let bytes = with_body(verb, &format!("/products/{id}"), "Content-Type: application/json\r\n", b"{}");
        answered(format!("{verb} of the id {id}"), bytes, &[404])
    });
    let history = answered("the history of no id", get(b"/products/-1/history"), &[404]);
    cases.chain([history]).collect()
}

fn paths() -> Vec<Case> {
    vec![
        refused("bytes that are no UTF-8 in the path", get(b"/products/\xff\xfe"), REFUSED),
        answered("text that is no ASCII in the path", get("/products/하나".as_bytes()), &[400, 404]),
        refused("bytes that are no UTF-8 in the query", get(b"/products?sort=\xff"), REFUSED),
        answered("10,000 slashes", get(&[b'/'; 10_000]), &[200, 404]),
        answered("5,000 segments", get("/a".repeat(5_000).as_bytes()), &[404]),
        answered("5,000 steps up", get("/..".repeat(5_000).as_bytes()), &[404]),
        answered("an actuator nobody has", get(b"/actuator/env"), &[404]),
    ]
}

fn parameters() -> Vec<Case> {
    let queries = [
        "page=18446744073709551615",
        "page=18446744073709551616",
        "page=-1",
        "page=2147483647&size=2147483647",
        "page=abc",
        "page=%00",
        "page=1e3",
        "size=1000000000",
        "size=-1",
        "size=0",
        "size=",
        "size=18446744073709551615&page=18446744073709551615",
        "sort=nosuch",
        "sort=nosuch,desc",
        "sort=,,,,",
        "sort=desc",
        "sort=id,desc,desc,asc",
        "sort=name,name,name,qty,desc&sort=id&sort=%00,asc",
        "sort=%ff%fe,desc",
        "sort='%3Bdrop%20table",
        "&&&&====&=&?&?page=1",
        "page=1&page=2&page=3",
        "%",
        "%=%&%2",
    ];
    queries.map(|query| answered(query, get(format!("/products?{query}").as_bytes()), &[200, 400])).into()
}

fn stories() -> Vec<Case> {
    let targets = [
        "/products/1?at=",
        "/products/1?at=-1",
        "/products/1?at=18446744073709551616",
        "/products/1?at=99999-99-99T99:99:99Z",
        "/products/1?at=-9999999-01-01T00:00:00Z",
        "/products/1?at=%00",
        "/products/1/history?after=x",
        "/products/1/history?after=18446744073709551615",
    ];
    targets.map(|target| answered(target, get(target.as_bytes()), &[200, 400, 404])).into()
}

fn feeds() -> Vec<Case> {
    let targets = [
        "/events?after=-1",
        "/events?after=18446744073709551615",
        "/events?after=18446744073709551616",
        "/events?limit=18446744073709551616",
        "/events?system=%ff",
        "/correlations/",
        "/correlations/%00",
        "/correlations/%ff",
    ];
    targets.map(|target| answered(target, get(target.as_bytes()), &[200, 400, 404])).into()
}

fn with_a_product(dir: &tempfile::TempDir) -> Server {
    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.send("product", &Request::post("/products", r#"{"name":"a","qty":1}"#)).status, 201);
    server
}

#[test]
fn bodies_that_mean_nothing_or_too_much_are_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = with_a_product(&dir);
    check(&server, "product", &bodies());
    check(&server, "product", &quantities());
}

#[test]
fn ids_paths_and_parameters_that_mean_nothing_are_answered_clearly() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = with_a_product(&dir);
    for cases in [ids(), paths(), parameters(), stories()] {
        check(&server, "product", &cases);
    }
    check(&server, "gateway", &feeds());
    assert_eq!(server.get("product", "/products/1").json()["name"], "a");
}

#[test]
fn verbs_that_are_not_offered_are_refused_and_the_connection_goes_on() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = with_a_product(&dir);
    let targets = [
        ("product", "/products", "PUT PATCH DELETE TRACE BREW CONNECTED"),
        ("product", "/products/1", "POST TRACE BREW"),
        ("rental", "/products/1", "POST PUT PATCH DELETE"),
        ("delivery", "/deliveries", "POST PUT DELETE"),
        ("information", "/myOrders", "POST PUT PATCH DELETE"),
        ("product", "/actuator/health", "POST PUT PATCH DELETE"),
        ("product", "/profile", "POST PUT DELETE"),
        ("gateway", "/events", "POST PUT DELETE"),
    ];
    for (service, path, verbs) in targets {
        let cases: Vec<Case> = verbs
            .split(' ')
            .map(|verb| {
                let bytes = with_body(verb, path, "Content-Type: application/json\r\n", b"{}");
                answered(format!("{verb} {path} at {service}"), bytes, &[405])
            })
            .collect();
        check(&server, service, &cases);
    }
}
