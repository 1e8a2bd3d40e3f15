//! Car rental: a customer makes a contract for a car and pays in the same breath; the car is reserved after.
//!
//! Contract asks Pay before it stands, Reservation follows the payment, message tells those concerned, Mypage shows the
//! customer how far everything is. A contract that is cancelled takes its payment and its reservation with it.

mod contract;
mod message;
mod my_page;
mod pay;
mod reservation;

use self::contract::{Contract, ContractCanceled, ContractCommand, ContractCompleted, MakeContract, RemoveContract};
use self::message::Message;
use self::my_page::MyPage;
use self::pay::{CancelPay, ConfirmPay, Pay, PayCanceled, Payed, ReturnPay};
use self::reservation::{Reservated, Reservation};
use crate::domain::parties::{Carrier, MESSAGE_URL, PAYMENT_URL, Teller};
use crate::domain::{Resource, Service, Setting, System};

const SYSMODEVAL: Setting = Setting {
    key: "sysmodeval",
    default: "LOCAL_SYSTEM",
    about: "the name of this installation, noted with every contract that is made",
};

/// Describes the system; ports and paths are the originals'.
#[must_use]
pub fn system() -> System {
    let contract = Service::new("contract", 8081).aggregate::<Contract>().resource(
        Resource::shown::<Contract>("contracts", "contract")
            .titled("Contract")
            .post(|body| ContractCommand::from(MakeContract { terms: body.into() }))
            .put(contract::replace)
            .patch(contract::change)
            .delete(|_| ContractCommand::from(RemoveContract {})),
    );
    let pay = Service::new("pay", 8082)
        .aggregate::<Pay>()
        .provider::<Teller<Pay>>()
        .on::<Contract, ContractCompleted, Pay, _>("wheneverContractCompleted_ConfirmPay", |made| {
            (made.0.id, ConfirmPay {})
        })
        .on::<Contract, ContractCanceled, Pay, _>("wheneverContractCanceled_CancelPay", |canceled| {
            (canceled.0.id, CancelPay {})
        })
        .on::<Pay, PayCanceled, Pay, _>("wheneverPayCanceled_ReturnPay", |canceled| (canceled.id, ReturnPay {}))
        .resource(Resource::shown::<Pay>("pays", "pay").titled("Pay"));
    let reservation = Service::new("reservation", 8083)
        .aggregate::<Reservation>()
        .on::<Pay, Payed, Reservation, _>("wheneverPayed_Reservate", reservation::reserve)
        .resource(Resource::shown::<Reservation>("reservations", "reservation").titled("Reservation"));
    let mypage = Service::new("mypage", 8084)
        .view::<MyPage>()
        .resource(Resource::shown_view::<MyPage>("myPages", "myPage").titled("MyPage"));
    let message = Service::new("message", 8085)
        .aggregate::<Message>()
        .provider::<Carrier<Message>>()
        .on::<Contract, ContractCompleted, Message, _>(
            "wheneverContractCompleted_SendMessage",
            message::to_the_one_in_charge,
        )
        .on::<Reservation, Reservated, Message, _>("wheneverReservated_SendMessage", message::to_the_customer)
        .resource(Resource::shown::<Message>("messages", "message").titled("Message"));
    System {
        name: "car-rental",
        about: "contracts for cars, their payments and reservations, messages, and my page",
        gateway_port: 8088,
        settings: vec![SYSMODEVAL, PAYMENT_URL, MESSAGE_URL],
        services: vec![contract, pay, reservation, mypage, message],
    }
}

#[cfg(test)]
mod tests;
