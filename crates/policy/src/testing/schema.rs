//! The format of decision tables as a JSON Schema, for editors.

use kitelogik_core::RiskTier;
use serde_json::{Value, json};

use super::table::VERDICTS;

/// The JSON Schema (draft 2020-12) of a decision table, so that editors complete and check it.
pub fn json_schema() -> Value {
    let verdicts: Vec<&str> = VERDICTS.iter().map(|(name, _)| *name).collect();
    let tiers: Vec<&str> = RiskTier::ALL.iter().map(|tier| tier.as_str()).collect();
    let texts = json!([
        { "$ref": "#/$defs/text" },
        { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/text" } },
    ]);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Kite Logik decision table",
        "description": "Events, and what a policy shall say about each of them.",
        "type": "object",
        "required": ["tests"],
        "additionalProperties": false,
        "properties": {
            "version": { "description": "The version of this format.", "const": 1 },
            "input": {
                "description": "What the inputs of all tests have in common; a test's own goes over it, key by key.",
                "$ref": "#/$defs/input",
            },
            "tests": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/test" } },
        },
        "$defs": {
            "text": { "type": "string", "pattern": "\\S" },
            "test": {
                "type": "object",
                "required": ["name", "verdict"],
                "additionalProperties": false,
                "properties": {
                    "name": { "description": "What it proves; unique within the file.", "$ref": "#/$defs/text" },
                    "input": { "$ref": "#/$defs/input" },
                    "verdict": {
                        "description": "What the policy shall say; `hitl` is another name for `require_approval`.",
                        "enum": verdicts,
                    },
                    "reason": { "description": "The reason, or one of several.", "anyOf": texts },
                    "rule": { "description": "A rule that fired, or several that all did.", "anyOf": texts },
                    "risk_tier": { "description": "The tier of the decision.", "enum": tiers },
                },
            },
            "input": input(),
        },
    })
}

/// An event, as far as a schema for editors needs it: unknown keys are the slip to catch.
fn input() -> Value {
    let text = json!({ "type": ["string", "null"] });
    let number = json!({ "type": ["number", "null"] });
    json!({
        "description": "The event that is judged; what is left out takes its default.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "event_type": { "enum": ["tool_call", "agent.spawn", "agent.delegate", "agent.plan", "agent.budget"] },
            "action": text,
            "tool_name": text,
            "args": { "type": "object" },
            "resource_path": text,
            "data_classification": text,
            "session_id": text,
            "requested_capabilities": { "type": "array", "items": { "type": "string" } },
            "delegation_target": text,
            "steps": { "type": "array" },
            "context": {
                "description": "Who asks.",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "session_id": text,
                    "principal": text,
                    "user_role": text,
                    "session_scopes": { "type": "array", "items": { "type": "string" } },
                    "sandbox_verified": { "type": "boolean" },
                    "token_id": text,
                    "delegation_depth": {},
                    "parent_token_id": text,
                    "parent_session_id": text,
                    "tenant_id": text,
                    "budget_total_tokens": number,
                    "budget_used_tokens": number,
                    "budget_total_api_calls": number,
                    "budget_used_api_calls": number,
                    "budget_total_cost_cents": number,
                    "budget_used_cost_cents": number,
                },
            },
        },
    })
}
