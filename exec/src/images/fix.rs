//! What helps when an image cannot be had.

use oci::Problem;

/// Returns what to do about an image, as workspace.toml names it, that cannot be had for this reason.
pub fn image_fix(problem: &Problem, image: &str) -> Option<String> {
    let update = format!("`rg lock --update {image}`");
    Some(match problem {
        Problem::Changed { .. } => format!("if that is as it should be, {update} pins what it is now"),
        Problem::NotFound { .. } => {
            format!("look at the name in workspace.toml; if its tag was moved since, {update} pins what it is now")
        }
        Problem::NoName { .. } | Problem::Several { .. } => {
            "write one of the names that there are behind the path: `oci-layout:PATH:NAME`".to_owned()
        }
        Problem::Read { .. } => {
            "look whether it is there and may be read: paths of images count from the root of the workspace".to_owned()
        }
        Problem::Select(_) => "name an image in workspace.toml that is for this machine, too".to_owned(),
        Problem::Refused { host, .. } => format!("`docker login {host}` writes other credentials"),
        Problem::Fetch(_) => {
            "look whether the registry can be reached, and try again; what is in the cache needs no network".to_owned()
        }
        Problem::Spec(_)
        | Problem::WrongDigest { .. }
        | Problem::WrongSize { .. }
        | Problem::NoLayout { .. }
        | Problem::NoArchive { .. }
        | Problem::NoBlob { .. } => make_again(image),
        // They say it themselves, or nobody can.
        Problem::NoLogin { .. }
        | Problem::Login(_)
        | Problem::Challenge { .. }
        | Problem::PlainToken { .. }
        | Problem::NoToken { .. }
        | Problem::NoDaemon
        | Problem::Daemon(_)
        | Problem::Write(_)
        | Problem::Cancelled => return None,
    })
}

/// Returns what to do about an image that is not as it should be.
pub fn make_again(image: &str) -> String {
    let make = match image.split_once(':') {
        Some(("oci-layout" | "docker-archive", path)) => format!("make `{path}` again"),
        _ => "push it again, or name another".to_owned(),
    };
    format!("nothing of it was kept: {make}, then `rg lock --update {image}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_helps_names_the_image_as_it_is_written() {
        let check = |problem: &Problem, image: &str, want: &str| {
            let fix = image_fix(problem, image).unwrap();
            assert!(fix.contains(want), "{fix}");
        };
        let gone = Problem::NotFound { place: "registry.example".to_owned() };
        check(&gone, "registry.example/go:1", "`rg lock --update registry.example/go:1`");
        let broken = Problem::NoLayout { path: "third_party/go".into(), why: "it has no index".to_owned() };
        check(&broken, "oci-layout:third_party/go", "make `third_party/go` again");
        check(&broken, "registry.example/go:1", "push it again");
        assert_eq!(image_fix(&Problem::Daemon("start it".to_owned()), "docker-daemon:go"), None);
    }
}
