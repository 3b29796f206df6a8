# Actions that read are allowed; any other is denied, also one that nobody thought of when this was written.
package kitelogik.userpolicy

reading := {
	"read_file", "list_directory", "search", "get_customer", "list_transactions", "query_memory", "get_status",
}

allow if input.action in reading

deny contains "this agent only reads" if {
	calls_a_tool
	not reads
}

risk_tiers contains "INFORMATIONAL" if input.action in reading

rules contains "read_only" if {
	calls_a_tool
	not reads
}

reads if input.action in reading

calls_a_tool if object.get(input, "event_type", "tool_call") == "tool_call"
