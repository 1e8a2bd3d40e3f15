//! What the fuzzer says: requests as honest clients send them; `mistakes` makes something of them wrong.
//!
//! Everything invented carries `MARK`, so that it can be told where such words must not turn up.

use crate::campaign::Dice;
use crate::offer::{Field, SYSTEMS, System};

/// In every invented word; no word of the house has it.
pub(super) const MARK: &str = "zq7";
const IDS: u64 = 2_000;
/// The first ones, which nobody deletes.
pub(super) const LASTING: u64 = 50;

/// How much is wrong with a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Valid,
    Near,
    Garbage,
}

/// One request, or what is sent in its place.
pub(super) struct Sentence {
    pub(super) kind: Kind,
    pub(super) door: &'static str,
    pub(super) method: String,
    /// What a problem with it must speak of.
    pub(super) path: String,
    /// Its own wish not to wait: the only excuse for a 504.
    pub(super) is_impatient: bool,
    pub(super) bytes: Vec<u8>,
}

/// A request before it is bytes.
pub(super) struct Draft {
    pub(super) door: &'static str,
    /// The fields of what it speaks of.
    pub(super) fields: &'static [Field],
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
}

/// Makes sentences; the same dice make the same ones.
pub(super) struct Grammar {
    pub(super) dice: Dice,
}

impl Grammar {
    pub(super) fn new(seed: u64) -> Grammar {
        Grammar { dice: Dice::new(seed) }
    }

    pub(super) fn sentence(&mut self) -> Sentence {
        let mut draft = self.valid();
        let kind = match self.dice.below(100) {
            0..60 => Kind::Valid,
            60..95 => Kind::Near,
            _ => Kind::Garbage,
        };
        if kind == Kind::Near {
            for _ in 0..=self.dice.below(2) {
                self.spoil(&mut draft);
            }
        }
        let is_impatient = draft.headers.iter().any(|(name, _)| name == "Request-Timeout");
        let (mut bytes, path) = (draft.bytes(), draft.path());
        if kind == Kind::Garbage {
            self.break_up(&mut bytes);
        }
        Sentence { kind, door: draft.door, method: draft.method, path, is_impatient, bytes }
    }

    pub(super) fn one<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.place(choices.len())]
    }

    pub(super) fn place(&mut self, end: usize) -> usize {
        usize::try_from(self.dice.below(end as u64)).expect("few choices")
    }

    pub(super) fn system(&mut self) -> &'static System {
        &SYSTEMS[self.place(SYSTEMS.len())]
    }

    pub(super) fn chance(&mut self, in_a_thousand: u64) -> bool {
        self.dice.below(1_000) < in_a_thousand
    }

    pub(super) fn id(&mut self) -> u64 {
        // Mostly ids that many share, so that they meet.
        let end = if self.chance(500) { LASTING } else { IDS };
        1 + self.dice.below(end)
    }

    pub(super) fn word(&mut self) -> String {
        let length = 1 + self.dice.below(12);
        let letter = |dice: &mut Dice| char::from(b'a' + u8::try_from(dice.below(26)).expect("26 letters"));
        MARK.chars().chain((0..length).map(|_| letter(&mut self.dice))).collect()
    }

    /// A request the contract offers.
    fn valid(&mut self) -> Draft {
        let mut draft = match self.dice.below(1_000) {
            0..150 => self.look(),
            150..350 => self.post(),
            350..520 => self.change(),
            520..590 => self.removal(),
            590..660 => self.list(),
            660..670 => self.story(),
            670..730 => self.hall(),
            730..760 => self.plain(),
            760..780 => {
                let target = self.one(&["/livez", "/readyz?verbose", "/admin/overview"]);
                Draft { door: "admin", ..Draft::new("GET", target.into(), &[]) }
            }
            _ => self.item(),
        };
        if let Some(body) = &draft.body {
            let media = if body.starts_with(b"[") { "application/json-patch+json" } else { "application/json" };
            draft.headers.push(("Content-Type".into(), media.into()));
        }
        self.dress(&mut draft);
        draft
    }

    /// Headers an honest client may send.
    fn dress(&mut self, draft: &mut Draft) {
        let number = self.dice.below(400);
        let accepts = ["*/*", "application/json", "application/hal+json", "application/json, */*;q=0.5"];
        let mut put = |chosen: bool, name: &str, value: String| {
            if chosen {
                draft.headers.push((name.into(), value));
            }
        };
        put(self.chance(600), "Accept", self.one(&accepts).into());
        put(self.chance(100), "Idempotency-Key", format!("key-{number}"));
        put(self.chance(100), "X-Correlation-Id", format!("story-{number}"));
        put(self.chance(50), "If-Match", format!("\"{}\"", number % 9));
        put(self.chance(50), "If-None-Match", format!("\"{}\"", number % 9));
        put(self.chance(10), "Request-Timeout", self.one(&["0", "0.001", "0.05", "1"]).into());
        put(self.chance(20), "Origin", "http://shop.example".into());
    }
}

impl Draft {
    pub(super) fn new(method: &str, target: String, fields: &'static [Field]) -> Draft {
        Draft { door: "gateway", fields, method: method.into(), target, headers: Vec::new(), body: None }
    }

    /// The path in the target, whatever form that has.
    fn path(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        let absolute = path.strip_prefix("http://").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
        absolute.unwrap_or(path).to_owned()
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: localhost\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), self.body.as_deref().unwrap_or_default()].concat()
    }
}
