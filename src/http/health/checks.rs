//! The checks behind both questions, each with its reason.

use std::fmt::Write as _;

use super::vitals::Vitals;

/// One check, and what it found.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct Check {
    pub(in crate::http) name: &'static str,
    pub(in crate::http) is_good: bool,
    pub(in crate::http) found: String,
}

impl Check {
    fn of(name: &'static str, found: Result<String, String>) -> Self {
        let is_good = found.is_ok();
        Self { name, is_good, found: found.unwrap_or_else(|fault| fault) }
    }
}

/// Tells whether all are good.
pub(in crate::http) fn is_good(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.is_good)
}

/// Asks whether the process lives: nothing that a new process would not mend.
pub(in crate::http) fn live(vitals: &Vitals) -> Vec<Check> {
    vec![Check::of("event-loop", event_loop(vitals)), Check::of("supervisors", supervisors(vitals))]
}

/// Asks whether the process takes work.
pub(in crate::http) fn ready(vitals: &Vitals) -> Vec<Check> {
    let mut checks = live(vitals);
    let Some(edge) = vitals.edge() else {
        checks.push(Check::of("recovered", Err("not yet, or the server has stopped".to_owned())));
        return checks;
    };
    let position = *edge.journal.durable().borrow();
    let log = edge.journal.writable().map(|()| format!("can be written, position {position}"));
    let traffic = if edge.is_draining() { Err("the server is stopping") } else { Ok("taken") };
    checks.push(Check::of("recovered", Ok("everything".to_owned())));
    checks.push(Check::of("log", log.map_err(|why| why.to_string())));
    checks.push(Check::of("traffic", traffic.map(str::to_owned).map_err(str::to_owned)));
    checks
}

/// Writes what was found: what is wrong, or that nothing is; with `verbose` every check.
pub(in crate::http) fn text(checks: &[Check], verbose: bool) -> String {
    let mut text = String::new();
    for check in checks.iter().filter(|check| verbose || !check.is_good) {
        let sign = if check.is_good { '+' } else { '-' };
        writeln!(text, "[{sign}] {}: {}", check.name, check.found).expect("writing to a string never fails");
    }
    if is_good(checks) {
        text.push_str("ok\n");
    }
    text
}

fn event_loop(vitals: &Vitals) -> Result<String, String> {
    let still = vitals.still();
    match still < vitals.still_max {
        true => {
            let (lag_ms, told_s) = (vitals.lag().as_millis(), Vitals::LAG_TOLD.as_secs());
            Ok(format!("turns, {lag_ms} ms late at most in the last {told_s} s"))
        }
        false => Err(format!("has stood still for {} s", still.as_secs())),
    }
}

fn supervisors(vitals: &Vitals) -> Result<String, String> {
    match vitals.most_silent() {
        Some((name, silent)) if silent >= vitals.still_max => {
            Err(format!("{name} has not answered for {} s", silent.as_secs()))
        }
        Some(_) | None => Ok("answer, as far as there are any".to_owned()),
    }
}
