//! A registry on loopback: it has the files of a directory, wherever they are asked for.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::{fs, thread};

/// Starts one that lives as long as the tests do. Returns its port.
pub fn start(directory: &Path) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let directory = directory.to_owned();
    thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(|stream| answer(&stream, &directory)));
    port
}

/// Answers with the file that the last segment of the path names; `NAME/` is NAME.html.
fn answer(mut stream: &TcpStream, directory: &Path) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let path = first.split(' ').nth(1).unwrap_or_default();
    let name = match path.strip_suffix('/') {
        Some(page) => format!("{}.html", page.rsplit('/').next().unwrap_or_default()),
        None => path.rsplit('/').next().unwrap_or_default().to_owned(),
    };
    let kind = if name.ends_with(".html") { "text/html" } else { "application/octet-stream" };
    let body = fs::read(directory.join(name)).unwrap_or_default();
    let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    // The client may have gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}
