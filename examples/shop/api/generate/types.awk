# Writes the TypeScript declarations of the API: of what javascript.awk writes, and of the messages.

END {
    print "// Generated from shop.json; do not edit."
    print ""
    print "export declare const routes: {"
    for (i = 1; i <= routes; i++) print "  readonly " camel(route_name[i]) ": \"" route[i] "\";"
    print "};"
    print ""
    print "export declare const routesOf: {"
    for (s = 1; s <= services; s++) print "  readonly " service[s] ": readonly string[];"
    print "};"
    for (i = 1; i <= types; i++) print_type(type_name[i])
}

function print_type(type,    i) {
    print "\nexport interface " type " {"
    for (i = 1; i <= fields[type]; i++) print "  " field_name[type, i] ": " typescript_type(field_type[type, i]) ";"
    print "}"
}

function typescript_type(type) {
    if (is_list(type)) return typescript_type(item) "[]"
    if (type == "uuid") return "string"
    if (type == "int" || type == "cents") return "number"
    return type
}

function camel(name) {
    return tolower(substr(name, 1, 1)) substr(name, 2)
}
