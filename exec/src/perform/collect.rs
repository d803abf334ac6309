//! What a command left: each declared output, as what it was declared to be.

use std::fs;
use std::path::Path;

use cache::CacheError;
use model::{Content, OutputKind, RelPath};

use super::Performance;
use crate::Failure;
use crate::prepare::is_optional;

impl Performance<'_> {
    /// Moves the declared outputs into the store; what is not declared is not kept.
    pub(super) fn collect(&self, out: &RelPath, made: &Path) -> Result<Vec<(RelPath, Content)>, Failure> {
        let (mut outputs, mut missing) = (Vec::new(), Vec::new());
        for output in &self.action().outputs {
            let below = output.at.strip_prefix(out).ok_or_else(|| Failure::BadOutput {
                name: output.name.clone(),
                why: "it is declared outside the output directory".to_owned(),
            })?;
            let place = made.join(&below);
            match fs::symlink_metadata(&place) {
                Ok(data) => outputs.push((output.name.clone(), self.take(output, &place, &data)?)),
                Err(_) if is_optional(output.kind) => {}
                Err(_) => missing.push(output.name.clone()),
            }
        }
        if missing.is_empty() { Ok(outputs) } else { Err(Failure::MissingOutputs(missing)) }
    }

    fn take(&self, output: &model::Output, place: &Path, data: &fs::Metadata) -> Result<Content, Failure> {
        let bad = |why: String| Failure::BadOutput { name: output.name.clone(), why };
        if data.is_symlink() {
            return link(output, place).map_err(bad);
        }
        let wanted = match output.kind {
            OutputKind::File | OutputKind::OptionalFile => "a file",
            OutputKind::Directory | OutputKind::OptionalDirectory => "a directory",
        };
        let made = match (data.is_file(), data.is_dir()) {
            (true, _) => "a file",
            (_, true) => "a directory",
            _ => "a socket, a device or a fifo",
        };
        if made != wanted {
            return Err(bad(format!("it is {made}, and is declared as {wanted}")));
        }
        let refused = |error: CacheError| match error {
            CacheError::Entry { .. } => bad(error.to_string()),
            error => Failure::store(&error),
        };
        if data.is_dir() {
            let depth = output.name.segments().count();
            let may_link = |at: &Path, target: &str| stays(depth + at.components().count() - 1, target);
            let root = self.machine.cache.take_directory(place, &may_link).map_err(refused)?;
            return Ok(Content::Directory(root));
        }
        let executable = std::os::unix::fs::PermissionsExt::mode(&data.permissions()) & 0o100 != 0;
        let digest = self.machine.cache.take_file(place).map_err(refused)?;
        Ok(Content::File { digest, executable })
    }
}

/// Takes a link that was made where an output is declared: only one that stays among the outputs means the same on
/// every machine.
fn link(output: &model::Output, place: &Path) -> Result<Content, String> {
    if matches!(output.kind, OutputKind::Directory | OutputKind::OptionalDirectory) {
        return Err("it is a link, and is declared as a directory".to_owned());
    }
    let target = fs::read_link(place).map_err(|error| error.to_string())?;
    let target = target.to_str().ok_or("its target is not UTF-8")?;
    if !stays(output.name.segments().count() - 1, target) {
        return Err(format!("it is a link to `{target}`, which leads out of the outputs; copy the file instead"));
    }
    Ok(Content::Symlink(target.into()))
}

/// Whether a link stays among the outputs: one at so many directories below their top.
fn stays(depth: usize, target: &str) -> bool {
    let step = |depth: usize, segment| match segment {
        "" | "." => Some(depth),
        ".." => depth.checked_sub(1),
        _ => Some(depth + 1),
    };
    !target.starts_with('/') && target.split('/').try_fold(depth, step).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_among_the_outputs() {
        for (depth, target, want) in [
            (0, "a", true),
            (0, "a/../b", true),
            (0, "../a", false),
            (1, "../a", true),
            (1, "../../a", false),
            (1, "./../a/../..", false),
            (5, "/a", false),
        ] {
            assert_eq!(stays(depth, target), want, "{target} at {depth}");
        }
    }
}
