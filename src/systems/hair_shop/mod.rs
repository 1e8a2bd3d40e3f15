//! Hair shop: a customer asks for a date, a shop and a style and pays in the same breath; the shop maps a designer.
//!
//! Reservation asks Payment before it stands. What is paid goes to Hairshop, whose designer completes the reservation;
//! a cancel is asked for, and done once the shop has removed the designer, which pays the customer back. A shop that is
//! stopped keeps nobody from asking: MyPage shows how far everything is.

mod reservation;
mod payment;
mod hairshop;
mod policies;
mod my_page;

use self::hairshop::{CancelCompleted, Hairshop};
use self::my_page::MyPage;
use self::payment::{Payment, PaymentFinished};
use self::reservation::{Reservation, ReservationCanceled, ReservationPlaced};
use crate::domain::parties::{PAYMENT_URL, Teller};
use crate::domain::{Resource, Service, Setting, System};

/// The designers a shop maps, one after the other.
const DESIGNERS: Setting = Setting {
    key: "designers",
    default: "ChaHong",
    about: "the shop's designers, separated by commas; reservations get them in turn",
};
const API_URL: Setting = Setting {
    key: "apiurl",
    default: "http://user13-gateway:8080",
    about: "where the original found Payment; here it is asked inside the process",
};

/// Describes the system; ports and paths are the originals'.
#[must_use]
pub fn system() -> System {
    let reservation = Service::new("reservation", 8081)
        .aggregate::<Reservation>()
        .whenever::<Hairshop, Reservation, _>("wheneverReservationCompleted_UpdateStatus", policies::follow_shop)
        .resource(
            Resource::shown::<Reservation>("reservations", "reservation")
                .titled("Reservation")
                .post(reservation::place)
                .patch(reservation::set_status),
        );
    let payment = Service::new("payment", 8082)
        .aggregate::<Payment>()
        .provider::<Teller<Payment>>()
        .on::<Reservation, ReservationPlaced, Payment, _>("wheneverReservationPlaced_Finish", policies::finish)
        .on::<Hairshop, CancelCompleted, Payment, _>("wheneverCancelCompleted_PayBack", policies::pay_back)
        .resource(Resource::shown::<Payment>("payments", "payment").titled("Payment"));
    let hairshop = Service::new("hairshop", 8083)
        .aggregate::<Hairshop>()
        .on::<Payment, PaymentFinished, Hairshop, _>("wheneverPaymentFinished_CheckReservation", policies::check)
        .on::<Reservation, ReservationCanceled, Hairshop, _>(
            "wheneverReservationCanceled_CancelReservation",
            policies::cancel,
        )
        .resource(
            Resource::shown::<Hairshop>("hairshops", "hairshop").titled("Hairshop").patch(hairshop::change_designer),
        );
    let mypage = Service::new("mypage", 8084)
        .view::<MyPage>()
        .resource(Resource::shown_view::<MyPage>("myPages", "myPage").titled("MyPage"));
    System {
        name: "hair-shop",
        about: "reservations, payments, designers and my page of a hair shop",
        gateway_port: 8088,
        settings: vec![DESIGNERS, API_URL, PAYMENT_URL],
        services: vec![reservation, payment, hairshop, mypage],
    }
}

#[cfg(test)]
mod tests;
