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

use crate::domain::{Act, Plain, Resource, Route, Service, Setting, Stream, System, Verb, View as _, Visit};
use book::Book;
use delivery::Delivery;
use queue::Queue;
use rental::{CancelRental, Rental, RentalCommand};
use reserve::{CancelReserve, Reserve, ReserveCommand};
use view::RentalView;

/// Describes the system; ports and paths are the originals', plain objects at the singular ones.
#[must_use]
pub fn system() -> System {
    System {
        name: "book-rental",
        about: "books and their stock, rentals, deliveries, reserves, and the view of a rental's way",
        gateway_port: 8088,
        settings: vec![
            Setting { key: "superuser", default: "admin123", about: "the user id that /env and /superuser show" },
            Setting {
                key: "initial_stock",
                default: "0",
                about: "how many there are, at least, of each of the first five books when they are first made",
            },
        ],
        services: vec![
            Service::new("book", 8081)
                .aggregate::<Book>()
                .seeded::<Book>(book::first_five)
                .whenever::<Rental, Book, _>("wheneverRentSaved_ConfirmStock", book::confirm)
                .whenever::<Rental, Book, _>("wheneverRentCanceled_ReturnStock", book::take_back)
                .resource(
                    Resource::shown::<Book>("books", "book")
                        .titled("Book")
                        .plain_too()
                        .post(book::register)
                        .patch(book::change),
                ),
            Service::new("rent", 8082)
                .aggregate::<Rental>()
                .whenever::<Delivery, Rental, _>("wheneverDelivery_RentalStatus", rental::follow)
                .route(Route { verb: Verb::Get, path: "/env", fields: &[], act: superuser })
                .route(Route { verb: Verb::Get, path: "/superuser", fields: &[], act: superuser })
                .resource(
                    Resource::shown::<Rental>("rentals", "rental")
                        .titled("Rental")
                        .plain_too()
                        .post(rental::place)
                        .patch(rental::change)
                        .delete(|_| RentalCommand::from(CancelRental {})),
                ),
            Service::new("delivery", 8083)
                .aggregate::<Delivery>()
                .whenever::<Rental, Delivery, _>("wheneverRentSaved_Delivery", delivery::create)
                .whenever::<Rental, Delivery, _>("wheneverRentCanceled_Delivery", delivery::cancel)
                .route(Route { verb: Verb::Get, path: "/env", fields: &[], act: superuser })
                .resource(Resource::shown::<Delivery>("deliveries", "delivery").titled("Delivery").plain_too()),
            Service::new("view", 8084)
                .view::<RentalView>()
                .route(Route { verb: Verb::Get, path: "/view", fields: &[], act: all_rows })
                .route(Route { verb: Verb::Get, path: "/view/{id}", fields: &[], act: one_row }),
            Service::new("reserve", 8085)
                .aggregate::<Reserve>()
                .aggregate::<Queue>()
                .whenever::<Book, Queue, _>("wheneverBook_Queue", queue::follow_book)
                .whenever::<Reserve, Queue, _>("wheneverReserveCanceled_Queue", queue::follow_cancel)
                .whenever::<Queue, Reserve, _>("wheneverQueue_Reserve", reserve::follow)
                .resource(
                    Resource::shown::<Reserve>("reserves", "reserve")
                        .titled("Reserve")
                        .plain_too()
                        .post(reserve::place)
                        .delete(|_| ReserveCommand::from(CancelReserve {})),
                ),
        ],
    }
}

fn superuser(visit: &Visit<'_>) -> Act {
    Act::Say(Plain::text(visit.settings.get("superuser")))
}

fn all_rows(_: &Visit<'_>) -> Act {
    Act::List { kind: RentalView::KIND, render: Plain::item::<RentalView> }
}

fn one_row(visit: &Visit<'_>) -> Act {
    let stream = Stream::new(RentalView::KIND, visit.id.unwrap_or(0));
    Act::Show { stream, render: Plain::item::<RentalView> }
}

#[cfg(test)]
mod tests;
