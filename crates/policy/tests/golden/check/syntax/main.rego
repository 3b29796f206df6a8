package kitelogik.userpolicy

allow if {
	input.action ==
}
