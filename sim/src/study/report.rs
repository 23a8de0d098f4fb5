//! From what a run leaves to its report: facts only, the verdict is [`super::assess`]'s.

use super::assess;
use super::contract::{allowed, contract, not_modelled};
use super::shape;
use crate::world::nemesis::FaultRecord;
use crate::world::run::RunOutcome;
use ackproof_oracle::verdict::PropertyResult;
use ackproof_reports::SCHEMA;
use ackproof_reports::command::Command;
use ackproof_reports::run::{
    CauseReport, FaultReport, GroupReport, Moment, PropertyReport, RunReport,
};
use ackproof_reports::timing::Timing;
use ackproof_reports::verdict::Verdict;
use ackproof_scenario::moment;
use ackproof_scenario::plan::Plan;
use ackproof_types::Micros;
use std::collections::BTreeSet;

/// How the user asked for a run.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The scenario's file, as the user named it.
    pub file: &'a str,
    /// `--set` values.
    pub sets: &'a [(String, String)],
    /// `--swarm`: what it drew.
    pub swarm: Option<&'a [(String, String)]>,
    /// `--check-determinism`.
    pub check_determinism: bool,
}

impl Origin<'_> {
    /// The command that runs the seeds from `from` to before `to` again.
    #[must_use]
    pub fn command(&self, from: u64, to: u64) -> String {
        let Self { file, sets, swarm, check_determinism } = *self;
        let (files, swarm) = (&[file][..], swarm.is_some());
        Command { files, from, to, sets, swarm, check_determinism, part: None }.to_string()
    }
}

/// How many faults struck at each moment that the scenario aims at.
fn moments(plan: &Plan, faults: &[FaultRecord]) -> impl Iterator<Item = (&'static str, u64)> {
    let aims = plan.faults.iter().filter_map(|fault| fault.aim.as_ref());
    let aims = aims.flat_map(|aim| aim.moments.iter().filter(|(weight, _)| *weight > 0));
    let wanted: BTreeSet<moment::Moment> = aims.filter_map(|(_, moment)| *moment).collect();
    wanted.into_iter().map(|moment| {
        let at = |fault: &&FaultRecord| fault.moment == Some(moment) && fault.target.is_some();
        let struck = faults.iter().filter(at).count();
        (moment.row().witness, struck as u64)
    })
}

/// The report of a run, not yet assessed.
pub(crate) fn facts(plan: &Plan, origin: &Origin<'_>, outcome: &RunOutcome) -> RunReport {
    let findings = &outcome.findings;
    let properties = findings.properties.iter();
    let faults = outcome.faults.iter().map(|fault| FaultReport {
        at_ms: fault.at.as_millis(),
        for_ms: fault.lasts.map(Micros::as_millis),
        kind: fault.kind.to_owned(),
        target: fault.target.clone(),
        resolved_from: fault.resolved_from.clone(),
        moment: fault.moment.map(|moment| moment.row().name.to_owned()),
        text: fault.text.clone(),
        entry: fault.entry as u64,
    });
    let allowed = allowed(plan);
    let property = |result: &PropertyResult| {
        let causes = allowed.get(result.name).into_iter().flatten();
        let causes = causes.map(|cause| (*cause).to_owned()).collect();
        PropertyReport::new(result, assess::expected(plan, &allowed, result.name), causes)
    };
    let witnesses = findings
        .witnesses
        .iter()
        .map(|(name, count)| (*name, *count))
        .chain(moments(plan, &outcome.faults));
    let witnesses = witnesses.map(|(name, count)| (name.to_owned(), count));
    let mut report = RunReport {
        schema: SCHEMA,
        scenario: plan.name.clone(),
        file: origin.file.to_owned(),
        seed: outcome.seed,
        swarm: origin.swarm.unwrap_or_default().to_vec(),
        digest: format!("{:032x}", outcome.digest),
        verdict: Verdict::Met,
        properties: properties.map(property).collect(),
        kafka: shape::kafka(plan),
        network: shape::network(plan),
        capacity: shape::capacity(plan),
        records: (&findings.records).into(),
        groups: findings.groups.iter().map(GroupReport::from).collect(),
        faults: faults.collect(),
        witnesses: witnesses.collect(),
        simulated_ms: outcome.simulated.as_millis(),
        messages: outcome.messages,
        entries: outcome.entries,
        reasons: Vec::new(),
        not_modelled: not_modelled(plan),
        causes: CauseReport::all(findings),
        notes: Vec::new(),
        timeline: findings.timeline.iter().map(Moment::from).collect(),
        timeline_omitted: findings.timeline_omitted,
        contract: None,
        timing: Timing::of(&findings.pace, &outcome.context),
        alerts: None,
        pace: findings.pace.clone(),
        reproduce: origin.command(outcome.seed, outcome.seed.saturating_add(1)),
    };
    if !plan.expect.stated {
        let mut contract = contract(plan);
        contract.observe(outcome.seed, &report.causes);
        report.contract = Some(contract);
    }
    report
}
