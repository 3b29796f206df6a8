package kitelogik.userpolicy

allow if count(input.args.names, 2, 3) == 1

allow if crypto.sha256(input.args.text) == "x"

deny contains "no" if http.send({"url": "http://example.com"}).status_code == 200

deny contains "no" if contians(input.args.text, "x")
