//! Makes listening sockets with a deep backlog, and says what to do where the system refuses one.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// Binds a listening socket with `SO_REUSEADDR` and the given backlog; port 0 takes a free one.
/// Needs a Tokio runtime.
///
/// # Errors
/// [`BindError`] names the address and what to do.
pub fn bind(address: SocketAddr, backlog: u32) -> Result<TcpListener, BindError> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(backlog)
    };
    listen().map_err(|source| {
        let is_taken = source.kind() == io::ErrorKind::AddrInUse;
        let remedy = if is_taken {
            "stop the process that listens there (`ss -ltnp` names it) or configure another port"
        } else {
            "configure an address of this host and a port that this user may take"
        };
        BindError { address, remedy, source }
    })
}

/// Why an address cannot be listened on, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}; {remedy}")]
pub struct BindError {
    /// The address asked for.
    pub address: SocketAddr,
    remedy: &'static str,
    /// What the operating system said.
    pub source: io::Error,
}
