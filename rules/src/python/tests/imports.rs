//! Holds the scanner against Python's `ast`: on files of its standard library and of the packages that are
//! installed, and on snippets that are made to be nasty.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::python;
use crate::python::scan::scan;

/// Prints, for each file below the library and for each snippet of the input, what `ast` sees; `null` if it sees an
/// error, as in files that test the parser, and for words that the parser changes to their normal form.
const SCRIPT: &str = r#"
import ast, json, os, sys, sysconfig
def imports(source):
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.append([0, alias.name, []])
        elif isinstance(node, ast.ImportFrom):
            found.append([node.level, node.module or "", [alias.name for alias in node.names]])
    return sorted(found)
for snippet in json.load(sys.stdin):
    print(json.dumps([None, imports(snippet.encode())]))
paths = set()
for place in [sysconfig.get_path("stdlib"), *sys.path[1:]]:
    for top, dirs, files in os.walk(place):
        paths.update(os.path.join(top, file) for file in files if file.endswith(".py"))
paths = sorted(filter(os.path.isfile, paths))
# All of them agree, but take minutes.
for path in paths[::max(1, len(paths) // 1500)]:
    with open(path, "rb") as stream:
        print(json.dumps([path, imports(stream.read())]))
"#;

#[derive(Deserialize)]
struct Seen(Option<String>, Option<Vec<(usize, String, Vec<String>)>>);

const NASTY: &[&str] = &[
    "import a\n",
    "import a.b.c as d, e as f,g\n",
    "import a;import b ; from c import d;\n",
    "import\\\n a\\\n.b\n",
    "from\\\n a import\\\n b\n",
    "from.import a\nfrom.a import b\nfrom...import(a,b)\nfrom . . a import b\nfrom ...a.b import*\n",
    "from a import (b)\nfrom a import (\n # c\n b as c, # d\n\n d\n ,)\nimport e\n",
    "if a: import b\nelif c: from d import e\nelse: import f\n",
    "class A: import b\nfor i in x: import c\nwith a as b: import c\n",
    "try: import a\nexcept B: import c\nfinally: import d\n",
    "def f(a={'x': 1}, *, b: int = 3) -> {1: 2}: import c\n",
    "async def f():\n\tasync with a: import b\n\tawait c\n",
    "match x:\n  case {'a': b}: import c\n  case [_]:\n    import d\n",
    "x: int = 3; import a\n",
    "lambda x: y\nx[1:2]; import a\n",
    "if x := 3: import a\n",
    "raise A from b\nraise A(\n) \\\n  from b\n",
    "def f():\n  yield from a\n  x = yield \\\n    from b\n",
    "x = (\nimported\n)\nimport_ = 1\nfrom_ = 2\nimporter.x\n",
    "'import a'\n\"import b\"\n'''\nimport c\n'''\n\"\"\"\nimport d\n\"\"\"\nimport e\n",
    "'\\'\\\nimport a'\nimport b\n'\\\\'; import c\n",
    "r'\\'; import a'\nrb'\\\\'; import b\nRb'''\\'''';import c'''\nBR\"x\"; import d\n",
    "x = 'a' 'b' \"c\"\"d\"; import e\n",
    "''''a'''; import b\n'''a\\''''; import c\n''; import d\n\"\"; import e\n",
    "u'import a'; import b\nf''; import c\nF'''\nimport d\n{x}\n'''; import e\n",
    "f'{a}'; import b\nf'{a!r:>{b}}'; import c\nf'{{'; import d\nf'}}{{{a}}}'; import e\n",
    "f'{a[\"b\"]:\"^10}'; import c\nf\"{x:'>3}\"; import d\nf'{a:%H:%M}'; import e\n",
    "f'{(lambda x: \"}\")(1)}'; import a\nf'{ {1: 2}[1] }'; import b\n",
    "f'\\N{DASH}'; import a\nfr'\\{x}'; import b\nf'\\{x}'; import c\nrf'\\N{x}'; import d\n",
    "f'''{\n\"a\"\n}'''; import b\nf'''{'a' 'b'}'''; import c\n",
    "f'{f\"{x}\"}'; import a\nf\"\"\"{f'''{f'{f\"{1}\"}'}'''}\"\"\"; import b\n",
    "f'{x:{\"}\"}}'; import a\nf'{x:{y}{z}}'; import b\nf'{x!r}'; import c\nf'{x==y}'; import d\n",
    "f'{x=}'; import a\nf'{x:=^10}'; import b\nf'{x,}'; import c\nf'{\"#\"}'; import d\n",
    "1if a else 2; import b\n0x1f'a'if x else y\nimport c\n",
    "if'a': import b\nx = not'a'or'b'; import c\nprint(f'x'if y else'z'); import d\n",
    "# import a\nimport b # import c\n#\\\nimport d\n",
    "x = [ # (\n 'import a', ( # '\n) ]\nimport b\n",
    "@a.b(c)\nclass D(E): pass\nimport f\n",
    "global a; import b\nfrom __future__ import annotations\n",
    "\u{feff}import a\n",
    "\u{c}import a\n\u{c}\n  \u{c}import b\n",
    "import a\r\nfrom b import (\r\n c,\r\n d)\r\nimport\\\r\n e\r\n",
    "import a\rimport b\r# import c\rimport d\r'''\rimport e\r'''\r",
    "import é.ü\nfrom ñ import ö\nx = 'é'; import a\n",
    "# -*- coding: latin-1 -*-\nx = 'a'\nimport b\n",
    "type = 1\nprint = import_\nmatch = 2\nlazy = 3\nlazy; import a\nlazy\nimport b\n",
    "f'{x[\"a\"]}' f\"{y['b']}\"; import a\nf'{x}' '{'; import b\n",
    "f'{f\"{x:{y}}\"!r:{z}}'; import a\n",
    "f\"{x!r:}}\"\nimport a\n",
    "def f(): import a; return (\n b)\nimport c",
    "import a if",
    "",
];

/// Compares one file; both sides are sorted, since `ast` walks by depth.
fn check(name: &str, source: &[u8], want: Vec<(usize, String, Vec<String>)>) -> Duration {
    let before = Instant::now();
    let imports = scan(source);
    let took = before.elapsed();
    let mut got: Vec<_> = imports.into_iter().map(|import| (import.level, import.module, import.names)).collect();
    got.sort();
    assert_eq!(got, want, "{name}");
    took
}

#[test]
fn imports_are_those_that_ast_sees() {
    let Some(printed) = python(SCRIPT, &serde_json::to_string(NASTY).unwrap()) else { return };
    let seen: Vec<Seen> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (mut files, mut refused, mut took) = (0, 0, Duration::ZERO);
    for (at, Seen(path, want)) in seen.into_iter().enumerate() {
        let Some(want) = want else {
            refused += 1;
            continue;
        };
        match &path {
            None => drop(check(NASTY[at], NASTY[at].as_bytes(), want)),
            Some(path) => {
                files += 1;
                took += check(path, &std::fs::read(Path::new(path)).unwrap(), want);
            }
        }
    }
    eprintln!("{files} files, {refused} refused by ast, {:?} a file", took / files.max(1));
    assert!(files > 500, "{files} files");
    assert!(refused < files / 20, "{refused} files are refused by ast");
}
