//! The vocabulary that models, oracle and scenarios share: identifiers, offsets, epochs, time,
//! records and Kafka's error codes.
//!
//! It holds no behaviour beyond the arithmetic that a newtype needs, and imports nothing, so that a
//! checker and a model can speak of the same record without seeing each other.
//!
//! - [`id`] who: processes, brokers, topics, groups, members
//! - [`mix`] a scrambling of numbers
//! - [`log`] where: offsets and the epochs that fence them
//! - [`time`] when: simulated microseconds · [`iso`] durations as ISO 8601 writes them
//! - [`roster`] which process is which server
//! - [`record`] what: one record of the workload
//! - [`error`] why not: Kafka's error codes
//! - [`group`] where a group is kept, why it rebalances
//! - [`setting`] what clients are told to do · [`consuming`] what applications do with their consumer
//! - [`sink`] what an application writes its results to · [`output`] what it sends on
//! - [`version`] lines of Kafka and levels of features
//! - [`words`] counts as people write them

pub mod consuming;
pub mod error;
pub mod group;
pub mod id;
pub mod iso;
pub mod log;
pub mod mix;
pub mod output;
pub mod record;
pub mod roster;
pub mod setting;
pub mod sink;
pub mod time;
pub mod version;
pub mod words;

pub use consuming::{
    CommitEvery, CommitOffset, Consuming, Covers, Hold, OnCommitFailure, OnRecordFailure, OnRevoke,
};
pub use error::ErrorCode;
pub use group::{RebalanceReason, offsets_partition};
pub use id::{
    BrokerId, ClusterId, ControllerId, GroupId, LogDir, MemberId, NodeId, ProducerId,
    ProducerIndex, TopicId, TopicPartition,
};
pub use log::{
    BrokerEpoch, ControllerEpoch, GenerationId, LeaderEpoch, MemberEpoch, Offset, PartitionEpoch,
    ProducerEpoch, Sequence,
};
pub use output::{Awaits, Lane};
pub use record::{Record, RecordId, RecordSlice};
pub use roster::{Roster, Server};
pub use setting::{
    Acks, AfterCrash, AtEnd, CommitStrategy, GroupProtocol, OffsetReset, OnFailure, Sending,
};
pub use sink::{MemoryIn, RowKey, SinkConfig, SinkWrites};
pub use time::{Delay, Micros, Shift, Timestamp};
pub use version::{FeatureUpdate, Features, KafkaVersion};
