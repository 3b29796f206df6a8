package kitelogik.userpolicy

deny contains "x" { true }
