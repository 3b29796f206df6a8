use kitelogik_openai::{ChatGatherer, ChatTools, ResponsesGatherer, ResponsesTools};
use serde_json::{Value, json};

use crate::api::{chat_chunk, chat_stream, function_call, response, response_stream};
use crate::desk::{DENIED, Desk, REFUNDED, refund};

const CUT: &str = "Error: the call was cut off before it was complete; it did not run";

fn refund_stream() -> Vec<Value> {
    let (name, arguments) = refund(42.0);
    chat_stream("call_1", name, &arguments)
}

/// The ids and texts of the answers to a streamed answer, gathered as JSON and as types.
async fn chat(desk: &Desk, chunks: &[Value]) -> Vec<(String, String)> {
    let mut raw = ChatGatherer::new();
    chunks.iter().for_each(|chunk| raw.push_json(chunk));
    let raw = raw.finish();
    let mut typed = ChatGatherer::new();
    let read = chunks
        .iter()
        .map(|chunk| serde_json::from_value(chunk.clone()));
    if let Ok(chunks) = read.collect::<Result<Vec<_>, _>>() {
        chunks.iter().for_each(|chunk| typed.push(chunk));
        assert_eq!(typed.finish(), raw);
    }
    let messages = json!(
        ChatTools::new(&desk.governed())
            .execute_all(raw.calls)
            .await
    );
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    messages
        .as_array()
        .unwrap()
        .iter()
        .map(|message| (text(&message["tool_call_id"]), text(&message["content"])))
        .collect()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs
        .map(|(id, text)| (id.to_owned(), text.to_owned()))
        .to_vec()
}

#[tokio::test]
async fn fragments_make_a_call() {
    let desk = Desk::default();
    assert_eq!(
        chat(&desk, &refund_stream()).await,
        pairs([("call_1", REFUNDED)])
    );
}

#[tokio::test]
async fn a_stream_cut_anywhere_runs_nothing() {
    let desk = Desk::default();
    let chunks = refund_stream();
    for length in 2..chunks.len() {
        assert_eq!(
            chat(&desk, &chunks[..length]).await,
            pairs([("call_1", CUT)]),
            "{length}"
        );
    }
    for reason in ["length", "content_filter"] {
        let mut chunks = chunks.clone();
        *chunks.last_mut().unwrap() = chat_chunk(json!({}), Some(reason));
        assert_eq!(chat(&desk, &chunks).await, pairs([("call_1", CUT)]));
    }
    assert_eq!(desk.refunds(), 0);
}

#[tokio::test]
async fn fragments_of_parallel_calls_may_come_mixed() {
    let (_, allowed) = refund(42.0);
    let (name, denied) = refund(5000.0);
    let (allowed, denied) = (allowed.to_string(), denied.to_string());
    let (allowed, denied) = (allowed.split_at(9), denied.split_at(14));
    let begun = |index: u32, id: &str, arguments: &str| {
        json!({
            "index": index, "id": id, "type": "function",
            "function": { "name": name, "arguments": arguments },
        })
    };
    let more = |index: u32, arguments: &str| json!({ "index": index, "function": { "arguments": arguments } });
    let chunks = [
        chat_chunk(json!({ "tool_calls": [begun(1, "b", denied.0)] }), None),
        chat_chunk(
            json!({ "tool_calls": [begun(0, "a", allowed.0), more(1, denied.1)] }),
            None,
        ),
        chat_chunk(
            json!({ "tool_calls": [more(0, allowed.1)] }),
            Some("tool_calls"),
        ),
    ];
    let desk = Desk::default();
    assert_eq!(
        chat(&desk, &chunks).await,
        pairs([("a", REFUNDED), ("b", DENIED)])
    );
}

#[tokio::test]
async fn another_id_is_another_call_whatever_its_index() {
    let (name, arguments) = refund(42.0);
    let call = |id: &str| {
        json!({
            "index": 0, "id": id, "type": "function",
            "function": { "name": name, "arguments": arguments.to_string() },
        })
    };
    let chunks = [
        chat_chunk(json!({ "tool_calls": [call("a")] }), None),
        chat_chunk(json!({ "tool_calls": [call("b")] }), Some("tool_calls")),
    ];
    let desk = Desk::default();
    assert_eq!(
        chat(&desk, &chunks).await,
        pairs([("a", REFUNDED), ("b", REFUNDED)])
    );
}

#[tokio::test]
async fn arguments_that_are_no_text_are_not_taken_for_none() {
    let call = json!({
        "index": 0, "id": "a", "function": { "name": "fail", "arguments": { "undeclared": 1 } },
    });
    let chunks = [chat_chunk(
        json!({ "tool_calls": [call] }),
        Some("tool_calls"),
    )];
    let answers = chat(&Desk::default(), &chunks).await;
    assert!(
        answers[0].1.starts_with("Error: invalid arguments"),
        "{answers:?}"
    );
}

#[tokio::test]
async fn a_streamed_call_of_a_custom_tool_is_answered_with_an_error() {
    let custom = json!({
        "index": 0, "id": "a", "type": "custom", "custom": { "name": "approve_refund", "input": "4" },
    });
    let more = json!({ "index": 0, "custom": { "input": "2" } });
    let chunks = [
        chat_chunk(json!({ "tool_calls": [custom] }), None),
        chat_chunk(json!({ "tool_calls": [more] }), Some("tool_calls")),
    ];
    let desk = Desk::default();
    let answers = chat(&desk, &chunks).await;
    assert!(answers[0].1.contains("no custom tools"), "{answers:?}");
}

#[test]
fn what_the_model_said_and_asked_goes_back_into_the_conversation() {
    let mut gatherer = ChatGatherer::new();
    gatherer.push_json(&chat_chunk(json!({ "content": "Let me " }), None));
    gatherer.push_json(&chat_chunk(json!({ "content": "see." }), None));
    refund_stream()
        .iter()
        .for_each(|chunk| gatherer.push_json(chunk));
    let (name, arguments) = refund(42.0);
    assert_eq!(
        json!(gatherer.finish().message()),
        json!({
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [{
                "id": "call_1", "type": "function",
                "function": { "name": name, "arguments": arguments.to_string() },
            }],
        })
    );
}

/// The ids and texts of the answers to a streamed response, gathered as JSON and as types.
async fn responses(desk: &Desk, events: &[Value]) -> Vec<(String, String)> {
    let mut raw = ResponsesGatherer::new();
    events.iter().for_each(|event| raw.push_json(event));
    let raw = raw.finish();
    let mut typed = ResponsesGatherer::new();
    let read = events
        .iter()
        .map(|event| serde_json::from_value(event.clone()));
    let read = read.collect::<Result<Vec<_>, _>>().unwrap();
    read.iter().for_each(|event| typed.push(event));
    assert_eq!(typed.finish(), raw);
    let items = json!(ResponsesTools::new(&desk.governed()).execute_all(raw).await);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    items
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (text(&item["call_id"]), text(&item["output"])))
        .collect()
}

#[tokio::test]
async fn events_make_a_call() {
    let (name, arguments) = refund(42.0);
    let desk = Desk::default();
    let events = response_stream("call_1", name, &arguments);
    assert_eq!(
        responses(&desk, &events).await,
        pairs([("call_1", REFUNDED)])
    );
    // Either end of the call's own is enough.
    for left_out in [
        "response.output_item.done",
        "response.function_call_arguments.done",
    ] {
        let events: Vec<Value> = events
            .iter()
            .filter(|event| event["type"] != left_out)
            .cloned()
            .collect();
        assert_eq!(
            responses(&desk, &events).await,
            pairs([("call_1", REFUNDED)]),
            "{left_out}"
        );
    }
}

#[tokio::test]
async fn a_stream_of_events_cut_anywhere_runs_nothing() {
    let (name, arguments) = refund(42.0);
    let desk = Desk::default();
    let events = response_stream("call_1", name, &arguments);
    for length in 2..events.len() {
        let answers = responses(&desk, &events[..length]).await;
        assert_eq!(answers, pairs([("call_1", CUT)]), "{length}");
    }
    for (kind, status) in [
        ("response.incomplete", "incomplete"),
        ("response.failed", "failed"),
    ] {
        let mut events = events.clone();
        *events.last_mut().unwrap() = json!({
            "type": kind, "sequence_number": 99, "response": response(json!([]), status),
        });
        assert_eq!(
            responses(&desk, &events).await,
            pairs([("call_1", CUT)]),
            "{kind}"
        );
    }
    assert_eq!(desk.refunds(), 0);
}

#[tokio::test]
async fn a_call_whose_own_end_was_not_said_does_not_run() {
    let (name, arguments) = refund(42.0);
    let desk = Desk::default();
    let mut events = response_stream("call_1", name, &arguments);
    events.retain(|event| !event["type"].as_str().unwrap().ends_with(".done"));
    assert_eq!(responses(&desk, &events).await, pairs([("call_1", CUT)]));
    assert_eq!(desk.refunds(), 0);
}

#[tokio::test]
async fn events_of_two_items_at_one_place_run_nothing() {
    let (name, arguments) = refund(42.0);
    let desk = Desk::default();
    let mut events = response_stream("call_1", name, &arguments);
    let other = function_call("call_2", name, &arguments.to_string());
    let last = events.len() - 1;
    events.insert(last, json!({
        "type": "response.output_item.done", "sequence_number": 98, "output_index": 0, "item": other,
    }));
    let answers = responses(&desk, &events).await;
    assert!(
        answers[0].1.starts_with("Error: this is no function call"),
        "{answers:?}"
    );
    assert_eq!(desk.refunds(), 0);
}
