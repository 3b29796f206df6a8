package kitelogik.user_policy

deny contains "never asked" if input.action == "delete_customer"
