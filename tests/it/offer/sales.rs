//! What is bought and done: books, haircuts.

use super::Collection;
use super::Posted::{AtLeast, Ignored, Kept};
use super::systems::{long, of, optional, text};

pub(super) const BOOK_MARKET: &[Collection] = &[
    of(
        ["book-market", "order"],
        ["orders", "order", "Order"],
        &[long("bookId", Kept), long("qty", AtLeast(1)), text("status", Ignored), long("customerId", Kept)],
    )
    .with("POST DELETE", r#"{"bookId":10,"qty":1,"customerId":1002}"#)
    .at_rest(r#"{"status":"Shipped"}"#),
    of(
        ["book-market", "payment"],
        ["payments", "payment", "Payment"],
        &[
            long("orderId", Ignored),
            text("status", Ignored),
            long("customerId", Ignored),
            text("paymentStatus", Ignored),
        ],
    )
    .at_rest(r#"{"status":"Ordered"}"#),
    of(
        ["book-market", "delivery"],
        ["deliveries", "delivery", "Delivery"],
        &[long("orderId", Ignored), long("customerId", Ignored), text("status", Ignored)],
    )
    .at_rest(r#"{"status":"Shipped"}"#),
    of(
        ["book-market", "customerview"],
        ["mypages", "mypage", "Mypage"],
        &[
            long("orderId", Ignored),
            long("customerId", Ignored),
            long("bookId", Ignored),
            long("qty", Ignored),
            text("status", Ignored),
        ],
    )
    .whole()
    .at_rest(r#"{"status":"Shipped"}"#),
    of(
        ["book-market", "kakao"],
        ["kakaos", "kakao", "Kakao"],
        &[long("orderId", Kept), long("customerId", Kept), text("status", Kept), text("message", Kept)],
    )
    .with("POST", r#"{"orderId":111,"customerId":33,"status":"Shipped","message":"sss"}"#)
    .at_rest(r#"{"status":"Shipped"}"#),
    of(
        ["book-market", "kakaomsg"],
        ["kakaomsgs", "kakaomsg", "Kakaomsg"],
        &[long("orderId", Ignored), long("customerId", Ignored), text("status", Ignored), text("message", Ignored)],
    )
    .whole()
    .at_rest(r#"{"status":"Shipped"}"#),
];

pub(super) const HAIR_SHOP: &[Collection] = &[
    of(
        ["hair-shop", "reservation"],
        ["reservations", "reservation", "Reservation"],
        &[
            text("customerId", Kept),
            text("date", Kept),
            text("stylingType", Kept),
            text("status", Ignored),
            text("shopStatus", Ignored),
            text("payStatus", Ignored),
            optional("shopId", Kept),
        ],
    )
    .with("POST PATCH", r#"{"customerId":"OHM","date":"20211001","stylingType":"perm","shopId":"north"}"#)
    .patched_by(r#"{"status":"CANCEL_REQUESTED"}"#)
    .at_rest(r#"{"status":"Reservation Completed","shopStatus":"Designer Matched","payStatus":"Pay Finished"}"#),
    of(
        ["hair-shop", "payment"],
        ["payments", "payment", "Payment"],
        &[long("reservationId", Ignored), text("status", Ignored), text("rsvStatus", Ignored)],
    )
    .at_rest(r#"{"status":"PAY_COMPLETED","rsvStatus":"RSV_REQUESTED"}"#),
    of(
        ["hair-shop", "hairshop"],
        ["hairshops", "hairshop", "Hairshop"],
        &[long("reservationId", Ignored), text("designerId", Ignored), text("rsvStatus", Ignored)],
    )
    .with("PATCH", "{}")
    .patched_by(r#"{"designerId":"ParkJun"}"#)
    .at_rest(r#"{"rsvStatus":"RSV_REQUESTED"}"#),
    of(
        ["hair-shop", "mypage"],
        ["myPages", "myPage", "MyPage"],
        &[
            long("reservationId", Ignored),
            text("status", Ignored),
            text("customerId", Ignored),
            text("date", Ignored),
            text("stylingType", Ignored),
            text("designerId", Ignored),
            optional("shopId", Ignored),
        ],
    )
    .whole()
    .at_rest(r#"{"status":"Reservation Completed"}"#),
];
