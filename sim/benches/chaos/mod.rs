//! The scenario that all measurements run.

use ackproof_kafka::variant::Variant;
use ackproof_oracle::measure::WITNESSES;
use ackproof_oracle::registry::PROPERTIES;
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::{Names, load_with};

/// `scenarios/basics/chaos.json`.
pub(crate) fn plan() -> Plan {
    let properties: Vec<&str> = PROPERTIES.iter().map(|property| property.name).collect();
    let variants: Vec<&str> = Variant::ALL.iter().map(|variant| variant.name()).collect();
    let names = Names { properties: &properties, witnesses: WITNESSES, variants: &variants };
    let text = include_str!("../../../scenarios/basics/chaos.json");
    load_with(text, "chaos.json", &names, &[]).expect("the scenario is valid").0
}
