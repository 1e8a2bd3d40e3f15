//! Book rental: customers rent books from a stock, have them delivered, and reserve what is out of stock.
//!
//! Rent asks Book to take the stock before a rental stands; Delivery follows, and gives the rental its status. Reserve
//! looks at Book when a customer reserves, and keeps a queue a book of those who wait. View shows a rental's whole way.

mod book;
mod delivery;
mod queue;
mod rental;
mod reserve;
mod view;

use self::book::{Book, BookCommand, ChangeBook, ConfirmStock, RegisterBook, TakeBackStock};
use self::delivery::{CancelDelivery, CreateDelivery, Delivery};
use self::queue::{Dequeue, Queue};
use self::rental::{CancelRental, ChangeRental, PlaceRental, RentCanceled, RentSaved, Rental, RentalCommand};
use self::reserve::{CancelReserve, PlaceReserve, Reserve, ReserveCanceled, ReserveCommand};
use self::view::RentalView;
use crate::domain::{Act, Plain, Resource, Route, Service, Setting, System, Visit};

const SUPERUSER: Setting =
    Setting { key: "superuser", default: "admin123", about: "the user id that /env and /superuser show" };
const INITIAL_STOCK: Setting = Setting {
    key: "initial_stock",
    default: "0",
    about: "how many there are, at least, of each of the first five books when they are first made",
};

/// Describes the system; ports and paths are the originals', plain objects at the singular ones.
#[must_use]
pub fn system() -> System {
    let book = Service::new("book", 8081)
        .aggregate::<Book>()
        .seeded::<Book>(book::first_five)
        .on::<Rental, RentSaved, Book, _>("wheneverRentSaved_ConfirmStock", |saved| {
            (saved.book_id, ConfirmStock { rental_id: saved.id, customer_id: saved.customer_id.clone() })
        })
        .on::<Rental, RentCanceled, Book, _>("wheneverRentCanceled_ReturnStock", |canceled| {
            (canceled.book_id, TakeBackStock { rental_id: canceled.id, qty: canceled.qty })
        })
        .resource(
            Resource::shown::<Book>("books", "book")
                .titled("Book")
                .plain_too()
                .post(|body| BookCommand::from(RegisterBook(body.into())))
                .patch(|body| BookCommand::from(ChangeBook(body.into()))),
        );
    let rent = Service::new("rent", 8082)
        .aggregate::<Rental>()
        .whenever::<Delivery, Rental, _>("wheneverDelivery_RentalStatus", rental::follow)
        .route(Route::get("/env", superuser))
        .route(Route::get("/superuser", superuser))
        .resource(
            Resource::shown::<Rental>("rentals", "rental")
                .titled("Rental")
                .plain_too()
                .post(|body| RentalCommand::from(PlaceRental { wish: body.into() }))
                .patch(|body| RentalCommand::from(ChangeRental { status: body.sent("status") }))
                .delete(|_| RentalCommand::from(CancelRental {})),
        );
    let delivery = Service::new("delivery", 8083)
        .aggregate::<Delivery>()
        .on::<Rental, RentSaved, Delivery, _>("wheneverRentSaved_Delivery", |saved| {
            (saved.id, CreateDelivery { parcel: saved.delivery.clone() })
        })
        // It comes behind the rental's own fact, so there is a delivery to cancel.
        .on::<Rental, RentCanceled, Delivery, _>("wheneverRentCanceled_Delivery", |gone| (gone.id, CancelDelivery {}))
        .route(Route::get("/env", superuser))
        .resource(Resource::shown::<Delivery>("deliveries", "delivery").titled("Delivery").plain_too());
    let view = Service::new("view", 8084)
        .view::<RentalView>()
        .route(Route::get("/view", |_| Act::rows::<RentalView>()))
        .route(Route::get("/view/{id}", |visit| Act::row::<RentalView>(visit.id.unwrap_or(0))));
    let reserve = Service::new("reserve", 8085)
        .aggregate::<Reserve>()
        .aggregate::<Queue>()
        .whenever::<Book, Queue, _>("wheneverBook_Queue", queue::follow)
        .on::<Reserve, ReserveCanceled, Queue, _>("wheneverReserveCanceled_Queue", |ReserveCanceled(told)| {
            (told.book_id, Dequeue { reserve_id: told.id })
        })
        .whenever::<Queue, Reserve, _>("wheneverQueue_Reserve", reserve::follow)
        .resource(
            Resource::shown::<Reserve>("reserves", "reserve")
                .titled("Reserve")
                .plain_too()
                .post(|body| ReserveCommand::from(PlaceReserve { wish: body.into() }))
                .delete(|_| ReserveCommand::from(CancelReserve {})),
        );
    System {
        name: "book-rental",
        about: "books and their stock, rentals, deliveries, reserves, and the view of a rental's way",
        gateway_port: 8088,
        settings: vec![SUPERUSER, INITIAL_STOCK],
        services: vec![book, rent, delivery, view, reserve],
    }
}

fn superuser(visit: &Visit<'_>) -> Act {
    Act::Say(Plain::text(visit.settings.get(SUPERUSER.key)))
}

#[cfg(test)]
mod tests;
