# Writes the Go side of the API, as gofmt would: constants for routes, structs for messages.

END {
    print "// Code generated from shop.json; DO NOT EDIT."
    print ""
    print "package " package
    if (needs_uuid()) print "\nimport \"github.com/google/uuid\""
    print_routes()
    for (i = 1; i <= types; i++) print_type(type_name[i])
}

function needs_uuid(    i, n) {
    for (i = 1; i <= types; i++)
        for (n = 1; n <= fields[type_name[i]]; n++)
            if (field_type[type_name[i], n] ~ /^uuid/) return 1
    return 0
}

function print_routes(    i, width) {
    for (i = 1; i <= routes; i++) if (length(route_name[i]) > width) width = length(route_name[i])
    print "\n// The routes of the shop, as patterns."
    print "const ("
    for (i = 1; i <= routes; i++) print "\tRoute" pad(route_name[i], width) " = \"" route[i] "\""
    print ")"
}

function print_type(type,    i, name, its_type, name_width, type_width) {
    for (i = 1; i <= fields[type]; i++) {
        name[i] = go_name(field_name[type, i])
        its_type[i] = go_type(field_type[type, i])
        if (length(name[i]) > name_width) name_width = length(name[i])
        if (length(its_type[i]) > type_width) type_width = length(its_type[i])
    }
    print "\n// " type " travels as JSON."
    print "type " type " struct {"
    for (i = 1; i <= fields[type]; i++)
        print "\t" pad(name[i], name_width) " " pad(its_type[i], type_width) " `json:\"" field_name[type, i] "\"`"
    print "}"
}

function go_type(type) {
    if (is_list(type)) return "[]" go_type(item)
    if (type == "uuid") return "uuid.UUID"
    if (type == "cents") return "int64"
    return type
}

# Returns the Go name of a JSON field: product_id is ProductID.
function go_name(name,    parts, count, i, word, result) {
    count = split(name, parts, "_")
    for (i = 1; i <= count; i++) {
        word = parts[i]
        result = result (word == "id" ? "ID" : toupper(substr(word, 1, 1)) substr(word, 2))
    }
    return result
}
