# What no call may do, whoever asks: `deny` holds a sentence for each rule that fired, `rules` their names.
# Nothing in this package allows anything.
#
# What is judged
#
# * `input.resource_path` in every way: as a path, as a URL, and as a bare host (`127.0.0.1:80/x`).
# * Every string in `input.args`, at any depth, keys included:
#   - as a URL if it starts with `//`, with `scheme://`, or with a web scheme (`http:`), whatever follows;
#   - as a path if it starts as one (`/`, `\`, `~`, `./`, `../`, `C:\`), or is one word that holds a slash, a backslash, a
#     percent sign or a dot (`.env`, `keys/server.pem`). Prose that merely mentions a path is neither, nor is a single plain
#     word (`credentials`); an argument that is a path by its nature belongs into `resource_path`.
#   Of a string longer than `max_resource_length` the beginning is judged; a URL without a space in that length is refused.
#
# How it is read
#
# Lower-cased; full-width and look-alike dots, slashes, digits and letters folded; invisible characters dropped;
# percent-encoding taken off once; backslashes turned. What is still encoded then, or is no text at all (overlong
# UTF-8, encoded look-alikes, control characters), is refused rather than guessed at.
#
# Every list is data (`data.kitelogik.limits.security`), lower case, that a team extends and cannot shorten.
# The interpreter evaluates every rule it passes, so what needs a path or a URL stands behind `kinds`. A reference into
# `data` costs it more than one to a rule of this package, so each is made once, and by its full path: an import would be
# evaluated as a whole.
#
# Regular expressions use ASCII classes only: `\d`, `\s` and `\w` mean different things to different engines.
package kitelogik.security

deny contains sentences[name] if some name in findings

rules contains concat("", ["security.", name]) if some name in findings

sentences := {
	"internal_host": "access to an internal network address is blocked",
	"limits": "the security limits are not loaded",
	"other_session": "access to another session's data is blocked",
	"path_traversal": "path traversal is blocked",
	"protected_path": "access to the policy or to its records is blocked",
	"sensitive_file": "access to a sensitive file is blocked",
	"system_path": "access to a system path is blocked",
	"unreadable": "a path or URL is written in a form that cannot be checked",
	"unsandboxed_execution": "running code outside a verified sandbox is blocked",
	"url_scheme": "this kind of URL is blocked",
}

# Without the lists every rule below would be silent.
findings contains "limits" if not limits.max_resource_length

limits := data.kitelogik.limits.security

findings contains "unsandboxed_execution" if {
	some name in {object.get(input, "action", null), object.get(input, "tool_name", null)}
	is_string(name)
	lower(name) in limits.execution_actions
	not input.context.sandbox_verified == true
}

# `null` is no session; any other value that is not this session's id is another's, whatever its type.
findings contains "other_session" if {
	input.args.session_id != null
	not input.args.session_id == input.context.session_id
}

findings contains "unreadable" if {
	input.resource_path != null
	not readable_resource
}

findings contains name if {
	count(kinds) > 0
	some name in findings_in_texts
}

# --- What is judged ---

resource := folded(input.resource_path) if is_string(input.resource_path)

# What each text is: a "place" starts as a path does, a "path" may be one, a "url" names a host.
kinds[text] := kind if {
	some text in texts
	kind := kind_of(text)
}

texts contains resource

texts contains folded(text) if {
	some argument in arguments
	text := substring(argument, 0, limits.max_resource_length)
}

# Most calls carry nothing that could be a path or a URL: one look at their JSON tells.
# Arguments are walked within an object, so that each has a key.
arguments contains argument if {
	regex.match(`[/\\%]|\.[A-Za-z._~-]|[A-Za-z0-9]:|[^\x00-\x7f]`, json.marshal(input.args))
	walk({"args": input.args}, [path, value])
	some argument in [value, path[count(path) - 1]]
	is_string(argument)
	regex.match(`[/\\%.:]|[^\x00-\x7f]`, argument)
}

kind_of(text) := "place" if regex.match(`^(?:[/\\~]|\.\.?[/\\]|[a-z]:[/\\])`, text)

else := "url" if {
	contains(text, ":")
	regex.match(`^(?:[a-z][a-z0-9+.-]+:)+[/\\][/\\]|^(?:[a-z][a-z0-9+.-]+:)*(?:https?|wss?|ftps?):`, one_line(text))
}

else := "path" if {
	regex.match(`^[^ \t\r\n]*(?:[/\\.]|%(?:2[ef5]|5c|00|c[01]|e0|f0|u))[^ \t\r\n]*$`, text)
}

else := "scheme" if regex.match("^[a-z][a-z0-9+.-]+:[^ ]", one_line(text))

else := "path" if text == resource

# --- What they must not be ---

findings_in_texts contains "path_traversal" if {
	some path in paths
	contains(path, "..")
	regex.match(`(^|[/:;]) *(\.[. ]*\.[. ]*[/:;]|\.\. *$)`, path)
}

# A name counts with whatever follows it: `.env` is a part of `file.env.bak`, `id_rsa` of `id_rsa.old`.
findings_in_texts contains "sensitive_file" if {
	some part in parts
	part in limits.sensitive_names
}

findings_in_texts contains "sensitive_file" if {
	strings.any_prefix_match(parts, limits.sensitive_prefixes)
}

parts contains part if {
	some path in paths
	some part in split_parts(path)
}

split_parts(path) := split(replace(path, ".", "/."), "/") if path in plain_paths

else := regex.split(` *[/:;~#]+`, replace(path, ".", "/."))

# Most paths are written without anything that needs a closer look; telling so once saves many expressions.
plain_paths contains path if {
	some path in paths
	regex.match(`^[a-z0-9_./-]*$`, path)
}

findings_in_texts contains "system_path" if {
	strings.any_prefix_match(places, limits.system_paths)
}

findings_in_texts contains "protected_path" if {
	strings.any_prefix_match(places, limits.protected_paths)
}

findings_in_texts contains "url_scheme" if {
	some text, _ in kinds
	contains(text, ":")
	schemes := regex.find_n(`^[a-z][a-z0-9+.-]+:(?:(?:[a-z][a-z0-9+.-]+:)+|[^ ])`, one_line(text), 1)[0]
	some scheme in regex.split(`[:+]`, schemes)
	scheme in limits.blocked_schemes
}

findings_in_texts contains "internal_host" if {
	some host in hosts
	internal_host(host)
}

findings_in_texts contains "unreadable" if {
	some host in hosts
	not regex.match(`^[a-z0-9._-]+$`, host)
	unreadable_host(host)
}

findings_in_texts contains "unreadable" if {
	some path in paths
	not path in plain_paths
	regex.match(`[\x00-\x08\x0e-\x1f\x7f]|%[0-9a-f][0-9a-f]`, path)
}

findings_in_texts contains "unreadable" if {
	some text, kind in kinds
	contains(text, "%")
	kind != "url"
	regex.match(misleading_encoding, text)
}

findings_in_texts contains "unreadable" if {
	some authority in authorities
	contains(authority, "%")
	regex.match(misleading_encoding, authority)
}

findings_in_texts contains "unreadable" if {
	some argument in arguments
	count(argument) > limits.max_resource_length
	beginning := folded(substring(argument, 0, limits.max_resource_length))
	kinds[beginning] in {"url", "place"}
	regex.match(`^(?:[a-z][a-z0-9+.-]+:)*[/\\][/\\]|^(?:[a-z][a-z0-9+.-]*:)*(?:https?|wss?|ftps?):`, beginning)
	not contains(beginning, " ")
}

readable_resource if {
	is_string(input.resource_path)
	count(input.resource_path) <= limits.max_resource_length
	regex.match(`^[^\x00-\x1f\x7f%]*$`, input.resource_path)
}

else if {
	is_string(input.resource_path)
	count(input.resource_path) <= limits.max_resource_length
	not regex.match(`[\x00-\x1f\x7f]`, input.resource_path)
	readable_encoding(lower(input.resource_path))
}

readable_encoding(text) if {
	not regex.match(`^[^?#]*%(?:[01][0-9a-f]|7f)`, text)
	not regex.match(`%[89a-f][0-9a-f]`, regex.replace(text, encoded_character, "x"))
	not regex.match(misleading_encoding, regex.replace(text, `[?#].*$`, ""))
}

# --- Paths ---

# As they are compared: decoded, slashes turned.
paths contains decoded(text) if {
	some text, kind in kinds
	kind in {"path", "place"}
}

# Whatever names a resource is a path, or holds one: a URL's without its host and its query.
paths contains path if {
	kinds[resource] == "url"
	path := decoded(regex.replace(location(resource), `^(?:[a-z][a-z0-9+-]+:)+//[^/?#]*|[?#].*$`, ""))
}

paths contains decoded(resource) if {
	kinds[resource] == "scheme"
}

# Where a path leads on this machine, in one spelling, with a slash at its end.
places contains place if {
	some text, kind in kinds
	kind in {"path", "place"}
	place := placed(decoded(text))
}

placed(path) := concat("", [path, "/"]) if {
	path in plain_paths
	not contains(path, "./")
	not contains(path, "//")
}

else := concat("", [regex.replace(rooted(path), `[. ]*/(?:[. ]*/)*`, "/"), "/"])

rooted(path) := regex.replace(path, `^(?:\./+)+`, "") if startswith(path, "./")

else := regex.replace(path, `^(?://[?.]/+)?/?[a-z]:/*`, "/")

# --- Hosts of URLs ---

authorities contains authority_of(text) if {
	some text, kind in kinds
	kind == "url"
}

authorities contains authority_of(text) if {
	some text, kind in kinds
	kind == "place"
	startswith(location(text), "//")
}

authority_of(text) := regex.replace(one_line(text), `^(?:[a-z][a-z0-9+.-]+:)*[/\\]*([^/]*).*$`, "${1}")

# Readers disagree on where a host ends (`http://a\@b`, `http://a#@b`), so every candidate is judged.
hosts contains host if {
	some authority in authorities
	some candidate in regex.split(`[@?#/\\ ]`, decoded(authority))
	host := bare(candidate)
	host != ""
}

# A resource may be a host without a scheme: an address, `localhost`, or a name that only a machine's own network knows.
hosts contains bare(candidate) if {
	kinds[resource] in {"path", "scheme"}
	candidate := regex.replace(decoded(resource), `^([^/?#@]*@)?([^/?#]*).*$`, "${2}")
	regex.match(
		`^(?:\[[0-9a-f:.]+\]|[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|(?:[a-z0-9_-]+\.)*(?:localhost|internal))\.*(?::[0-9]*)?$`,
		candidate,
	)
}

# A host without port, brackets, zone and final dots.
bare(candidate) := candidate if regex.match(`^[a-z0-9._-]*[a-z0-9_-]$`, candidate)

else := regex.replace(candidate, `^\[([0-9a-f:.]+)(?:%[^\]]*)?\].*$`, "${1}") if startswith(candidate, "[")

else := regex.replace(candidate, `%.*$`, "") if strings.count(candidate, ":") > 1

else := trim_right(regex.replace(candidate, `:.*$`, ""), ".")

# --- Hosts ---

internal_host(host) if strings.any_suffix_match(concat("", [".", host]), limits.blocked_hosts)

# `2130706433`, `0177.0.0.1`, `0x7f.1`, `127.1`: whoever writes an address in such a way hides it.
internal_host(host) if {
	regex.match(`(^|\.)(0x[0-9a-f]*|[0-9]+)$`, host)
	internal_address(host)
}

internal_address(host) if not ipv4(host)

internal_address(host) if {
	ipv4(host)
	some network in limits.blocked_cidrs
	not contains(network, ":")
	net.cidr_contains(network, host)
}

# An IPv4 address within an IPv6 one is covered by the networks of such forms, as a whole: `::ffff:0:0/96`, 6to4, NAT64.
internal_host(host) if {
	contains(host, ":")
	ipv6(host)
	some network in limits.blocked_cidrs
	contains(network, ":")
	net.cidr_contains(network, host)
}

ipv4(host) if {
	regex.match(`^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.|$)){4}$`, host)
	not endswith(host, ".")
}

ipv6(host) if net.cidr_is_valid(concat("", [host, "/128"]))

unreadable_host(host) if regex.match(`[\x00-\x20%\[\]\x7f]`, host)

unreadable_host(host) if {
	contains(host, ":")
	not ipv6(host)
}

# Letters and digits that a resolver folds to others (circled, superscript, mathematical, ligatures).
unreadable_host(host) if {
	regex.match(`[^\x00-\x7f]`, host)
	regex.match(foldable, host)
}

foldable := concat("", [
	`[\x{a0}-\x{bf}\x{132}\x{133}\x{13f}\x{140}\x{149}\x{17f}\x{1c4}-\x{1cc}\x{1f1}-\x{1f3}\x{2b0}-\x{2b8}\x{2e0}-\x{2e4}`,
	`\x{1d2c}-\x{1d6a}\x{2000}-\x{24ff}\x{3000}-\x{3004}\x{3200}-\x{33ff}\x{fb00}-\x{fb06}\x{fe00}-\x{fe6f}\x{feff}-\x{ffef}`,
	`\x{1d400}-\x{1d7ff}\x{1f100}-\x{1f1ff}\x{e0000}-\x{e0fff}]`,
])

# --- How it is read ---

# Engines lower `İ` differently, so it is folded first.
folded(text) := trim(lower(text), " \t\r\n\"'`<>") if regex.match(`^[\x00-\x7f]*$`, text)

else := trim(strings.replace_n(data.kitelogik.lookalikes, lower(replace(text, "İ", "i"))), " \t\r\n\"'`<>")

# Readers of URLs drop these.
one_line(text) := regex.replace(text, `[\t\r\n]`, "")

location(text) := replace(text, "\\", "/")

# One layer of percent-encoding taken off, through JSON's own escapes: no decoder of queries is involved, which would
# turn `+` and `&` into something else.
decoded(text) := replace(text, "\\", "/") if not contains(text, "%")

else := trim(replace(lower(json.unmarshal(escaped)), "\\", "/"), " ") if {
	escaped := regex.replace(
		json.marshal(regex.replace(text, encoded_character, "x")),
		`%([0-7][0-9a-f])`, `\u00${1}`,
	)
}

# One character beyond ASCII, as UTF-8 encodes it and percent-encoding writes it.
encoded_character := concat("|", [
	`%(?:c[2-9a-f]|d[0-9a-f])%[89ab][0-9a-f]`,
	`%e0%[ab][0-9a-f]%[89ab][0-9a-f]`,
	`%e[1-9a-f]%[89ab][0-9a-f]%[89ab][0-9a-f]`,
	`%f0%[9ab][0-9a-f]%[89ab][0-9a-f]%[89ab][0-9a-f]`,
	`%f[1-3]%[89ab][0-9a-f]%[89ab][0-9a-f]%[89ab][0-9a-f]`,
	`%f4%8[0-9a-f]%[89ab][0-9a-f]%[89ab][0-9a-f]`,
])

# Overlong UTF-8, `%u002e`, and the encoded forms of what `lookalikes` folds.
misleading_encoding := concat("|", [
	`%c[01]%|%e0%[89]|%f0%8|%u[0-9a-f][0-9a-f][0-9a-f][0-9a-f]`,
	`%c2%ad|%e2%80%(?:8[b-f]|a[4-6])|%e2%81%(?:84|a0)|%e2%88%95|%e2%a7%b[58]`,
	`%e3%80%82|%ef%b9%(?:92|a8)|%ef%bb%bf|%ef%b[cd]%`,
])
