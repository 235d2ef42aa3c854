use rust_socketio::{ClientBuilder, Event, Payload, RawClient, TransportType};
use serde_json::json;
use std::time::Duration;

fn main() {
    let [_, url, token, room] = <[String; 4]>::try_from(std::env::args().collect::<Vec<_>>()).unwrap();

    let _client = ClientBuilder::new(url)
        .transport_type(TransportType::Websocket)
        .auth(json!({ "token": token }))
        .on(Event::Connect, move |_, client: RawClient| {
            // after each reconnect too: a new socket is in no room
            let joined = |answer: Payload, _: RawClient| println!("joined {answer:?}");
            client.emit_with_ack("room:join", json!({ "room": room }), Duration::from_secs(5), joined).unwrap();
        })
        .on("news", |news: Payload, _: RawClient| println!("news {news:?}"))
        .connect()
        .expect("the gateway is there");
    std::thread::park();
}
