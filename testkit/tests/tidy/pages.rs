//! How a page of the source has to look: docs, sizes, signatures, unsafe blocks, paths, codes.

use std::collections::BTreeSet;

use crate::source::Source;

/// The folders and files that speak to the kernel, and may do so with `unsafe`.
const KERNEL: &[&str] = &["exec/src/sandbox/kernel"];

/// The most lines of a function.
const FUNCTION_LINES: usize = 60;

/// The lines of a file that are aimed at, allowed in what ships, and allowed in tests.
const FILE_LINES: (usize, usize, usize) = (400, 500, 800);

/// A file that is longer than the aim.
pub struct Size {
    /// The file and its length.
    pub place: String,
    /// Whether it is over the limit, too.
    pub over: bool,
}

/// Returns the file if it is longer than the aim.
pub fn size_above_aim(source: &Source) -> Option<Size> {
    let (aim, limit, tests) = FILE_LINES;
    let lines = source.shipping().count();
    let limit = if source.is_test() { tests } else { limit };
    (lines > aim).then(|| Size { place: format!("{} ({lines} lines)", source.path), over: lines > limit })
}

/// Returns each public item without a doc comment.
pub fn undocumented(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.shipping().map(|(_, line)| line).collect();
    let silent = |at: &usize| is_public_item(lines[*at]) && !is_documented(&lines[..*at]);
    (0..lines.len()).filter(silent).map(|at| source.at(at + 1)).collect()
}

fn is_public_item(line: &str) -> bool {
    let Some(mut rest) = line.trim_start().strip_prefix("pub ") else { return false };
    while let Some(shorter) = ["async ", "unsafe ", "extern \"C\" "].iter().find_map(|word| rest.strip_prefix(word)) {
        rest = shorter;
    }
    ["fn ", "struct ", "enum ", "trait ", "type ", "const ", "static ", "union "]
        .iter()
        .any(|word| rest.starts_with(word))
}

/// Returns whether the lines above an item end with a doc comment, its attributes left out.
fn is_documented(above: &[&str]) -> bool {
    let mut inside_attribute = false;
    for line in above.iter().rev().map(|line| line.trim()) {
        // `#[$doc]` is how a macro hands a doc comment on.
        if line.starts_with("///") || line.starts_with("#[doc") || line.contains("#[$doc]") {
            return true;
        }
        inside_attribute |= line.ends_with(")]");
        if line.starts_with("#[") {
            inside_attribute = false;
        } else if !inside_attribute {
            return false;
        }
    }
    false
}

/// Returns each `expect` attribute that gives no reason.
pub fn expected_without_reason(source: &Source) -> Vec<String> {
    let lines: Vec<(usize, &str)> = source.code().collect();
    let opens = |code: &str| code.contains("#[expect(") || code.contains("#![expect(");
    let reasonless = |at: &usize| {
        let attribute: Vec<&str> = lines[*at..].iter().map(|(_, code)| *code).take(8).collect();
        let attribute = attribute.join(" ");
        opens(lines[*at].1) && !attribute.split(")]").next().unwrap_or_default().contains("reason")
    };
    (0..lines.len()).filter(reasonless).map(|at| source.at(lines[at].0)).collect()
}

/// Returns whether a file may be unsafe.
pub fn may_be_unsafe(path: &str) -> bool {
    KERNEL.iter().any(|place| path.strip_prefix(place).is_some_and(|rest| rest == ".rs" || rest.starts_with('/')))
}

/// Returns whether a line of code is unsafe.
pub fn is_unsafe(code: &str) -> bool {
    ["unsafe {", "unsafe fn ", "unsafe impl ", "unsafe extern "].iter().any(|word| code.contains(word))
}

/// Returns each unsafe block that is not under a `SAFETY:` line.
pub fn unsafe_without_safety(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.shipping().map(|(_, line)| line).collect();
    let explained = |at: usize| lines[at.saturating_sub(6)..=at].iter().any(|line| line.contains("SAFETY:"));
    let is_block = |at: &usize| lines[*at].split("//").next().unwrap_or_default().contains("unsafe {");
    (0..lines.len()).filter(is_block).filter(|at| !explained(*at)).map(|at| source.at(at + 1)).collect()
}

/// Returns each function that is too long.
pub fn long_functions(source: &Source) -> Vec<String> {
    let place = |function: Function| {
        let lines = function.last - function.first + 1;
        (lines > FUNCTION_LINES).then(|| format!("{} {} ({lines} lines)", source.at(function.first), function.name))
    };
    functions(source).into_iter().filter_map(place).collect()
}

/// Returns each function with a parameter of type `bool`, but for conversions (`from_bit`), where a boolean ends.
pub fn boolean_parameters(source: &Source) -> Vec<String> {
    let takes_bool = |function: &Function| {
        let parameters = function.signature.split("->").next().unwrap_or_default();
        [": bool,", ": bool)"].iter().any(|it| parameters.contains(it))
    };
    functions(source)
        .iter()
        .filter(|it| it.name != "from_bit" && takes_bool(it))
        .map(|it| format!("{} {}", source.at(it.first), it.name))
        .collect()
}

struct Function {
    name: String,
    signature: String,
    first: usize,
    last: usize,
}

/// Returns the functions of a file: from `fn` to the closing brace with the same indentation.
fn functions(source: &Source) -> Vec<Function> {
    let lines: Vec<(usize, &str)> = source.code().collect();
    (0..lines.len()).filter_map(|at| function(&lines[at..])).collect()
}

fn function(lines: &[(usize, &str)]) -> Option<Function> {
    let (first, opening) = lines[0];
    let name = function_name(opening)?;
    let ends = |line: &str| line.trim_end().ends_with('{') || line.trim_end().ends_with('}') || line.contains(';');
    let body = lines.iter().position(|(_, line)| ends(line))?;
    let signature = lines[..=body].iter().map(|(_, line)| line.trim()).collect::<Vec<_>>().join(" ");
    let closing = format!("{}}}", &opening[..opening.len() - opening.trim_start().len()]);
    let is_open = lines[body].1.trim_end().ends_with('{');
    let length = if is_open { lines.iter().position(|(_, line)| line.trim_end() == closing)? } else { body };
    Some(Function { name, signature, first, last: first + length })
}

fn function_name(line: &str) -> Option<String> {
    let (before, after) = line.split_once("fn ")?;
    let is_word = |word: &str| word.chars().all(|c| c.is_alphanumeric() || "_()\"".contains(c));
    let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (before.split_whitespace().all(is_word) && !name.is_empty()).then_some(name)
}

/// Returns each line that holds an absolute path of one machine.
pub fn machine_paths(source: &Source) -> Vec<String> {
    // In two parts, so that this page does not find itself.
    let homes = ["root", "work", "home"].map(|folder| format!("/{folder}{}", '/'));
    let begins = |line: &str, at: usize| line[..at].chars().next_back().is_none_or(|c| " \t\"'`(=:[,<".contains(c));
    let goes_on = |line: &str, end: usize| line[end..].starts_with(|c: char| c.is_alphanumeric() || c == '.');
    let names = |line: &str| {
        homes
            .iter()
            .any(|home| line.match_indices(home).any(|(at, _)| begins(line, at) && goes_on(line, at + home.len())))
    };
    let lines = source.text.lines().enumerate();
    lines.filter(|(_, line)| names(line)).map(|(at, _)| source.at(at + 1)).collect()
}

/// Returns whether a path is that of something built.
pub fn is_built(path: &str) -> bool {
    let folders = ["target", "rg-out", "node_modules", "__pycache__", "dist", ".pytest_cache"];
    let endings = [".o", ".a", ".so", ".pyc", ".rlib", ".gen.go", ".test", ".orig", ".rej"];
    path.split('/').any(|segment| folders.contains(&segment)) || endings.iter().any(|ending| path.ends_with(ending))
}

/// Returns each code of an error that `docs/errors.md` does not list.
pub fn unexplained_codes(sources: impl Iterator<Item = Source>) -> Vec<String> {
    let page = Source::read("docs/errors.md").expect("docs/errors.md is there");
    let explained = codes(&page.text);
    let used = sources.flat_map(|source| source.code().flat_map(|(_, code)| codes(code)).collect::<Vec<_>>());
    used.collect::<BTreeSet<_>>().into_iter().filter(|code| !explained.contains(code)).collect()
}

/// Returns the words of the form RG and four digits.
fn codes(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let is_code = |word: &&str| {
        word.strip_prefix("RG").is_some_and(|digits| digits.len() == 4 && digits.chars().all(|c| c.is_ascii_digit()))
    };
    words.filter(is_code).map(str::to_owned).collect()
}
