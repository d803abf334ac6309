# Reads the shop's API, for a second program that writes it in one language:
#
#   awk -f read.awk -f go.awk shop.json > api.gen.go
#
# It reads JSON whose values are strings and objects, which is all that shop.json has, and leaves
#
#   package                                          the name of the Go package
#   routes, route_name[i], route[i], route_service[i]    the routes, in order, and who answers them
#   services, service[i]                             the services, in order
#   types, type_name[i]                              the messages, in order
#   fields[type], field_name[type, n], field_type[type, n]

{ text = text $0 "\n" }

END {
    while (next_token()) take()
    if (depth != 0) fail("unbalanced braces")
}

# Cuts the next token off the text: a brace, a colon, a comma or a string without its quotes.
function next_token() {
    sub(/^[ \t\r\n]+/, "", text)
    if (text == "") return 0
    if (match(text, /^"[^"]*"/)) {
        kind = "string"
        token = substr(text, 2, RLENGTH - 2)
    } else if (match(text, /^[{}:,]/)) {
        kind = substr(text, 1, 1)
    } else fail("unexpected " substr(text, 1, 20))
    text = substr(text, RLENGTH + 1)
    return 1
}

# Keeps the path of keys that leads to the current place, and takes each string value found there.
function take() {
    if (kind == "{") { depth++; path[depth] = "" }
    else if (kind == "}") { depth--; path[depth] = "" }
    else if (kind == "string" && path[depth] == "") path[depth] = token
    else if (kind == "string") { value(token); path[depth] = "" }
}

function value(it) {
    if (depth == 1 && path[1] == "package") package = it
    else if (depth == 3 && path[1] == "routes") add_route(path[2], path[3], it)
    else if (depth == 3 && path[1] == "types") add_field(path[2], path[3], it)
    else fail("nothing is known of " path[1])
}

function add_route(owner, name, pattern) {
    if (service[services] != owner) service[++services] = owner
    route_name[++routes] = name
    route[routes] = pattern
    route_service[routes] = owner
}

function add_field(type, name, its_type,    n) {
    if (!(type in fields)) type_name[++types] = type
    n = ++fields[type]
    field_name[type, n] = name
    field_type[type, n] = its_type
}

# Returns whether a type is a list, and leaves the type of its items in `item`.
function is_list(type) {
    item = type
    return sub(/\[\]$/, "", item)
}

function pad(word, width) {
    while (length(word) < width) word = word " "
    return word
}

function fail(why) {
    print "shop.json: " why > "/dev/stderr"
    exit 1
}
