package kitelogik.userpolicy_test

import data.kitelogik.main

handler := {"session_scopes": ["handle_pii"]}

test_personal_data_needs_the_scope if {
	main.allow == true with input as call("get_customer", {"customer_id": "cust_001"}, handler)
	main.deny == {"reading personal data needs the scope `handle_pii`"} with input as call("get_customer", {}, {})
}

test_numbers_of_documents_and_cards_do_not_leave if {
	texts := [
		"123-45-6789", "her number is 123-45-6789.", "4111 1111 1111 1111", "4111-1111-1111-1111", "4111111111111111",
	]
	every text in texts {
		main.deny == {"the arguments hold an identity or card number"} with input as call("send_email", {"body": text}, {})
		main.deny == {"the arguments hold an identity or card number"} with input as call("send_email", {"parts": [{"x": text}]}, {})
		main.deny == {"the arguments hold an identity or card number"} with input as call("send_email", {"parts": {text: 1}}, {})
	}
	main.deny == {"the arguments hold an identity or card number"} with input as call("send_email", {"card": 4111111111111111}, {})
}

test_other_numbers_do if {
	every text in ["order 12345", "2026-11-24", "call 555-1234", "1 2 3"] {
		main.allow == true with input as call("send_email", {"body": text}, {})
		main.requires_hitl == false with input as call("send_email", {"body": text}, {})
	}
}

test_an_address_is_for_a_person if {
	main.requires_hitl == true with input as call("post_message", {"text": "write to jo.doe@example.com"}, {})
}

test_an_export_is_for_a_person if {
	main.requires_hitl == true with input as call("export_customers", {}, handler)
}

call(action, args, context) := {
	"event_type": "tool_call", "action": action, "tool_name": action, "args": args, "resource_path": null,
	"context": object.union(
		{
			"session_id": "example_01", "user_role": "", "session_scopes": [], "sandbox_verified": false,
			"delegation_depth": 0,
		},
		context,
	),
}
