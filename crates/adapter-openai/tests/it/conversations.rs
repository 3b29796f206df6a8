//! Whole conversations over HTTP: the model asks for a call, and reads what became of it.

use async_openai::types::chat::{
    ChatCompletionRequestAssistantMessageArgs, ChatCompletionRequestMessage,
    ChatCompletionRequestUserMessage, CreateChatCompletionRequest, CreateChatCompletionRequestArgs,
};
use async_openai::types::responses::{
    CreateResponse, CreateResponseArgs, EasyInputMessage, InputItem, InputParam, OutputItem,
};
use futures_util::StreamExt;
use kitelogik::prelude::*;
use kitelogik_openai::{
    ChatCall, ChatGatherer, ChatTools, ResponsesCall, ResponsesGatherer, ResponsesTools,
};
use serde_json::{Value, json};

use crate::api::{
    Api, Reply, chat_answer, chat_call, chat_chunk, chat_stream, function_call, response,
    response_stream, said,
};
use crate::desk::{DENIED, Desk, ENGINE_DOWN, NEEDS_APPROVAL, REFUNDED, REFUSED, refund};

type Call = (&'static str, Value);

/// What the model reads after it asked for `call`, from what the server gets. The conversation goes
/// on to its end.
async fn chat(tools: &GovernedToolbox, (name, arguments): Call) -> String {
    let asks = json!({ "content": null, "tool_calls": [chat_call("call_1", name, &arguments)] });
    let api = Api::serve([
        Reply::Whole(chat_answer(asks, "tool_calls")),
        Reply::Whole(chat_answer(json!({ "content": "Done." }), "stop")),
    ])
    .await;
    let tools = ChatTools::new(tools);
    let client = api.client();
    let mut messages = vec![ChatCompletionRequestUserMessage::from("go").into()];
    let answer = client
        .chat()
        .create(chat_request(&tools, &messages))
        .await
        .unwrap();
    let calls = answer.choices[0].message.tool_calls.clone().unwrap();
    let assistant = ChatCompletionRequestAssistantMessageArgs::default()
        .tool_calls(calls)
        .build();
    messages.push(assistant.unwrap().into());
    messages.extend(tools.execute_all(ChatCall::in_response(&answer)).await);
    let last = client
        .chat()
        .create(chat_request(&tools, &messages))
        .await
        .unwrap();
    assert_eq!(last.choices[0].message.content.as_deref(), Some("Done."));
    read_in_chat(&api)
}

/// The same, streaming.
async fn chat_streaming(tools: &GovernedToolbox, (name, arguments): Call) -> String {
    let done = vec![
        chat_chunk(json!({ "role": "assistant", "content": "Do" }), None),
        chat_chunk(json!({ "content": "ne." }), None),
        chat_chunk(json!({}), Some("stop")),
    ];
    let asks = chat_stream("call_1", name, &arguments);
    let api = Api::serve([Reply::Stream(asks), Reply::Stream(done)]).await;
    let tools = ChatTools::new(tools);
    let mut messages = vec![ChatCompletionRequestUserMessage::from("go").into()];
    loop {
        let request = chat_request(&tools, &messages);
        let mut stream = api.client().chat().create_stream(request).await.unwrap();
        let mut gatherer = ChatGatherer::new();
        while let Some(chunk) = stream.next().await {
            gatherer.push(&chunk.unwrap());
        }
        let answer = gatherer.finish();
        if answer.calls.is_empty() {
            assert_eq!(answer.content, "Done.");
            return read_in_chat(&api);
        }
        messages.push(answer.message());
        messages.extend(tools.execute_all(answer.calls).await);
    }
}

fn chat_request(
    tools: &ChatTools,
    messages: &[ChatCompletionRequestMessage],
) -> CreateChatCompletionRequest {
    CreateChatCompletionRequestArgs::default()
        .model("m")
        .messages(messages)
        .tools(tools.tools())
        .build()
        .unwrap()
}

fn read_in_chat(api: &Api) -> String {
    let requests = api.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(
        requests[0]["tools"][0]["function"]["name"],
        "approve_refund"
    );
    let messages = requests[1]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 3);
    assert_eq!(messages[1]["tool_calls"][0]["id"], "call_1");
    assert_eq!(messages[2]["role"], "tool");
    assert_eq!(messages[2]["tool_call_id"], "call_1");
    messages[2]["content"].as_str().unwrap().to_owned()
}

/// The same with Responses.
async fn responses(tools: &GovernedToolbox, (name, arguments): Call) -> String {
    let asks = json!([function_call("call_1", name, &arguments.to_string())]);
    let api = Api::serve([
        Reply::Whole(response(asks, "completed")),
        Reply::Whole(response(json!([said("Done.")]), "completed")),
    ])
    .await;
    let tools = ResponsesTools::new(tools);
    let mut input = vec![InputItem::from(EasyInputMessage::from("go"))];
    loop {
        let request = response_request(&tools, &input);
        let answer = api.client().responses().create(request).await.unwrap();
        let calls = ResponsesCall::in_response(&answer);
        if calls.is_empty() {
            assert!(matches!(answer.output[0], OutputItem::Message(_)));
            return read_in_responses(&api);
        }
        input.extend(answer.output.into_iter().map(InputItem::from));
        input.extend(tools.execute_all(calls).await);
    }
}

/// The same, streaming.
async fn responses_streaming(tools: &GovernedToolbox, (name, arguments): Call) -> String {
    let done = json!({
        "type": "response.completed", "sequence_number": 0,
        "response": response(json!([said("Done.")]), "completed"),
    });
    let asks = response_stream("call_1", name, &arguments);
    let api = Api::serve([Reply::Stream(asks), Reply::Stream(vec![done])]).await;
    let tools = ResponsesTools::new(tools);
    let mut input = vec![InputItem::from(EasyInputMessage::from("go"))];
    loop {
        let request = response_request(&tools, &input);
        let mut stream = api
            .client()
            .responses()
            .create_stream(request)
            .await
            .unwrap();
        let mut gatherer = ResponsesGatherer::new();
        while let Some(event) = stream.next().await {
            let event = event.unwrap();
            gatherer.push(&event);
            if let async_openai::types::responses::ResponseStreamEvent::ResponseOutputItemDone(
                done,
            ) = event
            {
                input.push(done.item.into());
            }
        }
        let calls = gatherer.finish();
        if calls.is_empty() {
            return read_in_responses(&api);
        }
        input.extend(tools.execute_all(calls).await);
    }
}

fn response_request(tools: &ResponsesTools, input: &[InputItem]) -> CreateResponse {
    CreateResponseArgs::default()
        .model("m")
        .input(InputParam::Items(input.to_vec()))
        .tools(tools.tools())
        .build()
        .unwrap()
}

fn read_in_responses(api: &Api) -> String {
    let requests = api.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0]["tools"][0]["name"], "approve_refund");
    let input = requests[1]["input"].as_array().unwrap();
    assert_eq!(input.len(), 3);
    assert_eq!(input[1]["call_id"], "call_1");
    assert_eq!(input[2]["type"], "function_call_output");
    assert_eq!(input[2]["call_id"], "call_1");
    input[2]["output"].as_str().unwrap().to_owned()
}

/// What the model reads of `call` through each of the four.
async fn read(tools: &GovernedToolbox, call: Call, text: &str) {
    assert_eq!(chat(tools, call.clone()).await, text);
    assert_eq!(chat_streaming(tools, call.clone()).await, text);
    assert_eq!(responses(tools, call.clone()).await, text);
    assert_eq!(responses_streaming(tools, call).await, text);
}

#[tokio::test]
async fn an_allowed_call_runs_and_the_model_reads_its_result() {
    let desk = Desk::default();
    read(&desk.governed(), refund(42.0), REFUNDED).await;
    assert_eq!(desk.refunds(), 4);
}

#[tokio::test]
async fn a_denied_call_does_not_run_and_the_conversation_goes_on() {
    let desk = Desk::default();
    read(&desk.governed(), refund(5000.0), DENIED).await;
    assert_eq!(desk.refunds(), 0);
}

#[tokio::test]
async fn a_call_that_needs_approval_does_not_run_without_it() {
    let desk = Desk::default();
    read(&desk.governed(), refund(150.0), NEEDS_APPROVAL).await;
    assert_eq!(desk.refunds(), 0);
}

#[tokio::test]
async fn a_refused_call_may_be_tried_otherwise() {
    let call = ("delete_customer", json!({ "customer_id": "cust_001" }));
    read(&Desk::default().governed(), call, REFUSED).await;
}

#[tokio::test]
async fn nothing_runs_while_the_engine_is_down() {
    let desk = Desk::default();
    read(&desk.without_engine(), refund(42.0), ENGINE_DOWN).await;
    assert_eq!(desk.refunds(), 0);
}
