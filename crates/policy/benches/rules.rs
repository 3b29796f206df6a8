//! Compiling rules: time grows with their number, and ten thousand take well under two seconds.
//!
//! `cargo bench -p kitelogik-policy --bench rules`
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::fmt::Write;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kitelogik_policy::rules::{Source, compile};

fn rules(count: usize) -> Source {
    let mut text = String::from("version: 1\notherwise: deny\nrules:\n");
    for number in 0..count {
        let then = ["deny", "allow", "hitl"].get(number % 3).unwrap();
        writeln!(
            text,
            "  - name: rule_{number}
    when:
      action: action_{action}
      role: [clerk, manager]
      args: {{amount: {{gt: {number}}}, number: {{matches: '^ord_\\d{{6}}$'}}, customer.country: {{not_in: [IR, KP]}}}}
      not: {{any: [{{tenant: acme}}, {{args: {{note: {{contains: secret}}}}}}]}}
    then: {then}
    reason: Reason {number}",
            action = number / 10,
        )
        .unwrap();
    }
    Source::new("rules.yaml", text)
}

fn compiling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    group.sample_size(10);
    for count in [100, 1_000, 10_000] {
        let source = rules(count);
        group.throughput(Throughput::Elements(u64::try_from(count).unwrap()));
        group.bench_with_input(
            BenchmarkId::from_parameter(count),
            &source,
            |bencher, source| {
                bencher.iter(|| compile(black_box(std::slice::from_ref(source))).unwrap());
            },
        );
    }
    group.finish();
}

criterion_group!(benches, compiling);
criterion_main!(benches);
