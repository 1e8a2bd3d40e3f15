//! Delivery's own product: the stock itself. Whoever wants an item asks here, and only here.

use serde::{Deserialize, Serialize};

use super::delivery::DeliveryEvent;
use super::product::{Product, ProductEvent, ProductRenamed, ProductSaved, StockVersion};
use super::product_copy::ProductCopy;
use crate::domain::{Aggregate, Context, Decided, Decision, IdRule, Kind, Recorded, Refusal};
use crate::{messages, shows};

/// The stock of one product. It knows the product as Rental's copy does, and counts its own facts as its version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stock {
    of: ProductCopy,
}

messages! {
    /// What a stock can be told.
    pub(crate) enum StockCommand: Command {
        /// Sets the stock as the product was saved by its fact of that version.
        SetStock { name: Option<String>, qty: i32, saved: u64 } = 1;
        /// Takes over the name that the product's fact of that version gave it.
        RenameStock { name: Option<String>, named: u64 } = 1;
        DropStock {} = 1;
        /// Takes items for a rental.
        TakeStock { rental_id: u64, qty: i32 } = 1;
        /// Gives a cancelled rental's items back.
        GiveBackStock { rental_id: u64, qty: i32 } = 1;
    }

    /// What happens to a stock.
    pub(crate) enum StockEvent: Event hiding StockDropped {
        /// Delivery knows the product and its stock as saved.
        ProductInventoryRegisted { id: u64, name: Option<String>, qty: i32, saved: u64 } = 1;
        /// A rental moved it; so many are left.
        StockChanged { id: u64, qty: i32, rental_id: u64, version: StockVersion } = 1;
        StockRenamed { id: u64, name: Option<String>, named: u64 } = 1;
        StockDropped { id: u64 } = 1;
    }
}

impl Aggregate for Stock {
    const KIND: Kind = Kind::new("oa-rental/delivery/product");
    const IDS: IdRule = IdRule::TakenFrom(Product::KIND);
    type Command = StockCommand;
    type Event = StockEvent;
    type Rejection = Refusal;

    fn decide(&self, command: &StockCommand, context: &Context) -> Decided<Self> {
        let (id, left) = (context.id, self.of.qty);
        Ok(match command.clone() {
            StockCommand::TakeStock(_) if !self.exists() => {
                let detail = format!("delivery knows no product {id}");
                return Err(Refusal::unknown_target("unregistered-product", detail));
            }
            _ if self.of.removed => Decision::nothing(),
            StockCommand::TakeStock(TakeStock { rental_id, qty }) => {
                Refusal::unless(qty <= left, "out-of-stock", || format!("{qty} wanted, {left} in stock"))?;
                self.moved(id, rental_id, left - qty)
            }
            StockCommand::GiveBackStock(GiveBackStock { rental_id, qty }) => {
                self.moved(id, rental_id, left.saturating_add(qty))
            }
            StockCommand::SetStock(SetStock { name, qty, saved }) => {
                Decision::only_if(saved > self.of.version.saved, ProductInventoryRegisted { id, name, qty, saved })
            }
            StockCommand::RenameStock(RenameStock { name, named }) => {
                Decision::only_if(named > self.of.named, StockRenamed { id, name, named })
            }
            StockCommand::DropStock(_) => Decision::facts([StockDropped { id }]),
        })
    }

    fn evolve(&mut self, event: &StockEvent) {
        let of = &mut self.of;
        of.version.stock += 1;
        match event.clone() {
            StockEvent::ProductInventoryRegisted(ProductInventoryRegisted { id, name, qty, saved }) => {
                (of.product_id, of.name, of.qty, of.registered) = (id, name, qty, true);
                (of.named, of.version.saved) = (saved, saved);
            }
            StockEvent::StockChanged(changed) => of.qty = changed.qty,
            StockEvent::StockRenamed(renamed) => (of.name, of.named) = (renamed.name, renamed.named),
            StockEvent::StockDropped(_) => of.removed = true,
        }
    }

    fn exists(&self) -> bool {
        self.of.exists()
    }
}

impl Stock {
    fn moved(&self, id: u64, rental_id: u64, qty: i32) -> Decision<StockEvent> {
        let StockVersion { saved, stock } = self.of.version;
        Decision::facts([StockChanged { id, qty, rental_id, version: StockVersion { saved, stock: stock + 1 } }])
    }
}

/// Delivery keeps its own product, the stock.
pub(super) fn follow_product(fact: &Recorded, event: &ProductEvent) -> Option<(u64, StockCommand)> {
    let command = match event.clone() {
        ProductEvent::ProductSaved(ProductSaved { name, qty, .. }) => {
            SetStock { name, qty, saved: fact.version }.into()
        }
        ProductEvent::ProductRenamed(ProductRenamed { name, .. }) => RenameStock { name, named: fact.version }.into(),
        ProductEvent::ProductRemoved(_) => DropStock {}.into(),
        ProductEvent::StockCopied(_) => return None,
    };
    Some((fact.stream.id, command))
}

/// A cancelled delivery's items go back.
pub(super) fn take_back(_: &Recorded, event: &DeliveryEvent) -> Option<(u64, StockCommand)> {
    let DeliveryEvent::StockReturned(back) = event else { return None };
    Some((back.product_id, GiveBackStock { rental_id: back.rental_id, qty: back.qty }.into()))
}

shows! {
    Stock: |stock| {
        long "productId" = stock.of.product_id;
        text "name" = &stock.of.name;
        int "qty" = stock.of.qty;
    }
}
