//! Where a client reached us and who it is, when a proxy that is believed says so: RFC 7239, or the older
//! `X-Forwarded-*`.
//!
//! Nobody is believed unless an operator says who; a client that lies would have its links lead elsewhere.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use warp::http::HeaderMap;
use warp::http::header::{FORWARDED, HOST};

use super::problem::Problem;

/// The proxies that are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpAddr>);

impl TrustedProxies {
    /// Believes these.
    #[must_use]
    pub fn new(addresses: Vec<IpAddr>) -> Self {
        Self(addresses)
    }

    /// Returns where the client's addresses begin, `https://api.example.com/v1`, if this peer is believed and says so.
    ///
    /// # Errors
    ///
    /// Fails when what it says is no address.
    pub fn origin(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Result<Option<String>, Problem> {
        if !peer.is_some_and(|peer| self.believes(peer.ip())) {
            return Ok(None);
        }
        let Said { scheme, host, port, prefix } = Said::by(headers);
        if scheme.or(host).or(port).or(prefix).is_none() {
            return Ok(None);
        }
        let scheme = scheme.unwrap_or("http").to_ascii_lowercase();
        let usual = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            other => {
                return Err(Problem::BadRequest(format!("a proxy forwards from {other:?}, not from http or https")));
            }
        };
        let (name, own) = split(host.or_else(|| first(headers, HOST.as_str())).unwrap_or("localhost"));
        let port = match port.or(own) {
            Some(port) => Some(port.parse::<u16>().map_err(|_| no_port(port))?).filter(|port| *port != usual),
            None => None,
        };
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let prefix = prefix.unwrap_or_default().trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        Ok(Some(format!("{scheme}://{name}{port}{slash}{prefix}")))
    }

    /// Returns who the client is: this peer, or if it is believed, the last address in front of the believed ones.
    ///
    /// What stands before that is the client's own word. So is one of two headers that differ, and then it is the peer.
    #[must_use]
    pub fn client(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> IpAddr {
        let peer = peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip().to_canonical());
        if !self.believes(peer) {
            return peer;
        }
        let standard = self.last_unbelieved(headers, FORWARDED.as_str(), |element| parameter(element, "for"));
        let older = self.last_unbelieved(headers, "x-forwarded-for", |element| Some(element));
        match (standard, older) {
            (Some(one), Some(other)) if one != other => peer,
            (one, other) => one.or(other).unwrap_or(peer),
        }
    }

    fn believes(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Finds the last address of a list that is nobody's who is believed; none before what is no address.
    fn last_unbelieved(&self, headers: &HeaderMap, name: &str, address_in: fn(&str) -> Option<&str>) -> Option<IpAddr> {
        let lines = headers.get_all(name).iter().rev().map(|line| line.to_str().unwrap_or_default());
        let addresses =
            lines.flat_map(|line| line.rsplit(',')).map(|element| address_in(element.trim()).and_then(node));
        addresses.take_while(Option::is_some).flatten().find(|address| !self.believes(*address))
    }
}

/// What a proxy said.
struct Said<'a> {
    scheme: Option<&'a str>,
    host: Option<&'a str>,
    port: Option<&'a str>,
    prefix: Option<&'a str>,
}

impl<'a> Said<'a> {
    /// Reads the standard header where there is one, else the older ones; of a list the first counts.
    fn by(headers: &'a HeaderMap) -> Self {
        let prefix = first(headers, "x-forwarded-prefix");
        if let Some(element) = first(headers, FORWARDED.as_str()) {
            return Self { scheme: parameter(element, "proto"), host: parameter(element, "host"), port: None, prefix };
        }
        let ssl = first(headers, "x-forwarded-ssl").filter(|ssl| ssl.eq_ignore_ascii_case("on"));
        Self {
            scheme: first(headers, "x-forwarded-proto").or(ssl.map(|_| "https")),
            host: first(headers, "x-forwarded-host"),
            port: first(headers, "x-forwarded-port"),
            prefix,
        }
    }
}

fn first<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?;
    value.split(',').next().map(str::trim).filter(|value| !value.is_empty())
}

/// Returns one parameter of an element of `Forwarded`.
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"'))
}

/// Reads an address, with or without a port.
fn node(text: &str) -> Option<IpAddr> {
    let (name, _) = split(text);
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    text.parse().or_else(|_| bare.parse()).ok().map(|address: IpAddr| address.to_canonical())
}

/// Splits a host from its port; the colons of an IPv6 address are no mark of one.
fn split(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        Some(_) | None => (host, None),
    }
}

fn no_port(port: &str) -> Problem {
    Problem::BadRequest(format!("a proxy forwards from port {port:?}, which is none"))
}

#[cfg(test)]
mod tests {
    use warp::http::{HeaderName, HeaderValue};

    use super::*;

    /// Headers and their values.
    type Sent<'a> = &'a [(&'a str, &'a str)];

    fn origin(peer: &str, said: Sent<'_>) -> Result<Option<String>, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("inner:8081"));
        for (name, value) in said {
            headers.insert(HeaderName::try_from(*name).expect("a name"), value.parse().expect("a value"));
        }
        let trusted = TrustedProxies::new(vec!["10.0.0.1".parse().expect("an address")]);
        trusted.origin(Some(peer.parse().expect("an address")), &headers)
    }

    #[test]
    fn a_proxy_that_is_believed_says_where_the_client_is() {
        let table: [(Sent<'_>, Option<&str>); 12] = [
            (&[], None),
            (&[("x-forwarded-for", "1.2.3.4")], None),
            (
                &[("x-forwarded-proto", "https"), ("x-forwarded-host", "api.example.com")],
                Some("https://api.example.com"),
            ),
            (
                &[("x-forwarded-proto", "https"), ("x-forwarded-port", "443"), ("x-forwarded-host", "a")],
                Some("https://a"),
            ),
            (&[("x-forwarded-host", "a:8443, b"), ("x-forwarded-ssl", "on")], Some("https://a:8443")),
            (&[("x-forwarded-host", "a:80"), ("x-forwarded-prefix", "/v1/")], Some("http://a/v1")),
            (&[("x-forwarded-host", "[::1]"), ("x-forwarded-port", "9")], Some("http://[::1]:9")),
            (&[("x-forwarded-host", "[::1]:8443"), ("x-forwarded-proto", "https")], Some("https://[::1]:8443")),
            (&[("x-forwarded-proto", "HTTPS")], Some("https://inner:8081")),
            (&[("x-forwarded-prefix", "/")], Some("http://inner:8081")),
            (&[("forwarded", "for=1.2.3.4; Host=\"a:8443\";proto=https, host=b")], Some("https://a:8443")),
            (&[("forwarded", "host=a"), ("x-forwarded-host", "b"), ("x-forwarded-proto", "https")], Some("http://a")),
        ];
        for (said, expected) in table {
            let found = origin("10.0.0.1:5000", said).expect("an address");
            assert_eq!(found.as_deref(), expected, "{said:?}");
            assert!(origin("[::ffff:10.0.0.1]:5000", said).expect("an address").as_deref() == expected, "{said:?}");
            assert_eq!(origin("10.0.0.2:5000", said).expect("not looked at"), None, "{said:?}");
        }
    }

    #[test]
    fn the_client_is_the_last_address_that_no_believed_proxy_has() {
        let trusted = ["10.0.0.1", "10.0.0.2", "2001:db8::2"].map(|address| address.parse().expect("an address"));
        let trusted = TrustedProxies::new(trusted.to_vec());
        let client = |peer: &str, said: Sent<'_>| {
            let mut headers = HeaderMap::new();
            for (name, value) in said {
                headers.append(HeaderName::try_from(*name).expect("a name"), value.parse().expect("a value"));
            }
            trusted.client(Some(peer.parse().expect("an address")), &headers).to_string()
        };
        let table: [(Sent<'_>, &str); 16] = [
            (&[], "10.0.0.1"),
            (&[("x-forwarded-for", "1.2.3.4")], "1.2.3.4"),
            (&[("x-forwarded-for", "6.6.6.6, 1.2.3.4")], "1.2.3.4"),
            (&[("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.2")], "1.2.3.4"),
            (&[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "10.0.0.2")], "1.2.3.4"),
            (&[("x-forwarded-for", "1.2.3.4:5678")], "1.2.3.4"),
            (&[("x-forwarded-for", "2001:db8::1")], "2001:db8::1"),
            (&[("x-forwarded-for", "::ffff:1.2.3.4")], "1.2.3.4"),
            (&[("x-forwarded-for", "1.2.3.4, unknown")], "10.0.0.1"),
            (&[("x-forwarded-for", "10.0.0.2, 10.0.0.1")], "10.0.0.1"),
            (&[("forwarded", "for=6.6.6.6, For=1.2.3.4;proto=https")], "1.2.3.4"),
            (&[("forwarded", "for=\"[2001:db8::1]:4711\"")], "2001:db8::1"),
            (&[("forwarded", "for=\"[2001:db8::1]\", for=\"[2001:db8::2]\"")], "2001:db8::1"),
            (&[("forwarded", "for=_hidden")], "10.0.0.1"),
            (&[("forwarded", "for=1.2.3.4"), ("x-forwarded-for", "6.6.6.6, 1.2.3.4")], "1.2.3.4"),
            (&[("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "1.2.3.4")], "10.0.0.1"),
        ];
        for (said, expected) in table {
            assert_eq!(client("10.0.0.1:5000", said), expected, "{said:?}");
            assert_eq!(client("10.0.0.9:5000", said), "10.0.0.9", "{said:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for said in [("x-forwarded-port", "abc"), ("x-forwarded-host", "a:70000"), ("forwarded", "proto=ftp;host=a")] {
            assert!(matches!(origin("10.0.0.1:5000", &[said]), Err(Problem::BadRequest(_))), "{said:?}");
        }
    }
}
