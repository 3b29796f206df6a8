# Compiled from python_code_execution_restrictions.yaml by Kite Logik: change the rules there, not here.
package kitelogik.userpolicy

# block_shell_and_eval
yaml_fired contains {
	"name": "block_shell_and_eval",
	"then": "deny",
	"reason": "Direct shell and eval access is never permitted for agents",
} if {
	input.action in {"run_shell_command", "execute_shell", "eval_code", "spawn_process"}
}

# block_network_egress
yaml_fired contains {
	"name": "block_network_egress",
	"then": "deny",
	"reason": "Raw network egress is blocked; use an allowlisted tool",
} if {
	input.action in {"http_request", "open_socket", "send_email"}
}

# allow_sandboxed_execution
yaml_fired contains {
	"name": "allow_sandboxed_execution",
	"then": "allow",
} if {
	input.action == "execute_code"
	"sandboxed_execution" in input.context.session_scopes
}

# allow_workspace_writes
yaml_fired contains {
	"name": "allow_workspace_writes",
	"then": "allow",
} if {
	input.action == "write_file"
	yaml_python_code_execution_restrictions_holds(input.args.path, "/workspace/")
}

# block_writes_outside_workspace
yaml_fired contains {
	"name": "block_writes_outside_workspace",
	"then": "deny",
	"reason": "File writes are restricted to /workspace/",
} if {
	input.action == "write_file"
	not yaml_python_code_execution_restrictions_holds(object.get(input, ["args", "path"], null), "/workspace/")
}

# The answer: what the rules that fired say.

allow if {
	some rule in yaml_fired
	rule.then == "allow"
}

deny contains rule.reason if {
	some rule in yaml_fired
	rule.then == "deny"
}

rules contains rule.name if some rule in yaml_fired

# The actions that rules name, for what `otherwise` says here or in another file.
yaml_action_named if input.action in {
	"eval_code",
	"execute_code",
	"execute_shell",
	"http_request",
	"open_socket",
	"run_shell_command",
	"send_email",
	"spawn_process",
	"write_file",
}

# What is known of a value. Each is true only of a value that it can judge, so that a rule that must be certain says
# `yaml_python_code_execution_restrictions_at_most(v, 100)`, and one that must not be evaded `not yaml_python_code_execution_restrictions_at_most(v, 100)`.

# A text with this part, or an array with this member.
yaml_python_code_execution_restrictions_holds(value, part) if {
	is_string(value)
	is_string(part)
	contains(value, part)
}

yaml_python_code_execution_restrictions_holds(value, part) if {
	is_array(value)
	part in value
}
