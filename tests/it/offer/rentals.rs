//! What is rented: office supplies, cars, books.

use super::Posted::{AtLeast, Ignored, Kept, Names};
use super::systems::{int, long, of, text};
use super::{Collection, Field};

const COPY: &[Field] = &[long("productId", Ignored), text("name", Ignored), int("qty", Ignored)];

pub(super) const OA_RENTAL: &[Collection] = &[
    of(["oa-rental", "product"], ["products", "product", "Product"], &[text("name", Kept), int("qty", AtLeast(0))])
        .with("POST PUT PATCH DELETE", r#"{"name":"computer","qty":9}"#)
        .patched_by(r#"{"qty":5}"#),
    of(
        ["oa-rental", "rental"],
        ["rentals", "rental", "Rental"],
        &[
            long("productId", Kept),
            int("qty", AtLeast(1)),
            text("status", Kept),
            text("productName", Kept),
            long("deliveryId", Ignored),
        ],
    )
    .with("POST DELETE", r#"{"productId":1,"qty":1,"status":"ORDERED","productName":"desk"}"#)
    .at_rest(r#"{"status":"DELIVERED"}"#),
    of(["oa-rental", "rental"], ["products", "product", "Product"], COPY).hidden(),
    of(
        ["oa-rental", "delivery"],
        ["deliveries", "delivery", "Delivery"],
        &[long("productId", Ignored), long("rentalId", Ignored), int("qty", Ignored), text("status", Ignored)],
    )
    .at_rest(r#"{"status":"DELIVERED"}"#),
    of(["oa-rental", "delivery"], ["products", "product", "Product"], COPY).hidden(),
    of(
        ["oa-rental", "information"],
        ["myOrders", "myOrder", "MyOrder"],
        &[
            long("productId", Ignored),
            long("rentalId", Ignored),
            int("rentalQty", Ignored),
            text("rentalStatus", Ignored),
            long("deliveryId", Ignored),
            text("deliveryStatus", Ignored),
            text("productName", Ignored),
        ],
    )
    .whole()
    .at_rest(r#"{"rentalStatus":"DELIVERED","deliveryStatus":"DELIVERED"}"#),
];

pub(super) const CAR_RENTAL: &[Collection] = &[
    of(
        ["car-rental", "contract"],
        ["contracts", "contract", "Contract"],
        &[text("custName", Kept), text("modelName", Kept), int("amt", AtLeast(0))],
    )
    .with("POST PUT PATCH DELETE", r#"{"custName":"siege1","modelName":"sonata","amt":150}"#)
    .patched_by(r#"{"amt":5}"#),
    of(
        ["car-rental", "pay"],
        ["pays", "pay", "Pay"],
        &[long("contractId", Ignored), text("custName", Ignored), text("modelName", Ignored), int("amt", Ignored)],
    ),
    of(
        ["car-rental", "reservation"],
        ["reservations", "reservation", "Reservation"],
        &[
            long("contractId", Ignored),
            text("custName", Ignored),
            text("modelName", Ignored),
            int("amt", Ignored),
            text("reservationStatus", Ignored),
            text("payStatus", Ignored),
        ],
    )
    .at_rest(r#"{"reservationStatus":"reserved","payStatus":"paid"}"#),
    of(
        ["car-rental", "mypage"],
        ["myPages", "myPage", "MyPage"],
        &[
            long("contractId", Ignored),
            text("custName", Ignored),
            text("modelName", Ignored),
            int("amt", Ignored),
            text("payStatus", Ignored),
            text("reservationStatus", Ignored),
        ],
    )
    .whole()
    .at_rest(r#"{"payStatus":"paid","reservationStatus":"reserved"}"#),
    of(
        ["car-rental", "message"],
        ["messages", "message", "Message"],
        &[
            long("contractId", Ignored),
            text("custName", Ignored),
            text("modelName", Ignored),
            text("messageTxt", Ignored),
        ],
    )
    .each(2),
];

pub(super) const BOOK_RENTAL: &[Collection] = &[
    of(
        ["book-rental", "book"],
        ["books", "book", "Book"],
        &[text("name", Kept), int("price", AtLeast(0)), int("stock", AtLeast(0)), text("imageUrl", Kept)],
    )
    .with("POST PATCH", r#"{"name":"LAMP","price":500,"stock":7,"imageUrl":"/goods/img/LAMP.jpg"}"#)
    .patched_by(r#"{"stock":5}"#)
    .first(5)
    .plain_too(),
    of(
        ["book-rental", "rent"],
        ["rentals", "rental", "Rental"],
        &[
            long("bookId", Names),
            text("bookName", Ignored),
            int("qty", AtLeast(1)),
            int("price", Ignored),
            text("customerId", Kept),
            text("customerName", Kept),
            text("status", Ignored),
        ],
    )
    .with("POST PATCH DELETE", r#"{"bookId":5,"qty":1,"customerId":"ann","customerName":"Ann"}"#)
    .patched_by(r#"{"status":"cancel"}"#)
    .remains(r#"{"status":"배송취소"}"#)
    .at_rest(r#"{"status":"배송생성"}"#)
    .plain_too(),
    of(
        ["book-rental", "delivery"],
        ["deliveries", "delivery", "Delivery"],
        &[
            long("rentId", Ignored),
            text("customerId", Ignored),
            text("customerName", Ignored),
            text("deliveryState", Ignored),
            int("qty", Ignored),
        ],
    )
    .at_rest(r#"{"deliveryState":"DeliveryStarted"}"#)
    .plain_too(),
    of(
        ["book-rental", "reserve"],
        ["reserves", "reserve", "Reserve"],
        &[
            long("bookId", Names),
            text("bookName", Ignored),
            text("customerId", Kept),
            text("customerName", Kept),
            int("qty", AtLeast(1)),
            long("rentalId", Ignored),
            text("status", Ignored),
        ],
    )
    .with("POST DELETE", r#"{"bookId":3,"customerId":"bob","customerName":"Bob","qty":1}"#)
    .remains(r#"{"status":"CANCELED"}"#)
    .at_rest(r#"{"status":"RESERVED"}"#)
    .plain_too(),
];
