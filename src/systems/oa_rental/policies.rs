//! What follows from what: every policy commands its own service only.

use super::delivery::{Deliver, Delivery, DeliveryCommand, DeliveryEvent};
use super::product::{FollowStock, Product, ProductCommand, ProductEvent};
use super::product_copy::{CopyCommand, CopyProduct, DropCopy, FollowStockOfCopy, ProductCopy, RenameCopy};
use super::rental::{FollowDelivery, Rental, RentalCommand, RentalEvent};
use super::stock::{DropStock, GiveBackStock, RenameStock, SetStock, Stock, StockCommand, StockEvent};
use crate::domain::{Policy, Recorded};

/// Product follows the stock.
#[derive(Debug)]
pub struct WheneverStockChangedProduct;

impl Policy for WheneverStockChangedProduct {
    const NAME: &'static str = "wheneverStockChanged_Product";
    type Source = Stock;
    type Target = Product;

    fn react(_fact: &Recorded, event: &StockEvent) -> Vec<(u64, ProductCommand)> {
        match event {
            StockEvent::StockChanged(changed) => {
                vec![(changed.id, FollowStock { qty: changed.qty, version: changed.version }.into())]
            }
            StockEvent::ProductInventoryRegisted(_) | StockEvent::StockRenamed(_) | StockEvent::StockDropped(_) => {
                Vec::new()
            }
        }
    }
}

/// Rental keeps its copy of each product.
#[derive(Debug)]
pub struct WheneverProductSavedRentalProduct;

impl Policy for WheneverProductSavedRentalProduct {
    const NAME: &'static str = "wheneverProductSaved_Product";
    type Source = Product;
    type Target = ProductCopy;

    fn react(fact: &Recorded, event: &ProductEvent) -> Vec<(u64, CopyCommand)> {
        let version = fact.version;
        match event {
            ProductEvent::ProductSaved(saved) => {
                vec![(saved.id, CopyProduct { name: saved.name.clone(), qty: saved.qty, saved: version }.into())]
            }
            ProductEvent::ProductRenamed(renamed) => {
                vec![(renamed.id, RenameCopy { name: renamed.name.clone(), named: version }.into())]
            }
            ProductEvent::ProductRemoved(removed) => vec![(removed.id, DropCopy {}.into())],
            ProductEvent::StockCopied(_) => Vec::new(),
        }
    }
}

/// Rental's copy follows the stock.
#[derive(Debug)]
pub struct WheneverStockChangedRentalProduct;

impl Policy for WheneverStockChangedRentalProduct {
    const NAME: &'static str = "wheneverStockChanged_RentalProduct";
    type Source = Stock;
    type Target = ProductCopy;

    fn react(_fact: &Recorded, event: &StockEvent) -> Vec<(u64, CopyCommand)> {
        match event {
            StockEvent::StockChanged(changed) => {
                vec![(changed.id, FollowStockOfCopy { qty: changed.qty, version: changed.version }.into())]
            }
            StockEvent::ProductInventoryRegisted(_) | StockEvent::StockRenamed(_) | StockEvent::StockDropped(_) => {
                Vec::new()
            }
        }
    }
}

/// A rental follows what its delivery decided.
#[derive(Debug)]
pub struct WheneverDeliveredDeliveryStatus;

impl Policy for WheneverDeliveredDeliveryStatus {
    const NAME: &'static str = "wheneverDelivered_DeliveryStatus";
    type Source = Delivery;
    type Target = Rental;

    fn react(_fact: &Recorded, event: &DeliveryEvent) -> Vec<(u64, RentalCommand)> {
        let (rental, delivery_id, status) = match event {
            DeliveryEvent::Delivered(delivered) => (delivered.rental_id, delivered.id, delivered.status.clone()),
            DeliveryEvent::OutOfStockRentalCanceled(refused) => (refused.rental_id, refused.id, refused.status.clone()),
            DeliveryEvent::DeliveryRequested(_)
            | DeliveryEvent::CancelNoted(_)
            | DeliveryEvent::DeliveryCanceled(_)
            | DeliveryEvent::StockReturned(_) => return Vec::new(),
        };
        vec![(rental, FollowDelivery { delivery_id, status }.into())]
    }
}

/// Delivery keeps its own product, the stock.
#[derive(Debug)]
pub struct WheneverProductSavedStock;

impl Policy for WheneverProductSavedStock {
    const NAME: &'static str = "wheneverProductSaved_Stock";
    type Source = Product;
    type Target = Stock;

    fn react(fact: &Recorded, event: &ProductEvent) -> Vec<(u64, StockCommand)> {
        let version = fact.version;
        match event {
            ProductEvent::ProductSaved(saved) => {
                vec![(saved.id, SetStock { name: saved.name.clone(), qty: saved.qty, saved: version }.into())]
            }
            ProductEvent::ProductRenamed(renamed) => {
                vec![(renamed.id, RenameStock { name: renamed.name.clone(), named: version }.into())]
            }
            ProductEvent::ProductRemoved(removed) => vec![(removed.id, DropStock {}.into())],
            ProductEvent::StockCopied(_) => Vec::new(),
        }
    }
}

/// A rental is delivered.
#[derive(Debug)]
pub struct WheneverRentaledDelivery;

impl Policy for WheneverRentaledDelivery {
    const NAME: &'static str = "wheneverRentaled_Delivery";
    type Source = Rental;
    type Target = Delivery;

    fn react(_fact: &Recorded, event: &RentalEvent) -> Vec<(u64, DeliveryCommand)> {
        match event {
            RentalEvent::Rentaled(rentaled) => {
                vec![(rentaled.id, Deliver { product_id: rentaled.product_id, qty: rentaled.qty }.into())]
            }
            RentalEvent::RentalStatusChanged(_) | RentalEvent::RentalCanceled(_) => Vec::new(),
        }
    }
}

/// A cancelled delivery's items go back.
#[derive(Debug)]
pub struct WheneverStockReturnedStock;

impl Policy for WheneverStockReturnedStock {
    const NAME: &'static str = "wheneverStockReturned_Stock";
    type Source = Delivery;
    type Target = Stock;

    fn react(_fact: &Recorded, event: &DeliveryEvent) -> Vec<(u64, StockCommand)> {
        match event {
            DeliveryEvent::StockReturned(returned) => {
                let give_back = GiveBackStock { rental_id: returned.rental_id, qty: returned.qty };
                vec![(returned.product_id, give_back.into())]
            }
            DeliveryEvent::DeliveryRequested(_)
            | DeliveryEvent::CancelNoted(_)
            | DeliveryEvent::Delivered(_)
            | DeliveryEvent::OutOfStockRentalCanceled(_)
            | DeliveryEvent::DeliveryCanceled(_) => Vec::new(),
        }
    }
}
