//! What was judged: a line an invariant, with how much each looked at.

use std::fmt;

/// How many faults of one invariant are told.
const TOLD_MAX: usize = 5;

/// What an invariant came to.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// How many things it looked at; one that looked at nothing has shown nothing, and is broken.
    pub looked_at: u64,
    /// Of what.
    pub what: &'static str,
    /// What is wrong.
    pub faults: Vec<String>,
    /// Why there is nothing to look at here, when that is as it should be.
    pub absent: Option<&'static str>,
    /// What could not be judged besides, and why.
    pub unjudged: Option<&'static str>,
}

impl Verdict {
    /// Judges so many of something by what was wrong with them.
    #[must_use]
    pub fn of(looked_at: u64, what: &'static str, faults: Vec<String>) -> Self {
        Self { looked_at, what, faults, absent: None, unjudged: None }
    }

    /// Says why there is nothing to judge, unless there is.
    #[must_use]
    pub fn or_absent(mut self, why: &'static str) -> Self {
        self.absent = (self.looked_at == 0 && self.faults.is_empty()).then_some(why);
        self
    }

    /// Tells whether it holds, or need not.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.faults.is_empty() && (self.looked_at > 0 || self.absent.is_some())
    }
}

/// Every invariant's number, name and verdict, and the load's figures.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was done, a line each.
    pub figures: Vec<String>,
    /// In the order of their numbers.
    pub verdicts: Vec<(u8, &'static str, Verdict)>,
}

impl Report {
    /// The names of those that do not hold, each with its number.
    #[must_use]
    pub fn broken(&self) -> Vec<String> {
        let broken = self.verdicts.iter().filter(|(_, _, verdict)| !verdict.holds());
        broken.map(|(number, name, _)| format!("{number} {name}")).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for figure in &self.figures {
            writeln!(f, "{figure}")?;
        }
        for (number, name, verdict) in &self.verdicts {
            let Verdict { looked_at, what, faults, absent, unjudged } = verdict;
            let word = if verdict.holds() { "holds " } else { "BROKEN" };
            match absent {
                Some(why) => writeln!(f, "{number:>3} {name:<24} absent {why}")?,
                None => writeln!(f, "{number:>3} {name:<24} {word} {looked_at} {what}, {} wrong", faults.len())?,
            }
            if let Some(unjudged) = unjudged {
                writeln!(f, "      not judged: {unjudged}")?;
            }
            for fault in faults.iter().take(TOLD_MAX) {
                writeln!(f, "      {fault}")?;
            }
        }
        match self.broken() {
            broken if broken.is_empty() => {
                let absent = self.verdicts.iter().filter(|(_, _, verdict)| verdict.absent.is_some());
                let absent: Vec<_> = absent.map(|(number, name, _)| format!("{number} {name}")).collect();
                write!(f, "all {} hold", self.verdicts.len() - absent.len())?;
                match absent.is_empty() {
                    true => Ok(()),
                    false => write!(f, "; {} had nothing to look at: {}", absent.len(), absent.join(", ")),
                }
            }
            broken => write!(f, "broken: {}", broken.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invariant_that_looked_at_nothing_is_broken_unless_nothing_is_there_for_a_reason() {
        let wrong = || vec!["wrong".to_owned()];
        assert!(Verdict::of(1, "things", Vec::new()).holds());
        assert!(!Verdict::of(1, "things", wrong()).holds());
        assert!(!Verdict::of(0, "things", Vec::new()).holds());
        assert!(Verdict::of(0, "things", Vec::new()).or_absent("there are none").holds());
        assert!(!Verdict::of(0, "things", wrong()).or_absent("there are none").holds());
    }

    #[test]
    fn a_report_names_what_is_broken() {
        let verdict =
            |faults: &[&str]| Verdict::of(3, "things", faults.iter().map(|fault| (*fault).to_owned()).collect());
        let verdicts = vec![(1, "whole", verdict(&[])), (2, "torn", verdict(&["this one"]))];
        let report = Report { figures: Vec::new(), verdicts };
        assert_eq!(report.broken(), ["2 torn"]);
        let told = report.to_string();
        assert!(told.contains("3 things, 1 wrong\n      this one\nbroken: 2 torn"), "{told}");
    }

    #[test]
    fn a_report_does_not_count_what_had_nothing_to_look_at() {
        let holds = Verdict::of(3, "things", Vec::new());
        let nothing = Verdict::of(0, "things", Vec::new()).or_absent("there are none");
        let told =
            Report { figures: Vec::new(), verdicts: vec![(1, "whole", holds), (2, "empty", nothing)] }.to_string();
        assert!(told.ends_with("all 1 hold; 1 had nothing to look at: 2 empty"), "{told}");
    }

    #[test]
    fn a_report_says_what_was_not_judged() {
        let half = Verdict { unjudged: Some("the rest"), ..Verdict::of(3, "things", Vec::new()) };
        assert!(half.holds());
        let told = Report { figures: Vec::new(), verdicts: vec![(1, "half", half)] }.to_string();
        assert!(told.contains("3 things, 0 wrong\n      not judged: the rest\nall 1 hold"), "{told}");
    }
}
