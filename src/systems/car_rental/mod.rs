//! Car rental: a customer makes a contract for a car and pays in the same breath; the car is reserved after.
//!
//! Contract asks Pay before it stands, Reservation follows the payment, message tells those concerned, Mypage shows the
//! customer how far everything is. A contract that is cancelled takes its payment and its reservation with it.

mod contract;
mod message;
mod my_page;
mod pay;
mod reservation;

use crate::domain::parties::{Carrier, MESSAGE_URL, PAYMENT_URL, Teller};
use crate::domain::{Resource, Service, Setting, System};
use contract::{Contract, ContractCommand, RemoveContract};
use message::Message;
use my_page::MyPage;
use pay::Pay;
use reservation::Reservation;

const SYSMODEVAL: Setting = Setting {
    key: "sysmodeval",
    default: "LOCAL_SYSTEM",
    about: "the name of this installation, noted with every contract that is made",
};

/// Describes the system; ports and paths are the originals'.
#[must_use]
pub fn system() -> System {
    System {
        name: "car-rental",
        about: "contracts for cars, their payments and reservations, messages, and my page",
        gateway_port: 8088,
        settings: vec![SYSMODEVAL, PAYMENT_URL, MESSAGE_URL],
        services: vec![
            Service::new("contract", 8081).aggregate::<Contract>().resource(
                Resource::shown::<Contract>("contracts", "contract")
                    .titled("Contract")
                    .post(contract::make)
                    .put(contract::replace)
                    .patch(contract::change)
                    .delete(|_| ContractCommand::from(RemoveContract {})),
            ),
            Service::new("pay", 8082)
                .aggregate::<Pay>()
                .provider::<Teller<Pay>>()
                .whenever::<Contract, Pay, _>("wheneverContractCompleted_ConfirmPay", pay::confirm)
                .whenever::<Contract, Pay, _>("wheneverContractCanceled_CancelPay", pay::cancel)
                .whenever::<Pay, Pay, _>("wheneverPayCanceled_ReturnPay", pay::give_back)
                .resource(Resource::shown::<Pay>("pays", "pay").titled("Pay")),
            Service::new("reservation", 8083)
                .aggregate::<Reservation>()
                .whenever::<Pay, Reservation, _>("wheneverPayed_Reservate", reservation::reserve)
                .resource(Resource::shown::<Reservation>("reservations", "reservation").titled("Reservation")),
            Service::new("mypage", 8084)
                .view::<MyPage>()
                .resource(Resource::shown_view::<MyPage>("myPages", "myPage").titled("MyPage")),
            Service::new("message", 8085)
                .aggregate::<Message>()
                .provider::<Carrier<Message>>()
                .whenever::<Contract, Message, _>(
                    "wheneverContractCompleted_SendMessage",
                    message::to_the_one_in_charge,
                )
                .whenever::<Reservation, Message, _>("wheneverReservated_SendMessage", message::to_the_customer)
                .resource(Resource::shown::<Message>("messages", "message").titled("Message")),
        ],
    }
}

#[cfg(test)]
mod tests;
