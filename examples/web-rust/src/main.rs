//! A web function in Rust: an HTTP server of the standard library only, a thread for each connection.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::{env, thread};

const ANSWER: &str = "Hello from Rust on a unikernel!";

fn serve(mut client: TcpStream) -> Result<()> {
    let head = BufReader::new(client.try_clone()?).lines();
    // The end of the head is an empty line.
    for line in head {
        if line?.is_empty() {
            break;
        }
    }
    write!(
        client,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{ANSWER}",
        ANSWER.len()
    )
}

fn main() -> Result<()> {
    let port = env::var("PORT").unwrap_or_else(|_| "8080".into());
    let server = TcpListener::bind(format!("0.0.0.0:{port}"))?;
    for client in server.incoming() {
        let client = client?;
        thread::spawn(move || {
            if let Err(error) = serve(client) {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}
