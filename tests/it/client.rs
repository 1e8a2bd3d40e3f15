//! A tiny blocking HTTP/1.1 client over a std socket: what was sent and what came back, byte for byte.
//!
//! It never resends a request by itself: whether an unanswered request happened is the question the tests ask.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Longer than any deadline of the server, so that a silent server is a failed test and not a hung one.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// What HTTPie sends with a body.
pub(crate) const JSON_FIRST: &str = "application/json, */*;q=0.5";

#[derive(Clone)]
pub(crate) struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Request {
        Request { method: method.into(), path: path.into(), headers: Vec::new(), body: None }
    }

    pub(crate) fn get(path: &str) -> Request {
        Request::new("GET", path)
    }

    pub(crate) fn delete(path: &str) -> Request {
        Request::new("DELETE", path)
    }

    /// A POST as HTTPie makes it.
    pub(crate) fn post(path: &str, json: impl Into<String>) -> Request {
        Request::new("POST", path).header("Accept", JSON_FIRST).json(json)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn json(self, body: impl Into<String>) -> Request {
        let body: String = body.into();
        self.header("Content-Type", "application/json").body(&body)
    }

    pub(crate) fn body(mut self, body: &str) -> Request {
        self.body = Some(body.as_bytes().to_vec());
        self
    }

    /// The path that is asked for.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn method(&self) -> &str {
        &self.method
    }

    /// The same request with every text of it passed through `fill`.
    pub(crate) fn filled(&self, fill: impl Fn(&str) -> String) -> Request {
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), fill(value))).collect();
        let body = self.body.as_ref().map(|body| fill(&String::from_utf8_lossy(body)).into_bytes());
        Request { method: self.method.clone(), path: fill(&self.path), headers, body }
    }

    fn bytes(&self, addr: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: {addr}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Every comma-separated member of every header of that name, sorted.
    pub(crate) fn members(&self, name: &str) -> Vec<String> {
        let same = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let mut members: Vec<String> =
            same.flat_map(|(_, v)| v.split(',')).map(|v| v.trim().to_string()).filter(|v| !v.is_empty()).collect();
        members.sort();
        members
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `Null` when it is none, so that a wrong answer fails a comparison and not the test's own code.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The number at the end of `Location`.
    pub(crate) fn located_id(&self) -> Option<u64> {
        self.header("location").and_then(id_of)
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The number at the end of a link.
pub(crate) fn id_of(href: &str) -> Option<u64> {
    href.rsplit('/').next().and_then(|id| id.parse().ok())
}

/// One keep-alive connection, opened when needed.
pub(crate) struct Client {
    addr: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(crate) fn new(addr: SocketAddr) -> Client {
        Client { addr, connection: None }
    }

    /// Sends once. An error means: no whole answer came; the request may have happened.
    pub(crate) fn try_send(&mut self, request: &Request) -> io::Result<Answer> {
        let mut connection = match self.connection.take().filter(is_open) {
            Some(open) => open,
            None => self.connect()?,
        };
        connection.get_mut().write_all(&request.bytes(self.addr))?;
        let answer = read_answer(&mut connection, &request.method)?;
        if !answer.members("connection").iter().any(|m| m.eq_ignore_ascii_case("close")) {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    /// Sends once and expects an answer.
    #[track_caller]
    pub(crate) fn send(&mut self, request: &Request) -> Answer {
        match self.try_send(request) {
            Ok(answer) => answer,
            Err(error) => panic!("{} {} on {} got no answer: {error}", request.method, request.path, self.addr),
        }
    }

    /// Sends once on a connection of its own and reads an endless answer up to the end of its first event.
    pub(crate) fn first_event(&self, request: &Request) -> io::Result<Answer> {
        let mut connection = self.connect()?;
        connection.get_mut().write_all(&request.bytes(self.addr))?;
        let mut answer = read_head(&mut connection)?;
        while !answer.text().contains("\n\n") && read_chunk(&mut connection, &mut answer.body)? {}
        Ok(answer)
    }

    fn connect(&self) -> io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect_timeout(&self.addr, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        Ok(BufReader::new(stream))
    }
}

/// An idle connection is usable when nothing waits in it: neither an end nor bytes nobody asked for.
fn is_open(connection: &BufReader<TcpStream>) -> bool {
    let stream = connection.get_ref();
    if !connection.buffer().is_empty() || stream.set_nonblocking(true).is_err() {
        return false;
    }
    let waiting = stream.peek(&mut [0u8; 1]);
    stream.set_nonblocking(false).is_ok() && matches!(waiting, Err(e) if e.kind() == io::ErrorKind::WouldBlock)
}

/// Reads one answer to a request of that method.
pub(crate) fn read_answer(connection: &mut BufReader<TcpStream>, method: &str) -> io::Result<Answer> {
    let mut answer = read_head(connection)?;
    if method == "HEAD" || answer.status == 204 || answer.status == 304 {
        return Ok(answer);
    }
    let length = match answer.header("content-length") {
        Some(text) => Some(text.parse::<usize>().map_err(|_| broken(format!("content-length {text:?}")))?),
        None => None,
    };
    if answer.members("transfer-encoding").iter().any(|m| m.eq_ignore_ascii_case("chunked")) {
        while read_chunk(connection, &mut answer.body)? {}
    } else if let Some(length) = length {
        answer.body = vec![0; length];
        connection.read_exact(&mut answer.body)?;
    } else {
        connection.read_to_end(&mut answer.body)?;
        answer.headers.push(("connection".into(), "close".into()));
    }
    Ok(answer)
}

fn read_head(connection: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let status_line = read_line(connection)?;
    let status = status_line.split(' ').nth(1).and_then(|s| s.parse().ok());
    let status: u16 = status.ok_or_else(|| broken(format!("no status line: {status_line:?}")))?;
    Ok(Answer { status, headers: read_headers(connection)?, body: Vec::new() })
}

fn read_headers(connection: &mut BufReader<TcpStream>) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = read_line(connection)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').ok_or_else(|| broken(format!("no header: {line:?}")))?;
        headers.push((name.to_string(), value.trim().to_string()));
    }
}

/// Reads one chunk to the end of a body; false when it was the last.
fn read_chunk(connection: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> io::Result<bool> {
    let line = read_line(connection)?;
    let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)
        .map_err(|_| broken(format!("chunk size {line:?}")))?;
    let start = body.len();
    body.resize(start + size, 0);
    connection.read_exact(&mut body[start..])?;
    read_line(connection)?;
    Ok(size > 0)
}

fn read_line(connection: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_string())
}

fn broken(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
