//! Rental's own copy of a product, made of the facts of Product and of Delivery's stock.

use std::convert::Infallible;

use super::product::{Product, ProductEvent, ProductRenamed, ProductSaved, StockVersion};
use super::stock::StockEvent;
use crate::domain::{Aggregate, Context, Decided, Decision, IdRule, Kind, Recorded};
use crate::{messages, state};

state! {
    /// A product as another service than its own keeps it: newer facts change it, and once removed it never comes back.
    pub(crate) struct ProductCopy {
        pub(super) product_id: u64 as long "productId",
        pub(super) name: Option<String> as text "name",
        pub(super) qty: i32 as int "qty",
        pub(super) registered: bool,
        pub(super) removed: bool,
        /// The version of the product's fact that named it.
        pub(super) named: u64,
        pub(super) version: StockVersion,
    }
}

messages! {
    /// What a copy can be told.
    pub(crate) enum CopyCommand: Command {
        /// Takes over a product as saved by its fact of that version.
        CopyProduct { name: Option<String>, qty: i32, saved: u64 } = 1;
        /// Takes over the name that the product's fact of that version gave it.
        RenameCopy { name: Option<String>, named: u64 } = 1;
        FollowStockOfCopy { qty: i32, version: StockVersion } = 1;
        DropCopy {} = 1;
    }

    /// What happens to a copy.
    pub(crate) enum CopyEvent: Event hiding CopyDropped {
        /// Rental knows the product as saved.
        ProductRegisted { id: u64, name: Option<String>, qty: i32, version: StockVersion, named: u64 } = 1;
        CopyStockChanged { id: u64, qty: i32, version: StockVersion } = 1;
        CopyRenamed { id: u64, name: Option<String>, named: u64 } = 1;
        CopyDropped { id: u64 } = 1;
    }
}

impl Aggregate for ProductCopy {
    const KIND: Kind = Kind::new("oa-rental/rental/product");
    const IDS: IdRule = IdRule::TakenFrom(Product::KIND);
    type Command = CopyCommand;
    type Event = CopyEvent;
    type Rejection = Infallible;

    fn decide(&self, command: &CopyCommand, context: &Context) -> Decided<Self> {
        let id = context.id;
        Ok(match command.clone() {
            _ if self.removed => Decision::nothing(),
            CopyCommand::CopyProduct(CopyProduct { name, qty, saved }) => {
                // Delivery's stock may have moved since, and have been heard of first.
                let (version, qty) = (StockVersion { saved, stock: 0 }, qty).max((self.version, self.qty));
                Decision::only_if(saved > self.named, ProductRegisted { id, name, qty, version, named: saved })
            }
            CopyCommand::RenameCopy(RenameCopy { name, named }) => {
                Decision::only_if(named > self.named, CopyRenamed { id, name, named })
            }
            CopyCommand::FollowStockOfCopy(FollowStockOfCopy { qty, version }) => {
                Decision::only_if(version > self.version, CopyStockChanged { id, qty, version })
            }
            CopyCommand::DropCopy(_) => Decision::facts([CopyDropped { id }]),
        })
    }

    fn evolve(&mut self, event: &CopyEvent) {
        match event.clone() {
            CopyEvent::ProductRegisted(ProductRegisted { id: product_id, name, qty, version, named }) => {
                *self = Self { product_id, name, qty, registered: true, removed: false, named, version };
            }
            CopyEvent::CopyStockChanged(changed) => (self.qty, self.version) = (changed.qty, changed.version),
            CopyEvent::CopyRenamed(renamed) => (self.name, self.named) = (renamed.name, renamed.named),
            CopyEvent::CopyDropped(_) => self.removed = true,
        }
    }

    fn exists(&self) -> bool {
        self.registered && !self.removed
    }
}

/// Rental keeps its copy of each product.
pub(super) fn follow_product(fact: &Recorded, event: &ProductEvent) -> Option<(u64, CopyCommand)> {
    let command = match event.clone() {
        ProductEvent::ProductSaved(ProductSaved { name, qty, .. }) => {
            CopyProduct { name, qty, saved: fact.version }.into()
        }
        ProductEvent::ProductRenamed(ProductRenamed { name, .. }) => RenameCopy { name, named: fact.version }.into(),
        ProductEvent::ProductRemoved(_) => DropCopy {}.into(),
        ProductEvent::StockCopied(_) => return None,
    };
    Some((fact.stream.id, command))
}

/// It follows the stock.
pub(super) fn follow_stock(_: &Recorded, event: &StockEvent) -> Option<(u64, CopyCommand)> {
    let StockEvent::StockChanged(changed) = event else { return None };
    Some((changed.id, FollowStockOfCopy { qty: changed.qty, version: changed.version }.into()))
}
