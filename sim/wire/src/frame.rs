//! The head of a request, and the frame of an answer.

use crate::Broken;
use crate::apis::{self, Api};
use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, ApiVersionsResponse, ResponseHeader};
use kafka_protocol::protocol::Encodable;

/// The longest frame that is taken (`socket.request.max.bytes`).
pub const MAX_FRAME: usize = 104_857_600;

/// What the head of a request says.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) api: ApiKey,
    pub(crate) version: i16,
    /// The version is beyond those of ApiVersions that are spoken: it is told which are.
    pub(crate) is_beyond: bool,
    pub(crate) correlation: i32,
    pub(crate) client_id: Option<String>,
}

fn broken(why: impl Into<String>) -> Broken {
    Broken { why: why.into() }
}

/// Reads the head of `frame`; what is left is the body. Lengths and counts of the body are sound from here on.
pub(crate) fn head(frame: &Bytes) -> Result<(Head, Bytes), Broken> {
    let short = || broken("a frame that ends in its head");
    let (fixed, rest) = frame.split_first_chunk::<8>().ok_or_else(short)?;
    let [k0, k1, v0, v1, c0, c1, c2, c3] = *fixed;
    let (key, version) = (i16::from_be_bytes([k0, k1]), i16::from_be_bytes([v0, v1]));
    let correlation = i32::from_be_bytes([c0, c1, c2, c3]);
    let api: &Api = apis::find(key).ok_or_else(|| broken(unknown(key)))?;
    let is_beyond = api.key == ApiKey::ApiVersions && !api.versions.contains(&version);
    if !api.versions.contains(&version) && !is_beyond {
        let (first, last) = (api.versions.start(), api.versions.end());
        let name = format!("{:?}", api.key);
        return Err(broken(format!(
            "{name} version {version}: versions {first} to {last} are spoken"
        )));
    }
    let (client_id, rest) = text(rest).ok_or_else(short)?;
    let head = Head { api: api.key, version, is_beyond, correlation, client_id };
    if is_beyond {
        return Ok((head, Bytes::new()));
    }
    let rest = if api.key.request_header_version(version) >= 2 {
        tags(rest).ok_or_else(short)?
    } else {
        rest
    };
    let body = frame.slice_ref(rest);
    let name = format!("{:?}", api.key);
    api.shape.check(&body, version).map_err(|_| {
        broken(format!("{name} version {version}: a length that the frame cannot hold"))
    })?;
    Ok((head, body))
}

/// What is said of a request that nothing here answers.
fn unknown(key: i16) -> String {
    match ApiKey::try_from(key) {
        Ok(known) => format!("{known:?} (API key {key}) is not modelled"),
        Err(()) => format!("API key {key} does not exist"),
    }
}

fn text(bytes: &[u8]) -> Option<(Option<String>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let length = i16::from_be_bytes(*length);
    let Ok(length) = usize::try_from(length) else { return Some((None, rest)) };
    let (text, rest) = rest.split_at_checked(length)?;
    Some((Some(std::str::from_utf8(text).ok()?.to_owned()), rest))
}

/// Skips the tagged fields of a head.
fn tags(bytes: &[u8]) -> Option<&[u8]> {
    let (&count, mut rest) = bytes.split_first()?;
    if count >= 0x80 {
        return None;
    }
    for _ in 0..count {
        let (&[_, size], after) = rest.split_first_chunk::<2>()?;
        if size >= 0x80 {
            return None;
        }
        rest = after.get(usize::from(size)..)?;
    }
    Some(rest)
}

/// An answer with its head and its length.
pub(crate) fn answer(head: &Head, body: &impl Encodable) -> Option<Bytes> {
    let version = if head.is_beyond { 0 } else { head.version };
    let mut out = BytesMut::new();
    out.put_i32(0);
    let header = ResponseHeader::default().with_correlation_id(head.correlation);
    header.encode(&mut out, head.api.response_header_version(version)).ok()?;
    body.encode(&mut out, version).ok()?;
    let length = i32::try_from(out.len() - 4).ok()?;
    out[..4].copy_from_slice(&length.to_be_bytes());
    Some(out.freeze())
}

/// What a client is told that it may ask.
pub(crate) fn api_versions(head: &Head) -> ApiVersionsResponse {
    let version = |api: &Api| {
        kafka_protocol::messages::api_versions_response::ApiVersion::default()
            .with_api_key(api.key as i16)
            .with_min_version(*api.versions.start())
            .with_max_version(*api.versions.end())
    };
    let keys = apis::APIS.iter().map(version).collect();
    let answer = ApiVersionsResponse::default().with_api_keys(keys);
    if head.is_beyond { answer.with_error_code(35) } else { answer }
}
