//! The rows of the contract that mean nothing here, or not yet.

/// Rows and why they are not tested.
pub(super) const NOT_HERE: &[(&str, &[&str])] = &[
    ("no field is unique", &["T080"]),
    ("no field is an enum", &["T086", "T087", "T088"]),
    ("no field is a boolean", &["T089"]),
    ("no field is a fraction", &["T091"]),
    ("no field is a date", &["T092", "T093"]),
    ("says where T150 to T154 are", &["T096"]),
    ("no item refers to another by a link", &["T129", "T130", "T131", "T132"]),
    ("no item shows when it was changed", &["T145"]),
    ("no collection has query methods; T155 to T158 and T161 ask for some", &["T159", "T160", "T162"]),
    ("a real process has no log that fails on demand; src/http/tests has one", &["T177"]),
    ("metrics are told to Prometheus only, T185", &["T181", "T182", "T183", "T184"]),
    ("no address asks for a key", &["T154"]),
    ("no address asks for a condition", &["T195"]),
];
