# The decision document: what all rules say of the event (`kitelogik.judgement`), and for a plan what they say of each of its
# steps as well (`kitelogik.agent_plan`).
package kitelogik.main

allow := data.kitelogik.agent_plan.allow if plan

else := data.kitelogik.judgement.allow

deny := data.kitelogik.agent_plan.deny if plan

else := data.kitelogik.judgement.deny

deny_reason := data.kitelogik.agent_plan.deny_reason if plan

else := data.kitelogik.judgement.deny_reason

requires_hitl := data.kitelogik.agent_plan.requires_hitl if plan

else := data.kitelogik.judgement.requires_hitl

hitl_reason := data.kitelogik.agent_plan.hitl_reason if plan

else := data.kitelogik.judgement.hitl_reason

risk_tier := data.kitelogik.agent_plan.risk_tier if plan

else := data.kitelogik.judgement.risk_tier

rules := data.kitelogik.agent_plan.rules if plan

else := data.kitelogik.judgement.rules

plan if input.event_type == "agent.plan"
