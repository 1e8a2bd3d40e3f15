//! Finds what a source imports and judges it by the tables of `tidy`.

use crate::source_text::{Source, names, paths_from};
use crate::tidy::{
    EXCEPTIONS, IMPURE_STD, NOTHING_BUT, PARTS, PURE, RESERVED, ROOMS, SEES_ALL, allowed, fault, room, src,
};

/// Every path in the code that begins with a crate's name or leads to a room: (offset, path from its root).
fn used_paths(source: &Source) -> Vec<(usize, Vec<String>)> {
    let code = &source.code;
    let mut used = Vec::new();
    let mut is_use = false;
    for (at, name) in names(code) {
        let follows = code[at + name.len()..].trim_start();
        let goes_on = code[..at].trim_end().ends_with("::");
        let named_whole = follows.starts_with(';') || follows.starts_with("as ");
        let starts = !goes_on && (follows.starts_with("::") || (is_use && named_whole));
        is_use = name == "use";
        if starts {
            used.extend(
                paths_from(code, at).into_iter().filter_map(|path| from_root(source, path)).map(|path| (at, path)),
            );
        }
    }
    used
}

/// `super::` chains that leave their room become paths from `crate`; those that stay inside are nobody's business.
fn from_root(source: &Source, path: Vec<String>) -> Option<Vec<String>> {
    let own_name = |first: &str| first == "resurgam" && room(source) == "main";
    if own_name(&path[0]) {
        return Some(["crate".to_string()].into_iter().chain(path.into_iter().skip(1)).collect());
    }
    let up = path.iter().take_while(|part| *part == "super").count();
    if up == 0 {
        return (path[0] != "self" && path[0] != "Self").then_some(path);
    }
    let module = source.module();
    let kept = module.len().checked_sub(up)?;
    let down = module[..kept].iter().map(ToString::to_string).chain(path.into_iter().skip(up));
    Some(["crate".to_string()].into_iter().chain(down).collect())
}

pub(crate) fn import_faults(source: &Source, crates: &[String]) -> Vec<String> {
    let room = room(source);
    if SEES_ALL.contains(&room) {
        return Vec::new();
    }
    let Some(rooms) = allowed(ROOMS, room) else {
        return vec![format!(
            "src/{}:1: `{room}` is no room of the house; add it to the table of imports",
            source.path
        )];
    };
    let mut faults = Vec::new();
    let local = local_names(source);
    for (at, path) in used_paths(source) {
        let shown = path.join("::");
        if EXCEPTIONS.iter().any(|(name, what, _)| *name == room && shown.starts_with(what)) {
            continue;
        }
        let second = path.get(1).map_or("", String::as_str);
        if path[0] == "crate" {
            let is_room = ROOMS.iter().any(|(name, _)| *name == second) || SEES_ALL.contains(&second);
            if is_room && second != room && !rooms.contains(&second) {
                faults.push(fault(source, at, format!("`{room}` may not use `{shown}`; it may use {rooms:?}")));
            }
            faults.extend(other_system(source, &path).map(|what| fault(source, at, what)));
            continue;
        }
        if !crates.contains(&path[0]) || local.contains(&path[0]) {
            continue;
        }
        let reserved = allowed(RESERVED, &path[0]).is_some_and(|rooms| !rooms.contains(&room));
        let outside = allowed(NOTHING_BUT, room).is_some_and(|only| !only.contains(&path[0].as_str()));
        let part = PARTS.iter().find(|(name, krate, _)| *name == room && *krate == path[0]);
        let wrong_part = part.is_some_and(|(_, _, parts)| !second.is_empty() && !parts.contains(&second));
        if reserved || outside || wrong_part {
            faults.push(fault(source, at, format!("`{shown}` is not for `{room}`")));
        }
        if PURE.contains(&room) && path[0] == "std" && IMPURE_STD.contains(&second) {
            faults.push(fault(source, at, format!("`{shown}` in the pure room `{room}`")));
        }
    }
    faults
}

/// Modules that are declared here or imported from our own rooms hide a crate of the same name.
fn local_names(source: &Source) -> Vec<String> {
    let mut local = Vec::new();
    for (at, name) in names(&source.code) {
        let paths = paths_from(&source.code, at + name.len());
        let ours = |path: &&Vec<String>| ["crate", "super", "self"].contains(&path[0].as_str());
        match name {
            "use" => local.extend(paths.iter().filter(|p| p.len() > 1).filter(ours).filter_map(|p| p.last().cloned())),
            "mod" => local.extend(paths.into_iter().flatten()),
            _ => {}
        }
    }
    local
}

/// No business system knows another.
fn other_system(source: &Source, path: &[String]) -> Option<String> {
    let module = source.module();
    let (own, theirs) = (module.get(1)?, path.get(2)?);
    let is_system = path[1] == "systems" && module[0] == "systems" && src().join("systems").join(theirs).is_dir();
    (is_system && own != theirs).then(|| format!("the system `{own}` may not use the system `{theirs}`"))
}
