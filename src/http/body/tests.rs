use proptest::prelude::*;

use super::*;
use crate::domain::{Body, Field, Value};

const FIELDS: &[Field] = &[Field::text("name"), Field::int("qty"), Field::long("productId")];

fn sent(text: &str) -> Result<Sent, BadBody> {
    read(text.as_bytes(), FIELDS)
}

fn body(pairs: &[(&'static str, Value)]) -> Body {
    let mut body = Body::default();
    for (field, value) in pairs {
        body.set(field, value.clone());
    }
    body
}

#[test]
fn scalars_become_what_the_field_holds() {
    let text = |text: &str| Value::from(text);
    let table = [
        ("qty", "9", Value::Int(9)),
        ("qty", "\"9\"", Value::Int(9)),
        ("qty", "\" 9 \"", Value::Int(9)),
        ("qty", "\"-9\"", Value::Int(-9)),
        ("qty", "\"+9\"", Value::Int(9)),
        ("qty", "\"009\"", Value::Int(9)),
        ("qty", "-0", Value::Int(0)),
        ("qty", "9.0", Value::Int(9)),
        ("qty", "9e2", Value::Int(900)),
        ("qty", "null", Value::Int(0)),
        ("qty", "\"\"", Value::Int(0)),
        ("qty", "\"  \"", Value::Int(0)),
        ("qty", "\"null\"", Value::Int(0)),
        ("qty", "2147483647", Value::Int(2_147_483_647)),
        ("qty", "-2147483648", Value::Int(-2_147_483_648)),
        ("productId", "9", Value::Int(9)),
        ("productId", "\" 9\\t\"", Value::Int(9)),
        ("productId", "9223372036854775807", Value::Int(i64::MAX)),
        ("productId", "\"-9223372036854775808\"", Value::Int(i64::MIN)),
        ("productId", "null", Value::Null),
        ("productId", "\"\"", Value::Null),
        ("productId", "\"null\"", Value::Null),
        ("name", "\"한글 \\ud83d\\ude00 \\n\"", text("한글 😀 \n")),
        ("name", "\"\"", text("")),
        ("name", "\"null\"", text("null")),
        ("name", "5", text("5")),
        ("qty", "0e999999999999", Value::Int(0)),
        ("qty", "0.21474836470e10", Value::Int(2_147_483_647)),
        ("productId", "9007199254740993.0", Value::Int(9_007_199_254_740_993)),
        ("productId", "-9223372036854775808e0", Value::Int(i64::MIN)),
        ("name", "9.50", text("9.50")),
        ("name", "123456789012345678901234567890", text("123456789012345678901234567890")),
        ("name", "true", text("true")),
        ("name", "false", text("false")),
        ("name", "null", Value::Null),
    ];
    for (field, token, value) in table {
        let read = sent(&format!("{{\"{field}\": {token} }}")).map(|sent| sent.body);
        assert_eq!(read, Ok(body(&[(field, value)])), "{field}: {token}");
    }
}

#[test]
fn a_scalar_that_does_not_fit_is_refused_with_its_name_and_value() {
    let table = [
        ("qty", "9.7"),
        ("qty", "\"abc\""),
        ("qty", "\"9.5\""),
        ("qty", "\"9.0\""),
        ("qty", "\"1e2\""),
        ("qty", "true"),
        ("qty", "{}"),
        ("qty", "[]"),
        ("qty", "[9]"),
        ("qty", "99999999999"),
        ("qty", "\"99999999999\""),
        ("qty", "2147483648"),
        ("qty", "1e99"),
        ("qty", "1e-400"),
        ("qty", "1e99999999999999999999"),
        ("qty", "9.0000000000000000000001"),
        ("productId", "9223372036854775808.0"),
        ("productId", "1e19"),
        ("qty", "\"٩\""),
        ("productId", "9223372036854775808"),
        ("productId", "1.5"),
        ("productId", "false"),
        ("name", "{}"),
        ("name", "[1]"),
        ("name", "\"\\ud800\""),
    ];
    for (field, token) in table {
        let error = sent(&format!("{{\"{field}\": {token}}}")).expect_err(token);
        assert!(error.to_string().starts_with(&format!("field {field}: expected ")), "{error}");
        assert!(error.to_string().ends_with(&format!(", found {token}")), "{error}");
    }
    let long = format!("{{\"qty\":\"{}\"}}", "x".repeat(1000));
    let error = sent(&long).expect_err("no number");
    let found = format!("\"{}…", "x".repeat(39));
    let expected = "a whole number of 32 bits";
    assert_eq!(error, BadBody::Field { field: "qty", expected, found });
}

#[test]
fn only_known_members_count_and_of_a_repeated_one_the_last() {
    let read = sent(r#"{"name":"a","extra":{"name":[1]},"_links":{"self":{"href":"x"}},"n\u0061me":"b"}"#);
    assert_eq!(read.map(|sent| sent.body), Ok(body(&[("name", "b".into())])));
    let read = sent(r#"{"qty":"abc","qty":1}"#);
    assert_eq!(read.map(|sent| sent.body), Ok(body(&[("qty", Value::Int(1))])));
    assert_eq!(sent("{}"), Ok(Sent::default()));
    assert_eq!(sent("\u{feff} {}\r\n"), Ok(Sent::default()));
}

#[test]
fn an_id_is_noted_and_is_no_field() {
    let table = [
        ("7", Some(7)),
        ("\"7\"", Some(7)),
        ("\" 7 \"", Some(7)),
        ("7.0", Some(7)),
        ("null", None),
        ("\"\"", None),
        ("\"abc\"", None),
        ("-1", None),
        ("7.5", None),
        ("{}", None),
        ("true", None),
    ];
    for (token, id) in table {
        let read = sent(&format!("{{\"id\":{token}}}"));
        assert_eq!(read, Ok(Sent { body: Body::default(), id }), "{token}");
    }
}

#[test]
fn what_is_no_object_is_refused_with_the_place_or_the_kind() {
    let table = [
        ("", "the body is empty, expected a json object"),
        (" \r\n\t", "the body is empty, expected a json object"),
        ("[]", "the body is an array, expected a json object"),
        ("\"x\"", "the body is a string, expected a json object"),
        ("-7", "the body is a number, expected a json object"),
        ("true", "the body is a boolean, expected a json object"),
        ("null", "the body is null, expected a json object"),
        ("{\"name\":", "the body is malformed at line 1, column 8: EOF while parsing a value"),
        ("{\n  \"name\": x}", "the body is malformed at line 2, column 11: expected value"),
        ("{\"name\" \"a\"}", "the body is malformed at line 1, column 9: expected `:`"),
        ("{'name': 1}", "the body is malformed at line 1, column 2: key must be a string"),
        ("{\"a\":1,}", "the body is malformed at line 1, column 8: trailing comma"),
        ("a=1", "the body is malformed at line 1, column 1: expected value"),
        ("{\"name\":\"a\"} {\"x\":1}", "the body is malformed at line 1, column 14: trailing characters"),
        ("{}}", "the body is malformed at line 1, column 3: trailing characters"),
    ];
    for (text, said) in table {
        assert_eq!(sent(text).expect_err(text).to_string(), said);
    }
    let error = read(b"{\"name\":\"\xff\"}", FIELDS).expect_err("no text");
    assert_eq!(error, BadBody::NotUtf8(9));
}

#[test]
fn nesting_has_a_limit_and_brackets_in_texts_do_not_count() {
    let nested = |depth: usize| format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(sent(&nested(DEPTH_MAX - 1)).is_ok());
    assert_eq!(sent(&nested(DEPTH_MAX)), Err(BadBody::TooDeep));
    assert_eq!(sent(&nested(1_000_000)), Err(BadBody::TooDeep));
    let text = format!("\\\"{}", "[{".repeat(DEPTH_MAX));
    assert!(sent(&format!("{{\"name\":\"{text}\"}}")).is_ok());
}

#[test]
fn a_fingerprint_tells_requests_apart_and_never_changes() {
    let one = fingerprint("POST", "/products", b"{}");
    // Stored beside the key: a build that counts otherwise would refuse the resends of the one before.
    assert_eq!(one, 0xc08e_b6d8_d780_037e);
    let others = [
        fingerprint("PUT", "/products", b"{}"),
        fingerprint("POST", "/product", b"s{}"),
        fingerprint("POST", "/products", b"{ }"),
        fingerprint("POST", "/products", b""),
    ];
    assert!(others.iter().all(|other| *other != one), "{others:?}");
}

fn computer() -> Vec<Value> {
    vec!["computer".into(), Value::Int(9), Value::Null]
}

fn patch(operations: &str) -> Result<Body, PatchError> {
    patched(&computer(), FIELDS, operations.as_bytes())
}

#[test]
fn a_patch_gives_the_fields_that_changed() {
    let table: Vec<(&str, Vec<(&'static str, Value)>)> = vec![
        ("[]", vec![]),
        (r#"[{"op":"replace","path":"/qty","value":7}]"#, vec![("qty", Value::Int(7))]),
        (r#"[{"op":"replace","path":"/qty","value":"7"}]"#, vec![("qty", Value::Int(7))]),
        (r#"[{"op":"replace","path":"/qty","value":9}]"#, vec![]),
        (r#"[{"op":"add","path":"/productId","value":3,"note":1}]"#, vec![("productId", Value::Int(3))]),
        (r#"[{"op":"replace","path":"/name","value":null}]"#, vec![("name", Value::Null)]),
        (r#"[{"op":"remove","path":"/name"}]"#, vec![("name", Value::Null)]),
        (r#"[{"op":"remove","path":"/qty"}]"#, vec![("qty", Value::Int(0))]),
        (r#"[{"op":"copy","from":"/qty","path":"/productId"}]"#, vec![("productId", Value::Int(9))]),
        (r#"[{"op":"copy","from":"/qty","path":"/name"}]"#, vec![("name", "9".into())]),
        (
            r#"[{"op":"move","from":"/qty","path":"/productId"}]"#,
            vec![("qty", Value::Int(0)), ("productId", Value::Int(9))],
        ),
        (r#"[{"op":"move","from":"/qty","path":"/qty"}]"#, vec![]),
        (
            r#"[{"op":"test","path":"/qty","value":9.0},{"op":"test","path":"/productId","value":null},
                {"op":"test","path":"/name","value":"c\u006fmputer"},{"op":"replace","path":"/\u0071ty","value":1}]"#,
            vec![("qty", Value::Int(1))],
        ),
        (r#"[{"op":"replace","path":"/qty","value":1},{"op":"replace","path":"/qty","value":9}]"#, vec![]),
    ];
    for (operations, pairs) in table {
        assert_eq!(patch(operations), Ok(body(&pairs)), "{operations}");
    }
}

#[test]
fn a_patch_that_cannot_be_done_says_which_operation_and_why() {
    let table = [
        ("", "the body is empty, expected a json array of operations"),
        ("{}", "the body is an object, expected a json array of operations"),
        ("[", "the body is malformed at line 1, column 1: EOF while parsing a list"),
        ("[1]", "the body is malformed at line 1, column 2: invalid type: integer `1`, expected struct Operation"),
        (r#"[{"op":"remove"}]"#, "the body is malformed at line 1, column 16: missing field `path`"),
        (r#"[{"op":"add","path":"/qty"}]"#, "operation 0: op \"add\" needs a value"),
        (r#"[{"op":"move","path":"/qty"}]"#, "operation 0: op \"move\" needs a from"),
        (r#"[{"op":"spam","path":"/qty"}]"#, "operation 0: op \"spam\" is not known"),
        (r#"[{"op":"remove","path":"/nosuch"}]"#, "operation 0: path \"/nosuch\" names no field"),
        (r#"[{"op":"remove","path":"qty"}]"#, "operation 0: path \"qty\" names no field"),
        (r#"[{"op":"remove","path":""}]"#, "operation 0: path \"\" names no field"),
        (r#"[{"op":"remove","path":"/_links/self"}]"#, "operation 0: path \"/_links/self\" names no field"),
        (r#"[{"op":"copy","from":"/x~1y","path":"/qty"}]"#, "operation 0: path \"/x~1y\" names no field"),
        (
            r#"[{"op":"replace","path":"/qty","value":7},{"op":"test","path":"/qty","value":9}]"#,
            "operation 1: the value at \"/qty\" is another one",
        ),
        (r#"[{"op":"test","path":"/qty","value":"9"}]"#, "operation 0: the value at \"/qty\" is another one"),
        (r#"[{"op":"test","path":"/name","value":null}]"#, "operation 0: the value at \"/name\" is another one"),
        (
            r#"[{"op":"replace","path":"/qty","value":"many"}]"#,
            "operation 0: field qty: expected a whole number of 32 bits, found \"many\"",
        ),
        (
            r#"[{"op":"copy","from":"/name","path":"/qty"}]"#,
            "operation 0: field qty: expected a whole number of 32 bits, found \"computer\"",
        ),
    ];
    for (operations, said) in table {
        assert_eq!(patch(operations).expect_err(operations).to_string(), said);
    }
}

fn json_like() -> impl Strategy<Value = Vec<u8>> {
    const PARTS: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "\"qty\"",
        "\"name\"",
        "\"id\"",
        "\"productId\"",
        "\"op\"",
        "\"path\"",
        "\"/qty\"",
        "\"value\"",
        "\"test\"",
        "\"move\"",
        "\"from\"",
        "\"\\u0071\"",
        "\"\\ud800\"",
        "null",
        "true",
        "-9",
        "9.7",
        "1e400",
        "\"9\"",
        " ",
        "\n",
        "한",
        "\u{feff}",
    ];
    prop::collection::vec(prop::sample::select(PARTS), 0..40).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (read(&bytes, FIELDS), patched(&computer(), FIELDS, &bytes));
    }

    #[test]
    fn nothing_that_looks_like_json_makes_a_reader_panic(bytes in json_like()) {
        let _ = (read(&bytes, FIELDS), patched(&computer(), FIELDS, &bytes));
    }

    #[test]
    fn what_was_sent_is_what_is_read(name in any::<String>(), qty in any::<i32>(), id in any::<Option<i64>>()) {
        let json = serde_json::json!({"name": name, "qty": qty, "productId": id});
        let expected = body(&[("name", Value::Text(name)), ("qty", qty.into()), ("productId", id.into())]);
        prop_assert_eq!(sent(&json.to_string()).map(|sent| sent.body), Ok(expected));
    }
}
