use kitelogik::toolbox::SchemaFormat;
use kitelogik_openai::{ChatTools, ResponsesTools};
use serde_json::json;

use crate::desk::Desk;

#[tokio::test]
async fn the_typed_definitions_are_those_of_the_toolbox() {
    let tools = Desk::default().governed();
    assert_eq!(
        json!(ChatTools::new(&tools).tools()),
        tools.toolbox().definitions(SchemaFormat::OpenaiChat)
    );
    assert_eq!(
        json!(ResponsesTools::new(&tools).tools()),
        tools.toolbox().definitions(SchemaFormat::OpenaiResponses)
    );
}

#[tokio::test]
async fn strict_is_always_sent() {
    let tools = Desk::default().governed();
    for tool in json!(ChatTools::new(&tools).tools()).as_array().unwrap() {
        assert_eq!(tool["function"]["strict"], true);
    }
    for tool in json!(ResponsesTools::new(&tools).tools())
        .as_array()
        .unwrap()
    {
        assert_eq!(tool["strict"], true);
    }
}
