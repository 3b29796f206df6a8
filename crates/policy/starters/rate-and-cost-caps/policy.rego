# The built-in rules deny a call once its session has used its budget up. These ask for a budget in the first place, and for
# a person before the end of the money. The session counts its calls itself; the host tells it tokens and money.
package kitelogik.userpolicy

actions := {"search", "summarise", "generate_image"}

# What one call of these may ask for.
max_images := 4

allow if input.action in actions

deny contains "this session has no budget of calls" if {
	calls_a_tool
	not capped("budget_total_api_calls")
}

deny contains "this session has no budget of money" if {
	calls_a_tool
	not capped("budget_total_cost_cents")
}

deny contains "at most 4 images at a time" if {
	input.action == "generate_image"
	not few_images
}

hitl contains "four fifths of the money are spent: a person decides" if {
	calls_a_tool
	is_number(input.context.budget_used_cost_cents)
	is_number(input.context.budget_total_cost_cents)
	input.context.budget_used_cost_cents * 5 >= input.context.budget_total_cost_cents * 4
}

risk_tiers contains "TRANSACTIONAL_LOW" if input.action == "generate_image"

rules contains "caps" if {
	calls_a_tool
	input.action in actions
}

capped(name) if is_number(input.context[name])

few_images if {
	is_number(input.args.count)
	input.args.count >= 1
	input.args.count <= max_images
}

calls_a_tool if object.get(input, "event_type", "tool_call") == "tool_call"
