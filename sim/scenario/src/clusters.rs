//! The clusters of a scenario, read from the tree: the first one, which most scenarios call `cluster`, and those
//! beside it, by name under `clusters`.

use crate::cluster::{Cluster, check_name, cluster, named};
use crate::plan::FIRST;
use crate::sink::{At, Sink};
use ackproof_types::{ClusterId, Micros};

/// Most clusters beside the first one.
const MAX_OTHERS: usize = 8;

/// The clusters while the rest is read.
pub(crate) struct Clusters {
    all: Vec<Cluster>,
}

impl Clusters {
    /// Reads those of the scenario at `root`, whose recovery may take `settle`.
    pub(crate) fn read(sink: &mut Sink<'_>, root: &At<'_>, settle: Micros) -> Self {
        let mut all = vec![cluster(sink, FIRST, root.get("cluster").as_ref(), settle)];
        let Some(at) = root.get("clusters").filter(|at| sink.is_object(at)) else {
            return Self { all };
        };
        let others = named(sink, &at);
        if others.len() > MAX_OTHERS {
            let message =
                format!("{} clusters beside the first one; at most {MAX_OTHERS}", others.len());
            sink.error(at.key_span, &at.path, message);
        }
        for (name, child) in others.iter().take(MAX_OTHERS) {
            check_name(sink, name, child);
            if *name == FIRST {
                let message = format!("\"{FIRST}\" is the one under \"cluster\"");
                sink.error(child.key_span, &child.path, message);
            }
            if let Some(network) = child.get("network") {
                let message = "there is one network: \"cluster\", \"network\"";
                sink.error(network.key_span, &network.path, message);
            }
            all.push(cluster(sink, name, Some(child), settle));
        }
        Self { all }
    }

    /// The cluster `id`.
    pub(crate) fn of(&self, id: ClusterId) -> &Cluster {
        &self.all[id.index()]
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (ClusterId, &Cluster)> {
        (0..).map(ClusterId).zip(&self.all)
    }

    /// The one whose name is at `at`; the first one if that is left out, or wrong.
    pub(crate) fn named(&self, sink: &mut Sink<'_>, at: Option<&At<'_>>) -> ClusterId {
        at.and_then(|at| self.known(sink, at)).unwrap_or(ClusterId::FIRST)
    }

    /// The one whose name is at `at`, if there is one.
    pub(crate) fn known(&self, sink: &mut Sink<'_>, at: &At<'_>) -> Option<ClusterId> {
        let name = sink.string(at)?;
        let found = self.all().find(|(_, cluster)| cluster.name == name);
        if found.is_none() {
            let known = self.all.iter().map(|cluster| cluster.name.as_str());
            sink.unknown(at.node.span, &at.path, ("cluster", name), known);
        }
        found.map(|(id, _)| id)
    }

    /// All of them, to be put into a plan.
    pub(crate) fn into_all(self) -> Vec<Cluster> {
        self.all
    }
}
