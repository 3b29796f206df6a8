# The built-in rules deny code outside of a verified sandbox already; these say what may run within it.
package kitelogik.userpolicy

languages := {"python", "javascript", "sql"}

max_seconds := 30

allow if {
	input.action == "execute_code"
	input.context.sandbox_verified == true
	input.args.language in languages
	bounded
}

hitl contains "code with network access needs a person's approval" if {
	input.action == "execute_code"
	not offline
}

deny contains "this language is not run here" if {
	input.action == "execute_code"
	not known_language
}

deny contains "code needs a time limit of at most 30 seconds" if {
	input.action == "execute_code"
	not bounded
}

deny contains "a shell is not given to an agent" if input.action in {"execute_shell", "run_command", "bash", "shell"}

risk_tiers contains "TRANSACTIONAL_HIGH" if input.action == "execute_code"

rules contains "execute_code" if input.action == "execute_code"

known_language if input.args.language in languages

bounded if {
	is_number(input.args.timeout_seconds)
	input.args.timeout_seconds > 0
	input.args.timeout_seconds <= max_seconds
}

# Whatever is not clearly off counts as on.
offline if object.get(input.args, "network", false) == false
