//! Spans and metrics of governed calls, exported over OTLP to a collector.
//!
//! Without `OTEL_EXPORTER_OTLP_ENDPOINT`, the collector is a small one in this program, on loopback,
//! which prints what it was sent.
//!
//! ```console
//! $ cargo run --example telemetry
//! ```

mod collector;

use std::error::Error;

use kitelogik::prelude::*;
use metrics_exporter_opentelemetry::Recorder;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

/// Refund a customer's order.
#[governed]
async fn approve_refund(
    /// The customer's id.
    customer_id: String,
    /// Amount in US dollars.
    amount: f64,
) -> String {
    format!("Refunded ${amount:.2} to {customer_id}")
}

const POLICY: &str = r#"
    package kitelogik.userpolicy

    allow if input.action == "approve_refund"
    deny contains "Refunds over $200 require manager approval" if input.args.amount > 200
"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Whether or not the collector speaks TLS, the exporters' HTTP client wants to know by whom.
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| "another TLS provider is in place")?;
    let (endpoint, collector) = match std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT") {
        Ok(endpoint) => (endpoint, None),
        Err(_) => {
            let collector = collector::start().await?;
            (collector.endpoint.clone(), Some(collector))
        }
    };
    let telemetry = Telemetry::export_to(&endpoint)?;

    let policy = Policy::builder().rego("refunds.rego", POLICY).build()?;
    let gate = PolicyGate::new(Embedded::new(policy)?);
    let session = gate.session(SessionContext::new("example_01").role("support_agent"));
    for amount in [42.0, 500.0] {
        match approve_refund("cust_001".into(), amount)
            .run(&session)
            .await
        {
            Ok(text) => println!("{text}"),
            Err(denied) => println!("denied: {}", denied.decision.reason),
        }
    }

    // The exporters' own threads send what is left.
    tokio::task::spawn_blocking(move || telemetry.shutdown()).await??;
    match collector {
        Some(collector) => collector.print(),
        None => println!("sent to {endpoint}"),
    }
    Ok(())
}

struct Telemetry {
    spans: SdkTracerProvider,
    metrics: SdkMeterProvider,
}

impl Telemetry {
    /// Spans that `tracing` is told, and figures that the facade `metrics` is told, go to `endpoint`.
    fn export_to(endpoint: &str) -> Result<Self, Box<dyn Error>> {
        let resource = Resource::builder()
            .with_service_name("refund-agent")
            .build();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .build()?;
        let spans = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.clone())
            .build();
        // Only the gate's own spans: those of HTTP clients would tell of the export itself.
        let layer = tracing_opentelemetry::layer()
            .with_tracer(spans.tracer("kitelogik"))
            .with_filter(tracing_subscriber::filter::filter_fn(|metadata| {
                metadata.target().starts_with("kitelogik")
            }));
        tracing::subscriber::set_global_default(Registry::default().with(layer))?;

        let exporter = MetricExporter::builder()
            .with_http()
            .with_endpoint(format!("{endpoint}/v1/metrics"))
            .build()?;
        let (metrics, recorder) = Recorder::builder("kitelogik")
            .with_meter_provider(|provider| {
                provider
                    .with_periodic_exporter(exporter)
                    .with_resource(resource)
            })
            .build();
        metrics::set_global_recorder(recorder)?;
        Ok(Self { spans, metrics })
    }

    fn shutdown(self) -> Result<(), opentelemetry_sdk::error::OTelSdkError> {
        self.spans.shutdown()?;
        self.metrics.shutdown()
    }
}
