//! Every rule by itself, a story as clients are told it, and all of it at once in any order.

use proptest::prelude::*;

use super::hairshop::{
    CancelCompleted, CancelNoted, CancelReservation, ChangeDesigner, CheckReservation, DesignerChanged, HairshopEvent,
    ReservationCompleted, in_turn,
};
use super::payment::{Finish, HoldPayment, HoldVoided, MoneyHeld, PayBack, PaymentCanceled, PaymentFinished, Void};
use super::reservation::{
    FollowShop, PaymentRequested, Place, ReservationCanceled, ReservationEvent, ReservationPlaced,
    ReservationStatusChanged, SetStatus, Wish, Withdrawn, place,
};
use super::*;
use crate::domain::testing::given;
use crate::domain::testing::world::{Call, World};
use crate::domain::{Aggregate, Answer, Asked, Context, OnUnknown, Refusal, Stream, Value};

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
    let (status, shop_status, pay_status) = (status.to_owned(), shop.to_owned(), pay.to_owned());
    ReservationStatusChanged { id: 1, status, shop_status, pay_status }.into()
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
fn a_reservation_asks_for_its_payment_first_and_has_an_unknown_answer_undone() {
    let sent = [("customerId", "OHM".into()), ("date", "20211001".into()), ("stylingType", "perm".into())];
    let command = place(&sent.into_iter().collect());
    given::<Reservation>([]).when(command.clone()).then_asks::<Payment>([requested()], 1, HoldPayment {});
    let decision = Reservation::default().decide(&command, &Context::new(1, 0)).expect("accepted");
    let OnUnknown::Undo(undo) = decision.ask.expect("an ask").on_unknown else { panic!("not undone") };
    assert_eq!(undo.as_any().downcast_ref(), Some(&payment::PaymentCommand::from(Void {})));
}

#[test]
fn only_a_held_payment_makes_a_reservation() {
    let asked = Asked { to: Stream::new(Payment::KIND, 1), command: "HoldPayment".to_owned() };
    let answered = |facts: &[ReservationEvent], answer: &Answer| {
        let closing = given::<Reservation>(facts.to_vec()).state().answered(&asked, answer, &Context::new(1, 0));
        (closing.facts, closing.refusal)
    };
    let (withdrawn, refusal) = (vec![Withdrawn {}.into()], Refusal::rule("no-money", "none"));
    assert_eq!(answered(&[requested()], &Answer::Done), (vec![placed()], None));
    assert_eq!(answered(&[requested()], &Answer::Withdrawn), (withdrawn.clone(), None));
    assert_eq!(answered(&[requested()], &Answer::Refused(refusal.clone())), (withdrawn.clone(), Some(refusal)));
    let undone = [vec![requested()], withdrawn].concat();
    assert_eq!(answered(&undone, &Answer::Done), (vec![], None), "the end of the undo makes no reservation");
}

#[test]
fn a_customer_can_ask_for_a_cancel_once_and_for_nothing_else() {
    let stands = || vec![requested(), placed()];
    let (asked, gone) = ([stands(), vec![canceled()]].concat(), [stands(), vec![canceled(), deleted()]].concat());
    given::<Reservation>(stands()).when(cancel()).then([canceled()]);
    given::<Reservation>(asked).when(cancel()).then_nothing();
    let refusal = Refusal::rule("reservation-stands", "reservation 1 is canceled");
    given::<Reservation>(gone).when(cancel()).then_refused(&refusal);
    for status in [None, some("Reservation Completed"), some("cancel_requested")] {
        let detail = format!("status is {:?}; a customer can only set it to CANCEL_REQUESTED", status.as_deref());
        let refusal = Refusal::rule("only-a-cancel-can-be-requested", detail);
        given::<Reservation>(stands()).when(SetStatus { status }).then_refused(&refusal);
    }
    for nothing in [vec![], vec![requested(), Withdrawn {}.into()]] {
        given::<Reservation>(nothing).when(cancel()).then_refused(&Refusal::missing("there is no reservation 1"));
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
    let (id, reservation_id) = (1, 1);
    let finished = PaymentFinished { id, reservation_id, status: "PAY_COMPLETED".to_owned() };
    let back = PaymentCanceled { id, reservation_id, status: "PAY_CANCELED".to_owned() };
    let facts = [MoneyHeld {}.into(), finished.clone().into(), back.clone().into()];
    let after = |count: usize| given::<Payment>(facts[..count].to_vec());
    after(0).when(HoldPayment {}).then([MoneyHeld {}]);
    after(1).when(HoldPayment {}).then_nothing();
    after(1).when(Finish {}).then([finished]);
    after(2).when(Finish {}).then_nothing();
    after(1).when(PayBack {}).then_nothing();
    after(2).when(PayBack {}).then([back]);
    after(3).when(PayBack {}).then_nothing();
    after(1).when(Void {}).then([HoldVoided {}]);
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
    for (name, shown) in [(None, "None"), (some(" "), "Some(\" \")"), (some("CANCELED"), "Some(\"CANCELED\")")] {
        let refusal = Refusal::rule("designer-is-named", format!("{shown} is no designer"));
        given::<Hairshop>([completed.clone()]).when(ChangeDesigner { designer_id: name }).then_refused(&refusal);
    }
    let missing = Refusal::missing("the shop knows no reservation 1");
    given::<Hairshop>([]).when(named("ParkJun")).then_refused(&missing);
    let designer_id = "CANCELED".to_owned();
    let removed = CancelCompleted { id, reservation_id, date: None, styling_type: None, designer_id }.into();
    let refusal = Refusal::rule("reservation-stands", "reservation 1 is canceled");
    given::<Hairshop>([completed, removed]).when(named("ParkJun")).then_refused(&refusal);
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
    world.now(&Call::to::<Reservation>(1, Place { wish: wish() })).expect("reserved");
    world.run(&[]);
    world.now(&Call::to::<Reservation>(1, cancel())).expect("taken");
    world.run(&[]);
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
    let mut told = world.told();
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
            let seen = |service, collection, at: usize| world.get(service, collection, id).map(|row| row[at].clone());
            let told = [
                seen("reservation", "reservations", 3), seen("reservation", "reservations", 4),
                seen("reservation", "reservations", 5), seen("payment", "payments", 1),
                seen("hairshop", "hairshops", 1), seen("hairshop", "hairshops", 2),
                seen("mypage", "myPages", 1), seen("mypage", "myPages", 5),
            ];
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
