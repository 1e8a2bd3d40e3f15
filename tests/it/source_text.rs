//! Reads Rust sources as far as the house rules need it: code without comments and literals, paths, functions.

use std::fs;
use std::path::{Path, PathBuf};

/// One file of `src`, its tests cut off, comments and literals blanked out (lines stay where they are).
pub(crate) struct Source {
    /// Relative to `src`, with `/`.
    pub(crate) path: String,
    pub(crate) code: String,
    /// Lines before the tests, comments included.
    pub(crate) line_count: usize,
}

impl Source {
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        1 + self.code[..offset].matches('\n').count()
    }

    /// Folder and file names as module names: `http/server.rs` and `http/mod.rs` are in `http`.
    pub(crate) fn module(&self) -> Vec<&str> {
        let names = self.path.trim_end_matches(".rs").split('/');
        names.filter(|name| !["mod", "lib"].contains(name)).collect()
    }
}

/// Every Rust file under a folder, sorted.
pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The sources under `src`, without the files that hold only tests.
pub(crate) fn sources(src: &Path) -> Vec<Source> {
    let relative =
        |path: &PathBuf| path.strip_prefix(src).expect("a file under src").to_string_lossy().replace('\\', "/");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a readable source");
        source(&relative(&path), &text)
    };
    let is_test = |path: &PathBuf| relative(path).split('/').any(|part| part == "tests" || part == "tests.rs");
    rust_files(src).into_iter().filter(|path| !is_test(path)).map(read).collect()
}

pub(crate) fn source(path: &str, text: &str) -> Source {
    let code = blanked(text);
    // The tests begin at the first `#[cfg(test)]` that is followed by a module.
    let marks = code.match_indices("#[cfg(test)]").map(|(at, _)| at);
    let is_module =
        |at: &usize| code[*at + "#[cfg(test)]".len()..].trim_start().split(' ').take(3).any(|word| word == "mod");
    let code = marks.into_iter().find(is_module).map_or(code.as_str(), |at| &code[..at]).to_string();
    Source { path: path.into(), line_count: code.lines().count(), code }
}

/// Comments, strings and characters become blanks.
fn blanked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => end_of_line(bytes, at),
            b'/' if bytes[at..].starts_with(b"/*") => end_of_comment(bytes, at),
            b'"' => end_of_string(bytes, at),
            b'r' if !is_name_before(bytes, at) => end_of_raw_string(bytes, at),
            b'\'' => end_of_character(text, at),
            _ => at,
        };
        for byte in &mut out[at..end] {
            *byte = if *byte == b'\n' { b'\n' } else { b' ' };
        }
        at = end.max(at + 1);
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn end_of_line(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - at)
}

fn end_of_comment(bytes: &[u8], at: usize) -> usize {
    let (mut depth, mut i) = (0, at);
    while i < bytes.len() {
        if bytes[i..].starts_with(b"/*") {
            depth += 1;
            i += 2;
        } else if bytes[i..].starts_with(b"*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    bytes.len()
}

fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let mut i = at + 1;
    while i < bytes.len() && bytes[i] != b'"' {
        i += if bytes[i] == b'\\' { 2 } else { 1 };
    }
    (i + 1).min(bytes.len())
}

/// `r"…"`, `r#"…"#`; `at` itself when it is only a name that begins with r.
fn end_of_raw_string(bytes: &[u8], at: usize) -> usize {
    let hashes = bytes[at + 1..].iter().take_while(|b| **b == b'#').count();
    if bytes.get(at + 1 + hashes) != Some(&b'"') {
        return at;
    }
    let close: Vec<u8> = [b'"'].into_iter().chain(std::iter::repeat_n(b'#', hashes)).collect();
    let start = at + 2 + hashes;
    let length = bytes[start..].windows(close.len()).position(|window| window == close);
    length.map_or(bytes.len(), |length| start + length + close.len())
}

/// A character literal; `at` itself for a lifetime.
fn end_of_character(text: &str, at: usize) -> usize {
    let rest = &text[at + 1..];
    if let Some(escaped) = rest.strip_prefix('\\') {
        let length = escaped.get(1..).and_then(|tail| tail.find('\''));
        return length.map_or(at, |length| at + 1 + 1 + 1 + length + 1);
    }
    let first = rest.chars().next().map_or(0, char::len_utf8);
    if rest[first..].starts_with('\'') { at + 1 + first + 1 } else { at }
}

fn is_name_before(bytes: &[u8], at: usize) -> bool {
    at > 0 && is_name(bytes[at - 1]) && bytes[at - 1] != b'b'
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Every name in the code with its offset.
pub(crate) fn names(code: &str) -> Vec<(usize, &str)> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = bytes[at..].iter().take_while(|b| is_name(**b)).count();
        if length > 0 {
            found.push((at, &code[at..at + length]));
        }
        at += length.max(1);
    }
    found
}

/// The paths that begin at `at`, groups in braces spread out: `a::{b::c, d}` gives a b c and a d.
pub(crate) fn paths_from(code: &str, at: usize) -> Vec<Vec<String>> {
    let mut spread = Vec::new();
    read_path(code.as_bytes(), at, &[], &mut spread);
    spread
}

/// Reads one path after `before` and returns where it ends.
fn read_path(bytes: &[u8], at: usize, before: &[String], spread: &mut Vec<Vec<String>>) -> usize {
    let mut path = before.to_vec();
    let mut at = skip_blanks(bytes, at);
    loop {
        if bytes.get(at) == Some(&b'{') {
            return read_group(bytes, at, &path, spread);
        }
        let length = bytes[at..].iter().take_while(|b| is_name(**b)).count();
        if length == 0 {
            break;
        }
        path.push(String::from_utf8_lossy(&bytes[at..at + length]).into_owned());
        at += length;
        let next = skip_blanks(bytes, at);
        if !bytes[next..].starts_with(b"::") {
            break;
        }
        at = skip_blanks(bytes, next + 2);
    }
    spread.push(path);
    at
}

fn read_group(bytes: &[u8], at: usize, path: &[String], spread: &mut Vec<Vec<String>>) -> usize {
    let mut at = at + 1;
    while at < bytes.len() && bytes[at] != b'}' {
        at = read_path(bytes, at, path, spread);
        // A rename or a star is no part of the path.
        while at < bytes.len() && bytes[at] != b',' && bytes[at] != b'}' {
            at += 1;
        }
        at = skip_blanks(bytes, at + usize::from(bytes.get(at) == Some(&b',')));
    }
    at + 1
}

fn skip_blanks(bytes: &[u8], at: usize) -> usize {
    at + bytes[at.min(bytes.len())..].iter().take_while(|b| b.is_ascii_whitespace()).count()
}

/// Name, first line and number of lines of every function with a body.
pub(crate) fn functions(source: &Source) -> Vec<(String, usize, usize)> {
    let names = names(&source.code);
    // `fn(u8)` is a type, not a function.
    let is_head =
        |pair: &&[(usize, &str)]| pair[0].1 == "fn" && source.code[pair[0].0 + 2..pair[1].0].trim().is_empty();
    let heads = names.windows(2).filter(is_head);
    heads.filter_map(|pair| function(source, pair[0].0, pair[1].1)).collect()
}

fn function(source: &Source, at: usize, name: &str) -> Option<(String, usize, usize)> {
    let bytes = source.code.as_bytes();
    let (mut depth, mut brackets) = (0, 0);
    for (offset, byte) in bytes[at..].iter().enumerate() {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets -= 1,
            b';' if depth == 0 && brackets == 0 => return None,
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    let (first, last) = (source.line_of(at), source.line_of(at + offset));
                    return Some((name.to_string(), first, last - first + 1));
                }
                // A closing brace before any opening one ends what the `fn` stood in: a function pointer's type.
                if depth < 0 {
                    return None;
                }
            }
            _ => {}
        }
    }
    None
}
