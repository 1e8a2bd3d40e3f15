//! sled 0.34.7 behind the log: plain inserts of newest values, the mark last. Never the only copy of anything.
//!
//! It may panic in `open`, open empty, or refuse because of a stale snapshot: whatever does not verify is set aside
//! and made again from the log. Values are kept small, because sled writes large ones to files it never syncs.

mod open;
mod pieces;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sled::{Db, IVec, Tree as SledTree};

use crate::journal::codec::{is_expired, position_of};
use crate::journal::disk::checkpoint::Visit;
use crate::journal::engine::{Batch, EngineError, Expiry, Tree};
use crate::journal::overlay::{Entry, Key, block_key};
pub use open::OpenedStore;
use pieces::{INLINE, PIECE_BYTES_MAX, PIECES, body, piece_key, pieces_of};

/// What is looked up.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
    db: Db,
    rows: SledTree,
    answers: SledTree,
    intents: SledTree,
    followers: SledTree,
    ids: SledTree,
    pieces: SledTree,
    meta: SledTree,
}

impl Store {
    fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let value = self.meta.get(name).map_err(|error| error.to_string())?;
        Ok(value.and_then(|bytes| bytes.as_ref().try_into().ok()).map(u64::from_be_bytes))
    }

    /// Returns the group up to which the store holds everything.
    ///
    /// # Errors
    ///
    /// Fails when sled does.
    pub fn mark(&self) -> Result<u64, EngineError> {
        Ok(self.number("mark").map_err(EngineError::Store)?.unwrap_or(0))
    }

    /// Takes a batch in and returns how many bytes its values take: ids before rows, so that no row is ever hidden, answers before rows, so that a row never outruns
    /// what was answered; the mark last.
    ///
    /// # Errors
    ///
    /// Fails when sled does; a part may have been taken, which the next try or a replay repeats.
    pub fn apply(&self, batch: &Batch) -> Result<usize, EngineError> {
        let mut bytes = 0;
        for block in &batch.ids {
            self.ids.insert(block_key(block.kind, block.index), block.bytes.as_slice()).map_err(store_error)?;
        }
        for tree in [Tree::Answers, Tree::Rows, Tree::Intents, Tree::Followers] {
            let mut entries: Vec<(Vec<u8>, &Entry)> = batch
                .entries
                .iter()
                .filter(|(key, _)| key.tree() == tree)
                .map(|(key, entry)| (key.bytes(), entry))
                .collect();
            // Neighbours share a leaf, and so a cache line or two.
            entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            for (name, entry) in entries {
                bytes += self.put(tree, &name, entry).map_err(store_error)?;
            }
        }
        self.set_mark(batch.mark)?;
        Ok(bytes)
    }

    fn put(&self, tree: Tree, name: &[u8], entry: &Entry) -> Result<usize, sled::Error> {
        match entry.encoded() {
            Some(value) => self.put_value(tree, name, &value).map(|()| value.len()),
            None => {
                let old = self.tree(tree).remove(name)?;
                self.drop_pieces(tree, name, old.as_ref()).map(|()| 0)
            }
        }
    }

    fn put_value(&self, tree: Tree, name: &[u8], value: &[u8]) -> Result<(), sled::Error> {
        if value.len() < PIECE_BYTES_MAX {
            let old = self.tree(tree).insert(name, [&[INLINE], value].concat())?;
            return self.drop_pieces(tree, name, old.as_ref());
        }
        // The pieces carry the position, so that a kill before the head is put leaves the old value whole.
        let position = position_of(value);
        let pieces: Vec<&[u8]> = value.chunks(PIECE_BYTES_MAX).collect();
        for (piece, index) in pieces.iter().zip(0u32..).skip(1) {
            self.pieces.insert(piece_key(tree, name, position, index), *piece)?;
        }
        let count = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
        let head = [&[PIECES][..], &count.to_be_bytes(), pieces.first().copied().unwrap_or_default()].concat();
        match self.tree(tree).insert(name, head)? {
            Some(old) if position_of(body(&old)) != position => self.drop_pieces(tree, name, Some(&old)),
            Some(_) | None => Ok(()),
        }
    }

    fn drop_pieces(&self, tree: Tree, name: &[u8], head: Option<&IVec>) -> Result<(), sled::Error> {
        let Some((count, position)) = head.and_then(|head| pieces_of(head)) else { return Ok(()) };
        for index in 1..count {
            self.pieces.remove(piece_key(tree, name, position, index))?;
        }
        Ok(())
    }

    /// Looks a value up.
    ///
    /// # Errors
    ///
    /// Fails when sled does, or a piece is missing.
    pub fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, EngineError> {
        let name = key.bytes();
        match self.tree(key.tree()).get(&name).map_err(store_error)? {
            Some(head) => self.whole(key.tree(), &name, head),
            None => Ok(None),
        }
    }

    /// Puts a value together; `None` when it was removed meanwhile.
    fn whole(&self, tree: Tree, name: &[u8], mut head: IVec) -> Result<Option<Vec<u8>>, EngineError> {
        loop {
            if let Some(value) = self.pieced(tree, name, &head)? {
                return Ok(Some(value));
            }
            // A newer value has taken its place, and its pieces with it; unless it is the same, which nothing heals.
            let Some(newer) = self.tree(tree).get(name).map_err(store_error)? else { return Ok(None) };
            if newer == head {
                return Err(EngineError::Store(format!("a piece of a value of {tree:?} is missing")));
            }
            head = newer;
        }
    }

    fn pieced(&self, tree: Tree, name: &[u8], head: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        let mut value = body(head).to_vec();
        let (count, position) = pieces_of(head).unwrap_or_default();
        for index in 1..count {
            let piece = self.pieces.get(piece_key(tree, name, position, index)).map_err(store_error)?;
            let Some(piece) = piece else { return Ok(None) };
            value.extend_from_slice(&piece);
        }
        Ok(Some(value))
    }

    /// Walks a tree in key order.
    ///
    /// # Errors
    ///
    /// Fails when sled does.
    pub fn each(&self, tree: Tree, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), EngineError> {
        self.try_each(tree, |key, value| {
            visit(key, value);
            Ok(())
        })
    }

    fn try_each(
        &self,
        tree: Tree,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        for item in self.tree(tree).iter() {
            let (key, head) = item.map_err(store_error)?;
            if tree == Tree::Ids {
                visit(&key, &head)?;
            } else if let Some(value) = self.whole(tree, &key, head)? {
                visit(&key, &value)?;
            }
        }
        Ok(())
    }

    /// Shows everything, beside whoever writes; what has expired is dropped instead.
    ///
    /// # Errors
    ///
    /// Fails when sled does, or whom it is shown to.
    pub fn export(&self, expiry: Expiry, visit: &mut Visit<'_>) -> Result<(), EngineError> {
        for tree in Tree::EXPORTED {
            self.try_each(tree, |key, value| match tree == Tree::Answers && is_expired(value, expiry) {
                true => self.drop_expired(key, expiry),
                false => visit(tree, key, value),
            })?;
        }
        Ok(())
    }

    fn drop_expired(&self, key: &[u8], expiry: Expiry) -> Result<(), EngineError> {
        let Some(head) = self.answers.get(key).map_err(store_error)? else { return Ok(()) };
        if !is_expired(body(&head), expiry) {
            return Ok(());
        }
        // Only as it is now: its key may be in use again.
        match self.answers.compare_and_swap(key, Some(&head), None::<&[u8]>).map_err(store_error)? {
            Ok(()) => self.drop_pieces(Tree::Answers, key, Some(&head)).map_err(store_error),
            Err(_) => Ok(()),
        }
    }

    /// Takes an exported value in; only while nobody is served.
    ///
    /// # Errors
    ///
    /// Fails when sled does.
    pub fn import(&self, tree: Tree, key: &[u8], value: &[u8]) -> Result<(), EngineError> {
        match tree {
            Tree::Ids => self.ids.insert(key, value).map(drop),
            Tree::Rows | Tree::Answers | Tree::Intents | Tree::Followers => self.put_value(tree, key, value),
        }
        .map_err(store_error)
    }

    /// Says what the store holds when an import is complete.
    ///
    /// # Errors
    ///
    /// Fails when sled does.
    pub fn set_mark(&self, mark: u64) -> Result<(), EngineError> {
        self.meta.insert("mark", &mark.to_be_bytes()).map(drop).map_err(store_error)
    }

    /// Brings everything to the disk: sled's own flush stops at the page cache, so each file is synced beside it.
    ///
    /// # Errors
    ///
    /// Fails when sled or a sync does.
    pub fn settle(&self) -> Result<(), EngineError> {
        self.db.flush().map_err(store_error)?;
        sync_all(&self.dir).map_err(|error| EngineError::Store(format!("{}: {error}", self.dir.display())))
    }

    const fn tree(&self, tree: Tree) -> &SledTree {
        match tree {
            Tree::Rows => &self.rows,
            Tree::Answers => &self.answers,
            Tree::Intents => &self.intents,
            Tree::Followers => &self.followers,
            Tree::Ids => &self.ids,
        }
    }
}

fn store_error(error: sled::Error) -> EngineError {
    EngineError::Store(error.to_string())
}

fn sync_all(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_all(&path)?;
        } else {
            fs::File::open(path)?.sync_all()?;
        }
    }
    fs::File::open(dir)?.sync_all()
}
