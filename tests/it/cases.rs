//! The list of cases and the tests that bear their numbers say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::source_text::rust_files;

const CASES: usize = 135;
/// Where tests are that bear numbers.
const FOLDERS: &[&str] = &["src", "tests", "verify/loom/tests"];

/// A case as the list has it.
#[derive(Debug, PartialEq)]
struct Row {
    number: usize,
    tests: BTreeSet<String>,
    remark: String,
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a readable file")
}

/// The rows of the table: `| 57 | no queue | `a_test`<br>`another` | a remark |`.
fn rows(list: &str) -> Vec<Row> {
    let row = |line: &str| {
        let [_, number, _, tests, remark, _] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            return None;
        };
        let tests = tests.split("<br>").filter(|name| !name.is_empty()).map(|name| name.trim_matches('`').to_owned());
        Some(Row { number: number.parse().ok()?, tests: tests.collect(), remark: remark.to_owned() })
    };
    list.lines().filter_map(row).collect()
}

/// The tests of each case: a line `// Case 57.` or `// Cases 7, 8 and 9.` is followed by one.
fn marks(text: &str) -> BTreeMap<usize, BTreeSet<String>> {
    let mut marks: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    for (at, line) in lines.iter().enumerate() {
        let Some(numbers) = line.strip_prefix("// Cases ").or_else(|| line.strip_prefix("// Case ")) else { continue };
        let (numbers, _) = numbers.split_once('.').unwrap_or_else(|| panic!("no full stop: {line}"));
        let name = test_after(&lines[at + 1..]).unwrap_or_else(|| panic!("no test follows: {line}"));
        for number in numbers.split([',', ' ']).filter(|word| !word.is_empty() && *word != "and") {
            let number = number.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            marks.entry(number).or_default().insert(name.clone());
        }
    }
    marks
}

/// The name of the function that follows, if attributes make it a test.
fn test_after(lines: &[&str]) -> Option<String> {
    let attributes = lines.iter().take_while(|line| line.starts_with("#[")).count();
    let is_test = lines[..attributes].iter().any(|line| line.contains("test"));
    let (_, function) = lines.get(attributes)?.split_once("fn ")?;
    is_test.then(|| function.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
}

#[test]
fn every_case_is_listed_once_with_exactly_the_tests_that_bear_its_number_or_why_there_is_none() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut marked: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for path in FOLDERS.iter().flat_map(|folder| rust_files(&root.join(folder))) {
        // This file speaks of marks and has none.
        let text = if path.ends_with("it/cases.rs") { String::new() } else { read(&path) };
        marks(&text).into_iter().for_each(|(number, tests)| marked.entry(number).or_default().extend(tests));
    }
    let rows = rows(&read(&root.join("src/resilience/CASES.md")));
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), (1..=CASES).collect::<Vec<_>>());
    for Row { number, tests, remark } in rows {
        assert_eq!(tests, marked.remove(&number).unwrap_or_default(), "case {number}: the list, and the sources");
        assert!(!tests.is_empty() || !remark.is_empty(), "case {number}: neither a test nor a reason");
    }
    assert_eq!(marked, BTreeMap::new(), "numbers that are not in the list");
}

#[test]
fn the_reader_of_cases_sees_marks_above_tests_and_rows_of_the_table() {
    let text = "    // Cases 7, 8 and 9. More.\n    #[tokio::test(start_paused = true)]\n    async fn it_is_so() {\n\
                // Case 7.\n#[test]\n#[should_panic]\nfn it_is_not(sequential 1..2 => X);\n// A Case of its own\n";
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let both = named(&["it_is_not", "it_is_so"]);
    assert_eq!(marks(text), [(7, both), (8, named(&["it_is_so"])), (9, named(&["it_is_so"]))].into());
    assert_eq!(test_after(&["fn no_test() {"]), None);
    assert_eq!(test_after(&["let other = 1;"]), None);
    let list =
        "| no. | case | judged by | remark |\n|---|---|---|---|\n| 7 | x | `a_b`<br>`c_d` | |\n| 8 | y | | why |";
    let row = |number, tests: &[&str], remark: &str| Row { number, tests: named(tests), remark: remark.to_owned() };
    assert_eq!(rows(list), [row(7, &["a_b", "c_d"], ""), row(8, &[], "why")]);
}
