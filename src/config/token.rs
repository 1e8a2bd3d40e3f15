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

impl Settings {
    /// Returns the operator's token: the environment's, else the set file's, else the one made at the first start
    /// (`fresh` draws it).
    ///
    /// # Errors
    ///
    /// Fails when a file cannot be read or made or is empty, or when another address than loopback would get a made
    /// token.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    pub fn token(&self, fresh: impl FnOnce() -> String) -> Result<Token, SettingsError> {
        let given = std::env::var(TOKEN_VARIABLE).unwrap_or_default();
        if !given.trim().is_empty() {
            return Ok(Token { secret: given.trim().to_owned(), made_in: None });
        }
        if !self.admin.token_file.as_os_str().is_empty() {
            let path = &self.admin.token_file;
            let secret = secret_in(path).map_err(|source| failed(path, source))?;
            return Ok(Token { secret, made_in: None });
        }
        if !self.admin.listen.ip().is_loopback() {
            let reason =
                format!("{} is not loopback: set {TOKEN_VARIABLE} or admin.token_file first", self.admin.listen);
            return Err(SettingsError::Nonsense { key: "admin.listen", reason });
        }
        let path = self.journal.data.join("admin.token");
        let secret = match secret_in(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let secret = fresh();
                keep(&path, &secret).map(|()| secret)
            }
            read => read,
        };
        Ok(Token { secret: secret.map_err(|source| failed(&path, source))?, made_in: Some(path) })
    }
}

/// Returns the operator's token for a client beside the server: the environment's, else a file's, else the one that was
/// made in the data directory.
///
/// # Errors
///
/// Fails when the file cannot be read or is empty.
#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
pub fn operator_secret(file: Option<&Path>, data: &Path) -> Result<String, SettingsError> {
    let given = std::env::var(TOKEN_VARIABLE).unwrap_or_default();
    if file.is_none() && !given.trim().is_empty() {
        return Ok(given.trim().to_owned());
    }
    let path = file.map_or_else(|| data.join("admin.token"), Path::to_owned);
    secret_in(&path).map_err(|source| failed(&path, source))
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
