//! What is counted for Prometheus.

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::journal::Fullness;
use crate::{dialect::Route, journal::Source};

/// The type of the text that [`Metrics::text`] gives (OpenMetrics 1.0).
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counters of a server.
#[derive(Clone, Debug, Default)]
pub(super) struct Metrics {
    requests: Family<Labels, Counter>,
    reloads: Family<Outcome, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    api: &'static str,
    operation: &'static str,
    source: &'static str,
    /// 0 where it is an upstream's, which is not known yet.
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// What is measured when it is asked for.
pub(super) struct Gauges {
    pub(super) streams: u64,
    pub(super) sessions: u64,
    pub(super) misses: u64,
    pub(super) journal: Fullness,
}

impl Metrics {
    /// Counts a request.
    pub(super) fn count(&self, route: &Route, source: Source, status: u16) {
        let (api, operation) = (route.endpoint.api(), route.operation.name());
        self.requests.get_or_create(&Labels { api, operation, source: source.name(), status }).inc();
    }

    /// Counts a try to read the scenarios anew.
    pub(super) fn reloaded(&self, succeeded: bool) {
        let outcome = if succeeded { "taken" } else { "refused" };
        self.reloads.get_or_create(&Outcome { outcome }).inc();
    }

    /// All of it as OpenMetrics has it.
    pub(super) fn text(&self, gauges: &Gauges) -> String {
        let mut registry = Registry::with_prefix("mynah");
        registry.register("requests", "Requests that were answered", self.requests.clone());
        registry.register("reloads", "Times that the scenarios were read anew", self.reloads.clone());
        let counted: Counter = Counter::default();
        counted.inc_by(gauges.misses);
        registry.register("misses", "Requests that nothing answered", counted);
        let forgotten: Counter = Counter::default();
        forgotten.inc_by(gauges.journal.forgotten);
        registry.register("journal_forgotten", "Exchanges that left the journal to make room", forgotten);
        let now = [
            ("open_streams", "Paced answers under way", gauges.streams),
            ("sessions", "Sessions that are remembered", gauges.sessions),
            ("journal_entries", "Exchanges in the journal", gauges.journal.entries),
            ("journal_bytes", "Bytes that the journal takes, about", gauges.journal.bytes),
            ("journal_open", "Exchanges in the journal that are under way", gauges.journal.open),
        ];
        for (name, help, value) in now {
            let gauge: Gauge = Gauge::default();
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
            registry.register(name, help, gauge);
        }
        let mut text = String::new();
        // Writing into a text cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }
}
