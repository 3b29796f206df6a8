# What no call may do, whoever asks: `deny` holds a sentence for each rule that fired, `rules` their names.
# Nothing in this package allows anything.
#
# What is judged
#
# * `input.resource_path` in every way: as a path, as a URL, and as a bare host (`127.0.0.1:80/x`).
# * Every string in `input.args`, at any depth, keys included:
#   - as a URL if it starts with `//`, with `scheme://`, or with a web scheme (`http:`), whatever follows;
#   - as a path if it starts as one (`/`, `\`, `~`, `./`, `../`, `C:\`), or is one word that holds a slash, a backslash, a
#     percent sign or a dot (`.env`, `keys/server.pem`);
#   - as words otherwise. They are refused where they climb out of where they start (`a b/../../x`) or where one line ends
#     in a sensitive file below a directory (`My Files/.env`). Prose that merely mentions a path is neither, nor is a
#     single plain word (`credentials`): an argument that is a path by its nature belongs into `resource_path`.
#   Names that are mostly something else in an argument (`hub.docker.com`, `menu.key`, `php:8.2-fpm`, `user/credentials`)
#   count there only where they stand as they do in a path or URL.
#   Of a string longer than `max_resource_length` the beginning is judged, runs of blanks and of `./` taken as one; a URL
#   is refused whose host does not end within that length.
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

texts contains folded(argument) if {
	some argument in arguments
	count(argument) <= limits.max_resource_length
}

texts contains folded(substring(condensed(argument), 0, limits.max_resource_length)) if {
	some argument in arguments
	count(argument) > limits.max_resource_length
}

# A long text, without what would only push its end out of sight.
condensed(argument) := text if {
	text := regex.replace(substring(argument, 0, 4 * limits.max_resource_length), padding, "${1}${2}${3}")
	count(text) > limits.max_resource_length
}

else := regex.replace(argument, padding, "${1}${2}${3}")

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
	regex.match(
		`^(?:[a-z][a-z0-9+.-]+:)+@?[/\\][/\\]|^(?:[a-z][a-z0-9+.-]+:)*(?:https?|wss?|ftps?):`,
		one_line(text),
	)
}

else := "path" if {
	regex.match(`^[^ \t\r\n]*(?:[/\\.]|%(?:2[ef5]|5c|00|c[01]|e0|f0|u))[^ \t\r\n]*$`, text)
}

else := "scheme" if regex.match("^[a-z][a-z0-9+.-]+:[^ ]", one_line(text))

else := "path" if text == resource

# --- What words must not be ---

# Words with spaces are a path to whoever takes them for one. They leave where they start only by climbing twice in a
# row (`a b/../../x`), so they are refused for that alone; not for a relative path in quotes or brackets, nor above the
# last line: code is full of both.
findings contains name if {
	count(arguments) > 0
	some name in findings_in_words
}

findings_in_words contains "path_traversal" if {
	some argument in arguments
	regex.match(`\.(?:\.|[^\x00-\x7f])|%2[eE]|[\x{2024}-\x{2026}\x{3002}\x{fe52}\x{ff0e}\x{ff61}]`, argument)
	regex.match(dots_and_slash, argument)
	climbs(decoded(trim(unified(last_lines(argument)), " \t\r\n")))
}

dots_and_slash := concat("", [
	`(?:\.|%2[eE]|[\x{2024}-\x{2026}\x{3002}\x{fe52}\x{ff0e}\x{ff61}])[`, invisible_characters, `. ]*`,
	`(?:[.\x{2024}-\x{2026}\x{3002}\x{fe52}\x{ff0e}\x{ff61}`, invisible_characters, ` ]|%2[eE])*`,
	`(?:[/\\;\x{2044}\x{2215}\x{2216}\x{29f5}\x{29f8}\x{fe68}\x{ff0f}\x{ff1b}\x{ff3c}]|%2[fF]|%5[cC]|%3[bB]|$)`,
])

# Of several lines the last two: whether a text begins with its last line matters.
last_lines(text) := concat("\n", array.slice(lines_of, max([0, count(lines_of) - 2]), count(lines_of))) if {
	lines_of := split(trim(text, blanks), "\n")
}

blanks := " \t\r\n\u000b\u000c\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

climbs(text) if {
	regex.match(climb, text)
	regex.match(climb, regex.replace(text, quoted_reference, ""))
}

climb := `(?:^|/) *\.[. ]*\.[. ]*(?:;[^/\r\n]*)?/+(?:\.? */+)* *\.[. ]*\.[. ]*(?:;[^/\r\n]*)?(?:/[^\r\n]*)?$`

quoted_reference := `["'\x60(<\[=](?:\.\.?/+)+[^"'\x60()<>\[\]\r\n]*["'\x60)>\]]`

findings_in_words contains "sensitive_file" if {
	some tail in tails
	some part in split_parts(tail)
	sensitive_tail(tail, part)
}

sensitive_tail(_, part) if {
	startswith(part, ".")
	part in limits.sensitive_names
	not part in ambiguous_names
}

sensitive_tail(tail, part) if {
	part in ambiguous_names
	revealing(concat("", ["x", tail]))
}

sensitive_tail(_, part) if strings.any_prefix_match(part, limits.sensitive_prefixes)

# Where one line of words ends as a path does (`My Files/.env`), what follows the first slash of its last word.
tails contains decoded(regex.replace(text, `^(?:.*[ \t])?[^/\\%]*`, "")) if {
	some text in texts
	not kinds[text]
	regex.match(`[ \t][^ \t\r\n/\\%]*(?:[/\\]|%(?:2f|5c))[^ \t\r\n]*[^ \t\r\n.,;:!?)]$`, text)
	not regex.match(`[\r\n]|://[^ \t]*$`, text)
}

# --- What they must not be ---

findings_in_texts contains "path_traversal" if {
	some path in paths
	contains(path, "..")
	regex.match(`(^|[/:;]) *(\.[. ]*\.[. ]*[/:;]|\.\. *$)`, path)
}

# A name counts with whatever follows it: `.env` is a part of `file.env.bak`, `id_rsa` of `id_rsa.old`.
findings_in_texts contains "sensitive_file" if {
	some part in named_parts
	not part in ambiguous_names
}

findings_in_texts contains "sensitive_file" if {
	some part in named_parts
	part in ambiguous_names
	some path in paths
	part in split_parts(path)
	revealing(path)
}

findings_in_texts contains "sensitive_file" if {
	strings.any_prefix_match(parts, limits.sensitive_prefixes)
}

named_parts contains part if {
	some part in parts
	part in limits.sensitive_names
}

# Names that in an argument are as often part of a host, a property or a phrase (`hub.docker.com`, `menu.key`,
# `user/credentials`). A resource is a path, and they count anywhere in it.
ambiguous_names := {
	".ssh", ".aws", ".azure", ".kube", ".gnupg", ".docker", ".gcloud",
	".key", ".secret", "credentials",
}

revealing(path) if path in resource_paths

revealing(path) if {
	regex.match(
		concat("|", [
			`(?:^|[/:;~#]) *\.(?:ssh|aws|azure|kube|gnupg|docker|gcloud) *(?:[./:;~#]|$)`,
			`/.*\.(?:key|secret)(?:\.(?:bak|old|orig|save|tmp|[0-9]+))?(?:[ ./~#;]|:.*)*$`,
			`(?:^|[/:;~#]) *credentials\.(?:json|csv|ya?ml|xml|ini|toml|txt|conf|cfg|db|enc|bak|old|plist|properties)`,
			`^(?:(?:[/~.]|[a-z]:).*)?/credentials *(?:[./:;~#].*)?$`,
		]),
		path,
	)
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
	opens(text, scheme)
}

# An argument may be a name that begins like such a URL (`php:8.2-fpm`, `File:Example.jpg`).
opens(text, _) if text == resource

opens(text, _) if {
	regex.match(`^(?:[a-z][a-z0-9+.-]+:)+[/\\%]|^view-source:|^jar:[a-z][a-z0-9+.-]+:`, one_line(text))
}

opens(text, scheme) if {
	scheme in {"file", "jar", "netdoc"}
	regex.match(`[/\\%]`, text)
}

findings_in_texts contains "internal_host" if {
	some host in hosts
	internal_host(host)
}

findings_in_texts contains "internal_host" if {
	some name in network_names
	regex.match(`^[a-z0-9_\x{80}-\x{10ffff}-]{1,63}$`, name)
	not unreadable_host(name)
}

findings_in_texts contains "unreadable" if {
	some host in hosts
	not regex.match(`^[a-z0-9._-]+$`, host)
	unreadable_host(host)
}

findings_in_texts contains "unreadable" if {
	some path in paths
	not path in plain_paths
	regex.match(`[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|%[0-9a-f][0-9a-f]`, path)
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
	text := condensed(argument)
	count(text) > limits.max_resource_length
	beginning := folded(substring(text, 0, limits.max_resource_length))
	names_host(beginning, kinds[beginning])
	regex.replace(one_line(beginning), `^(?:[a-z][a-z0-9+.-]+:)*[/\\@]*[^/]*`, "") == ""
	unending(beginning, argument)
}

# A name ends with a space; a user's, in which a space may stand, ends with an `@`.
unending(beginning, _) if not contains(beginning, " ")

unending(_, argument) if regex.match(`^[^/\\]*[/\\]*[^/]*(?:[@\x{ff20}\x{fe6b}]|%40)`, argument)

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

paths contains path if some path in resource_paths

# Whatever names a resource is a path, or holds one: a URL's without its host and its query.
resource_paths contains path if {
	kinds[resource] == "url"
	path := decoded(regex.replace(location(resource), `^(?:[a-z][a-z0-9+-]+:)+//[^/?#]*|[?#].*$`, ""))
}

resource_paths contains decoded(resource) if kinds[resource] != "url"

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

authorities contains authority_of(line) if some line in lines

# URLs and what may be one, as readers of URLs see them.
lines contains one_line(text) if {
	some text, kind in kinds
	names_host(text, kind)
}

names_host(_, kind) if kind == "url"

names_host(text, kind) if {
	kind == "place"
	startswith(location(text), "//")
}

authority_of(line) := regex.replace(line, `^(?:[a-z][a-z0-9+.-]+:)*[/\\@]*([^/]*).*$`, "${1}")

# Readers disagree on where a host ends (`http://a\@b`, `http://a#@b`), so every candidate is judged.
hosts contains host if {
	some authority in authorities
	some candidate in candidates(authority)
	host := bare(candidate)
	host != ""
}

candidates(authority) := [authority] if {
	regex.match(`^(?:(?:[a-z0-9_-]+\.)+[a-z0-9_-]+|\[[0-9a-f:.]+\])(?::[0-9]*)?$`, authority)
}

else := regex.split(`[@?#/\\ ;,()]`, regex.replace(named(authority), `[?#;,(][^@?#;,()/\\ ]*[=&][^@?#;,()/\\ ]*`, ""))

# Without a query, a fragment or words that no reader takes for a host, and without the keys that some schemes write before one.
named(authority) := regex.replace(
	regex.replace(decoded(authority), `[?#][^@]*$|([^ ]) [^@]*$`, "${1}"),
	`(^|[?#;,(])(?:server|servername|host|hostname|address)=`, "${1}",
)

# Oracle's URLs have their host behind an `@`, with slashes or without.
hosts contains host if some host in oracle_hosts

network_names contains host if some host in oracle_hosts

oracle_hosts contains host if {
	some text, _ in kinds
	startswith(text, "jdbc:oracle:")
	host := regex.replace(one_line(text), `^.*@[/\\]*([^/\\:;,?]*).*$`, "${1}")
	not startswith(host, "jdbc:")
	host != ""
}

# The hosts that a URL names in the readers' several ways, where its scheme leads into a network. Only a machine's own
# network knows a name without a dot.
network_names contains bare(candidate) if {
	some line in lines
	not regex.match(`^[a-z]+://(?:(?:[a-z0-9_-]+\.)+[a-z0-9_-]+|\[[0-9a-f:.]+\])(?::[0-9]*)?(?:/.*)?$`, line)
	regex.match(network_scheme, line)
	some candidate in network_candidates(named(authority_of(line)))
}

network_candidates(authority) := array.concat(
	regex.split(`[;,]`, regex.replace(regex.replace(authority, `[/\\?# ].*$`, ""), `^.*@`, "")),
	[regex.replace(regex.replace(authority, `^.*@`, ""), `[/\\?# ;,].*$`, "")],
)

network_scheme := concat("", [
	`^(?:[a-z0-9.-]+[:+])*(?:git|svn|(?:https?|wss?|ftps?|sftp|ssh|scp|rsync|telnet|tcp|udp|tls|ssl|grpcs?|h2c?|jdbc|odbc`,
	`|rediss?|valkeys?|memcached?|mongodb|postgres|postgresql|mysqlx?|mariadb|sqlserver|mssql|oracle|db2|cockroachdb`,
	`|clickhouse|cassandra|couchbases?|neo4j|bolt|amqps?|mqtts?|kafka|nats|stomp|pulsar|zookeeper|zk|etcd|consul|vault`,
	`|elasticsearch|opensearch|influxdb|imaps?|pop3s?|smtps?|sip|sips|rtsp|rtmp|rdp|vnc|coaps?|snmp|webdavs?|davs?|iscsi`,
	`|winrm|socks[45]?h?)(?:\+[a-z0-9.-]+)?):`,
])

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

# Readers strip white space and control characters from both ends, people put texts into quotes.
folded(text) := trim(lower(text), edges) if regex.match(`^[\x00-\x7f]*$`, text)

else := trim(unified(text), edges)

edges := " \"'`<>\u007f\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\u0008\u0009\u000a\u000b\u000c\u000d\u000e\u000f\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f"

# Engines lower `İ` differently, so it is folded first.
unified(text) := lower(text) if regex.match(`^[\x00-\x7f]*$`, text)

else := strings.replace_n(
	data.kitelogik.lookalikes,
	lower(replace(regex.replace(regex.replace(text, invisible, ""), blank, " "), "İ", "i")),
)

invisible := concat("", [`[`, invisible_characters, `]`])

blank := concat("", [`[`, blank_characters, `]`])

# Without width, or of no look of their own: joiners, marks of direction, fillers, variation selectors, tags.
invisible_characters := concat("", [
	`\x{ad}\x{34f}\x{61c}\x{115f}\x{1160}\x{17b4}\x{17b5}\x{180b}-\x{180f}\x{200b}-\x{200f}\x{202a}-\x{202e}`,
	`\x{2060}-\x{206f}\x{3164}\x{fe00}-\x{fe0f}\x{feff}\x{ffa0}\x{fff0}-\x{fffb}\x{1bca0}-\x{1bca3}`,
	`\x{1d173}-\x{1d17a}\x{e0000}-\x{e0fff}`,
])

blank_characters := `\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{2800}\x{3000}`

# What stands before a text, and runs of blanks, of slashes and of `./`.
padding := concat("", [
	`^["'\x60<>`, padding_characters, `]+|([/\\]{2})(?:\.?[/\\])+|([/\\])\.[/\\](?:\.?[/\\])*`,
	`|([`, padding_characters, `])[`, padding_characters, `]+`,
])

padding_characters := concat("", [`\x00-\x20\x7f`, invisible_characters, blank_characters])

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
