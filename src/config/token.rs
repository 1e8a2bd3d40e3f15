//! The operator's token: given in the environment or a file, else made once and kept.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::settings::Settings;
use super::sources::SettingsError;

const TOKEN_VARIABLE: &str = "RESURGAM_ADMIN_TOKEN";

/// The operator's token and where it came from.
#[derive(Clone)]
pub struct Token {
    /// The token itself.
    pub secret: String,
    /// The file it was made in, when it was made now or before.
    pub made_in: Option<PathBuf>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("made_in", &self.made_in).finish_non_exhaustive()
    }
}

/// Where the operator's token comes from.
#[derive(Debug)]
pub enum TokenSource {
    /// It is known.
    Known(Token),
    /// It is made at the first start, in this file.
    ToMake(PathBuf),
}

impl Settings {
    /// Returns where the operator's token comes from: the environment, else the set file, else the one made at the first
    /// start. Nothing is written.
    ///
    /// # Errors
    ///
    /// Fails when a file cannot be read or is empty, or when another address than loopback would get a made token.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    pub fn token_source(&self) -> Result<TokenSource, SettingsError> {
        let given = std::env::var(TOKEN_VARIABLE).unwrap_or_default();
        if !given.trim().is_empty() {
            return Ok(TokenSource::Known(Token { secret: given.trim().to_owned(), made_in: None }));
        }
        if !self.admin.token_file.as_os_str().is_empty() {
            let path = &self.admin.token_file;
            let secret = secret_in(path).map_err(|source| failed(path, source))?;
            return Ok(TokenSource::Known(Token { secret, made_in: None }));
        }
        if !self.admin.listen.ip().is_loopback() {
            let reason =
                format!("{} is not loopback: set {TOKEN_VARIABLE} or admin.token_file first", self.admin.listen);
            return Err(SettingsError::Nonsense { key: "admin.listen", reason });
        }
        let path = self.journal.data.join("admin.token");
        match secret_in(&path) {
            Ok(secret) => Ok(TokenSource::Known(Token { secret, made_in: Some(path) })),
            // What is wrong with a data directory is said by who takes it.
            Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => {
                Ok(TokenSource::ToMake(path))
            }
            Err(error) => Err(failed(&path, error)),
        }
    }
}

impl TokenSource {
    /// Returns the token, which `fresh` draws if it must be made.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be made.
    pub fn token(self, fresh: impl FnOnce() -> String) -> Result<Token, SettingsError> {
        let path = match self {
            Self::Known(token) => return Ok(token),
            Self::ToMake(path) => path,
        };
        let secret = fresh();
        keep(&path, &secret).map_err(|source| failed(&path, source))?;
        Ok(Token { secret, made_in: Some(path) })
    }
}

impl Settings {
    /// Returns the token of a server that runs: what is in this file, else the environment's, else the set file's, else
    /// the one it made. None is made.
    ///
    /// # Errors
    ///
    /// Fails when a file cannot be read or is empty.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    pub fn known_token(&self, file: Option<&Path>) -> Result<String, SettingsError> {
        let given = std::env::var(TOKEN_VARIABLE).unwrap_or_default();
        let set = Some(self.admin.token_file.as_path()).filter(|file| !file.as_os_str().is_empty());
        let made = self.journal.data.join("admin.token");
        match (file, given.trim()) {
            (None, given) if !given.is_empty() => Ok(given.to_owned()),
            (file, _) => {
                let path = file.or(set).unwrap_or(&made);
                secret_in(path).map_err(|source| failed(path, source))
            }
        }
    }
}

fn secret_in(path: &Path) -> io::Result<String> {
    let secret = fs::read_to_string(path)?.trim().to_owned();
    // An empty token would let everybody in.
    if secret.is_empty() { Err(io::Error::new(ErrorKind::InvalidData, "the file is empty")) } else { Ok(secret) }
}

fn keep(path: &Path, secret: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{secret}")
}

fn failed(path: &Path, source: io::Error) -> SettingsError {
    SettingsError::Token { path: path.display().to_string(), source }
}
