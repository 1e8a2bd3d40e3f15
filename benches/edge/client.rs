//! One blocking keep-alive connection, for what is not load: making products, recording answers, reading metrics.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Outcome;

/// Longer than any deadline of the server.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

pub(crate) struct Client {
    address: SocketAddr,
    connection: BufReader<TcpStream>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// As sent, names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        Ok(Self { address, connection: BufReader::new(stream) })
    }

    /// Sends JSON, or no body where it is empty, and reads the answer, whose length the server must tell.
    pub(crate) fn send(&mut self, method: &str, path: &str, json: &str) -> Outcome<Answer> {
        self.send_as(None, method, path, json)
    }

    /// Sends with an operator's token.
    pub(crate) fn send_as(&mut self, token: Option<&str>, method: &str, path: &str, json: &str) -> Outcome<Answer> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        if let Some(token) = token {
            request.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        if !json.is_empty() {
            request.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", json.len()));
        }
        request.push_str("\r\n");
        request.push_str(json);
        self.connection.get_mut().write_all(request.as_bytes())?;

        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| format!("no status in {status_line:?}"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length").map_or("0", |(_, value)| value);
        let mut body = vec![0; length.parse()?];
        self.connection.read_exact(&mut body)?;
        Ok(Answer { status, headers, body })
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.connection.read_line(&mut line)? == 0 {
            return Err(format!("{} hung up", self.address).into());
        }
        Ok(line.trim_end().to_owned())
    }
}
