//! A policy gate before every tool call of an AI agent
