//! OA rental: an office rents out machines.
//!
//! Product registers what can be rented, Rental takes orders and cancels, Delivery owns the stock and decides,
//! Information shows each order's way. Stock moves in Delivery only; the copies of Product and Rental follow.

pub(crate) mod delivery;
pub(crate) mod my_order;
pub(crate) mod product;
pub(crate) mod product_copy;
pub(crate) mod rental;
pub(crate) mod stock;

use self::delivery::Delivery;
use self::my_order::MyOrder;
use self::product::{Product, ProductCommand, RemoveProduct};
use self::product_copy::ProductCopy;
use self::rental::{CancelRental, Rental, RentalCommand};
use self::stock::Stock;
use crate::domain::{Resource, Service, System};

/// Describes the system; ports and paths are the originals'.
#[must_use]
pub fn system() -> System {
    let product = Service::new("product", 8081)
        .aggregate::<Product>()
        .whenever::<Stock, Product, _>("wheneverStockChanged_Product", product::follow_stock)
        .resource(
            Resource::shown::<Product>("products", "product")
                .titled("Product")
                .post(product::register)
                .put(product::replace)
                .patch(product::change)
                .delete(|_| ProductCommand::from(RemoveProduct {})),
        );
    let rental = Service::new("rental", 8082)
        .aggregate::<Rental>()
        .aggregate::<ProductCopy>()
        .whenever::<Product, ProductCopy, _>("wheneverProductSaved_Product", product_copy::follow_product)
        .whenever::<Stock, ProductCopy, _>("wheneverStockChanged_RentalProduct", product_copy::follow_stock)
        .whenever::<Delivery, Rental, _>("wheneverDelivered_DeliveryStatus", rental::follow)
        .resource(
            Resource::shown::<Rental>("rentals", "rental")
                .titled("Rental")
                .post(rental::place)
                .delete(|_| RentalCommand::from(CancelRental {})),
        )
        .resource(Resource::shown::<ProductCopy>("products", "product").titled("Product"));
    let delivery = Service::new("delivery", 8083)
        .aggregate::<Delivery>()
        .aggregate::<Stock>()
        .whenever::<Product, Stock, _>("wheneverProductSaved_Stock", stock::follow_product)
        .whenever::<Rental, Delivery, _>("wheneverRentaled_Delivery", delivery::deliver)
        .whenever::<Delivery, Stock, _>("wheneverStockReturned_Stock", stock::take_back)
        .resource(Resource::shown::<Delivery>("deliveries", "delivery").titled("Delivery"))
        .resource(Resource::shown::<Stock>("products", "product").titled("Product"));
    let information = Service::new("information", 8084)
        .view::<MyOrder>()
        .resource(Resource::shown_view::<MyOrder>("myOrders", "myOrder").titled("MyOrder"));
    System {
        name: "oa-rental",
        about: "products, rentals, deliveries and my orders of an office equipment rental",
        gateway_port: 8088,
        settings: Vec::new(),
        services: vec![product, rental, delivery, information],
    }
}

#[cfg(test)]
mod tests;
