//! Book market: customers order books, pay in the same breath, and are told when the books are on their way.
//!
//! Order asks Payment before it stands. Payment starts Delivery, Delivery has Kakao send a message; each of them moves
//! the order's status, and none of them, once stopped, keeps customers from ordering. A cancelled order takes its
//! payment and then its delivery with it. customerview and Kakaomsg show how far orders and messages are.

mod order;
mod payment;
mod delivery;
mod kakao;
mod policies;
mod my_page;
mod kakaomsg;
mod routes;

use self::delivery::Delivery;
use self::kakao::Kakao;
use self::kakaomsg::Kakaomsg;
use self::my_page::Mypage;
use self::order::Order;
use self::payment::{Paid, Payment};
use crate::domain::parties::{Carrier, MESSAGE_URL, PAYMENT_URL, Teller};
use crate::domain::{Resource, Service, Setting, System};

const LANGUAGE: Setting = Setting {
    key: "language",
    default: "KOREA",
    about: "the language of messages; as the original's ConfigMap `hello`, nothing depends on it",
};

/// Describes the system; ports and paths are the originals', but Kakaomsg's, which was the gateway's too.
#[must_use]
pub fn system() -> System {
    let order = Service::new("order", 8081)
        .aggregate::<Order>()
        .on::<Payment, Paid, Order, _>("wheneverPaid_UpdateStatus", policies::follow_payment)
        .whenever::<Delivery, Order, _>("wheneverShipped_UpdateStatus", policies::follow_delivery)
        .route(routes::CIRCUIT_BREAKER)
        .resource(
            Resource::shown::<Order>("orders", "order")
                .titled("Order")
                .post(order::place)
                .delete(|_| order::OrderCommand::from(order::CancelOrder {})),
        );
    let payment = Service::new("payment", 8082)
        .aggregate::<Payment>()
        .provider::<Teller<Payment>>()
        .whenever::<Order, Payment, _>("wheneverOrdered_Pay", policies::pay)
        .route(routes::CIRCUIT_BREAKER)
        .route(routes::SELECT_PAYMENT_INFO)
        .resource(Resource::shown::<Payment>("payments", "payment").titled("Payment"));
    let delivery = Service::new("delivery", 8083)
        .aggregate::<Delivery>()
        .whenever::<Payment, Delivery, _>("wheneverPaid_Ship", policies::deliver)
        .resource(Resource::shown::<Delivery>("deliveries", "delivery").titled("Delivery"));
    let customerview = Service::new("customerview", 8084)
        .view::<Mypage>()
        .resource(Resource::shown_view::<Mypage>("mypages", "mypage").titled("Mypage"));
    let kakao = Service::new("kakao", 8086)
        .aggregate::<Kakao>()
        .provider::<Carrier<Kakao>>()
        .whenever_new::<Delivery, Kakao, _>("wheneverShipped_SendMessage", policies::tell)
        .resource(
            Resource::shown::<Kakao>("kakaos", "kakao")
                .titled("Kakao")
                .post(|body| kakao::KakaoCommand::from(kakao::SendMessage(body.into()))),
        );
    let kakaomsg = Service::new("kakaomsg", 8087)
        .view::<Kakaomsg>()
        .resource(Resource::shown_view::<Kakaomsg>("kakaomsgs", "kakaomsg").titled("Kakaomsg"));
    System {
        name: "book-market",
        about: "orders, payments, deliveries and messages of a book market",
        gateway_port: 8088,
        settings: vec![LANGUAGE, PAYMENT_URL, MESSAGE_URL],
        services: vec![order, payment, delivery, customerview, kakao, kakaomsg],
    }
}

#[cfg(test)]
mod tests;
