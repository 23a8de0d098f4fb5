//! What an administrator asks of a real cluster: an order of a scenario as a command of the observer. It asks nothing.

use ackproof_scenario::plan::{Order, Plan, Target};

/// The command for `order` about `target`.
///
/// # Errors
/// What the harness does not ask for.
pub(crate) fn question(order: &Order, target: Target, plan: &Plan) -> Result<String, String> {
    let topic = |id: ackproof_types::TopicId| plan.topics[id.index()].name.as_str();
    Ok(match (order, target) {
        (Order::Reassign(brokers), Target::Partition(id, number)) => {
            let ids: Vec<String> = brokers.iter().map(ToString::to_string).collect();
            format!("reassign {} {number} {}", topic(id), ids.join(","))
        }
        (Order::CancelReassignment, Target::Partition(id, number)) => {
            format!("cancel {} {number}", topic(id))
        }
        (Order::ElectUnclean, Target::Partition(id, number)) => {
            format!("elect {} {number}", topic(id))
        }
        (Order::AddPartitions(all), Target::Topic(id)) => format!("grow {} {all}", topic(id)),
        (Order::AlterConfig(settings), Target::Topic(id)) => {
            let pairs: Vec<String> =
                settings.0.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("alter {} {}", topic(id), pairs.join(","))
        }
        _ => return Err(format!("{}: not done on a real cluster", order.verb())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof::world::document::load;
    use ackproof_scenario::plan::Action;

    #[test]
    fn an_order_is_a_command_of_the_observer() {
        let of = |fault: &str| {
            let text = format!(
                r#"{{ "topics": {{ "payments": {{}} }}, "producers": {{ "billing": {{}} }},
                    "faults": [{{ "at": "5s", {fault} }}] }}"#
            );
            let plan = load(&text, "x.json", &[]).expect("a scenario").0;
            let kind = &plan.faults[0].choices[0].1;
            let Action::Administer(order) = &kind.action else { panic!("an order: {kind:?}") };
            question(order, kind.target, &plan)
        };
        let moved = of(r#""reassign": "payments-1", "to": ["broker-3", "broker-1"]"#);
        assert_eq!(moved.as_deref(), Ok("reassign payments 1 3,1"));
        let altered = of(r#""alter-config": "payments", "config": { "min.insync.replicas": 1 }"#);
        assert_eq!(altered.as_deref(), Ok("alter payments min.insync.replicas=1"));
        assert_eq!(
            of(r#""add-partitions": "payments", "to": 9"#).as_deref(),
            Ok("grow payments 9")
        );
        assert!(of(r#""update-features": "4.4""#).is_err());
    }
}
