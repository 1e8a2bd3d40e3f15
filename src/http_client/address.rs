//! Where somebody else listens.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use thiserror::Error;

/// The address of somebody who is spoken to by plain HTTP, perhaps with a path under which all of his are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Without a slash at the end.
    text: String,
}

/// An address that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// It is no address.
    #[error("{0:?} is no address; one looks like http://127.0.0.1:8080")]
    Malformed(String),
    /// It asks for TLS.
    #[error("{0:?}: only http is spoken; put a proxy that speaks TLS in front of it")]
    Scheme(String),
    /// It names a user. It is not repeated here: what is wrong with settings is read in logs.
    #[error(
        "an address has no user and no password in it (no @), which nobody would send; put a proxy that adds them in front"
    )]
    Credentials,
}

/// A path that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no path that HTTP can carry")]
pub struct PathError(String);

impl Address {
    /// Returns where a path below it leads.
    ///
    /// # Errors
    ///
    /// Fails where HTTP cannot carry the path, or not all of it.
    pub fn below(&self, path: &str) -> Result<Uri, PathError> {
        // Without its slash it would lead to another host, and what follows a `#` is not sent.
        if !path.starts_with('/') || path.contains('#') {
            return Err(PathError(path.to_owned()));
        }
        format!("{self}{path}").parse().map_err(|_| PathError(path.to_owned()))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        // Anywhere: a password may have any character, so that nobody can say where it would end.
        if text.contains('@') {
            return Err(AddressError::Credentials);
        }
        let malformed = || AddressError::Malformed(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| malformed())?;
        match (uri.scheme_str(), uri.host(), uri.query()) {
            (Some("http"), Some(host), None) if !host.is_empty() && !text.contains('#') => {
                Ok(Self { text: text.trim_end_matches('/').to_owned() })
            }
            (Some("https"), _, _) => Err(AddressError::Scheme(text.to_owned())),
            (Some(_) | None, _, _) => Err(malformed()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> AddressError {
        text.parse::<Address>().expect_err("no address")
    }

    #[test]
    fn an_address_is_where_its_paths_begin() {
        let below =
            |text: &str, path| text.parse::<Address>().expect("an address").below(path).map(|uri| uri.to_string());
        for (text, expected) in [
            ("http://127.0.0.1:8082", "http://127.0.0.1:8082/charges/3?now=1"),
            ("http://127.0.0.1:8082/", "http://127.0.0.1:8082/charges/3?now=1"),
            ("http://payment:8080/v1/", "http://payment:8080/v1/charges/3?now=1"),
            ("http://[::1]:80", "http://[::1]:80/charges/3?now=1"),
        ] {
            assert_eq!(below(text, "/charges/3?now=1"), Ok(expected.to_owned()), "{text}");
        }
        for path in ["", "charges", "@127.0.0.1/", "/the third", "/3\r\n", "/charges#3"] {
            assert_eq!(below("http://payment", path), Err(PathError(path.to_owned())));
        }
    }

    #[test]
    fn an_address_that_cannot_be_used_is_refused_with_the_remedy() {
        assert_eq!(refused("https://payment"), AddressError::Scheme("https://payment".to_owned()));
        assert!(refused("https://payment").to_string().contains("a proxy that speaks TLS"));
        for bad in [
            "",
            "payment:8080",
            "/payments",
            "http://",
            "ftp://payment",
            "http://payment?x=1",
            "http://payment?",
            "http://payment/#x",
            "no address",
        ] {
            assert_eq!(refused(bad), AddressError::Malformed(bad.to_owned()));
            assert!(refused(bad).to_string().contains("looks like http://"), "{bad}");
        }
    }

    #[test]
    fn an_address_with_credentials_is_refused_and_not_repeated() {
        for told in [
            "http://user:pw@bank",
            "https://user:pw@bank",
            "user:pw@bank",
            "http://user:p/w@bank",
            "http://pw@bank?x=1",
        ] {
            assert_eq!(refused(told), AddressError::Credentials, "{told}");
            let words = refused(told).to_string();
            assert!(!words.contains("pw") && words.contains("a proxy that adds them"), "{words}");
        }
    }
}
