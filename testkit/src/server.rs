//! A server on loopback whose answers a test writes byte by byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A server that lives as long as the tests do.
#[derive(Clone, Debug)]
pub struct Server {
    /// `127.0.0.1:port`.
    pub host: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// The path with its query.
    pub path: String,
    headers: Vec<(String, String)>,
    /// How many requests came before it.
    pub number: usize,
}

impl Request {
    /// Returns a header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

impl Server {
    /// Starts a server that answers as `answer` does; each answer is the only one of its connection.
    pub fn start(answer: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let host = listener.local_addr().expect("it listens").to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), requests.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(mut stream), answer, seen) = (stream, answer.clone(), seen.clone()) else { return };
                thread::spawn(move || {
                    if let Some(request) = read(&stream, &seen) {
                        answer(&request, &mut stream);
                    }
                });
            }
        });
        Server { host, requests }
    }

    /// Starts a server that answers each path with a body, and all others with 404.
    pub fn of(files: &[(&str, &[u8])]) -> Server {
        let files: Vec<(String, Vec<u8>)> =
            files.iter().map(|(path, body)| ((*path).to_owned(), body.to_vec())).collect();
        Server::start(move |request, stream| match files.iter().find(|(path, _)| *path == request.path) {
            Some((_, body)) => whole(stream, "200 OK", "", body),
            None => whole(stream, "404 Not Found", "", b"no"),
        })
    }

    /// Returns what was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the paths that were asked for so far.
    pub fn paths(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.path).collect()
    }
}

fn read(stream: &TcpStream, seen: &Mutex<Vec<Request>>) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let header = |line: String| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers = lines.take_while(|line| !line.is_empty()).filter_map(header).collect();
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let request = Request { path, headers, number: seen.len() };
    seen.push(request.clone());
    Some(request)
}

/// Answers with a body. `headers` are lines, each with its end.
pub fn whole(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    part(stream, status, headers, body, body.len());
}

/// Answers with the beginning of a body, and ends the connection.
pub fn part(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8], length: usize) {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n", body.len());
    // The client may have gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body[..length]));
}

/// Sends nothing more until the client gives up.
pub fn stall(stream: &mut TcpStream) {
    let _ = stream.read(&mut [0; 1]);
}
