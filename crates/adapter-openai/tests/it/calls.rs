use std::sync::atomic::Ordering;

use kitelogik::GovernanceError;
use kitelogik_openai::{ChatTools, DEFAULT_CONCURRENCY, ResponsesTools};
use serde_json::{Value, json};

use crate::api::{chat_call, function_call};
use crate::desk::{DENIED, Desk, REFUNDED, refund};

fn asked(id: &str, (name, arguments): (&str, Value)) -> Value {
    chat_call(id, name, &arguments)
}

/// The ids and texts of the messages.
async fn answers(tools: &ChatTools, calls: Vec<Value>) -> Vec<(String, String)> {
    let messages = json!(tools.execute_all(calls).await);
    let messages = messages.as_array().unwrap().iter().map(|message| {
        assert_eq!(message["role"], "tool");
        let text = |name: &str| message[name].as_str().unwrap().to_owned();
        (text("tool_call_id"), text("content"))
    });
    messages.collect()
}

#[tokio::test]
async fn parallel_calls_are_answered_in_their_order_whatever_becomes_of_each() {
    let desk = Desk::default();
    let tools = ChatTools::new(&desk.governed());
    let calls = vec![
        asked("a", ("explode", json!({}))),
        asked("b", refund(5000.0)),
        asked("c", ("fail", json!({}))),
        asked("d", ("no_such_tool", json!({}))),
        asked(
            "e",
            ("approve_refund", json!({ "customer_id": 7, "amount": 1 })),
        ),
        json!({ "id": "f", "type": "function", "function": { "name": "fail", "arguments": "{" } }),
        asked("g", refund(42.0)),
    ];
    let answers = answers(&tools, calls).await;
    let ids: Vec<&str> = answers.iter().map(|(id, _)| &**id).collect();
    assert_eq!(ids, ["a", "b", "c", "d", "e", "f", "g"]);
    let texts: Vec<&str> = answers.iter().map(|(_, text)| &**text).collect();
    assert_eq!(texts[0], "Error: `explode` failed: it panicked");
    assert_eq!(texts[1], DENIED);
    assert_eq!(texts[2], "Error: `fail` failed: the till is empty");
    assert!(
        texts[3].starts_with("Error: no tool named `no_such_tool`; registered: `approve_refund`")
    );
    assert_eq!(
        texts[4],
        "Error: invalid arguments for `approve_refund`: at `$.customer_id`: expected string, came \
         the number `7`"
    );
    assert!(
        texts[5].starts_with("Error: invalid arguments for `fail`: at `$`"),
        "{}",
        texts[5]
    );
    assert_eq!(texts[6], REFUNDED);
    assert_eq!(desk.refunds(), 1);
}

#[tokio::test]
async fn calls_run_at_the_same_time_up_to_the_limit() {
    let desk = Desk::default();
    let many = |wait_for: usize| {
        let call = |id: usize| asked(&id.to_string(), ("wait", json!({ "calls": wait_for })));
        (0..20).map(call).collect::<Vec<_>>()
    };
    let tools = ChatTools::new(&desk.governed());
    answers(&tools, many(DEFAULT_CONCURRENCY)).await;
    assert_eq!(desk.most.load(Ordering::SeqCst), DEFAULT_CONCURRENCY);

    let desk = Desk::default();
    let tools = ChatTools::new(&desk.governed()).concurrency(0);
    answers(&tools, many(1)).await;
    assert_eq!(desk.most.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_blocked_text_can_be_replaced() {
    let text = |denied: &GovernanceError| format!("no: {}", denied.decision.reason);
    let tools = Desk::default().governed();
    let chat = ChatTools::new(&tools).blocked_text(text);
    let replaced = "no: Refunds over $200 require manager approval";
    assert_eq!(
        json!(chat.execute(asked("a", refund(5000.0))).await)["content"],
        replaced
    );
    // Only of denials.
    let unknown = asked("a", ("no_such_tool", json!({})));
    assert!(
        json!(chat.execute(unknown).await)["content"]
            .as_str()
            .unwrap()
            .starts_with("Error: ")
    );

    let responses = ResponsesTools::new(&tools).blocked_text(text);
    let (name, arguments) = refund(5000.0);
    let call = function_call("a", name, &arguments.to_string());
    assert_eq!(json!(responses.execute(call).await)["output"], replaced);
}

#[tokio::test]
async fn a_blocked_text_that_panics_is_the_usual_one() {
    let tools = ChatTools::new(&Desk::default().governed()).blocked_text(|_| panic!("oops"));
    assert_eq!(
        json!(tools.execute(asked("a", refund(5000.0))).await)["content"],
        DENIED
    );
}

#[tokio::test]
async fn the_same_holds_for_responses() {
    let desk = Desk::default();
    let tools = ResponsesTools::new(&desk.governed());
    let (name, denied) = refund(5000.0);
    let (_, allowed) = refund(42.0);
    let items = tools
        .execute_all([
            function_call("a", "explode", "{}"),
            function_call("b", name, &denied.to_string()),
            function_call("c", name, &allowed.to_string()),
            function_call("d", name, "not json"),
        ])
        .await;
    let items = json!(items);
    let read: Vec<(&str, &str)> = items
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            assert_eq!(item["type"], "function_call_output");
            (
                item["call_id"].as_str().unwrap(),
                item["output"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(read[0], ("a", "Error: `explode` failed: it panicked"));
    assert_eq!(read[1], ("b", DENIED));
    assert_eq!(read[2], ("c", REFUNDED));
    assert!(
        read[3].1.starts_with("Error: invalid arguments"),
        "{}",
        read[3].1
    );
}
