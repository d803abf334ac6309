//! What helps when an image cannot be had.

use oci::{Problem, Source};

use super::NamedImage;

impl NamedImage {
    /// Says what is wrong, with the place that it is taken from where workspace.toml names another.
    pub fn why(&self, problem: &Problem) -> String {
        let source = self.source.to_string();
        if source == self.name { problem.to_string() } else { format!("{source}: {problem}") }
    }

    /// Returns what to do about it if it cannot be had for this reason.
    pub fn fix(&self, problem: &Problem) -> Option<String> {
        let update = format!("`rg lock --update {}`", self.name);
        Some(match problem {
            Problem::Changed { .. } => format!("if that is as it should be, {update} pins what it is now"),
            Problem::NoBlob { .. } => {
                format!("if it was made again, {update} pins what it is now; else {}", self.how_to_make())
            }
            Problem::NotFound { .. } => {
                format!("look at the name in workspace.toml; if its tag was moved since, {update} pins what it is now")
            }
            Problem::NoName { there, .. } | Problem::Several { there, .. } if there.is_empty() => self.make_again(),
            Problem::NoName { .. } | Problem::Several { .. } => {
                let word = if matches!(self.source, Source::Archive { .. }) { "docker-archive" } else { "oci-layout" };
                format!("write one of the names that there are behind the path: `{word}:PATH:NAME`")
            }
            Problem::Read { .. } if matches!(self.source, Source::Daemon { .. }) => return None,
            Problem::Read { .. } => "look whether it is there and may be read: paths of images count from the root of \
                                     the workspace"
                .to_owned(),
            Problem::Select(_) => "name an image in workspace.toml that is for this machine, too".to_owned(),
            Problem::Refused { host, .. } => format!("`docker login {host}` writes other credentials"),
            Problem::Fetch(_) => {
                "look whether the registry can be reached, and try again; what is in the cache needs no \
                                  network"
                    .to_owned()
            }
            Problem::Spec(_)
            | Problem::WrongDigest { .. }
            | Problem::WrongSize { .. }
            | Problem::NoLayout { .. }
            | Problem::NoArchive { .. } => self.make_again(),
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

    /// Returns what to do about it if it is not as it should be.
    pub(super) fn make_again(&self) -> String {
        format!("nothing of it was kept: {}, then `rg lock --update {}`", self.how_to_make(), self.name)
    }

    fn how_to_make(&self) -> String {
        match &self.source {
            Source::Layout { path, .. } | Source::Archive { path, .. } => format!("make `{path}` again"),
            Source::Daemon { name } => format!("build `{name}` again"),
            Source::Registry(_) => "push it again, or name another".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_helps_names_the_image_as_it_is_written_and_makes_what_is_taken() {
        let check = |problem: &Problem, name: &str, source: &str, want: &str| {
            let named = NamedImage { name: name.to_owned(), source: source.parse().unwrap() };
            let fix = named.fix(problem).unwrap();
            assert!(fix.contains(want), "{fix}");
        };
        let gone = Problem::NotFound { place: "registry.example".to_owned() };
        check(&gone, "registry.example/go:1", "registry.example/go:1", "`rg lock --update registry.example/go:1`");
        let broken = Problem::NoLayout { path: "third_party/go".into(), why: "it has no index".to_owned() };
        check(&broken, "oci-layout:third_party/go", "oci-layout:third_party/go", "make `third_party/go` again");
        check(&broken, "registry.example/go:1", "oci-layout:mirror", "make `mirror` again, then `rg lock --update reg");
        let wrong = Problem::Several { path: "go.tar".into(), there: vec!["a:1".to_owned()] };
        check(&wrong, "docker-archive:go.tar", "docker-archive:go.tar", "`docker-archive:PATH:NAME`");
    }

    #[test]
    fn a_stand_in_is_named_with_what_is_wrong_with_it() {
        let named = |source: &str| NamedImage { name: "host.example/go:1".to_owned(), source: source.parse().unwrap() };
        let gone = Problem::NotFound { place: "mirror.example".to_owned() };
        assert_eq!(named("host.example/go:1").why(&gone), gone.to_string());
        assert_eq!(named("mirror.example/go:1").why(&gone), format!("mirror.example/go:1: {gone}"));
    }
}
