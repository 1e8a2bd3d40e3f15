//! Every rule by itself, a story as clients are told it, and all of it at once in any order.

use proptest::prelude::*;

use super::hairshop::*;
use super::payment::*;
use super::reservation::*;
use super::*;
use crate::domain::parties::{Charge, Refund, Teller};
use crate::domain::testing::given;
use crate::domain::testing::world::{Call, World};
use crate::domain::{Body, Value};
use crate::systems::tests::{seen, told};

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn wish() -> Wish {
    Wish { customer_id: some("OHM"), date: some("20211001"), styling_type: some("perm"), shop_id: None }
}

fn requested() -> ReservationEvent {
    PaymentRequested { wish: wish() }.into()
}

fn placed() -> ReservationEvent {
    let Wish { customer_id, date, styling_type, .. } = wish();
    ReservationPlaced { id: 1, customer_id, date, styling_type, status: "RSV_REQUESTED".to_owned() }.into()
}

fn canceled() -> ReservationEvent {
    let Wish { customer_id, date, styling_type, .. } = wish();
    ReservationCanceled { id: 1, customer_id, date, styling_type, status: "CANCEL_REQUESTED".to_owned() }.into()
}

fn moved(status: &str, shop: &str, pay: &str) -> ReservationEvent {
    ReservationStatusChanged { id: 1, status: status.into(), shop_status: shop.into(), pay_status: pay.into() }.into()
}

fn matched(status: &str) -> ReservationEvent {
    moved(status, "Designer Matched", "Pay Finished")
}

fn deleted() -> ReservationEvent {
    moved("Reservation Canceled", "Designer Deleted", "Pay Canceled")
}

fn cancel() -> SetStatus {
    SetStatus { status: some("CANCEL_REQUESTED") }
}

#[test]
fn only_a_held_payment_makes_a_reservation_and_an_unknown_one_is_undone() {
    let sent = [("customerId", "OHM".into()), ("date", "20211001".into()), ("stylingType", "perm".into())];
    let command = place(&sent.into_iter().collect());
    given::<Reservation>([]).when(command).then_tries::<Payment>([requested()], 1, HoldPayment {}, Void {});
    given::<Reservation>([requested()]).closes_try("HoldPayment", placed(), Withdrawn {});
}

#[test]
fn a_customer_can_ask_for_a_cancel_once_and_for_nothing_else() {
    let stands = || vec![requested(), placed()];
    let (asked, gone) = ([stands(), vec![canceled()]].concat(), [stands(), vec![canceled(), deleted()]].concat());
    given::<Reservation>(stands()).when(cancel()).then([canceled()]);
    given::<Reservation>(asked).when(cancel()).then_nothing();
    given::<Reservation>(gone).when(cancel()).then_broken("reservation-stands");
    let set = |status| reservation::set_status(&[("status", status)].into_iter().collect());
    for status in [Value::Null, "".into(), "Reservation Completed".into(), "cancel_requested".into()] {
        given::<Reservation>(stands()).when(set(status)).then_broken("only-a-cancel-can-be-requested");
    }
    given::<Reservation>(stands()).when(reservation::set_status(&Body::default())).then_nothing();
    for nothing in [vec![], vec![requested(), Withdrawn {}.into()]] {
        given::<Reservation>(nothing).when(cancel()).then_broken("not-found");
    }
}

#[test]
fn a_reservation_follows_the_shop_and_keeps_its_wish_to_be_cancelled() {
    let when = |past: &[ReservationEvent], is_canceled| {
        let past = [&[requested(), placed()][..], past].concat();
        given::<Reservation>(past).when(FollowShop { is_canceled })
    };
    when(&[], false).then([matched("Reservation Completed")]);
    when(&[matched("Reservation Completed")], false).then_nothing();
    when(&[canceled()], false).then([matched("CANCEL_REQUESTED")]);
    when(&[canceled()], true).then([deleted()]);
    when(&[canceled(), deleted()], true).then_nothing();
}

#[test]
fn a_payment_is_held_taken_and_given_back_once_each() {
    let finished = PaymentFinished { id: 1, reservation_id: 1, status: "PAY_COMPLETED".to_owned() };
    let back = PaymentCanceled { id: 1, reservation_id: 1, status: "PAY_CANCELED".to_owned() };
    let facts = [MoneyHeld {}.into(), finished.clone().into(), back.clone().into()];
    let after = |count: usize| given::<Payment>(facts[..count].to_vec());
    let charge = Charge { id: 1, payer: None, amount: None };
    after(0).when(HoldPayment {}).then_asks_outside::<Teller<Payment>>([MoneyHeld {}.into()], charge);
    after(1).when(HoldPayment {}).then_nothing();
    after(1).when(Finish {}).then([finished]);
    after(2).when(Finish {}).then_nothing();
    after(1).when(PayBack {}).then_nothing();
    after(2).when(PayBack {}).then_asks_outside::<Teller<Payment>>([back.into()], Refund { id: 1 });
    after(3).when(PayBack {}).then_nothing();
    after(1).when(Void {}).then_asks_outside::<Teller<Payment>>([HoldVoided {}.into()], Refund { id: 1 });
    given::<Payment>([HoldVoided {}.into()]).when(HoldPayment {}).then_nothing();
}

#[test]
fn the_shop_maps_a_designer_and_removes_him_in_either_order() {
    let (id, reservation_id, date, styling_type) = (1, 1, some("20211001"), some("perm"));
    let completed: HairshopEvent =
        ReservationCompleted { id, reservation_id, designer_id: "ChaHong".to_owned() }.into();
    let cancel = || CancelReservation { date: date.clone(), styling_type: styling_type.clone() };
    let noted: HairshopEvent = CancelNoted { date: date.clone(), styling_type: styling_type.clone() }.into();
    let designer_id = "CANCELED".to_owned();
    let (date, styling_type) = (date.clone(), styling_type.clone());
    let removed: HairshopEvent = CancelCompleted { id, reservation_id, date, styling_type, designer_id }.into();
    given::<Hairshop>([]).when(CheckReservation {}).then([completed.clone()]);
    given::<Hairshop>([completed.clone()]).when(CheckReservation {}).then_nothing();
    given::<Hairshop>([completed.clone()]).when(cancel()).then([removed.clone()]);
    given::<Hairshop>([completed, removed.clone()]).when(cancel()).then_nothing();
    given::<Hairshop>([]).when(cancel()).then([noted.clone()]);
    given::<Hairshop>([noted.clone()]).when(cancel()).then_nothing();
    given::<Hairshop>([noted.clone()]).when(CheckReservation {}).then([removed.clone()]);
    given::<Hairshop>([noted, removed]).when(CheckReservation {}).then_nothing();
}

#[test]
fn the_shop_may_map_another_designer_while_the_reservation_stands() {
    let (id, reservation_id) = (1, 1);
    let named = |name: &str| ChangeDesigner { designer_id: some(name) };
    let completed: HairshopEvent =
        ReservationCompleted { id, reservation_id, designer_id: "ChaHong".to_owned() }.into();
    let changed = DesignerChanged { id, reservation_id, designer_id: "ParkJun".to_owned() };
    given::<Hairshop>([completed.clone()]).when(named(" ParkJun ")).then([changed]);
    let change = |designer| hairshop::change_designer(&[("designerId", designer)].into_iter().collect());
    for designer in [Value::Null, " ".into(), "CANCELED".into()] {
        given::<Hairshop>([completed.clone()]).when(change(designer)).then_broken("designer-is-named");
    }
    given::<Hairshop>([completed.clone()]).when(hairshop::change_designer(&Body::default())).then_nothing();
    given::<Hairshop>([]).when(named("ParkJun")).then_broken("not-found");
    let designer_id = "CANCELED".to_owned();
    let removed = CancelCompleted { id, reservation_id, date: None, styling_type: None, designer_id }.into();
    given::<Hairshop>([completed, removed]).when(named("ParkJun")).then_broken("reservation-stands");
}

#[test]
fn designers_take_turns() {
    let turns = |setting: &str| [1, 2, 3].map(|id| in_turn(setting, id));
    assert_eq!(turns("ChaHong, ParkJun"), ["ChaHong", "ParkJun", "ChaHong"]);
    assert_eq!(turns(" , "), ["ChaHong"; 3], "a shop has a designer");
}

#[test]
fn clients_are_told_a_reservations_story_in_the_originals_words() {
    let mut world = World::of(system());
    world.settle::<Reservation>(1, Place { wish: wish() });
    world.settle::<Reservation>(1, cancel());
    let wish = r#""customerId":"OHM","date":"20211001","stylingType":"perm""#;
    let expected = [
        &format!(r#"ReservationPlaced {{"id":1,{wish},"status":"RSV_REQUESTED"}}"#),
        r#"PaymentFinished {"id":1,"reservationId":1,"status":"PAY_COMPLETED"}"#,
        r#"ReservationCompleted {"id":1,"reservationId":1,"designerId":"ChaHong"}"#,
        r#"ReservationStatusChanged {"id":1,"status":"Reservation Completed","shopStatus":"Designer Matched","payStatus":"Pay Finished"}"#,
        &format!(r#"ReservationCanceled {{"id":1,{wish},"status":"CANCEL_REQUESTED"}}"#),
        r#"CancelCompleted {"id":1,"reservationId":1,"date":"20211001","stylingType":"perm","designerId":"CANCELED"}"#,
        r#"PaymentCanceled {"id":1,"reservationId":1,"status":"PAY_CANCELED"}"#,
        r#"ReservationStatusChanged {"id":1,"status":"Reservation Canceled","shopStatus":"Designer Deleted","payStatus":"Pay Canceled"}"#,
    ];
    let mut told = told(&world);
    // Payment and Reservation hear of the same fact; either may be first.
    told[6..].sort();
    assert_eq!(told, expected);
}

proptest! {
    #[test]
    fn once_quiet_every_service_tells_the_same_of_every_reservation(
        wishes in prop::collection::vec((any::<bool>(), any::<bool>()), 0..8),
        choices in prop::collection::vec(0..1000_usize, 0..200),
    ) {
        let mut world = World::of(system());
        for (id, (is_held, is_canceled)) in (1..).zip(&wishes) {
            let reservation = Call::to::<Reservation>(id, Place { wish: wish() });
            world.later(if *is_held { reservation } else { reservation.in_vain() });
            if *is_canceled {
                world.later(Call::to::<Reservation>(id, cancel()));
            }
        }
        world.run(&choices);
        for (id, wish) in (1..).zip(&wishes) {
            let told = seen(&world, id, [
                ("reservation", "reservations", 3), ("reservation", "reservations", 4), ("reservation", "reservations", 5),
                ("payment", "payments", 1), ("hairshop", "hairshops", 1), ("hairshop", "hairshops", 2),
                ("mypage", "myPages", 1), ("mypage", "myPages", 5),
            ]);
            let expected = match wish {
                (false, _) => None,
                (true, false) => Some([
                    "Reservation Completed", "Designer Matched", "Pay Finished", "PAY_COMPLETED", "ChaHong",
                    "RSV_REQUESTED", "Reservation Completed", "ChaHong",
                ]),
                (true, true) => Some([
                    "Reservation Canceled", "Designer Deleted", "Pay Canceled", "PAY_CANCELED", "CANCELED",
                    "RSV_CANCELED", "Reservation Canceled", "CANCELED",
                ]),
            };
            prop_assert_eq!(told, expected.map_or([const { None }; 8], |told| told.map(|text| Some(Value::from(text)))));
        }
    }
}
