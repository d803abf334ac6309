# Writes the JavaScript side of the API: the routes, by name and by the service that answers them.
# types.awk writes its types.

END {
    print "// Generated from shop.json; do not edit."
    print ""
    print "export const routes = {"
    for (i = 1; i <= routes; i++) print "  " camel(route_name[i]) ": \"" route[i] "\","
    print "};"
    print ""
    print "export const routesOf = {"
    for (s = 1; s <= services; s++) {
        print "  " service[s] ": ["
        for (i = 1; i <= routes; i++) if (route_service[i] == service[s]) print "    \"" route[i] "\","
        print "  ],"
    }
    print "};"
}

function camel(name) {
    return tolower(substr(name, 1, 1)) substr(name, 2)
}
