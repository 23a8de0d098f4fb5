//! Racks of brokers, and of members.

use crate::common::{message, plan};

#[test]
fn each_broker_has_a_rack_or_none_has() {
    assert_eq!(plan("cluster", "{}").main().racks, [] as [&str; 0]);
    assert_eq!(plan("cluster", r#"{ "racks": ["a", "b", "a"] }"#).main().racks, ["a", "b", "a"]);
    for (racks, said) in [
        (
            r#"["a", "b"]"#,
            "cluster.racks: 2 racks for 3 brokers: name one for each, broker-1 first",
        ),
        (r#"["a", "", "c"]"#, "cluster.racks[1]: a rack has a name"),
    ] {
        assert_eq!(message("cluster", &format!(r#"{{ "racks": {racks} }}"#)), said);
    }
}

#[test]
fn a_replica_selector_is_one_of_kafkas() {
    let class = "org.apache.kafka.common.replica.RackAwareReplicaSelector";
    let config =
        |class: &str| format!(r#"{{ "config": {{ "replica.selector.class": "{class}" }} }}"#);
    let selector = plan("cluster", &config(class)).main().config.clone();
    assert_eq!(selector.text("replica.selector.class"), Some(class));
    let said = message("cluster", &config("com.example.Nearest"));
    assert!(said.contains("replica.selector.class"), "{said}");
}
