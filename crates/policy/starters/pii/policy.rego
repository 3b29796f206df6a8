# Personal data, by tool and by what stands in the arguments.
package kitelogik.userpolicy

# Tools that read personal data.
readers := {"get_customer", "export_customers", "search_people"}

# Tools through which data leaves the organisation.
outbound := {"send_email", "post_message", "upload_file"}

allow if {
	input.action in readers
	"handle_pii" in input.context.session_scopes
}

allow if input.action in outbound

deny contains "reading personal data needs the scope `handle_pii`" if {
	input.action in readers
	not scoped
}

deny contains "the arguments hold an identity or card number" if {
	some text in texts
	regex.match(identity_number, text)
}

hitl contains "sending an e-mail address out needs a person's approval" if {
	input.action in outbound
	some text in texts
	regex.match(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`, text)
}

hitl contains "exporting customers needs a person's approval" if input.action == "export_customers"

risk_tiers contains "TRANSACTIONAL_HIGH" if input.action in outbound

rules contains "pii_reader" if input.action in readers

scoped if "handle_pii" in input.context.session_scopes

# A US social security number, or 13 to 19 digits in groups as cards have them; a number among the arguments counts as its
# digits.
identity_number := `(?:^|[^0-9])(?:[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9](?:[ -]?[0-9]){12,18})(?:[^0-9]|$)`

texts contains text if {
	walk({"args": input.args}, [path, value])
	some found in [value, path[count(path) - 1]]
	text := as_text(found)
}

as_text(found) := found if is_string(found)

else := json.marshal(found) if is_number(found)
