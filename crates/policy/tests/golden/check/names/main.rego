package kitelogik.userpolicy

allow if input.event_type == "tool_cal"

allow if {
	input.action == "get_customer"
	"read" in input.scopes
	input.context.user_rol == "support"
}

allow if input.amount < 5

denied contains "no" if input.action == "delete_customer"

require_hitl if input.action == "approve_refund"

helper if input.action == "x"
