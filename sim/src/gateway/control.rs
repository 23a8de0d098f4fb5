//! The orders of an operator, by HTTP on a port of its own: a test in any language says when a broker is killed, waits
//! for what it needs, and asks how things stand.
//!
//! Nothing here touches the world: an order is handed in, and what comes back is told. So a tape has it, and repeats it.

use super::live::Desk;
use super::order::{Order, Reply};
use super::tape::Tape;
use ackproof_scenario::diagnostic::nearest;
use ackproof_scenario::durations::duration;
use oxhttp::Server;
use oxhttp::model::header::{CONTENT_TYPE, ORIGIN};
use oxhttp::model::{Body, HeaderValue, Method, Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// Largest body of a request, in bytes.
const MOST: u64 = 16 << 20;
/// So many may be connected at the same time.
const CONNECTIONS: usize = 256;
/// How long whoever does not say it waits, and the longest that one can.
const PATIENCE: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(3600);
/// How long an order may take that waits for nothing.
const AT_ONCE: Duration = Duration::from_secs(60);

/// What the verdict would be if the application had ended by now.
pub type Interim = Box<dyn Fn(&Tape) -> Result<Value, String> + Send + Sync>;

/// What can be asked for.
const ROUTES: &[(&str, &str)] = &[
    ("GET /state", "leaders, in-sync sets, ends of logs, groups"),
    ("POST /faults", "a fault begins: { \"crash\": \"leader of orders-0\", \"for\": \"5s\" }"),
    ("DELETE /faults/1", "what fault 1 did is healed"),
    (
        "POST /wait",
        "it is answered when it is so: { \"leader\": \"orders-0\", \"timeout\": \"10s\" }",
    ),
    ("GET /wait?leader=orders-0", "the same"),
    (
        "POST /processed",
        "{ \"group\": \"ledger\", \"partition\": \"orders-0\", \"offset\": 5 }, one a line",
    ),
    ("GET /verdict", "the report, as if the application had ended by now"),
];

/// Listens at `address`, and tells where that is if it leaves the port open.
///
/// # Errors
/// Why it cannot.
pub fn open(address: SocketAddr, desk: Desk, interim: Interim) -> Result<SocketAddr, String> {
    let failed = |error: std::io::Error| format!("{address}, for the control API: {error}");
    // The server does not tell which port it got.
    let free = TcpListener::bind(address).and_then(|one| one.local_addr()).map_err(failed)?;
    let server = Server::new(move |request| response(request, &desk, &interim));
    let server = server.bind(free).with_max_concurrent_connections(CONNECTIONS);
    server.spawn().map_err(failed)?;
    Ok(free)
}

fn response(request: &mut Request<Body>, desk: &Desk, interim: &Interim) -> Response<Body> {
    let Reply { status, body } = answer(request, desk, interim).unwrap_or_else(|refused| refused);
    let mut response = Response::new(Body::from(format!("{body}\n")));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn answer(request: &mut Request<Body>, desk: &Desk, interim: &Interim) -> Result<Reply, Reply> {
    // A page in a browser has no business here.
    if request.headers().contains_key(ORIGIN) {
        return Err(Reply::refused(403, "requests of web pages are refused", None));
    }
    let path = request.uri().path().trim_end_matches('/').to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let (get, post) = (request.method() == Method::GET, request.method() == Method::POST);
    let delete = request.method() == Method::DELETE;
    match parts.as_slice() {
        [] if get => Ok(Reply::fine(routes())),
        ["state"] if get => ask(desk, Order::State(()), AT_ONCE),
        ["faults"] if post => ask(desk, Order::Fault(body(request)?), AT_ONCE),
        ["faults", id] if delete => {
            let wrong = || {
                let error = format!("\"{id}\" is no number of a fault");
                Reply::refused(400, &error, Some("DELETE /faults/1"))
            };
            ask(desk, Order::Heal(id.parse().map_err(|_| wrong())?), AT_ONCE)
        }
        ["wait"] if get => wait(desk, &queried(&query)?.to_string()),
        ["wait"] if post => wait(desk, &body(request)?),
        ["processed"] if post => ask(desk, Order::Processed(body(request)?), AT_ONCE),
        ["verdict"] if get => {
            let tape = desk.tape().ok_or_else(over)?;
            interim(&tape).map(Reply::fine).map_err(|why| Reply::refused(500, &why, None))
        }
        _ => Err(unknown(request.method(), &path)),
    }
}

fn routes() -> Value {
    let all = ROUTES.iter().map(|(route, about)| ((*route).to_owned(), json!(about)));
    Value::Object(all.collect())
}

fn unknown(method: &Method, path: &str) -> Reply {
    let asked = format!("{method} {}", if path.is_empty() { "/" } else { path });
    let routes = ROUTES.iter().map(|(route, _)| *route);
    let is_path = |route: &&str| {
        let first = |path: &str| path.split(['/', '?']).nth(1).unwrap_or_default().to_owned();
        first(route) == first(path)
    };
    let known: Vec<&str> = routes.clone().filter(is_path).collect();
    let (status, hint) = if known.is_empty() {
        (404, nearest(&asked, routes).or(Some("GET / shows what there is".to_owned())))
    } else {
        (405, Some(format!("there is {}", known.join(", "))))
    };
    Reply::refused(status, &format!("there is no {asked}"), hint.as_deref())
}

fn over() -> Reply {
    Reply::refused(503, "the run is over", None)
}

/// Hands in an order, and waits for what becomes of it.
fn ask(desk: &Desk, order: Order, patience: Duration) -> Result<Reply, Reply> {
    desk.ask(order).recv_timeout(patience).map_err(|error| match error {
        RecvTimeoutError::Timeout => {
            Reply::refused(504, "the simulated cluster did not answer", None)
        }
        RecvTimeoutError::Disconnected => over(),
    })
}

/// Waits for what `text` says; who waited in vain sees how things stand.
fn wait(desk: &Desk, text: &str) -> Result<Reply, Reply> {
    let patience = patience(text)?;
    let reply = desk.ask(Order::Wait(text.to_owned())).recv_timeout(patience);
    match reply {
        Ok(reply) => Ok(reply),
        Err(RecvTimeoutError::Disconnected) => Err(over()),
        Err(RecvTimeoutError::Timeout) => {
            let error = format!("it was not so within {} ms", patience.as_millis());
            let mut reply = Reply::refused(408, &error, None);
            reply.body["state"] = ask(desk, Order::State(()), AT_ONCE)?.body;
            Err(reply)
        }
    }
}

fn patience(text: &str) -> Result<Duration, Reply> {
    let wrong =
        |why: &str| Reply::refused(400, &format!("\"timeout\": {why}"), Some("write \"10s\""));
    // What is wrong with the rest is told by whoever reads it.
    let Ok(Value::Object(all)) = serde_json::from_str(text) else { return Ok(PATIENCE) };
    match all.get("timeout") {
        None => Ok(PATIENCE),
        Some(Value::String(text)) => {
            let time = duration(text).map_err(|why| wrong(&why))?;
            Ok(Duration::from_micros(time.0).min(LONGEST))
        }
        Some(other) => Err(wrong(&format!("expected a time, found {other}"))),
    }
}

fn body(request: &mut Request<Body>) -> Result<String, Reply> {
    let mut text = String::new();
    let read = request.body_mut().take(MOST + 1).read_to_string(&mut text);
    match read {
        Ok(length) if length as u64 > MOST => {
            Err(Reply::refused(413, "more than 16 MiB are too much", None))
        }
        Ok(_) => Ok(text),
        Err(error) => Err(Reply::refused(400, &format!("the body: {error}"), None)),
    }
}

/// What a query says, as an object of strings.
fn queried(query: &str) -> Result<Value, Reply> {
    let mut all = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let wrong = || Reply::refused(400, &format!("\"{pair}\" is no part of a query"), None);
        let decode = |text| decoded(text).ok_or_else(wrong);
        if all.insert(decode(key)?, decode(value)?.into()).is_some() {
            return Err(Reply::refused(400, &format!("\"{key}\" is given twice"), None));
        }
    }
    Ok(Value::Object(all))
}

/// Text of a query without its escapes; none: it has none of which text could be made.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let (digits, more) = rest.split_at_checked(2)?;
                rest = more;
                // A sign is no digit, though the standard library reads one.
                let digits = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'));
                u8::from_str_radix(digits?, 16).ok()?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_become_objects_whatever_they_hold() {
        let read = |text| queried(text).map_err(|reply| reply.body["error"].to_string());
        assert_eq!(
            read("leader=orders-0&timeout=1s&for=a+b%20c"),
            Ok(json!({ "leader": "orders-0", "timeout": "1s", "for": "a b c" }))
        );
        assert_eq!(read(""), Ok(json!({})));
        for bad in ["a=%", "a=%2", "a=%zz", "a=%ff", "a=1&a=2", "a=%+1"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
