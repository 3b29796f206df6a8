//! Whose calls they are.

use futures_util::future::join_all;
use kitelogik_rig::{GovernedTools, RunSession};
use rig::agent::AgentBuilder;
use rig::tool::{DynamicTool, ToolContext, ToolOutput};
use serde_json::json;

use crate::desk::{Desk, agent, read_by, script};

const NO_SESSION: &str =
    "[BLOCKED] approve_refund: no session to judge this call in. The policy could not be checked.";

#[tokio::test]
async fn without_a_session_the_call_is_denied() {
    let desk = Desk::open();
    let model = script(&[(
        "approve_refund",
        json!({ "customer_id": "c", "amount": 1.0 }),
    )]);
    let reply = agent(&model, &desk.per_run()).prompt("go").await.unwrap();
    assert_eq!(reply.output(), "done");
    assert_eq!(read_by(&model), [NO_SESSION]);
    assert_eq!(desk.calls.all().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_agent_serves_many_users_at_once_each_under_a_session_of_their_own() {
    let desk = Desk::open();
    let tools = desk.per_run();
    let users = (0..64).map(|user| {
        let desk = &desk;
        let tools = &tools;
        async move {
            let amount = f64::from(user) + 60.0; // the first 41 may
            let call = (
                "approve_refund",
                json!({ "customer_id": "c", "amount": amount }),
            );
            let model = script(&[call]);
            agent(&model, tools)
                .prompt("go")
                .tool_context(desk.context(&format!("user_{user}")))
                .await
                .unwrap();
            (user, read_by(&model).remove(0))
        }
    });
    for (user, read) in join_all(users).await {
        let amount = f64::from(user) + 60.0;
        if user <= 40 {
            assert_eq!(read, format!("Refunded ${amount:.2} to c for user_{user}"));
        } else {
            assert!(read.starts_with("[BLOCKED]"), "{read}");
        }
    }
    assert_eq!(desk.entries().len(), 64);
}

#[tokio::test]
async fn the_first_session_of_a_context_holds() {
    let desk = Desk::open();
    let context = RunSession::new(&desk.session("eve")).attach_to(desk.context("ann"));
    let model = script(&[(
        "approve_refund",
        json!({ "customer_id": "c", "amount": 1.0 }),
    )]);
    agent(&model, &desk.per_run())
        .prompt("go")
        .tool_context(context)
        .await
        .unwrap();
    assert_eq!(read_by(&model), ["Refunded $1.00 to c for ann"]);
}

#[tokio::test]
async fn tools_of_a_fixed_session_take_no_other_from_the_run() {
    let desk = Desk::open();
    let tools = GovernedTools::fixed(&desk.toolbox.for_session(&desk.session("ann")));
    let model = script(&[(
        "approve_refund",
        json!({ "customer_id": "c", "amount": 1.0 }),
    )]);
    agent(&model, &tools)
        .prompt("go")
        .tool_context(desk.context("eve"))
        .await
        .unwrap();
    assert_eq!(read_by(&model), ["Refunded $1.00 to c for ann"]);
}

#[tokio::test]
async fn an_agent_that_is_a_tool_runs_under_the_session_of_the_run() {
    let desk = Desk::open();
    let inner_model = script(&[(
        "approve_refund",
        json!({ "customer_id": "c", "amount": 1.0 }),
    )]);
    let inner = AgentBuilder::new(inner_model.clone())
        .name("desk_agent")
        .dynamic_tools(desk.per_run().dynamic_tools())
        .default_max_turns(3)
        .build();
    let model = script(&[("desk_agent", json!({ "prompt": "refund" }))]);
    let outer = AgentBuilder::new(model.clone())
        .dynamic_tool(inner.into_tool().unwrap())
        .default_max_turns(3)
        .build();
    outer
        .prompt("go")
        .tool_context(desk.context("ann"))
        .await
        .unwrap();
    assert_eq!(read_by(&inner_model), ["Refunded $1.00 to c for ann"]);
}

#[tokio::test]
async fn an_agent_inside_a_tool_that_drops_the_context_has_no_session() {
    let desk = Desk::open();
    let inner_model = script(&[(
        "approve_refund",
        json!({ "customer_id": "c", "amount": 1.0 }),
    )]);
    let inner = agent(&inner_model, &desk.per_run());
    let careless = DynamicTool::new(
        rig::message::ToolName::new("careless").unwrap(),
        "Starts an agent and forgets whose it is.",
        json!({ "type": "object" }),
        move |_| {
            let run = inner.prompt("go");
            Box::pin(async move { Ok(ToolOutput::text(run.await.unwrap().output())) })
        },
    );
    let model = script(&[("careless", json!({}))]);
    AgentBuilder::new(model.clone())
        .dynamic_tool(careless)
        .default_max_turns(3)
        .build()
        .prompt("go")
        .tool_context(desk.context("ann"))
        .await
        .unwrap();
    assert_eq!(read_by(&inner_model), [NO_SESSION]);
    assert_eq!(desk.calls.all().len(), 0);
}

#[tokio::test]
async fn a_session_is_not_written_out_with_the_context() {
    let desk = Desk::open();
    let context = desk.context("ann");
    let written = serde_json::to_string(&context).unwrap();
    assert_eq!(written, "{}");
    let read: ToolContext = serde_json::from_str(&written).unwrap();
    assert!(read.scope::<RunSession>().is_none());
}
