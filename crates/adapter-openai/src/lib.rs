//! Governed tools for OpenAI function calling
