# What this team's agents may do.
package kitelogik.userpolicy

import rego.v1

allow if input.action in {"approve_refund", "delete_customer"}
