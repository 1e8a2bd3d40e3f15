//! One connection on which anything can be sent, whether it is HTTP or not.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::client::{Answer, read_answer};

/// Longer than any deadline of the server: it only ends a test that has failed.
const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct Raw(BufReader<TcpStream>);

impl Raw {
    #[track_caller]
    pub(crate) fn open(addr: SocketAddr) -> Raw {
        let stream = TcpStream::connect_timeout(&addr, Duration::from_secs(5)).expect("the server accepts");
        let set = stream.set_nodelay(true).and(stream.set_read_timeout(Some(PATIENCE)));
        set.and(stream.set_write_timeout(Some(PATIENCE))).expect("a connected socket can be set up");
        Raw(BufReader::new(stream))
    }

    /// Sends all of it; false when the server hung up first.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.get_mut().write_all(bytes).is_ok()
    }

    /// Says that nothing more will be sent.
    pub(crate) fn half_close(&mut self) {
        self.0.get_mut().shutdown(Shutdown::Write).expect("an open socket can be half-closed");
    }

    /// Reads one answer to a request of that method.
    pub(crate) fn answer(&mut self, method: &str) -> io::Result<Answer> {
        read_answer(&mut self.0, method)
    }

    /// Reads until the server has closed; fails with what it said instead.
    pub(crate) fn end(&mut self) -> Result<(), String> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) if rest.is_empty() => Ok(()),
            Ok(_) => Err(format!("before its end came {:?}", String::from_utf8_lossy(&rest))),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
            Err(error) => Err(format!("it was not closed: {error}")),
        }
    }

    /// Reads whatever comes until the server has closed.
    pub(crate) fn rest(&mut self) -> Result<String, String> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(format!("it was not closed: {error}")),
            Ok(_) | Err(_) => Ok(String::from_utf8_lossy(&rest).into_owned()),
        }
    }
}
