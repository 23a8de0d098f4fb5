//! A topic is deleted, and nothing of it is left or comes back.

use super::*;

const TOPIC: TopicId = TopicId(0);

fn delete(driver: &mut Driver) -> Vec<EffectOf<Controller>> {
    driver.step(Input::Call(ControllerCall::DeleteTopic(TOPIC)))
}

#[test]
fn a_topic_that_is_deleted_can_be_asked_for_nothing() {
    let mut driver = Driver::running(false);
    let deleted = Effect::Observe(Observation::TopicDeleted(TOPIC, 1));
    assert!(delete(&mut driver).contains(&deleted));
    let image = driver.controller().image();
    assert!(image.partitions.is_empty() && image.removed.contains(&TOPIC));
    let place = TopicPartition::new(TOPIC, 0);
    let minimum = TopicSetting::MinInsyncReplicas(1);
    for (call, request) in [
        (ControllerCall::DeleteTopic(TOPIC), "DeleteTopics"),
        (ControllerCall::CreatePartitions(TOPIC, 4), "CreatePartitions"),
        (ControllerCall::ElectUnclean(place), "ElectLeaders"),
        (ControllerCall::AlterConfig(TOPIC, minimum), "IncrementalAlterConfigs"),
        (ControllerCall::Reassign(place, None), "AlterPartitionReassignments"),
    ] {
        let refused = Observation::OrderRefused(request, ErrorCode::UnknownTopicOrPartition);
        assert_eq!(driver.step(Input::Call(call)), [Effect::Observe(refused)], "{request}");
    }
    // Brokers come and go: what is deleted is not created again.
    driver.expire(1);
    driver.beat(1, false, false);
    assert!(driver.controller().image().partitions.is_empty());
}

#[test]
fn a_snapshot_says_what_is_deleted() {
    let mut driver = Driver::running(false);
    delete(&mut driver);
    let image = driver.controller().image();
    let records = image.records(Variants::default());
    assert!(records.contains(&MetadataRecord::RemoveTopic { topic: TOPIC }));
    assert_eq!(&MetadataImage::of(&records), image);
}

#[test]
fn a_topic_that_is_created_again_has_another_id() {
    let mut driver = Driver::running(false);
    let create = |driver: &mut Driver| driver.step(Input::Call(ControllerCall::CreateTopic(TOPIC)));
    let there = Observation::OrderRefused("CreateTopics", ErrorCode::TopicAlreadyExists);
    assert_eq!(create(&mut driver), [Effect::Observe(there)]);
    for life in 1..TopicId::LIVES {
        delete(&mut driver);
        create(&mut driver);
        let image = driver.controller().image();
        let topic = image.current(TOPIC);
        assert_eq!((topic.life(), topic.name()), (life, TOPIC));
        let ids: Vec<TopicId> = image.partitions.keys().map(|place| place.topic).collect();
        assert_eq!(ids, [topic]);
        assert_eq!(&MetadataImage::of(&image.records(Variants::default())), image);
    }
    delete(&mut driver);
    let spent = Observation::OrderRefused("CreateTopics", ErrorCode::InvalidRequest);
    assert_eq!(create(&mut driver), [Effect::Observe(spent)]);
}
