//! What came in from outside, each with its simulated time; and the file that keeps it.
//!
//! A tape is JSON Lines: a line about the run, then one for each thing that came in. Frames are in Base64, so that any
//! tool can read the file. It holds what clients sent, as they sent it.

use super::order::Order;
use ackproof_types::BrokerId;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

/// One thing that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A client has connected to a broker.
    Opened {
        /// Numbers connections in the order in which they came.
        connection: u32,
        /// To whom.
        broker: BrokerId,
    },
    /// A frame, without its length.
    Frame {
        /// On which connection.
        connection: u32,
        /// What.
        frame: Bytes,
    },
    /// The client's computer has taken another answer.
    Written {
        /// On which connection.
        connection: u32,
    },
    /// A connection is no more.
    Closed {
        /// Which.
        connection: u32,
        /// The client closed it, and had read everything that its computer had taken.
        clean: bool,
    },
    /// An operator wants something.
    Order {
        /// Numbers orders in the order in which they came.
        number: u32,
        /// What.
        order: Order,
    },
    /// Nobody comes any more.
    End,
}

/// Everything that came in, by time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tape(pub Vec<(u64, Incoming)>);

/// Where clients reach brokers, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Host and port of each broker, as clients are told.
    pub endpoints: BTreeMap<BrokerId, (String, u16)>,
    /// Milliseconds since 1970 at which simulated time began.
    pub epoch_ms: i64,
    /// The application says itself what it has processed.
    pub told: bool,
}

/// The version of the format.
const VERSION: u32 = 1;

/// What was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// `tape`.
    ackproof: String,
    /// Of the format.
    version: u32,
    /// The scenario as it was named.
    pub file: String,
    /// What it said.
    pub scenario: String,
    /// `--set`.
    pub sets: Vec<(String, String)>,
    /// The simulated clients of the scenario ran too.
    pub beside: bool,
    /// The seed.
    pub seed: u64,
    /// Where brokers were reached.
    endpoints: BTreeMap<u16, (String, u16)>,
    /// Milliseconds since 1970 at which simulated time began.
    epoch_ms: i64,
    /// The application says itself what it has processed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    told: bool,
    /// The digest of the run.
    pub digest: String,
}

/// What a header is made of.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The scenario as it was named.
    pub file: &'a str,
    /// What it said.
    pub scenario: &'a str,
    /// `--set`.
    pub sets: &'a [(String, String)],
    /// The simulated clients of the scenario ran too.
    pub beside: bool,
    /// The seed.
    pub seed: u64,
}

impl Header {
    /// About a run that came to `digest`.
    #[must_use]
    pub fn new(run: Run<'_>, place: &Place, digest: u128) -> Self {
        let Run { file, scenario, sets, beside, seed } = run;
        let endpoints = place.endpoints.iter().map(|(id, at)| (id.0, at.clone()));
        Self {
            ackproof: "tape".to_owned(),
            version: VERSION,
            file: file.to_owned(),
            scenario: scenario.to_owned(),
            sets: sets.to_vec(),
            beside,
            seed,
            endpoints: endpoints.collect(),
            epoch_ms: place.epoch_ms,
            told: place.told,
            digest: format!("{digest:032x}"),
        }
    }

    /// Where clients reached brokers, and when.
    #[must_use]
    pub fn place(&self) -> Place {
        let endpoints = self.endpoints.iter().map(|(id, at)| (BrokerId(*id), at.clone()));
        Place { endpoints: endpoints.collect(), epoch_ms: self.epoch_ms, told: self.told }
    }
}

/// A line of a tape.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at_us: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connection: Option<u32>,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Opened(u16),
    Frame(String),
    Written(()),
    Closed { clean: bool },
    Order { number: u32, order: Order },
    End(()),
}

impl Tape {
    /// Writes the tape.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&self, header: &Header, mut to: impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut to, header)?;
        to.write_all(b"\n")?;
        for (at_us, incoming) in &self.0 {
            let (connection, what) = match incoming {
                Incoming::Opened { connection, broker } => {
                    (Some(*connection), What::Opened(broker.0))
                }
                Incoming::Frame { connection, frame } => {
                    (Some(*connection), What::Frame(STANDARD.encode(frame)))
                }
                Incoming::Written { connection } => (Some(*connection), What::Written(())),
                Incoming::Closed { connection, clean } => {
                    (Some(*connection), What::Closed { clean: *clean })
                }
                Incoming::Order { number, order } => {
                    (None, What::Order { number: *number, order: order.clone() })
                }
                Incoming::End => (None, What::End(())),
            };
            serde_json::to_writer(&mut to, &Line { at_us: *at_us, connection, what })?;
            to.write_all(b"\n")?;
        }
        to.flush()
    }

    /// Reads a tape.
    ///
    /// # Errors
    /// What is wrong, with its line.
    pub fn read(from: impl BufRead) -> Result<(Header, Self), String> {
        let mut lines = (1..).zip(from.lines());
        let (_, first) =
            lines.next().ok_or("1: it is empty: a tape begins with a line about its run")?;
        let first = first.map_err(|error| format!("1: {error}"))?;
        let header: Header = serde_json::from_str(&first).map_err(|error| format!("1: {error}"))?;
        if header.ackproof != "tape" || header.version != VERSION {
            let (kind, version) = (&header.ackproof, header.version);
            return Err(format!(
                "1: a {kind} of version {version}; tapes of version {VERSION} are read"
            ));
        }
        let mut tape = Self::default();
        let mut last = 0;
        for (number, line) in lines {
            let incoming = line
                .map_err(|error| error.to_string())
                .and_then(|line| serde_json::from_str(&line).map_err(|error| error.to_string()))
                .and_then(|line: Line| {
                    if line.at_us < last {
                        return Err(format!(
                            "at_us is {}, and {last} in the line before",
                            line.at_us
                        ));
                    }
                    last = line.at_us;
                    line.incoming()
                });
            tape.0.push(incoming.map_err(|why| format!("{number}: {why}"))?);
        }
        Ok((header, tape))
    }
}

impl Line {
    fn incoming(self) -> Result<(u64, Incoming), String> {
        let connection = || self.connection.ok_or("no connection is named");
        let incoming = match self.what {
            What::Opened(broker) => {
                Incoming::Opened { connection: connection()?, broker: BrokerId(broker) }
            }
            What::Frame(ref text) => {
                let frame = STANDARD.decode(text).map_err(|error| format!("frame: {error}"))?;
                Incoming::Frame { connection: connection()?, frame: frame.into() }
            }
            What::Written(()) => Incoming::Written { connection: connection()? },
            What::Closed { clean } => Incoming::Closed { connection: connection()?, clean },
            What::Order { number, ref order } => Incoming::Order { number, order: order.clone() },
            What::End(()) => Incoming::End,
        };
        Ok((self.at_us, incoming))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let tape = Tape(vec![
            (5, Incoming::Opened { connection: 1, broker: BrokerId(2) }),
            (6, Incoming::Frame { connection: 1, frame: Bytes::from_static(b"\0\x12") }),
            (7, Incoming::Written { connection: 1 }),
            (7, Incoming::Closed { connection: 1, clean: true }),
            (8, Incoming::Order { number: 1, order: Order::Fault("{}".to_owned()) }),
            (8, Incoming::Order { number: 2, order: Order::State(()) }),
            (9, Incoming::End),
        ]);
        let endpoints = BTreeMap::from([(BrokerId(2), ("localhost".to_owned(), 9092))]);
        let place = Place { endpoints, epoch_ms: 1_700_000_000_000, told: false };
        let run = Run { file: "x.json", scenario: "{}", sets: &[], beside: false, seed: 7 };
        let header = Header::new(run, &place, 12);
        let mut text = Vec::new();
        tape.write(&header, &mut text).unwrap();
        assert_eq!(Tape::read(text.as_slice()), Ok((header, tape)));
        let text = String::from_utf8(text).unwrap();
        let read = |text: &str| Tape::read(text.as_bytes()).unwrap_err();
        assert!(read(&text.replace("\"at_us\":9", "\"at_us\":1")).starts_with("8: at_us is 1"));
        assert!(
            read(&text.replace("\"connection\":1,\"written\"", "\"written\"")).starts_with("4: no")
        );
        assert!(read("").contains("empty") && read("{}").starts_with("1: missing field"));
    }
}
