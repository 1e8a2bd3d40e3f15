//! A small system of try, confirm and undo: an order has its payment held, a policy confirms it, an undo voids it.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Aggregate, Answer, Ask, Asked, Closing, Command, Context, Decision, Event, IdRule, Kind, Outgoing, Policy,
    Provider, Recorded, Refusal, Rejection, Service, System, Verb,
};
use crate::messages;

/// What nobody can pay.
pub(super) const TOO_DEAR: u64 = 1_000_000;

/// An order: nothing to clients until its payment is held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Order {
    ordered: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PlaceOrder {
    pub(super) amount: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OrderRequested {
    pub(super) amount: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ordered {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OrderWithdrawn {}

messages! { pub(super) enum OrderCommand { PlaceOrder = 1 } }
messages! { pub(super) enum OrderEvent { OrderRequested = 1; Ordered = 1; OrderWithdrawn = 1 } }
impl Command for OrderCommand {}
impl Event for OrderEvent {
    const INTERNAL: &'static [&'static str] = &["OrderRequested", "OrderWithdrawn"];
}

/// Never used: an order is refused by its payment only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OrderRejection {}

impl Rejection for OrderRejection {
    fn refusal(&self) -> Refusal {
        match *self {}
    }
}

impl Aggregate for Order {
    const KIND: Kind = Kind::new("shop/order/order");
    const STATE_VERSION: u16 = 1;
    const IDS: IdRule = IdRule::Sequence;
    const ASKS: &'static [Kind] = &[Payment::KIND];
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Rejection = OrderRejection;

    fn decide(&self, command: &OrderCommand, context: &Context) -> Result<Decision<OrderEvent>, OrderRejection> {
        let OrderCommand::PlaceOrder(PlaceOrder { amount }) = command;
        let hold = Ask::of::<Payment>(context.id, Hold { amount: *amount }).undone_by::<Payment>(Void {});
        Ok(Decision::facts([OrderRequested { amount: *amount }]).asking(hold))
    }

    fn answered(&self, asked: &Asked, answer: &Answer, _: &Context) -> Closing<OrderEvent> {
        match answer {
            Answer::Done if asked.command != "Hold" => Closing::facts([]),
            Answer::Done => {
                // Whoever agreed can be seen, also when the answer is the repeat of one that was lost.
                assert!(asked.seen::<Payment>().is_some_and(|payment| payment.held), "{asked:?}");
                Closing::facts([Ordered {}.into()])
            }
            Answer::Refused(refusal) => Closing::refuse(refusal.clone()).and(OrderWithdrawn {}),
            Answer::Withdrawn => Closing::facts([OrderWithdrawn {}.into()]),
        }
    }

    fn evolve(&mut self, event: &OrderEvent) {
        self.ordered |= matches!(event, OrderEvent::Ordered(_));
    }

    fn exists(&self) -> bool {
        self.ordered
    }
}

/// The payment of one order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Payment {
    held: bool,
    voided: bool,
    paid: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Hold {
    pub(super) amount: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Confirm {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Void {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PaymentHeld {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PaymentVoided {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Paid {}

messages! { pub(super) enum PaymentCommand { Hold = 1; Confirm = 1; Void = 1 } }
messages! { pub(super) enum PaymentEvent { PaymentHeld = 1; PaymentVoided = 1; Paid = 1 } }
impl Command for PaymentCommand {}
impl Event for PaymentEvent {
    const INTERNAL: &'static [&'static str] = &["PaymentHeld", "PaymentVoided"];
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TooDear;

impl Rejection for TooDear {
    fn refusal(&self) -> Refusal {
        Refusal::rule("too-dear", "nobody can pay that")
    }
}

impl Aggregate for Payment {
    const KIND: Kind = Kind::new("shop/bank/payment");
    const STATE_VERSION: u16 = 1;
    const IDS: IdRule = IdRule::TakenFrom(Order::KIND);
    const ASKS: &'static [Kind] = &[Bank::KIND];
    type Command = PaymentCommand;
    type Event = PaymentEvent;
    type Rejection = TooDear;

    fn decide(&self, command: &PaymentCommand, context: &Context) -> Result<Decision<PaymentEvent>, TooDear> {
        Ok(match command {
            PaymentCommand::Hold(hold) if hold.amount >= TOO_DEAR => return Err(TooDear),
            // Voided before it came: it stays voided.
            PaymentCommand::Hold(_) if self.held || self.voided => Decision::nothing(),
            PaymentCommand::Hold(Hold { amount }) => {
                let charge = Ask::outside::<Bank>(context.id, Charge { amount: *amount });
                Decision::nothing().asking(charge.undone_outside_by::<Bank>(Refund {}))
            }
            PaymentCommand::Confirm(_) if self.paid || self.voided => Decision::nothing(),
            PaymentCommand::Confirm(_) => Decision::facts([Paid {}]),
            PaymentCommand::Void(_) if self.voided => Decision::nothing(),
            PaymentCommand::Void(_) => {
                let refund = self.held.then(|| Ask::outside::<Bank>(context.id, Refund {}));
                Decision { ask: refund, ..Decision::facts([PaymentVoided {}]) }
            }
        })
    }

    fn answered(&self, asked: &Asked, answer: &Answer, _: &Context) -> Closing<PaymentEvent> {
        match answer {
            Answer::Done if asked.command == "Charge" => Closing::facts([PaymentHeld {}.into()]),
            Answer::Done | Answer::Withdrawn => Closing::facts([]),
            Answer::Refused(refusal) => Closing::refuse(refusal.clone()),
        }
    }

    fn evolve(&mut self, event: &PaymentEvent) {
        match event {
            PaymentEvent::PaymentHeld(_) => self.held = true,
            PaymentEvent::PaymentVoided(_) => self.voided = true,
            PaymentEvent::Paid(_) => self.paid = true,
        }
    }

    fn exists(&self) -> bool {
        self.paid
    }
}

/// The outside party that has the money.
#[derive(Debug)]
pub(super) struct Bank;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Charge {
    pub(super) amount: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Refund {}

messages! { pub(super) enum BankCommand { Charge = 1; Refund = 1 } }
impl Command for BankCommand {}

impl Provider for Bank {
    const KIND: Kind = Kind::new("shop/outside/bank");
    const ADDRESS: &'static str = "bank_url";
    type Command = BankCommand;

    fn outgoing(id: u64, command: &BankCommand) -> Outgoing {
        match command {
            BankCommand::Charge(_) => Outgoing::new(Verb::Post, format!("/charges/{id}")),
            BankCommand::Refund(_) => Outgoing::new(Verb::Delete, format!("/charges/{id}")),
        }
    }
}

#[derive(Debug)]
pub(super) struct WheneverOrderedConfirm;

impl Policy for WheneverOrderedConfirm {
    const NAME: &'static str = "wheneverOrdered_Confirm";
    type Source = Order;
    type Target = Payment;

    fn react(fact: &Recorded, event: &OrderEvent) -> Vec<(u64, PaymentCommand)> {
        match event {
            OrderEvent::Ordered(_) => vec![(fact.stream.id, Confirm {}.into())],
            OrderEvent::OrderRequested(_) | OrderEvent::OrderWithdrawn(_) => Vec::new(),
        }
    }
}

pub(super) fn system() -> System {
    System {
        name: "shop",
        about: "orders and their payments",
        gateway_port: 9_188,
        settings: Vec::new(),
        services: vec![
            Service::new("order", 9_181).aggregate::<Order>(),
            Service::new("bank", 9_182).aggregate::<Payment>().provider::<Bank>().policy::<WheneverOrderedConfirm>(),
        ],
    }
}
