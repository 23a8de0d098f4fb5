//! Which requests are answered, in which versions, and how each is laid out.

use crate::shape::{Field, Part, Shape};
use kafka_protocol::messages::ApiKey;
use std::ops::RangeInclusive;

/// Every version.
const ALL: RangeInclusive<i16> = 0..=99;

/// From `first` on.
const fn from(first: i16) -> RangeInclusive<i16> {
    first..=99
}

/// Up to `last`.
const fn to(last: i16) -> RangeInclusive<i16> {
    0..=last
}

const NAMED_PARTITIONS: &[Field] = &[(ALL, Part::Text), (ALL, Part::Plain(4))];

/// One request that is answered.
pub(crate) struct Api {
    pub(crate) key: ApiKey,
    pub(crate) versions: RangeInclusive<i16>,
    pub(crate) shape: Shape,
}

const fn api(
    key: ApiKey,
    versions: RangeInclusive<i16>,
    flexible: i16,
    fields: &'static [Field],
) -> Api {
    Api { key, versions, shape: Shape { flexible, fields } }
}

/// All of them. Versions end where a field of a later one would ask for something that is not there.
pub(crate) const APIS: &[Api] = &[
    api(
        ApiKey::Produce,
        3..=12,
        9,
        &[
            (from(3), Part::Text),
            (ALL, Part::Fixed(6)),
            (
                ALL,
                Part::Array(&[
                    (ALL, Part::Text),
                    (ALL, Part::Array(&[(ALL, Part::Fixed(4)), (ALL, Part::Bytes)])),
                ]),
            ),
        ],
    ),
    api(
        ApiKey::Fetch,
        4..=17,
        12,
        &[
            (to(14), Part::Fixed(4)),
            (ALL, Part::Fixed(13)),
            (from(7), Part::Fixed(8)),
            (
                ALL,
                Part::Array(&[
                    (to(12), Part::Text),
                    (from(13), Part::Fixed(16)),
                    (
                        ALL,
                        Part::Array(&[
                            (ALL, Part::Fixed(4)),
                            (from(9), Part::Fixed(4)),
                            (ALL, Part::Fixed(8)),
                            (from(12), Part::Fixed(4)),
                            (from(5), Part::Fixed(8)),
                            (ALL, Part::Fixed(4)),
                        ]),
                    ),
                ]),
            ),
            (
                from(7),
                Part::Array(&[
                    (to(12), Part::Text),
                    (from(13), Part::Fixed(16)),
                    (ALL, Part::Plain(4)),
                ]),
            ),
            (from(11), Part::Text),
        ],
    ),
    api(
        ApiKey::ListOffsets,
        1..=10,
        6,
        &[
            (ALL, Part::Fixed(4)),
            (from(2), Part::Fixed(1)),
            (
                ALL,
                Part::Array(&[
                    (ALL, Part::Text),
                    (
                        ALL,
                        Part::Array(&[
                            (ALL, Part::Fixed(4)),
                            (from(4), Part::Fixed(4)),
                            (ALL, Part::Fixed(8)),
                        ]),
                    ),
                ]),
            ),
            (from(10), Part::Fixed(4)),
        ],
    ),
    api(
        ApiKey::Metadata,
        0..=13,
        9,
        &[
            (ALL, Part::Array(&[(from(10), Part::Fixed(16)), (ALL, Part::Text)])),
            (from(4), Part::Fixed(1)),
            (8..=10, Part::Fixed(1)),
            (from(8), Part::Fixed(1)),
        ],
    ),
    api(
        ApiKey::OffsetCommit,
        2..=9,
        8,
        &[
            (ALL, Part::Text),
            (from(1), Part::Fixed(4)),
            (from(1), Part::Text),
            (from(7), Part::Text),
            (2..=4, Part::Fixed(8)),
            (
                ALL,
                Part::Array(&[
                    (ALL, Part::Text),
                    (
                        ALL,
                        Part::Array(&[
                            (ALL, Part::Fixed(12)),
                            (from(6), Part::Fixed(4)),
                            (ALL, Part::Text),
                        ]),
                    ),
                ]),
            ),
        ],
    ),
    api(
        ApiKey::OffsetFetch,
        1..=9,
        6,
        &[
            (to(7), Part::Text),
            (to(7), Part::Array(NAMED_PARTITIONS)),
            (
                from(8),
                Part::Array(&[
                    (ALL, Part::Text),
                    (from(9), Part::Text),
                    (from(9), Part::Fixed(4)),
                    (ALL, Part::Array(NAMED_PARTITIONS)),
                ]),
            ),
            (from(7), Part::Fixed(1)),
        ],
    ),
    api(
        ApiKey::FindCoordinator,
        0..=6,
        3,
        &[(to(3), Part::Text), (from(1), Part::Fixed(1)), (from(4), Part::Texts)],
    ),
    api(
        ApiKey::JoinGroup,
        0..=9,
        6,
        &[
            (ALL, Part::Text),
            (ALL, Part::Fixed(4)),
            (from(1), Part::Fixed(4)),
            (ALL, Part::Text),
            (from(5), Part::Text),
            (ALL, Part::Text),
            (ALL, Part::Array(&[(ALL, Part::Text), (ALL, Part::Bytes)])),
            (from(8), Part::Text),
        ],
    ),
    api(
        ApiKey::Heartbeat,
        0..=4,
        4,
        &[(ALL, Part::Text), (ALL, Part::Fixed(4)), (ALL, Part::Text), (from(3), Part::Text)],
    ),
    api(
        ApiKey::LeaveGroup,
        0..=5,
        4,
        &[
            (ALL, Part::Text),
            (to(2), Part::Text),
            (from(3), Part::Array(&[(ALL, Part::Text), (ALL, Part::Text), (from(5), Part::Text)])),
        ],
    ),
    api(
        ApiKey::SyncGroup,
        0..=5,
        4,
        &[
            (ALL, Part::Text),
            (ALL, Part::Fixed(4)),
            (ALL, Part::Text),
            (from(3), Part::Text),
            (from(5), Part::Text),
            (from(5), Part::Text),
            (ALL, Part::Array(&[(ALL, Part::Text), (ALL, Part::Bytes)])),
        ],
    ),
    api(ApiKey::ApiVersions, 0..=4, 3, &[(from(3), Part::Text), (from(3), Part::Text)]),
    api(
        ApiKey::InitProducerId,
        0..=5,
        2,
        &[(ALL, Part::Text), (ALL, Part::Fixed(4)), (from(3), Part::Fixed(10))],
    ),
    api(
        ApiKey::OffsetForLeaderEpoch,
        2..=4,
        4,
        &[
            (from(3), Part::Fixed(4)),
            (
                ALL,
                Part::Array(&[
                    (ALL, Part::Text),
                    (
                        ALL,
                        Part::Array(&[
                            (ALL, Part::Fixed(4)),
                            (from(2), Part::Fixed(4)),
                            (ALL, Part::Fixed(4)),
                        ]),
                    ),
                ]),
            ),
        ],
    ),
    api(ApiKey::DescribeCluster, 0..=1, 0, &[(ALL, Part::Fixed(1)), (from(1), Part::Fixed(1))]),
];

/// How a consumer's assignor says what it subscribes to (`ConsumerProtocolSubscription`).
pub(crate) const SUBSCRIPTION: Shape = Shape {
    flexible: 99,
    fields: &[
        (ALL, Part::Texts),
        (ALL, Part::Bytes),
        (from(1), Part::Array(NAMED_PARTITIONS)),
        (from(2), Part::Fixed(4)),
        (from(3), Part::Text),
    ],
};

/// How it says what a member gets (`ConsumerProtocolAssignment`).
pub(crate) const ASSIGNMENT: Shape =
    Shape { flexible: 99, fields: &[(ALL, Part::Array(NAMED_PARTITIONS)), (ALL, Part::Bytes)] };

/// The request with this key, if it is answered at all.
pub(crate) fn find(key: i16) -> Option<&'static Api> {
    APIS.iter().find(|api| api.key as i16 == key)
}
