//! JSON Patch: what it is read against is what it is applied to.

use crate::actors::chaos::Point;
use crate::domain::{Aggregate as _, Stream};
use crate::systems::oa_rental::product::Product;

use super::house::{Ask, House, PRODUCT};

const ITEM: &str = "/products/1";
const RENAME: &str = r#"[{"op":"replace","path":"/name","value":"laptop"}]"#;

#[tokio::test(start_paused = true)]
async fn a_patch_bound_to_a_version_is_applied_to_that_version_only() {
    let house = House::with_a_computer().await;
    for stale in ["\"9\"", "W/\"1\"", "\"x\""] {
        let refused = house.send(PRODUCT, Ask::json_patch(ITEM, RENAME).with("if-match", stale)).await;
        assert_eq!((refused.status, refused.header("etag")), (412, Some("\"1\"")), "If-Match: {stale}");
    }
    let never = house.send(PRODUCT, Ask::json_patch(ITEM, RENAME).with("if-none-match", "*")).await;
    assert_eq!(never.status, 412);
    let done = house.send(PRODUCT, Ask::json_patch(ITEM, RENAME).with("if-match", "\"1\"")).await;
    assert_eq!((done.status, done.header("etag")), (200, Some("\"2\"")), "{done:?}");
    assert_eq!(done.json()["name"], "laptop");
    let any = r#"[{"op":"test","path":"/name","value":"laptop"},{"op":"replace","path":"/qty","value":1}]"#;
    let any = house.send(PRODUCT, Ask::json_patch(ITEM, any).with("if-match", "*")).await;
    assert_eq!((any.status, any.json()["qty"].as_u64()), (200, Some(1)));
}

/// Starts a change and then a patch while the aggregate is held, lets both go, and returns the patch's answer.
async fn overtaken(patch: Ask) -> super::house::Told {
    let house = House::with_a_computer().await;
    let product = Stream::new(Product::KIND, 1);
    let hold = house.edge.runtime.hold(product, Point::Decide);
    let change = house.send(PRODUCT, Ask::new("PATCH", ITEM).json(r#"{"qty":5}"#));
    let patch = house.send(PRODUCT, patch);
    let let_go = async {
        hold.reached().await;
        // Both have read version 1 by now: nobody else can move it.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        drop(hold);
    };
    let (change, patch, ()) = tokio::join!(biased; change, patch, let_go);
    assert_eq!((change.status, change.header("etag")), (200, Some("\"2\"")), "{change:?}");
    patch
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_was_overtaken_is_read_again_against_the_newer_state() {
    let patched = overtaken(Ask::json_patch(ITEM, RENAME)).await;
    assert_eq!((patched.status, patched.header("etag")), (200, Some("\"3\"")), "{patched:?}");
    assert_eq!((patched.json()["name"].as_str(), patched.json()["qty"].as_u64()), (Some("laptop"), Some(5)));
    let test = r#"[{"op":"test","path":"/qty","value":9},{"op":"replace","path":"/name","value":"laptop"}]"#;
    let refused = overtaken(Ask::json_patch(ITEM, test)).await;
    assert_eq!(refused.status, 400, "its test does not hold any more: {refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_patch_bound_to_a_version_that_was_overtaken_is_refused() {
    for own in ["\"1\"", "\"7\", \"1\""] {
        let refused = overtaken(Ask::json_patch(ITEM, RENAME).with("if-match", own)).await;
        assert_eq!((refused.status, refused.header("etag")), (412, Some("\"2\"")), "If-Match: {own}");
    }
    let any = overtaken(Ask::json_patch(ITEM, RENAME).with("if-match", "*")).await;
    assert_eq!(any.status, 200, "{any:?}");
}
