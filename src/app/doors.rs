//! The business listeners: bound before anything is opened, served last, and shown to the one who started the server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpListener;

use super::{AppError, say};
use crate::config::Settings;
use crate::domain::{Shape, System};
use crate::http::Face;
use crate::http::server::{ConnectionObserver, Limits, bind};
use crate::telemetry::metrics;

/// A listener and what it shows.
pub(super) struct Door {
    pub(super) listener: TcpListener,
    pub(super) face: Face,
    name: &'static str,
}

/// Binds the originals' ports of one system, or the one port of many.
///
/// # Errors
///
/// Fails when a port is in use.
pub(super) fn bind_doors(settings: &Settings, served: &[&System], alone: bool) -> Result<Vec<Door>, AppError> {
    let door = |port: u16, face, name| {
        let address = SocketAddr::new(settings.listen.host, port + settings.listen.port_offset);
        Ok::<_, AppError>(Door { listener: bind(address, settings.edge.backlog)?, face, name })
    };
    let ([system], true) = (served, alone) else {
        return Ok(vec![door(settings.listen.port, Face::All, "all systems")?]);
    };
    let mut doors = Vec::with_capacity(system.services.len() + 1);
    for (index, service) in system.services.iter().enumerate() {
        doors.push(door(service.port, Face::Service(0, index), service.name)?);
    }
    doors.push(door(system.gateway_port, Face::Gateway(0), "gateway")?);
    Ok(doors)
}

/// Returns the limits of every listener as they are set.
pub(super) fn limits(settings: &Settings) -> Limits {
    Limits {
        connections_max: settings.edge.connections_max,
        header_bytes_max: settings.edge.header_bytes_max,
        headers_max: settings.edge.headers_max,
        header_timeout: Duration::from_millis(settings.edge.header_timeout_ms),
        backlog: settings.edge.backlog,
        drain_timeout: Duration::from_millis(settings.edge.drain_timeout_ms),
    }
}

/// Where operators and probes are answered, as it was bound.
pub(super) struct BackDoors {
    pub(super) operators: Option<SocketAddr>,
    pub(super) probes: Option<SocketAddr>,
}

/// Says where everything is, and what to try first.
pub(super) fn announce(doors: &[Door], back: &BackDoors, served: &[&System], token_file: Option<&Path>) {
    let addresses: Vec<String> = doors.iter().filter_map(|door| door.listener.local_addr().ok()).map(spoken).collect();
    for (door, address) in doors.iter().zip(&addresses) {
        say(&format!("  http://{address}  {}", door.name));
    }
    if let Some(operators) = back.operators {
        say(&format!("  http://{}  operators (/metrics, /readyz, /admin/overview)", spoken(operators)));
    }
    if let Some(probes) = back.probes {
        say(&format!("  http://{}  probes (/livez, /readyz)", spoken(probes)));
    }
    if let Some(file) = token_file {
        say(&format!("  the operator's token is in {}", file.display()));
    }
    if let (Some(front), [first, ..]) = (addresses.last(), served) {
        let front = if doors.len() == 1 { format!("{front}/{}", first.name) } else { front.clone() };
        say("try:");
        tries(first, &front).iter().for_each(|line| say(line));
    }
}

/// Returns what to try first of a system: to make the first thing that can be made, to look at it, and at what happened.
fn tries(system: &System, front: &str) -> Vec<String> {
    let resources = system.services.iter().flat_map(|service| &service.resources);
    let made = resources.filter(|resource| resource.methods.create.is_some()).take(1).flat_map(|resource| {
        let sent = resource.fields.iter().map(|field| match field.shape {
            Shape::Text => format!(" {}={}", field.name, field.name),
            Shape::Int | Shape::Long => format!(" {}=1", field.name),
        });
        let address = format!("http://{front}/{}", resource.collection);
        [format!("  http POST {address}{}", sent.collect::<String>()), format!("  http GET {address}/1")]
    });
    made.chain([format!("  http GET http://{front}/events")]).collect()
}

/// Writes an address as people type it.
fn spoken(address: SocketAddr) -> String {
    const HERE: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    if HERE.contains(&address.ip()) { format!("localhost:{}", address.port()) } else { address.to_string() }
}

impl ConnectionObserver for metrics::Connections {
    fn opened(&self) {
        metrics::Connections::opened(self);
    }
    fn closed(&self) {
        metrics::Connections::closed(self);
    }
    fn accept_failed(&self) {
        metrics::Connections::accept_failed(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_try_first_is_of_the_system_that_is_served() {
        let expected = [
            "  http POST http://localhost:8088/products name=name qty=1",
            "  http GET http://localhost:8088/products/1",
            "  http GET http://localhost:8088/events",
        ];
        assert_eq!(tries(&crate::systems::oa_rental::system(), "localhost:8088"), expected);
    }

    #[test]
    fn what_is_here_is_called_localhost_and_everything_else_by_its_address() {
        let table = [
            ("127.0.0.1:8081", "localhost:8081"),
            ("[::1]:8088", "localhost:8088"),
            ("127.0.0.2:8081", "127.0.0.2:8081"),
            ("0.0.0.0:8081", "0.0.0.0:8081"),
            ("[2001:db8::1]:80", "[2001:db8::1]:80"),
        ];
        for (address, expected) in table {
            assert_eq!(spoken(address.parse().expect("an address")), expected);
        }
    }
}
