//! Entry points of a Python distribution that are programs: each becomes a script.

use std::collections::BTreeMap;

use super::wheel::{INTERPRETER, WheelError};

/// The sections whose entry points are programs.
const SECTIONS: [&str; 2] = ["console_scripts", "gui_scripts"];

/// Returns the scripts of an `entry_points.txt` by name.
pub(super) fn scripts(text: &str) -> Result<BTreeMap<String, String>, WheelError> {
    let mut scripts = BTreeMap::new();
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
        } else if SECTIONS.contains(&section) {
            let (name, script) = script(line).ok_or_else(|| WheelError::BadEntryPoint(line.to_owned()))?;
            scripts.insert(name, script);
        }
    }
    Ok(scripts)
}

/// Returns the entry point that a script of this name would start, if a packer made it for one.
pub(super) fn wrapped(script: &str) -> &str {
    let ending = |end: &str| script.len().checked_sub(end.len()).filter(|&at| script.is_char_boundary(at));
    let is = |end: &str| ending(end).filter(|&at| script[at..].eq_ignore_ascii_case(end));
    [".exe", "-script.py", ".pya"].iter().find_map(|end| is(end)).map_or(script, |at| &script[..at])
}

/// Parses `name = module:object.attribute [extra]`. Returns the name and the text of its script.
fn script(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let (name, value) = (name.trim(), value.split('[').next()?);
    let (module, function) = value.split_once(':')?;
    let (module, function) = (module.trim(), function.trim());
    let is_name = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0']);
    if !is_name || !is_dotted(module) || !is_dotted(function) {
        return None;
    }
    let import = function.split('.').next()?;
    // The text that pip writes, so that a program looks the same wherever it was installed.
    let text = format!(
        "{INTERPRETER}# -*- coding: utf-8 -*-\nimport re\nimport sys\nfrom {module} import {import}\n\
         if __name__ == '__main__':\n    \
         sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])\n    \
         sys.exit({function}())\n"
    );
    Some((name.to_owned(), text))
}

/// Whether a text is made of identifiers with dots between them: nothing else gets into a script.
fn is_dotted(text: &str) -> bool {
    let is_word = |word: &str| {
        word.chars().all(|char| char.is_alphanumeric() || char == '_')
            && !word.starts_with(|char: char| char.is_numeric())
    };
    text.split('.').all(|word| !word.is_empty() && is_word(word))
}
