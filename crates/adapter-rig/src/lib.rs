//! Governed tools for rig agents
