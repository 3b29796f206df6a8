# A role's tools. A role that is not listed has none.
package kitelogik.userpolicy

tools := {
	"support_agent": {"get_customer", "list_transactions", "send_notification"},
	"billing_agent": {"get_customer", "list_transactions", "approve_refund"},
	"research_agent": {"search", "fetch_page"},
}

# Tools that a listed role has, but not without a person's approval.
approved := {"approve_refund"}

allow if listed

hitl contains "this tool needs a person's approval" if {
	listed
	input.tool_name in approved
}

deny contains "this role does not have this tool" if {
	calls_a_tool
	not listed
}

risk_tiers contains "TRANSACTIONAL_HIGH" if input.tool_name in approved

rules contains "tool_allowlist" if {
	calls_a_tool
	not listed
}

# By the tool's name, so that no two tools share an entry because they share an action. A step of a plan names its tool as
# well.
listed if input.tool_name in tools[input.context.user_role]

calls_a_tool if object.get(input, "event_type", "tool_call") == "tool_call"
