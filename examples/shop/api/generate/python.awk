# Writes the Python side of the API: constants for routes, data classes for messages.

END {
    print "\"\"\"The routes and messages of the shop. Generated from shop.json; do not edit.\"\"\""
    print ""
    print "from __future__ import annotations"
    print ""
    print "from dataclasses import dataclass"
    print "from uuid import UUID"
    print ""
    for (i = 1; i <= routes; i++) print "ROUTE_" constant(route_name[i]) " = \"" route[i] "\""
    for (i = 1; i <= types; i++) print_type(type_name[i])
}

function print_type(type,    i) {
    print "\n"
    print "@dataclass(frozen=True)"
    print "class " type ":"
    for (i = 1; i <= fields[type]; i++) print "    " field_name[type, i] ": " python_type(field_type[type, i])
}

function python_type(type) {
    if (is_list(type)) return "list[" python_type(item) "]"
    if (type == "string") return "str"
    if (type == "uuid") return "UUID"
    if (type == "cents") return "int"
    return type
}

# Returns the name of a constant: CartItems is CART_ITEMS.
function constant(name,    result) {
    while (match(substr(name, 2), /[A-Z]/)) {
        result = result substr(name, 1, RSTART) "_"
        name = substr(name, RSTART + 1)
    }
    return toupper(result name)
}
