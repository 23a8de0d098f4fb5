//! Whatever bytes come in, nothing panics, and every request that is understood is answered.

use ackproof_wire::{Setting, Topic, Wire};
use bytes::Bytes;
use proptest::prelude::*;

fn wire() -> Wire {
    let topic = |name: &str| Topic { name: name.to_owned(), is_internal: false };
    Wire::new(Setting {
        topics: vec![topic("__consumer_offsets"), topic("orders")],
        room_for_groups: 3,
        room_for_clients: 3,
        room_for_producers: 3,
        ..Setting::default()
    })
}

/// The head of a request that is spoken, and any bytes behind it.
fn headed() -> impl Strategy<Value = Vec<u8>> {
    let key =
        prop_oneof![0..=3_i16, 8..=14_i16, Just(18), Just(22), Just(23), Just(60), any::<i16>()];
    let body = prop::collection::vec(
        prop_oneof![3 => Just(0_u8), 1 => Just(0xff), 2 => any::<u8>()],
        0..200,
    );
    (key, 0..=13_i16, any::<i32>(), body).prop_map(|(key, version, correlation, body)| {
        let mut frame = Vec::new();
        frame.extend(key.to_be_bytes());
        frame.extend(version.to_be_bytes());
        frame.extend(correlation.to_be_bytes());
        frame.extend([0, 1, b'c']);
        frame.extend(body);
        frame
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]
    #[test]
    fn nothing_panics(frame in prop_oneof![headed(), prop::collection::vec(any::<u8>(), 0..300)]) {
        let mut wire = wire();
        let frame = Bytes::from(frame);
        if let Ok(taken) = wire.frame(1, &frame) {
            prop_assert!(!taken.requests.is_empty(), "a request that is understood goes to the machine");
        }
        wire.closed(1);
    }
}
