//! Rental's own copy of a product, made of the facts of Product and of Delivery's stock.

use serde::{Deserialize, Serialize};

use super::product::{Product, StockVersion};
use crate::domain::{
    Aggregate, Command, Context, Decision, Event, Field, Held, IdRule, Kind, Refusal, Rejection, Value,
};
use crate::messages;

/// A copied product.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProductCopy {
    product_id: u64,
    name: Option<String>,
    qty: i32,
    registered: bool,
    removed: bool,
    named: u64,
    followed: StockVersion,
}

/// Takes over a product as saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CopyProduct {
    /// Its name.
    pub name: Option<String>,
    /// Its quantity.
    pub qty: i32,
    /// The version of the `ProductSaved`.
    pub saved: u64,
}

/// Takes over a new name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RenameCopy {
    /// Its name.
    pub name: Option<String>,
    /// The version of the `ProductRenamed`.
    pub named: u64,
}

/// Follows Delivery's stock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FollowStockOfCopy {
    /// How many there are.
    pub qty: i32,
    /// How new that is.
    pub version: StockVersion,
}

/// Gives the copy up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DropCopy {}

/// Rental knows the product as saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductRegisted {
    /// The product.
    pub id: u64,
    /// Its name.
    pub name: Option<String>,
    /// Its quantity.
    pub qty: i32,
    /// How new the quantity is.
    pub version: StockVersion,
    /// The version of the product's fact.
    pub named: u64,
}

/// The copy took over Delivery's quantity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CopyStockChanged {
    /// The product.
    pub id: u64,
    /// How many there are.
    pub qty: i32,
    /// How new that is.
    pub version: StockVersion,
}

/// The copy took over a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CopyRenamed {
    /// The product.
    pub id: u64,
    /// Its name.
    pub name: Option<String>,
    /// The version of the product's fact.
    pub named: u64,
}

/// The copy is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CopyDropped {
    /// The product.
    pub id: u64,
}

messages! {
    /// What a copy can be told.
    pub enum CopyCommand { CopyProduct = 1; RenameCopy = 1; FollowStockOfCopy = 1; DropCopy = 1 }
}

messages! {
    /// What happens to a copy.
    pub enum CopyEvent { ProductRegisted = 1; CopyStockChanged = 1; CopyRenamed = 1; CopyDropped = 1 }
}

impl Command for CopyCommand {}
impl Event for CopyEvent {
    const INTERNAL: &'static [&'static str] = &["CopyDropped"];
}

/// A copy never refuses: it follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyRejection {}

impl Rejection for CopyRejection {
    fn refusal(&self) -> Refusal {
        match *self {}
    }
}

impl Aggregate for ProductCopy {
    const KIND: Kind = Kind::new("oa-rental/rental/product");
    const STATE_VERSION: u16 = 1;
    const IDS: IdRule = IdRule::TakenFrom(Product::KIND);
    type Command = CopyCommand;
    type Event = CopyEvent;
    type Rejection = CopyRejection;

    fn decide(&self, command: &CopyCommand, context: &Context) -> Result<Decision<CopyEvent>, CopyRejection> {
        let id = context.id;
        if self.removed {
            return Ok(Decision::nothing());
        }
        Ok(match command {
            CopyCommand::CopyProduct(copy) if copy.saved <= self.named => Decision::nothing(),
            CopyCommand::CopyProduct(CopyProduct { name, qty, saved }) => {
                let sent = StockVersion { saved: *saved, stock: 0 };
                let (qty, version) = if sent > self.followed { (*qty, sent) } else { (self.qty, self.followed) };
                Decision::facts([ProductRegisted { id, name: name.clone(), qty, version, named: *saved }])
            }
            CopyCommand::RenameCopy(rename) if rename.named <= self.named => Decision::nothing(),
            CopyCommand::RenameCopy(RenameCopy { name, named }) => {
                Decision::facts([CopyRenamed { id, name: name.clone(), named: *named }])
            }
            CopyCommand::FollowStockOfCopy(follow) if follow.version <= self.followed => Decision::nothing(),
            CopyCommand::FollowStockOfCopy(FollowStockOfCopy { qty, version }) => {
                Decision::facts([CopyStockChanged { id, qty: *qty, version: *version }])
            }
            CopyCommand::DropCopy(_) => Decision::facts([CopyDropped { id }]),
        })
    }

    fn evolve(&mut self, event: &CopyEvent) {
        match event {
            CopyEvent::ProductRegisted(registed) => {
                self.product_id = registed.id;
                self.name.clone_from(&registed.name);
                self.qty = registed.qty;
                self.followed = registed.version;
                self.named = registed.named;
                self.registered = true;
            }
            CopyEvent::CopyStockChanged(changed) => {
                self.qty = changed.qty;
                self.followed = changed.version;
            }
            CopyEvent::CopyRenamed(renamed) => {
                self.name.clone_from(&renamed.name);
                self.named = renamed.named;
            }
            CopyEvent::CopyDropped(_) => self.removed = true,
        }
    }

    fn exists(&self) -> bool {
        self.registered && !self.removed
    }
}

/// The fields clients see.
pub const FIELDS: &[Field] = &[Field::long("productId"), Field::text("name"), Field::int("qty")];

/// Shows a copy.
#[must_use]
pub fn represent(state: &dyn Held) -> Vec<Value> {
    let copy: Option<&ProductCopy> = state.as_any().downcast_ref();
    copy.map_or_else(Vec::new, |copy| vec![copy.product_id.into(), (&copy.name).into(), copy.qty.into()])
}
