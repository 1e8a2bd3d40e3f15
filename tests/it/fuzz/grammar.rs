//! What the fuzzer says: requests as honest clients send them; `mistakes` makes something of them wrong.
//!
//! Everything invented carries `MARK`, so that it can be told where such words must not turn up.

use crate::campaign::Dice;

/// In every invented word; no word of the house has it.
pub(super) const MARK: &str = "zq7";
const IDS: u64 = 2_000;
/// The first ones, which nobody deletes.
const LASTING: u64 = 50;

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
    /// Its own wish not to wait: the only excuse for a 504.
    pub(super) is_impatient: bool,
    pub(super) bytes: Vec<u8>,
}

/// A request before it is bytes.
pub(super) struct Draft {
    door: &'static str,
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
        let mut bytes = draft.bytes();
        if kind == Kind::Garbage {
            self.break_up(&mut bytes);
        }
        Sentence { kind, door: draft.door, method: draft.method, is_impatient, bytes }
    }

    pub(super) fn one<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let at = self.dice.below(choices.len() as u64);
        choices[usize::try_from(at).expect("few choices")]
    }

    pub(super) fn chance(&mut self, in_a_thousand: u64) -> bool {
        self.dice.below(1_000) < in_a_thousand
    }

    fn id(&mut self) -> u64 {
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
        let id = self.id();
        let (door, method, target, body) = match self.dice.below(1_000) {
            0..200 => self.look(),
            200..240 => ("product", "POST", "/products".into(), Some(self.product())),
            240..280 => ("rental", "POST", "/rentals".into(), Some(self.rental())),
            280..320 => ("gateway", "POST", self.one(&["/products", "/rentals"]).into(), Some(self.product())),
            320..520 => ("product", self.one(&["PUT", "PATCH"]), format!("/products/{id}"), Some(self.product())),
            520..570 => ("product", "PATCH", format!("/products/{id}"), Some(self.patch())),
            570..590 => ("product", "DELETE", format!("/products/{}", LASTING + id), None),
            590..640 => ("rental", "DELETE", format!("/rentals/{}", LASTING + id), None),
            640..690 => self.list(),
            690..697 => self.story(),
            697..740 => self.hall(),
            740..760 => ("admin", "GET", self.one(&["/livez", "/readyz?verbose", "/admin/overview"]).into(), None),
            _ => self.item(),
        };
        let mut headers = Vec::new();
        if body.is_some() {
            let is_patch = body.as_deref().is_some_and(|body| body.starts_with(b"["));
            let media = if is_patch { "application/json-patch+json" } else { "application/json" };
            headers.push(("Content-Type".into(), media.into()));
        }
        let mut draft = Draft { door, method: method.into(), target, headers, body };
        self.dress(&mut draft);
        draft
    }

    fn look(&mut self) -> (&'static str, &'static str, String, Option<Vec<u8>>) {
        let door = self.one(&["product", "rental", "delivery", "information", "gateway"]);
        let target = self.one(&["/products/1", "/actuator/health", "/profile", "/", "/products/2", "/rentals/1"]);
        (door, self.one(&["GET", "HEAD", "OPTIONS"]), target.into(), None)
    }

    fn item(&mut self) -> (&'static str, &'static str, String, Option<Vec<u8>>) {
        let (door, collection) = match self.dice.below(6) {
            0 => ("product", "products"),
            1 => ("rental", "rentals"),
            2 => ("delivery", "deliveries"),
            3 => ("information", "myOrders"),
            4 => ("rental", "products"),
            _ => ("gateway", self.one(&["products", "rentals", "deliveries", "myOrders"])),
        };
        (door, self.one(&["GET", "GET", "HEAD"]), format!("/{collection}/{}", self.id()), None)
    }

    fn list(&mut self) -> (&'static str, &'static str, String, Option<Vec<u8>>) {
        let door = self.one(&["product", "gateway"]);
        let sort = self.one(&["", "", "", "", "&sort=id,desc", "&sort=qty", "&sort=name,desc&sort=qty"]);
        let (page, size) = (self.dice.below(40), 1 + self.dice.below(30));
        (door, "GET", format!("/products?page={page}&size={size}{sort}"), None)
    }

    /// What reads the log: rare, for it is long.
    fn story(&mut self) -> (&'static str, &'static str, String, Option<Vec<u8>>) {
        let (id, number) = (self.id(), self.dice.below(400));
        match self.dice.below(8) {
            0 => ("product", "GET", format!("/products/{id}/history"), None),
            1 => ("product", "GET", format!("/products/{id}?at={number}"), None),
            2 => ("gateway", "GET", format!("/correlations/story-{number}"), None),
            _ => ("gateway", "GET", format!("/events?after={number}&limit=20"), None),
        }
    }

    fn hall(&mut self) -> (&'static str, &'static str, String, Option<Vec<u8>>) {
        let door = self.one(&["product", "gateway", "rental"]);
        let target = self.one(&["/actuator", "/actuator/info", "/profile/products", "/actuator/health/readiness"]);
        (door, "GET", target.into(), None)
    }

    fn product(&mut self) -> Vec<u8> {
        let qty = self.dice.below(1_000);
        let word = self.word();
        format!(r#"{{"name":"{word}","qty":{qty},"productId":{},"status":"ORDERED"}}"#, self.id()).into_bytes()
    }

    fn rental(&mut self) -> Vec<u8> {
        let (id, qty) = (self.id(), 1 + self.dice.below(5));
        format!(r#"{{"productId":{id},"qty":{qty},"status":"ORDERED","productName":"{}"}}"#, self.word()).into_bytes()
    }

    fn patch(&mut self) -> Vec<u8> {
        let qty = self.dice.below(1_000);
        let first = self.one(&["replace", "add", "test"]);
        format!(r#"[{{"op":"{first}","path":"/qty","value":{qty}}},{{"op":"copy","from":"/name","path":"/name"}}]"#)
            .into_bytes()
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
