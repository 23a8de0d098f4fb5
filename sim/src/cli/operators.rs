//! What operators would have seen, as it is asked for: tables of Kafka's tools, metrics, and alerts.

use super::output::{result, talk};
use super::place::{Place, refusal, told};
use super::status::Status;
use ackproof::study::alerts::rules::Group;
use ackproof::study::alerts::{self, rules};
use ackproof::study::operators::{Look, Operator, Seen, Shared, Table};
use ackproof::world::recorder::Trace;
use ackproof_reports::alerts::AlertReport;
use ackproof_reports::describe::{Details, described, seconds};
use ackproof_reports::openmetrics;
use ackproof_reports::run::{PropertyReport, RunReport};
use ackproof_scenario::durations::duration;
use ackproof_types::Micros;
use std::path::{Path, PathBuf};

/// What is asked of a run or a history.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "What operators would have seen")]
pub(crate) struct Operators {
    /// Print what `kafka-consumer-groups.sh --describe` would have printed at an instant: `47s`. The report
    /// then goes to stderr. May be given several times.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) groups_at: Vec<Micros>,
    /// With `--groups-at`: the members of each group, and how many partitions each owns.
    #[arg(long, requires = "groups_at", conflicts_with = "state")]
    pub(crate) members: bool,
    /// With `--groups-at`: the state of each group, its coordinator, and how many members it has.
    #[arg(long, requires = "groups_at")]
    pub(crate) state: bool,
    /// Print what `kafka-topics.sh --describe` would have printed at an instant. The report then goes to
    /// stderr. May be given several times.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) topics_at: Vec<Micros>,
    /// Write metrics to a file, in the format OpenMetrics, under the names of kafka-exporter and of the JMX
    /// exporter. `promtool tsdb create-blocks-from openmetrics` reads it.
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    /// How often metrics are scraped: `15s`.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub(crate) metrics_interval: Micros,
    /// Evaluate the alert rules of a file of Prometheus over the run: which fired when, and how long before the
    /// first violation. With `--seeds`: in how many runs, and how long before.
    #[arg(long, value_name = "FILE")]
    pub(crate) alerts: Option<PathBuf>,
}

/// Prometheus keeps milliseconds.
fn interval(text: &str) -> Result<Micros, String> {
    let interval = duration(text)?;
    if interval.0 == 0 || !interval.0.is_multiple_of(1000) {
        return Err(format!("\"{text}\" is not a number of whole milliseconds above 0"));
    }
    Ok(interval)
}

/// What is written and said when everything is over.
pub(crate) struct Wanted<'a> {
    metrics: Option<(&'a Path, Place)>,
    rules: Option<(String, Vec<Group>)>,
}

impl Operators {
    /// What is asked for that only one run can show, by the name of its option; none: nothing.
    pub(crate) fn of_one_run(&self) -> Option<&'static str> {
        let given = [
            ("--groups-at", !self.groups_at.is_empty()),
            ("--topics-at", !self.topics_at.is_empty()),
            ("--metrics", self.metrics.is_some()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name)
    }

    /// Opens the files, which tries that they can be made, and reads the rules.
    ///
    /// # Errors
    /// What is wrong, as it is shown.
    pub(crate) fn open(&self) -> Result<Wanted<'_>, String> {
        let rules = self.alerts.as_deref().map(|path| {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|error| format!("error: {name}: {error}\n"))?;
            Ok::<_, String>((name.clone(), rules::read(&name, &text)?))
        });
        let metrics = self.metrics.as_deref().map(|path| {
            Place::open(path).map(|place| (path, place)).map_err(|error| refusal(path, &error))
        });
        Ok(Wanted { rules: rules.transpose()?, metrics: metrics.transpose()? })
    }

    /// Whether tables are printed, so that stdout is taken.
    pub(crate) fn prints(&self) -> bool {
        !self.groups_at.is_empty() || !self.topics_at.is_empty()
    }

    /// Who watches for it; none: nothing is asked for.
    pub(crate) fn operator(&self) -> Option<Operator> {
        if self.of_one_run().is_none() && self.alerts.is_none() {
            return None;
        }
        let look = |table| move |at: &Micros| Look { table, at: *at };
        let details = match (self.members, self.state) {
            (true, _) => Details::Members,
            (_, true) => Details::State,
            (false, false) => Details::Offsets,
        };
        let groups = self.groups_at.iter().map(look(Table::Groups(details)));
        let topics = self.topics_at.iter().map(look(Table::Topics));
        let is_measured = self.metrics.is_some() || self.alerts.is_some();
        let interval = is_measured.then_some(self.metrics_interval);
        Some(Operator::new(&groups.chain(topics).collect::<Vec<_>>(), interval))
    }

    /// Shows what was seen of a run, if it came to an end, and puts its alerts into its report.
    pub(crate) fn tell<E>(
        &self,
        operator: Option<&Shared>,
        wanted: Wanted<'_>,
        run: &mut Result<RunReport, E>,
    ) -> Status {
        let (Some(operator), Ok(report)) = (operator, run) else { return Status::Met };
        let seen = operator.conclude();
        report.alerts = wanted.alerts(&seen, &report.properties);
        self.finish(&seen, wanted)
    }

    /// A run of a sweep with its alerts, if they are asked for. `run` is given who watches.
    ///
    /// # Errors
    /// Those of the run.
    pub(crate) fn alerted<E>(
        &self,
        wanted: &Wanted<'_>,
        run: impl FnOnce(Option<Trace>) -> Result<RunReport, E>,
    ) -> Result<RunReport, E> {
        let operator = self.operator().map(Shared::new);
        let mut report = run(watched(operator.as_ref(), None))?;
        report.alerts =
            operator.and_then(|operator| wanted.alerts(&operator.conclude(), &report.properties));
        Ok(report)
    }

    /// Prints and writes what was seen.
    pub(crate) fn finish(&self, seen: &Seen, wanted: Wanted<'_>) -> Status {
        for note in seen.described.iter().flat_map(|one| &one.notes) {
            talk(&format!("note: {note}\n"));
        }
        let shown = if self.prints() { result(&described(&seen.described)) } else { Status::Met };
        let late = seen.too_late.iter().map(|look| {
            let option = match look.table {
                Table::Groups(_) => "--groups-at",
                Table::Topics => "--topics-at",
            };
            let (at, end) = (seconds(look.at.0), seconds(seen.end));
            talk(&format!("error: {option} {at}: everything was over at {end}\n"));
            Status::Usage
        });
        late.max().unwrap_or(Status::Met).max(shown).max(write(wanted, seen))
    }
}

/// A trace that `operator` sees first.
pub(crate) fn watched(operator: Option<&Shared>, trace: Option<Trace>) -> Option<Trace> {
    match operator {
        Some(operator) => Some(operator.trace(trace)),
        None => trace,
    }
}

impl Wanted<'_> {
    /// What the alert rules would have been good for; none: nobody asked.
    pub(crate) fn alerts(&self, seen: &Seen, properties: &[PropertyReport]) -> Option<AlertReport> {
        let (file, groups) = self.rules.as_ref()?;
        Some(alerts::judge(file, groups, seen.metrics.as_ref()?, properties))
    }
}

fn write(wanted: Wanted<'_>, seen: &Seen) -> Status {
    let Some(((path, mut place), metrics)) = wanted.metrics.zip(seen.metrics.as_ref()) else {
        return Status::Met;
    };
    let done = place.write(openmetrics::text(metrics)).and_then(|()| place.complete(path));
    match done {
        Ok(()) => Status::Met,
        Err(error) => {
            told(path, &error);
            Status::Usage
        }
    }
}
