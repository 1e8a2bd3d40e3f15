//! Every promise of the system: each rule and refusal, a contract's story in any order, and the names on the wire.

use proptest::prelude::*;

use super::contract::*;
use super::message::{Letter, Message, SendMessage};
use super::pay::*;
use super::reservation::*;
use super::system;
use crate::domain::parties::{Charge, Refund, Teller};
use crate::domain::testing::given;
use crate::domain::testing::world::{Call, World};
use crate::domain::{Aggregate, Body, Context, Value};

fn terms(amt: i32) -> Terms {
    Terms { cust_name: Some("고객1".to_owned()), model_name: Some("쏘나타".to_owned()), amt }
}

fn body<const N: usize>(sent: [(&'static str, Value); N]) -> Body {
    sent.into_iter().collect()
}

fn made(amt: i32) -> MakeContract {
    let terms = body([("custName", "고객1".into()), ("modelName", "쏘나타".into()), ("amt", amt.into())]);
    MakeContract { terms: (&terms).into() }
}

fn requested() -> ContractEvent {
    ContractRequested { terms: terms(100), system_mode: String::new() }.into()
}

fn told(amt: i32) -> Told {
    let Terms { cust_name, model_name, amt } = terms(amt);
    Told { id: 1, cust_name, model_name, amt }
}

fn standing() -> Vec<ContractEvent> {
    vec![requested(), ContractCompleted(told(100)).into()]
}

fn canceled() -> Vec<ContractEvent> {
    [standing(), vec![given_up().into()]].concat()
}

fn given_up() -> ContractCanceled {
    ContractCanceled(told(0))
}

fn seen(world: &World, id: u64) -> [Option<Vec<Value>>; 4] {
    [("contract", "contracts"), ("pay", "pays"), ("reservation", "reservations"), ("mypage", "myPages")]
        .map(|(service, collection)| world.get(service, collection, id))
}

#[test]
fn a_contract_asks_for_its_payment_and_has_an_unknown_one_undone() {
    for amt in [100, 0] {
        let requested = ContractRequested { terms: terms(amt), system_mode: String::new() }.into();
        given::<Contract>([]).when(made(amt)).then_tries::<Pay>(
            [requested],
            1,
            HoldPay { terms: terms(amt) },
            VoidPay {},
        );
    }
}

#[test]
fn a_contract_stands_only_when_its_payment_is_held() {
    given::<Contract>([requested()]).closes_try("HoldPay", ContractCompleted(told(100)), ContractWithdrawn {});
    let state = |facts: Vec<ContractEvent>| given::<Contract>(facts).state().exists();
    assert!(!state(vec![requested(), ContractWithdrawn {}.into()]) && state(standing()));
}

#[test]
fn what_breaks_a_rule_is_refused_by_its_name() {
    given::<Contract>([]).when(made(-1)).then_broken("amount-is-not-negative");
    given::<Contract>(standing()).when(change(&body([("amt", (-5).into())]))).then_broken("amount-is-not-negative");
    for (field, value) in [("amt", 5.into()), ("custName", "고객2".into())] {
        given::<Contract>(canceled()).when(change(&body([(field, value)]))).then_broken("contract-stands");
    }
    for gone in [vec![requested()], [standing(), vec![ContractRemoved {}.into()]].concat()] {
        given::<Contract>(gone.clone()).when(RemoveContract {}).then_broken("not-found");
        given::<Contract>(gone).when(replace(&body([]))).then_broken("not-found");
    }
}

#[test]
fn an_amount_of_0_cancels_and_any_other_update_changes() {
    given::<Contract>(standing()).when(change(&body([("amt", 0.into())]))).then([given_up()]);
    let of_nobody = ContractCanceled(Told { cust_name: None, model_name: None, ..told(0) });
    given::<Contract>(standing()).when(replace(&body([]))).then([of_nobody]);
    given::<Contract>(canceled()).when(replace(&body([]))).then_nothing();
    let unnamed = ContractChanged(Told { cust_name: None, ..told(100) });
    given::<Contract>(standing()).when(change(&body([("custName", Value::Null)]))).then([unnamed]);
    given::<Contract>(standing()).when(change(&body([("amt", 70.into())]))).then([ContractChanged(told(70))]);
}

#[test]
fn a_deleted_contract_is_cancelled_once_and_gone() {
    let removed = || ContractEvent::from(ContractRemoved {});
    given::<Contract>(standing()).when(RemoveContract {}).then([given_up().into(), removed()]);
    given::<Contract>(canceled()).when(RemoveContract {}).then([removed()]);
}

#[test]
fn a_payment_is_held_once_taken_once_and_never_after_its_undo() {
    let held = || PayEvent::from(PayHeld { contract_id: 1, terms: terms(100) });
    let Terms { cust_name, model_name, amt } = terms(100);
    let paid = Payed { id: 1, contract_id: 1, cust_name, model_name, amt, paystatus: PAID.to_owned() };
    let hold = || HoldPay { terms: terms(100) };
    let charge = Charge { id: 1, payer: Some("고객1".to_owned()), amount: Some(100) };
    given::<Pay>([]).when(hold()).then_asks_outside::<Teller<Pay>>([held()], charge);
    given::<Pay>([held()]).when(hold()).then_nothing();
    given::<Pay>([held()]).when(ConfirmPay {}).then([paid.clone()]);
    given::<Pay>([held(), paid.clone().into()]).when(ConfirmPay {}).then_nothing();
    for before in [vec![], vec![held()]] {
        given::<Pay>(before).when(VoidPay {}).then_asks_outside::<Teller<Pay>>([PayVoided {}.into()], Refund { id: 1 });
    }
    for late in [PayCommand::from(hold()), ConfirmPay {}.into(), CancelPay {}.into(), VoidPay {}.into()] {
        given::<Pay>([PayVoided {}.into()]).when(late).then_nothing();
    }
    let canceled = PayEvent::from(PayCanceled { id: 1, contract_id: 1, paystatus: PAY_CANCELED.to_owned() });
    given::<Pay>([held(), paid.clone().into()]).when(CancelPay {}).then_asks::<Reservation>(
        [canceled.clone()],
        1,
        CancelReservation {},
    );
    let after = || given::<Pay>([held(), paid.clone().into(), canceled.clone()]);
    after().when(CancelPay {}).then_nothing();
    after().when(ReturnPay {}).then_asks_outside::<Teller<Pay>>([PayReturned {}.into()], Refund { id: 1 });
    given::<Pay>([held(), paid.clone().into()]).when(ReturnPay {}).then_nothing();
}

#[test]
fn a_cancel_that_comes_before_the_reservation_waits_for_it() {
    let noted = || ReservationEvent::from(CancelNoted {});
    given::<Reservation>([]).when(CancelReservation {}).then([noted()]);
    given::<Reservation>([noted()]).when(CancelReservation {}).then_nothing();
    let decision = given::<Reservation>([noted()]).state();
    let decision = decision.decide(&Reserve { terms: terms(9) }.into(), &Context::new(1, 0)).expect("ok");
    assert!(matches!(decision.facts[..], [_, ReservationEvent::ReservationCanceled(_)]), "{decision:?}");
}

#[test]
fn a_message_is_sent_once() {
    let mut world = World::of(system());
    world.settle::<Contract>(1, made(100));
    let message = |id| world.get("message", "messages", id).expect("a message");
    assert_eq!(message(1)[3], "[담당자] 계약 1번: 고객1 고객님, 쏘나타 차량을 계약했습니다.".into());
    assert_eq!(message(2)[..3], [1_u64.into(), "고객1".into(), "쏘나타".into()]);
    let before = world.log.len();
    world.settle::<Message>(1, SendMessage { letter: Letter::default() });
    assert_eq!(world.log.len(), before);
}

#[test]
fn the_facts_are_spelled_as_the_originals() {
    let mut world = World::of(system());
    world.settle::<Contract>(1, made(100));
    world.settle::<Contract>(1, RemoveContract {});
    let who = r#""custName":"고객1","modelName":"쏘나타""#;
    let expected = [
        &format!(r#"ContractCompleted {{"id":1,{who},"amt":100}}"#),
        &format!(r#"Payed {{"id":1,"contractId":1,{who},"amt":100,"paystatus":"paid"}}"#),
        &format!(
            r#"Reservated {{"id":1,"contractId":1,{who},"amt":100,"reservationStatus":"reserved","paystatus":"paid"}}"#
        ),
        &format!(r#"ContractCanceled {{"id":1,{who},"amt":0}}"#),
        r#"PayCanceled {"id":1,"contractId":1,"paystatus":"payCanceled"}"#,
        &format!(
            r#"ReservationCanceled {{"id":1,"contractId":1,{who},"amt":0,"reservationStatus":"reservationCanceled","payStatus":"payCanceled"}}"#
        ),
    ];
    let told = crate::systems::tests::told(&world);
    assert_eq!(told.into_iter().filter(|told| !told.starts_with("MessageSent")).collect::<Vec<_>>(), expected);
}

proptest! {
    #[test]
    fn once_quiet_all_services_tell_the_same_story_of_every_contract(
        wishes in prop::collection::vec((0..3, any::<bool>()), 1..8),
        choices in prop::collection::vec(0..1000_usize, 0..200),
    ) {
        let mut world = World::of(system());
        for (id, (end, reaches)) in (1..).zip(&wishes) {
            let call = Call::to::<Contract>(id, made(100));
            world.later(if *reaches { call } else { call.in_vain() });
            match end {
                0 => {}
                1 => world.later(Call::to::<Contract>(id, change(&body([("amt", 0.into())])))),
                _ => world.later(Call::to::<Contract>(id, RemoveContract {})),
            }
        }
        world.run(&choices);
        for (id, (end, reaches)) in (1..).zip(&wishes) {
            let [contract, pay, reservation, page] = seen(&world, id);
            prop_assert_eq!(contract.is_some(), *reaches && *end < 2);
            prop_assert!([&pay, &reservation, &page].iter().all(|row| row.is_some() == *reaches));
            let (Some(pay), Some(reservation), Some(page)) = (pay, reservation, page) else { continue };
            let (amt, statuses) = match end {
                0 => (100, [PAID.into(), RESERVED.into()]),
                _ => (0, [PAY_CANCELED.into(), RESERVATION_CANCELED.into()]),
            };
            prop_assert_eq!(&page[3..], [[amt.into()].as_slice(), &statuses].concat());
            prop_assert_eq!(&pay[3], &amt.into());
            prop_assert_eq!(&reservation[4..], [statuses[1].clone(), statuses[0].clone()]);
        }
    }
}
