//! Manual assignment: in no group, with the offsets of one (R9.9 to R9.11).

use super::harness::P0;
use super::*;
use crate::config::ResetTo;
use ackproof_types::{GenerationId, GroupProtocol, MemberId};

const BOTH: [GroupProtocol; 2] = [GroupProtocol::Classic, GroupProtocol::Consumer];

fn settings(group_protocol: GroupProtocol, commit: CommitStrategy) -> ConsumerConfig {
    ConsumerConfig { group_protocol, assigned: Some([P0].into()), ..config(commit) }
}

fn is_commit(request: &Request) -> bool {
    matches!(request, Request::Group(GroupRequest::OffsetCommit(_)))
}

fn finish_batch(h: &mut Harness) {
    h.fire(Timer::Process);
    h.fire(Timer::Process);
}

#[test]
fn it_reads_what_it_names_and_commits_as_nobody() {
    for protocol in BOTH {
        let settings = settings(protocol, CommitStrategy::SyncAfterBatch);
        let mut h = Harness::configured(&settings, is_commit);
        let group: Vec<&str> =
            h.requests.iter().copied().filter(|r| !matches!(*r, "metadata" | "fetch")).collect();
        assert_eq!(group, ["find", "offset-fetch"], "{protocol}: it joins nothing");
        assert_eq!(h.story(), ["at 0 by Committed", "polled 0+2"], "{protocol}");
        finish_batch(&mut h);
        let Some((.., Request::Group(GroupRequest::OffsetCommit(commit)))) = h.held.first() else {
            panic!("{:?}", h.held)
        };
        let claim = (commit.claim.generation, commit.claim.member, commit.claim.instance);
        assert_eq!(claim, (GenerationId::UNKNOWN, MemberId(0), None), "{protocol}");
        assert!(!h.timers.contains_key(&Timer::Heartbeat), "{protocol}");
        h.release();
        assert_eq!(h.story()[2..], ["sent 2", "committed 2", "polled 2+2"], "{protocol}");
    }
}

#[test]
fn a_refused_commit_changes_nothing_and_nobody_watches_its_polls() {
    for protocol in BOTH {
        let settings = settings(protocol, CommitStrategy::SyncAfterBatch);
        let mut h = Harness::configured(&settings, |_| false);
        h.story();
        h.commit = Err(ErrorCode::UnknownMemberId);
        h.fire(Timer::MaxPoll);
        assert!(h.requests.is_empty() && h.story().is_empty(), "{protocol}");
        finish_batch(&mut h);
        let told = h.story();
        assert!(told.contains(&"polled 2+2".to_owned()), "{protocol}: {told:?}");
        assert!(!told.iter().any(|one| one.starts_with("lost")), "{protocol}: {told:?}");
    }
}

#[test]
fn commits_by_interval_cover_what_earlier_polls_returned() {
    for protocol in BOTH {
        let mut h = Harness::configured(&settings(protocol, CommitStrategy::Auto), |_| false);
        h.story();
        h.fire(Timer::AutoCommit);
        finish_batch(&mut h);
        let told = h.story();
        let sent = told.iter().find(|one| one.starts_with("sent"));
        assert_eq!(sent.map(String::as_str), Some("sent 2"), "{protocol}: {told:?}");
    }
}

#[test]
fn who_closes_commits_and_has_nobody_to_tell() {
    for protocol in BOTH {
        let mut h = Harness::configured(&settings(protocol, CommitStrategy::Auto), |_| false);
        h.story();
        h.step(Input::Call(ConsumerCall::Leave));
        finish_batch(&mut h);
        assert!(h.exited, "{protocol}");
        assert!(!h.requests.contains(&"leave") && !h.requests.contains(&"beat"), "{protocol}");
        assert_eq!(h.story()[2..], ["sent 2", "committed 2"], "{protocol}");
    }
}

#[test]
fn without_a_group_id_it_asks_no_coordinator_and_begins_where_the_reset_says() {
    for protocol in BOTH {
        let settings = ConsumerConfig {
            has_group_id: false,
            auto_offset_reset: Some(ResetTo::Earliest),
            ..settings(protocol, CommitStrategy::Never)
        };
        let mut h = Harness::configured(&settings, is_commit);
        assert!(!h.requests.contains(&"find"), "{protocol}: {:?}", h.requests);
        finish_batch(&mut h);
        assert!(h.held.is_empty(), "{protocol}: it commits nothing");
        let story = h.story();
        assert!(story[0].contains("NoCommit"), "{protocol}: {story:?}");
    }
}
