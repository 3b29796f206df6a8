# Spellings of paths and hosts are in `conformance/security.yaml`; here is what a table of strings cannot say.
package kitelogik.security_test

import data.kitelogik.security

test_a_plain_call_is_not_denied if count(security.deny) == 0 with input as call({})

test_a_missing_event_type_is_a_tool_call if {
	security.rules == {"security.sensitive_file"} with input as object.remove(
		call({"resource_path": ".env"}),
		["event_type"],
	)
}

test_a_resource_that_is_no_text_is_denied if {
	every resource in [42, true, ["x"], {"path": "x"}] {
		security.rules == {"security.unreadable"} with input as call({"resource_path": resource})
	}
}

test_a_sandbox_counts_only_as_true if {
	every sandbox in ["true", 1, null, [], false] {
		security.rules == {"security.unsandboxed_execution"} with input as call({
			"action": "execute_shell",
			"context": {"session_id": "example_01", "sandbox_verified": sandbox},
		})
	}
}

test_a_sandbox_that_nobody_speaks_of_does_not_count if {
	security.rules == {"security.unsandboxed_execution"} with input as {"action": "execute_shell"}
}

test_a_tool_that_runs_code_needs_a_sandbox_without_an_action_too if {
	security.rules == {"security.unsandboxed_execution"} with input as {"tool_name": "execute_shell"}
}

test_a_verified_sandbox_counts if {
	count(security.deny) == 0 with input as call({
		"action": "execute_shell",
		"context": {"session_id": "example_01", "sandbox_verified": true},
	})
}

test_a_tool_that_runs_code_cannot_hide_behind_an_action if {
	security.rules == {"security.unsandboxed_execution"} with input as call({"tool_name": "Execute_Shell"})
}

test_another_session_is_denied_whatever_its_type if {
	every session in ["other", 42, true, ["example_01"], {}, "", false] {
		security.rules == {"security.other_session"} with input as call({"args": {"session_id": session}})
	}
}

test_a_session_is_another_where_the_context_names_none if {
	security.rules == {"security.other_session"} with input as {"args": {"session_id": "example_01"}}
}

test_ones_own_session_is_not_denied if {
	count(security.deny) == 0 with input as call({"args": {"session_id": "example_01"}})
	count(security.deny) == 0 with input as call({"args": {"session_id": null}})
}

test_without_limits_everything_is_denied if {
	security.deny["the security limits are not loaded"] with input as call({}) with data.kitelogik.limits as {}
}

test_arguments_of_any_shape_are_judged if {
	every args in ["http://127.0.0.1", ["http://127.0.0.1"], {"a": {"b": ["http://127.0.0.1"]}}, {"http://127.0.0.1": 1}] {
		security.rules == {"security.internal_host"} with input as call({"args": args})
	}
}

test_a_letter_that_engines_lower_differently_hides_nothing if {
	security.rules == {"security.internal_host"} with input as call({"args": {"url": "htİtp://127.0.0.1"}})
}

test_each_kind_of_text_is_found_where_it_stands if {
	found := {
		"gopher://example.com/x": "security.url_scheme",
		"jar:file:x": "security.url_scheme",
		"http://user@[::1]:80/": "security.internal_host",
		"http://0x7f.1/": "security.internal_host",
		"http://10.0.0.1/": "security.internal_host",
		"http://localhost./": "security.internal_host",
		"//127.0.0.1/share": "security.internal_host",
		"http://a%01/": "security.unreadable",
		"http://\u2460\u2461\u2466.0.0.1/": "security.internal_host",
		"http://a:b:c/": "security.unreadable",
		"http://\u1d2c.example/": "security.unreadable",
		"a/%c0%ae/b": "security.unreadable",
		"a/%01/b": "security.unreadable",
		"../x": "security.path_traversal",
		"/etc/hosts": "security.system_path",
		"./x/id_rsa.old": "security.sensitive_file",
		"C:\\windows\\x": "security.system_path",
	}
	every text, rule in found {
		security.rules[rule] with input as call({"args": {"x": text}})
	}
}

test_an_argument_of_words_is_found_where_it_may_be_a_path if {
	found := {
		"a b/../../x": "security.path_traversal",
		"a b/.env": "security.sensitive_file",
		"a b/.ssh/x": "security.sensitive_file",
		"a b/id_rsa": "security.sensitive_file",
	}
	every text, rule in found {
		security.rules == {rule} with input as call({"args": {"x": text}})
	}
	every text in ["See ../x.", "import x from '../../../x'", "../x\nis it", "a b/passwd", "Look at https://example.com/.env"] {
		not security.rules["security.sensitive_file"] with input as call({"args": {"x": text}})
	}
	count(security.deny) == 0 with input as call({"args": {"x": "import x from '../../../x'"}})
}

test_an_ambiguous_name_counts_where_it_is_a_file if {
	every text in ["hub.docker.com", "menu.key", "user/credentials", "php:8.2-fpm", "file:report.pdf"] {
		count(security.deny) == 0 with input as call({"args": {"x": text}})
		count(security.deny) == 1 with input as call({"resource_path": text})
	}
	every text in ["~/.docker/config.json", "a/b.key", "credentials.json", "/a/credentials"] {
		security.rules == {"security.sensitive_file"} with input as call({"args": {"x": text}})
	}
	every text in ["file:a/b", "jar:file:x", "view-source:x", "php:/x"] {
		security.rules == {"security.url_scheme"} with input as call({"args": {"x": text}})
	}
}

test_a_name_without_a_dot_is_internal_in_a_network if {
	every text in ["http://vault:8200/", "http://a@vault/", "http://vault\\@example.com", "mongodb://example.com,db/x"] {
		security.rules == {"security.internal_host"} with input as call({"args": {"x": text}})
	}
	every text in ["notes://today", "http://example.com:80/", "https://example.com?v=1.2", "// a comment"] {
		count(security.deny) == 0 with input as call({"args": {"x": text}})
	}
}

test_padding_hides_nothing if {
	padding := concat("", [" " | some _ in numbers.range(1, 5000)])
	security.rules == {"security.internal_host"} with input as call({"args": {"x": concat("", [padding, "http://127.0.0.1"])}})
	every beginning in ["http://a", "http://a b"] {
		text := concat("", [beginning, replace(padding, " ", "c"), "@127.0.0.1/"])
		security.rules["security.unreadable"] with input as call({"args": {"x": text}})
	}
	text := concat("", ["http://example.com/", replace(padding, " ", "c")])
	count(security.deny) == 0 with input as call({"args": {"x": text}})
}

test_a_resource_is_a_host_a_path_or_both if {
	every resource in ["localhost:80/x", "metadata.internal", "10.0.0.1"] {
		security.rules == {"security.internal_host"} with input as call({"resource_path": resource})
	}
	every resource in ["https://example.com/a/.env", "s3:x/.env", "credentials"] {
		security.rules == {"security.sensitive_file"} with input as call({"resource_path": resource})
	}
	every resource in ["a%2", "a%20b/x.txt"] {
		count(security.deny) == 0 with input as call({"resource_path": resource})
	}
}

test_every_finding_has_a_sentence if {
	count(security.deny) == count(security.findings) with input as call({
		"action": "execute_shell",
		"resource_path": "file:///etc/../.env",
		"args": {"session_id": "other", "url": "http://127.0.0.1"},
	})
}

call(given) := object.union(
	{
		"event_type": "tool_call", "action": "read_file", "tool_name": "read_file", "args": {},
		"resource_path": null, "context": {"session_id": "example_01", "sandbox_verified": false},
	},
	given,
)
