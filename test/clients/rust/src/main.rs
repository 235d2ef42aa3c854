//! A stock rust_socketio client that does as it is told on standard input and tells what it sees, in JSON lines.
//!
//! Binary is told as {"$base64": "…"}, in both directions. The orders are in ../../driver.ts.

use base64::{engine::general_purpose::STANDARD, Engine};
use rust_socketio::client::Client;
use rust_socketio::{ClientBuilder, Event, Payload, RawClient, TransportType};
use serde_json::{json, Value};
use std::io::BufRead;
use std::time::Duration;

fn main() {
    let mut client = None;
    for line in std::io::stdin().lock().lines() {
        let order: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if order["do"] == "connect" {
            client = connect(&order["how"]);
        } else if let Some(client) = &client {
            request(client, order["event"].as_str().unwrap(), &order["args"]);
        }
    }
    std::process::exit(0);
}

fn connect(how: &Value) -> Option<Client> {
    let mut url = how["url"].as_str().unwrap().to_owned();
    if let Some(token) = how["query"]["token"].as_str() {
        url = format!("{url}/?token={token}");
    }
    let mut builder = ClientBuilder::new(url)
        .transport_type(match how["transport"].as_str().unwrap() {
            "polling" => TransportType::Polling,
            "websocket" => TransportType::Websocket,
            _ => TransportType::WebsocketUpgrade,
        })
        .on(Event::Connect, |_, _| tell("connect", vec![Value::Null]))
        .on(Event::Error, |payload, _| tell("connect_error", readable(payload)))
        .on(Event::Close, |payload, _| tell("disconnect", readable(payload)))
        .on_any(|event: Event, payload: Payload, _: RawClient| tell(event.as_str(), readable(payload)));
    if how["auth"].is_object() {
        builder = builder.auth(how["auth"].clone());
    }
    if let Some(headers) = how["headers"].as_object() {
        for (name, value) in headers {
            builder = builder.opening_header(name.as_str(), value.as_str().unwrap());
        }
    }
    match builder.connect() {
        Ok(client) => Some(client),
        Err(error) => {
            tell("gave up", vec![json!(error.to_string())]);
            None
        }
    }
}

fn request(client: &Client, event: &str, args: &Value) {
    let args = args.as_array().unwrap();
    if args.iter().any(|arg| arg.to_string().contains("$base64")) {
        tell("cannot", vec![json!("send binary inside of objects")]);
        return;
    }
    let answered = |payload: Payload, _: RawClient| tell("answer", unwrapped(readable(payload)));
    if let Err(error) = client.emit_with_ack(event, args.clone(), Duration::from_secs(60), answered) {
        tell("failed", vec![json!(error.to_string())]);
    }
}

/// The arguments of an answer come as one value, which is the list of them.
fn unwrapped(args: Vec<Value>) -> Vec<Value> {
    match args.as_slice() {
        [Value::Array(inner)] => inner.clone(),
        _ => args,
    }
}

fn readable(payload: Payload) -> Vec<Value> {
    match payload {
        Payload::Text(values) => values,
        Payload::Binary(bytes) => vec![json!({ "$base64": STANDARD.encode(bytes) })],
        #[allow(deprecated)]
        Payload::String(text) => vec![json!(text)],
    }
}

fn tell(event: &str, args: Vec<Value>) {
    println!("{}", json!({ "event": event, "args": args }));
}
