//! OA rental: an office rents out machines.
//!
//! Product registers what can be rented, Rental takes orders and cancels, Delivery owns the stock and decides,
//! Information shows each order's way. Stock moves in Delivery only; the copies of Product and Rental follow.

pub mod delivery;
pub mod my_order;
pub mod policies;
pub mod product;
pub mod product_copy;
pub mod rental;
pub mod stock;

use crate::domain::{Resource, Service, System};

/// Describes the system; ports and paths are the originals'.
#[must_use]
pub fn system() -> System {
    System {
        name: "oa-rental",
        about: "products, rentals, deliveries and my orders of an office equipment rental",
        gateway_port: 8088,
        settings: Vec::new(),
        services: vec![product_service(), rental_service(), delivery_service(), information_service()],
    }
}

fn product_service() -> Service {
    Service::new("product", 8081)
        .aggregate::<product::Product>()
        .policy::<policies::WheneverStockChangedProduct>()
        .resource(
            Resource::of::<product::Product>("products", "product", product::FIELDS, product::represent)
                .titled("Product")
                .post(product::register)
                .put(product::replace)
                .patch(product::change)
                .delete(|_| product::ProductCommand::from(product::RemoveProduct {})),
        )
}

fn rental_service() -> Service {
    Service::new("rental", 8082)
        .aggregate::<rental::Rental>()
        .aggregate::<product_copy::ProductCopy>()
        .policy::<policies::WheneverProductSavedRentalProduct>()
        .policy::<policies::WheneverStockChangedRentalProduct>()
        .policy::<policies::WheneverDeliveredDeliveryStatus>()
        .resource(
            Resource::of::<rental::Rental>("rentals", "rental", rental::FIELDS, rental::represent)
                .titled("Rental")
                .post(rental::place)
                .delete(|_| rental::RentalCommand::from(rental::CancelRental {})),
        )
        .resource(
            Resource::of::<product_copy::ProductCopy>(
                "products",
                "product",
                product_copy::FIELDS,
                product_copy::represent,
            )
            .titled("Product"),
        )
}

fn delivery_service() -> Service {
    Service::new("delivery", 8083)
        .aggregate::<delivery::Delivery>()
        .aggregate::<stock::Stock>()
        .policy::<policies::WheneverProductSavedStock>()
        .policy::<policies::WheneverRentaledDelivery>()
        .policy::<policies::WheneverStockReturnedStock>()
        .resource(
            Resource::of::<delivery::Delivery>("deliveries", "delivery", delivery::FIELDS, delivery::represent)
                .titled("Delivery"),
        )
        .resource(
            Resource::of::<stock::Stock>("products", "product", stock::FIELDS, stock::represent).titled("Product"),
        )
}

fn information_service() -> Service {
    Service::new("information", 8084).view::<my_order::MyOrder>().resource(
        Resource::of_view::<my_order::MyOrder>("myOrders", "myOrder", my_order::FIELDS, my_order::represent)
            .titled("MyOrder"),
    )
}

#[cfg(test)]
mod tests;
