//! One text after the other, read table by table over the settings made so far.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Location, Mistake, RelPath};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Checked, ExecutorChoice, Repo, RepoSettings, RepoSource, SecretSource, Settings, Toolchain, repo, size};
use crate::document::{self, place, type_name};
use crate::near::{nearest, quoted_list};
use model::codes;

/// The tables that this version reads.
pub(crate) const TABLES: [&str; 10] =
    ["workspace", "toolchain", "images", "execution", "cache", "network", "secrets", "python", "repos", "profile"];

/// The tables that the design knows and this version does not.
const LATER: [&str; 2] = ["registry", "release"];

/// The layers of settings, in the order in which they were parsed.
#[derive(Default)]
pub(super) struct Layers<'t> {
    parsed: Vec<(RelPath, DeTable<'t>)>,
    mistakes: Vec<Mistake>,
}

impl<'t> Layers<'t> {
    /// Parses one file.
    pub fn parse(&mut self, text: &'t str, file: &RelPath) {
        let (table, mistakes) = document::parse(text, file);
        self.mistakes.extend(mistakes);
        self.parsed.push((file.clone(), table.into_inner()));
    }

    /// Returns the settings: every file in turn, then the profile of every file in turn.
    pub fn settings(self, profile: Option<&str>) -> Checked<Settings> {
        if !self.mistakes.is_empty() {
            // A text that is broken in one place seems to lack things elsewhere.
            return (Settings::default(), self.mistakes);
        }
        let mut reader = Reader::default();
        for (file, table) in &self.parsed {
            reader.overlay(file, table);
        }
        let mut names = BTreeSet::new();
        for (file, table) in &self.parsed {
            for (name, overlay) in profiles(table) {
                names.insert(name);
                if profile == Some(name) {
                    reader.overlay(file, overlay);
                } else {
                    reader.check_only(file, overlay);
                }
            }
        }
        if let Some(profile) = profile.filter(|profile| !names.contains(profile)) {
            reader.mistakes.push(no_such_profile(profile, &names));
        }
        reader.finish(self.parsed.first().map(|(file, _)| file))
    }
}

fn profiles<'a>(table: &'a DeTable<'a>) -> Vec<(&'a str, &'a DeTable<'a>)> {
    let found = table.iter().find(|(key, _)| key.get_ref() == "profile");
    let Some(DeValue::Table(profiles)) = found.map(|(_, value)| value.get_ref()) else { return Vec::new() };
    profiles.iter().filter_map(|(name, value)| Some((&**name.get_ref(), value.get_ref().as_table()?))).collect()
}

fn no_such_profile(profile: &str, names: &BTreeSet<&str>) -> Mistake {
    let names: Vec<&str> = names.iter().copied().collect();
    let mistake = Mistake::new(codes::NO_SUCH_PROFILE, format!("there is no profile `{profile}`"));
    match (nearest(profile, names.iter().copied()), names.is_empty()) {
        (Some(near), _) => mistake.hint(format!("write `--profile {near}`; the profiles are {}", quoted_list(&names))),
        (None, false) => mistake.hint(format!("the profiles are {}", quoted_list(&names))),
        (None, true) => mistake.hint(format!("add `[profile.{profile}]` to workspace.toml")),
    }
}

/// Reads tables over settings.
#[derive(Default)]
struct Reader {
    settings: Settings,
    mistakes: Vec<Mistake>,
}

type Value<'t> = Spanned<DeValue<'t>>;

impl Reader {
    /// Reads all tables of a layer.
    fn overlay(&mut self, file: &RelPath, table: &DeTable<'_>) {
        for (key, value) in table {
            match &**key.get_ref() {
                "workspace" => self.each(file, value, "workspace", Reader::workspace),
                "toolchain" => self.each(file, value, "toolchain", Reader::toolchain),
                "images" => self.each(file, value, "images", Reader::images),
                "execution" => self.each(file, value, "execution", Reader::execution),
                "cache" => self.each(file, value, "cache", Reader::cache),
                "network" => self.each(file, value, "network", Reader::network),
                "secrets" => self.each(file, value, "secrets", Reader::secret),
                "python" => self.each(file, value, "python", Reader::python),
                "repos" => self.each(file, value, "repos", Reader::repo),
                "profile" => self.each(file, value, "profile", Reader::profile),
                later if LATER.contains(&later) => {
                    self.later(&format!("[{}]", full_name(later, value)), place(file, key))
                }
                other => self.unknown("table", other, place(file, key), &TABLES),
            }
        }
    }

    /// Reads all tables of a layer that does not count, for its mistakes.
    fn check_only(&mut self, file: &RelPath, table: &DeTable<'_>) {
        let kept = self.settings.clone();
        self.overlay(file, table);
        let seen = std::mem::replace(&mut self.settings, kept);
        self.settings.images = seen.images;
        self.settings.named_repos = seen.named_repos;
    }

    /// Reads each key of a table.
    fn each(
        &mut self,
        file: &RelPath,
        value: &Value<'_>,
        name: &str,
        read: fn(&mut Reader, &str, &Location, &Field<'_>),
    ) {
        let Some(table) = value.get_ref().as_table() else {
            return self.wrong(&format!("`{name}`"), "a table", value, &place(file, value));
        };
        for (key, value) in table {
            read(self, key.get_ref(), &place(file, key), &Field { file, value });
        }
    }

    fn workspace(&mut self, key: &str, at: &Location, field: &Field<'_>) {
        match key {
            "name" => field.text(self, key, |settings, text| settings.name = text),
            "default_branch" => field.text(self, key, |settings, text| settings.default_branch = text),
            "repository" => field.text(self, key, |settings, text| settings.repository = Some(text)),
            "ignore" => {
                if let Some(patterns) = field.texts(self, key) {
                    self.settings.ignore = patterns;
                }
            }
            "platform" => field.parsed(self, key, |settings, text| {
                settings.platform = text.parse().map_err(|error: model::PlatformError| error.to_string())?;
                Ok(())
            }),
            "rules" => self.later("`[workspace] rules`", at.clone()),
            _ => self.unknown("key", key, at.clone(), &["name", "default_branch", "repository", "ignore", "platform"]),
        }
    }

    fn toolchain(&mut self, name: &str, at: &Location, field: &Field<'_>) {
        let Some(table) = field.value.get_ref().as_table() else {
            return self.wrong(&format!("`toolchain.{name}`"), "a table", field.value, &field.place());
        };
        let name: Arc<str> = Arc::from(name);
        for (key, value) in table {
            let (key_at, inner) = (place(field.file, key), Field { file: field.file, value });
            match &**key.get_ref() {
                "host" => self.host_toolchain(&name, &inner),
                "image" => self.image_toolchain(&name, &inner),
                other => self.unknown("key", other, key_at, &["host", "image"]),
            }
        }
        let sources = table.iter().filter(|(key, _)| matches!(&**key.get_ref(), "host" | "image")).count();
        let wrong = match (table.len(), sources) {
            (0, _) => Some(format!("toolchain `{name}` says nothing of where it comes from")),
            (_, 2) => Some(format!("toolchain `{name}` comes from this machine and from an image")),
            _ => None,
        };
        if let Some(message) = wrong {
            let hint = format!("write `host = [\"{name}\"]`, or `image = \"…\"`");
            self.mistakes.push(Mistake::new(codes::BAD_SETTING, message).at(at.clone(), "").hint(hint));
        }
    }

    fn image_toolchain(&mut self, name: &Arc<str>, field: &Field<'_>) {
        let Some(image) = field.value.get_ref().as_str() else {
            self.settings.refused_toolchains.insert(name.clone());
            return self.wrong("`image`", "a string", field.value, &field.place());
        };
        if let Some(label) = image.strip_prefix("//").or_else(|| image.strip_prefix(':')) {
            self.settings.refused_toolchains.insert(name.clone());
            let what = format!("the target `{label}` as the image of a toolchain");
            return self.later(&what, field.place());
        }
        self.settings.images.insert(image.to_owned());
        let toolchain = Toolchain::Image { image: image.to_owned(), pinned: None };
        self.settings.toolchains.insert(name.clone(), toolchain);
    }

    fn images(&mut self, key: &str, at: &Location, field: &Field<'_>) {
        let table = field.value.get_ref().as_table();
        match (key, table) {
            ("override", Some(table)) => {
                for (pattern, value) in table {
                    let Some(stand_in) = value.get_ref().as_str() else {
                        let what = format!("`{}`", pattern.get_ref());
                        self.wrong(&what, "a string", value, &place(field.file, value));
                        continue;
                    };
                    let stand_in = stand_in.to_owned();
                    self.settings.image_overrides.insert(pattern.get_ref().to_string(), stand_in);
                }
            }
            ("override", None) => self.wrong("`images.override`", "a table", field.value, &field.place()),
            _ => self.unknown("key", key, at.clone(), &["override"]),
        }
    }

    fn host_toolchain(&mut self, name: &Arc<str>, field: &Field<'_>) {
        let Some(programs) = field.texts(self, "host") else {
            self.settings.refused_toolchains.insert(name.clone());
            return;
        };
        let bad = programs.iter().find(|program| program.is_empty() || program.contains('/'));
        if programs.is_empty() || bad.is_some() {
            let message = format!("toolchain `{name}` needs names of programs, as they are looked up on PATH");
            let hint = format!("write `host = [\"{name}\"]`");
            self.mistakes.push(Mistake::new(codes::BAD_SETTING, message).at(field.place(), "").hint(hint));
            self.settings.refused_toolchains.insert(name.clone());
            return;
        }
        let programs = programs.into_iter().map(Arc::from).collect();
        self.settings.toolchains.insert(name.clone(), Toolchain::Host { programs });
    }

    fn execution(&mut self, key: &str, at: &Location, field: &Field<'_>) {
        match key {
            "executor" => field.parsed(self, key, |settings, text| {
                settings.executor = Some(executor(text)?);
                Ok(())
            }),
            "strict" => field.parsed(self, key, |settings, text| {
                settings.strict = Some(executor(text)?);
                Ok(())
            }),
            _ => self.unknown("key", key, at.clone(), &["executor", "strict"]),
        }
    }

    fn cache(&mut self, key: &str, at: &Location, field: &Field<'_>) {
        match key {
            "max_size" => field.parsed(self, key, |settings, text| {
                let wrong = || format!("`{text}` is not a size: write a number and a unit, as in `50GiB`");
                settings.max_size_bytes = size::parse(text).ok_or_else(wrong)?;
                Ok(())
            }),
            "remote" => self.later("[cache.remote]", at.clone()),
            _ => self.unknown("key", key, at.clone(), &["max_size"]),
        }
    }

    fn network(&mut self, key: &str, at: &Location, field: &Field<'_>) {
        match key {
            "extra_ca" => field.text(self, key, |settings, text| settings.extra_ca = Some(text)),
            _ => self.unknown("key", key, at.clone(), &["extra_ca"]),
        }
    }

    fn secret(&mut self, name: &str, at: &Location, field: &Field<'_>) {
        let Some(table) = field.value.get_ref().as_table() else {
            return self.wrong(&format!("`secrets.{name}`"), "a table", field.value, &field.place());
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') || !name.chars().all(is_name) {
            let message = format!("`{name}` is not the name of a secret");
            let mistake = Mistake::new(codes::BAD_SETTING, message).at(at.clone(), "");
            self.mistakes.push(mistake.hint("use letters, digits, `_`, `-` and `.`: it becomes the name of a file"));
        }
        let mut sources = Vec::new();
        for (key, value) in table {
            let inner = Field { file: field.file, value };
            let Some(text) = value.get_ref().as_str() else {
                self.wrong(&format!("`{}`", key.get_ref()), "a string", value, &inner.place());
                continue;
            };
            match &**key.get_ref() {
                "env" => sources.push(SecretSource::Variable(text.to_owned())),
                "file" => sources.push(SecretSource::File(text.to_owned())),
                other => self.unknown("key", other, place(field.file, key), &["env", "file"]),
            }
        }
        match <[SecretSource; 1]>::try_from(sources) {
            Ok([source]) => drop(self.settings.secrets.insert(Arc::from(name), source)),
            Err(_) => {
                let message = format!("secret `{name}` has to say where its value comes from, once");
                let mistake = Mistake::new(codes::BAD_SETTING, message).at(at.clone(), "");
                self.mistakes.push(mistake.hint(format!("write `env = \"{name}\"`, or `file = \"…\"`")));
            }
        }
    }

    fn python(&mut self, key: &str, at: &Location, field: &Field<'_>) {
        match key {
            "roots" => {
                if let Some(roots) = field.texts(self, key) {
                    self.python_roots(roots, field);
                }
            }
            _ => self.unknown("key", key, at.clone(), &["roots"]),
        }
    }

    fn python_roots(&mut self, roots: Vec<String>, field: &Field<'_>) {
        let plain = |root: &String| root.trim_start_matches("//").trim_end_matches('/').to_owned();
        for root in roots.iter().filter(|root| RelPath::new(&plain(root)).is_err()) {
            let message = format!("`{root}` is no directory of the workspace");
            let hint = "write directories from the workspace root, as \"libs/python\"";
            self.mistakes.push(Mistake::new(codes::BAD_SETTING, message).at(field.place(), "").hint(hint));
        }
        self.settings.python_roots = roots.iter().map(plain).filter(|root| RelPath::new(root).is_ok()).collect();
    }

    /// What an earlier layer says of the repository is laid over: a profile may give another `ref` alone.
    fn repo(&mut self, name: &str, at: &Location, field: &Field<'_>) {
        let Some(table) = field.value.get_ref().as_table() else {
            return self.wrong(&format!("`repos.{name}`"), "a table", field.value, &field.place());
        };
        repo::check_name(name, at, &mut self.mistakes);
        let before = self.settings.repos.get(name).map(|repo| repo.source.clone());
        let (mut git, mut reference) = before.map_or((None, None), |it| (Some(it.git), Some(it.reference)));
        for (key, value) in table {
            let (key_at, inner) = (place(field.file, key), Field { file: field.file, value });
            let taken = match &**key.get_ref() {
                "git" => &mut git,
                "ref" => &mut reference,
                other => {
                    self.unknown("key", other, key_at, &["git", "ref"]);
                    continue;
                }
            };
            match value.get_ref().as_str() {
                Some(text) => {
                    repo::check_word(key.get_ref(), text, &inner.place(), &mut self.mistakes);
                    *taken = Some(text.to_owned());
                }
                None => self.wrong(&format!("`{}`", key.get_ref()), "a string", value, &inner.place()),
            }
        }
        match (git, reference) {
            (Some(git), reference) => {
                let source = RepoSource { git, reference: reference.unwrap_or_else(|| "HEAD".to_owned()) };
                self.settings.named_repos.insert(source.clone());
                let repo = Repo { source, own: RepoSettings::default() };
                self.settings.repos.insert(Arc::from(name), repo);
            }
            (None, _) if table.iter().any(|(key, _)| key.get_ref() == "git") => {}
            (None, _) => {
                let message = format!("repository `{name}` says nothing of where it comes from");
                let mistake = Mistake::new(codes::BAD_SETTING, message).at(at.clone(), "");
                self.mistakes.push(mistake.hint("write `git = \"…\"`, as `git clone` takes it, and `ref = \"main\"`"));
            }
        }
    }

    fn profile(&mut self, name: &str, _at: &Location, field: &Field<'_>) {
        match field.value.get_ref().as_table() {
            None => self.wrong(&format!("`profile.{name}`"), "a table", field.value, &field.place()),
            Some(table) => {
                for (key, _) in table.iter().filter(|(key, _)| key.get_ref() == "profile") {
                    self.unknown("table", "profile", place(field.file, key), &TABLES[..9]);
                }
            }
        }
    }

    fn later(&mut self, what: &str, at: Location) {
        let message = format!("{what} is not supported by this version of rg");
        self.mistakes.push(Mistake::new(codes::NOT_SUPPORTED, message).at(at, "").hint("remove it for now"));
    }

    fn unknown(&mut self, what: &str, name: &str, at: Location, known: &[&str]) {
        let mistake = Mistake::new(codes::BAD_SETTING, format!("unknown {what} `{name}`")).at(at, "");
        self.mistakes.push(match nearest(name, known.iter().copied()) {
            Some(near) => mistake.hint(format!("write `{near}`")),
            None => mistake.hint(format!("known here: {}", quoted_list(known))),
        });
    }

    fn wrong(&mut self, what: &str, wanted: &str, value: &Value<'_>, at: &Location) {
        let message = format!("{what} is {}, not {wanted}", type_name(value.get_ref()));
        self.mistakes.push(Mistake::new(codes::BAD_SETTING, message).at(at.clone(), format!("not {wanted}")));
    }

    fn finish(mut self, main: Option<&RelPath>) -> Checked<Settings> {
        if self.settings.name.is_empty() {
            let at = Location::new(main.cloned().unwrap_or_else(RelPath::root), 0..0);
            let mistake = Mistake::new(codes::BAD_SETTING, "the workspace has no name").at(at, "");
            self.mistakes.push(mistake.hint("begin workspace.toml with `[workspace]` and `name = \"…\"`"));
        }
        (self.settings, self.mistakes)
    }
}

/// One value of a table.
struct Field<'a> {
    file: &'a RelPath,
    value: &'a Value<'a>,
}

impl Field<'_> {
    fn place(&self) -> Location {
        place(self.file, self.value)
    }

    fn text(&self, reader: &mut Reader, key: &str, set: fn(&mut Settings, String)) {
        match self.value.get_ref().as_str() {
            Some(text) => set(&mut reader.settings, text.to_owned()),
            None => reader.wrong(&format!("`{key}`"), "a string", self.value, &self.place()),
        }
    }

    fn parsed(&self, reader: &mut Reader, key: &str, set: fn(&mut Settings, &str) -> Result<(), String>) {
        let Some(text) = self.value.get_ref().as_str() else {
            return reader.wrong(&format!("`{key}`"), "a string", self.value, &self.place());
        };
        if let Err(message) = set(&mut reader.settings, text) {
            reader.mistakes.push(Mistake::new(codes::BAD_SETTING, message).at(self.place(), ""));
        }
    }

    fn texts(&self, reader: &mut Reader, key: &str) -> Option<Vec<String>> {
        let Some(values) = self.value.get_ref().as_array() else {
            reader.wrong(&format!("`{key}`"), "a list of strings", self.value, &self.place());
            return None;
        };
        let mut texts = Vec::new();
        for value in values {
            match value.get_ref().as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => reader.wrong(&format!("an item of `{key}`"), "a string", value, &place(self.file, value)),
            }
        }
        Some(texts)
    }
}

fn executor(word: &str) -> Result<ExecutorChoice, String> {
    let names: Vec<&str> = ExecutorChoice::ALL.iter().map(|(name, _)| *name).collect();
    ExecutorChoice::parse(word).ok_or_else(|| format!("`{word}` is not an executor: write {}", quoted_list(&names)))
}

/// Returns the dotted name of a table that holds only one other, as `images.override`.
fn full_name(name: &str, value: &Value<'_>) -> String {
    let only = value.get_ref().as_table().filter(|table| table.len() == 1).and_then(|table| table.iter().next());
    match only {
        Some((key, inner)) if inner.get_ref().is_table() => format!("{name}.{}", key.get_ref()),
        _ => name.to_owned(),
    }
}
