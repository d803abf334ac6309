//! What people, programs and bad luck do to a workspace between two builds.

use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use testkit::workspace::{Node, Workspace, remove, tree};

use super::model::{Kind, Model, PACKAGES, join, text};
use super::random::Random;

/// A kind of edit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Edit {
    Content,
    SameSize,
    SameSizeAndTime,
    Touch,
    DeleteSource,
    AddToGlob,
    Rename,
    Executable,
    Retarget,
    Attribute,
    Comment,
    AddTarget,
    RemoveTarget,
    RenamePackage,
    AddDependency,
    RemoveDependency,
    Environment,
    Outputs,
    DeleteOut,
    DamageOutput,
    StrangeFileInOutput,
    DeleteMemory,
    TruncateMemory,
    DeleteCache,
    CorruptBlob,
    DeleteBlob,
    DamageDatabase,
    Collect,
    Revert,
    FileToDirectory,
    Ignore,
    SubsetFirst,
    Fail,
    ReadOnlySource,
}

/// All kinds.
pub const ALL: [Edit; 34] = [
    Edit::Content,
    Edit::SameSize,
    Edit::SameSizeAndTime,
    Edit::Touch,
    Edit::DeleteSource,
    Edit::AddToGlob,
    Edit::Rename,
    Edit::Executable,
    Edit::Retarget,
    Edit::Attribute,
    Edit::Comment,
    Edit::AddTarget,
    Edit::RemoveTarget,
    Edit::RenamePackage,
    Edit::AddDependency,
    Edit::RemoveDependency,
    Edit::Environment,
    Edit::Outputs,
    Edit::DeleteOut,
    Edit::DamageOutput,
    Edit::StrangeFileInOutput,
    Edit::DeleteMemory,
    Edit::TruncateMemory,
    Edit::DeleteCache,
    Edit::CorruptBlob,
    Edit::DeleteBlob,
    Edit::DamageDatabase,
    Edit::Collect,
    Edit::Revert,
    Edit::FileToDirectory,
    Edit::Ignore,
    Edit::SubsetFirst,
    Edit::Fail,
    Edit::ReadOnlySource,
];

impl Edit {
    /// Returns whether the cache may have lost results, so that known actions may run again.
    pub fn may_lose_results(self) -> bool {
        use Edit::{Collect, CorruptBlob, DamageDatabase, DeleteBlob, DeleteCache};
        matches!(self, DeleteCache | CorruptBlob | DeleteBlob | DamageDatabase | Collect)
    }

    /// Changes the model; what only the disk knows of is left to [`Edit::on_disk`].
    pub fn on_model(self, model: &mut Model, history: &[Model], random: &mut Random) {
        match self {
            Edit::Content => edit_text(model, random, |random, _| text(random)),
            Edit::SameSize | Edit::SameSizeAndTime => edit_text(model, random, same_size),
            Edit::Fail => edit_text(model, random, |_, _| Node::File { content: b"pFAIL\n".to_vec(), mode: 0o644 }),
            Edit::DeleteSource => {
                let gone = pick(model, random, |_| true);
                gone.map(|path| model.files.remove(&path));
            }
            Edit::AddToGlob => {
                let package = any_package(model, random);
                let name = ["new.txt", "d/new.txt", "new.md", "d/deep/new"][random.below(4)];
                model.files.insert(join(&package, name), text(random));
            }
            Edit::Rename => rename(model, random),
            Edit::Executable => {
                if let Some(path) = pick(model, random, is_file)
                    && let Some(Node::File { mode, .. }) = model.files.get_mut(&path)
                {
                    *mode ^= 0o111;
                }
            }
            Edit::Retarget => {
                let link = pick(model, random, |node| matches!(node, Node::Link(_)));
                let targets = ["y.txt", "d/z.txt", "nowhere", "../a/x.txt", "link"];
                link.map(|link| model.files.insert(link, Node::Link(targets[random.below(5)].into())));
            }
            Edit::Attribute => with_target(model, random, |target, random| target.word = random.below(9) as u32),
            Edit::Environment => {
                with_target(model, random, |target, random| target.env = Some(random.below(3) as u32));
            }
            Edit::Outputs => with_target(model, random, |target, random| target.outputs = 1 + random.below(3) as u32),
            Edit::Comment => model.comment += 1,
            Edit::AddTarget => model.add_target(random),
            Edit::RemoveTarget => remove_target(model, random),
            Edit::RenamePackage => rename_package(model, random),
            Edit::AddDependency => add_dependency(model, random),
            Edit::RemoveDependency => with_target(model, random, |target, _| {
                if target.kind != Kind::Alias {
                    target.deps.pop();
                }
            }),
            Edit::Revert => *model = random.pick(history).cloned().unwrap_or_default(),
            Edit::FileToDirectory => {
                if let Some(path) = pick(model, random, is_file) {
                    model.files.remove(&path);
                    model.files.insert(format!("{path}/inside.txt"), text(random));
                }
            }
            Edit::Ignore => {
                let lines = ["*.md\n", "x.txt\n", "d/\n", "new*\n", "\n"];
                let content = lines[random.below(5)].as_bytes().to_vec();
                let package = any_package(model, random);
                model.files.insert(join(&package, ".gitignore"), Node::File { content, mode: 0o644 });
            }
            _ => {}
        }
    }

    /// Does to the disk what no source tells.
    pub fn on_disk(self, model: &Model, workspace: &Workspace, random: &mut Random) {
        match self {
            Edit::Touch => model.files.keys().for_each(|path| touch(workspace, path, now())),
            Edit::SameSizeAndTime => model.files.keys().for_each(|path| touch(workspace, path, long_ago())),
            Edit::ReadOnlySource => {
                let file = pick(model, random, is_file);
                file.iter().for_each(|path| restrict(workspace, path));
            }
            Edit::DeleteOut => workspace.remove("rg-out"),
            Edit::DamageOutput => damage_output(workspace, random),
            Edit::StrangeFileInOutput => {
                let directories: Vec<String> = delivered(workspace, |node| matches!(node, Node::Directory(_)));
                let inside = random.pick(&directories).filter(|it| it.contains('/'));
                // Only where a target's outputs lie: between them, nothing is rg's.
                let inside = inside.filter(|it| it.rsplit('/').next().is_some_and(|name| name.starts_with('t')));
                inside.into_iter().for_each(|it| workspace.write(&format!("rg-out/{it}/strange"), "mine"));
            }
            Edit::DeleteMemory => workspace.memory_files().iter().for_each(|path| remove(path)),
            Edit::TruncateMemory => {
                for path in workspace.memory_files() {
                    let file = File::options().write(true).open(path).unwrap();
                    let length = file.metadata().unwrap().len();
                    file.set_len(random.below(length as usize) as u64).unwrap();
                }
            }
            Edit::DeleteCache => remove(&workspace.cache()),
            Edit::CorruptBlob | Edit::DeleteBlob => damage_blob(self, workspace, random),
            Edit::DamageDatabase => damage_database(workspace, random),
            Edit::Collect => drop(workspace.rg(&["cache", "gc"]).ok()),
            Edit::SubsetFirst => {
                if let Some(label) = random.pick(&model.labels()) {
                    workspace.rg(&["build", label, "--executor", "host"]);
                }
            }
            _ => {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "touching a file gives it the time of now")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)
}

fn is_file(node: &Node) -> bool {
    matches!(node, Node::File { .. })
}

fn pick(model: &Model, random: &mut Random, which: impl Fn(&Node) -> bool) -> Option<String> {
    random.pick(&model.paths(which)).cloned()
}

fn any_package(model: &Model, random: &mut Random) -> String {
    random.pick(&model.packages.keys().cloned().collect::<Vec<_>>()).cloned().unwrap_or_default()
}

fn edit_text(model: &mut Model, random: &mut Random, edit: impl Fn(&mut Random, &Node) -> Node) {
    let texts = |node: &Node| matches!(node, Node::File { mode: 0o644, .. });
    if let Some(path) = pick(model, random, texts) {
        let new = edit(random, &model.files[&path]);
        model.files.insert(path, new);
    }
}

fn same_size(random: &mut Random, node: &Node) -> Node {
    let Node::File { content, mode } = node else { return node.clone() };
    let mut content = content.clone();
    let last = content.len().saturating_sub(2);
    if let Some(byte) = content.get_mut(last) {
        *byte = b'0' + random.below(10) as u8;
    }
    Node::File { content, mode: *mode }
}

fn rename(model: &mut Model, random: &mut Random) {
    let Some(from) = pick(model, random, |_| true) else { return };
    let to = format!("{from}.renamed.txt");
    if let Some(node) = model.files.remove(&from) {
        model.files.insert(to, node);
    }
}

fn with_target(model: &mut Model, random: &mut Random, edit: impl Fn(&mut super::model::Target, &mut Random)) {
    let mut draw = Random::new(random.below(usize::MAX) as u64);
    if let Some(target) = model.any_target(random) {
        edit(target, &mut draw);
    }
}

fn remove_target(model: &mut Model, random: &mut Random) {
    let package = any_package(model, random);
    if let Some(targets) = model.packages.get_mut(&package)
        && !targets.is_empty()
    {
        targets.remove(random.below(targets.len()));
    }
}

/// Moves a package with its files; who depends on it goes along, or is left behind broken.
fn rename_package(model: &mut Model, random: &mut Random) {
    let from = any_package(model, random);
    let free: Vec<&str> = PACKAGES.into_iter().filter(|it| !model.packages.contains_key(*it)).collect();
    let Some(to) = random.pick(&free).filter(|_| !from.is_empty()) else { return };
    let Some(targets) = model.packages.remove(&from) else { return };
    model.packages.insert((*to).to_owned(), targets);
    let other_packages: Vec<String> = model.packages.keys().map(|it| format!("{it}/")).collect();
    let prefix = format!("{from}/");
    let inner =
        |path: &String| other_packages.iter().any(|other| other.len() > prefix.len() && path.starts_with(other));
    let moved: Vec<String> =
        model.files.keys().filter(|path| path.starts_with(&prefix) && !inner(path)).cloned().collect();
    for path in moved {
        if let Some(node) = model.files.remove(&path) {
            model.files.insert(join(to, &path[prefix.len()..]), node);
        }
    }
    if !random.one_in(4) {
        for dep in model.packages.values_mut().flatten().flat_map(|target| target.deps.iter_mut()) {
            *dep = dep.replace(&format!("//{from}:"), &format!("//{to}:"));
        }
    }
}

fn add_dependency(model: &mut Model, random: &mut Random) {
    // Mostly on an earlier target; sometimes on any, which may close a cycle.
    let labels = model.labels();
    let count = labels.len();
    let from = random.below(count);
    let to = if random.one_in(6) { random.below(count) } else { random.below(from.max(1)) };
    let target = model.packages.values_mut().flatten().nth(from).filter(|target| target.kind != Kind::Alias);
    if let (Some(target), Some(label)) = (target, labels.get(to))
        && !target.deps.contains(label)
    {
        target.deps.push(label.clone());
    }
}

fn touch(workspace: &Workspace, path: &str, at: SystemTime) {
    let place = workspace.path(path);
    if place.symlink_metadata().is_ok_and(|data| data.is_file()) {
        let file = File::open(&place).unwrap();
        file.set_times(FileTimes::new().set_modified(at)).unwrap();
    }
}

/// Takes all other mode bits away: only the executable one counts.
fn restrict(workspace: &Workspace, path: &str) {
    let place = workspace.path(path);
    if let Ok(data) = place.symlink_metadata().map(|data| data.permissions().mode()) {
        let mode = if data & 0o100 == 0 { 0o400 } else { 0o500 };
        fs::set_permissions(&place, Permissions::from_mode(mode)).unwrap();
    }
}

fn delivered(workspace: &Workspace, which: impl Fn(&Node) -> bool) -> Vec<String> {
    workspace.delivered().into_iter().filter(|(_, node)| which(node)).map(|(path, _)| path).collect()
}

fn damage_output(workspace: &Workspace, random: &mut Random) {
    let Some(path) = random.pick(&delivered(workspace, |node| !matches!(node, Node::Directory(_)))).cloned() else {
        return;
    };
    let path = format!("rg-out/{path}");
    match random.below(5) {
        0 => workspace.remove(&path),
        1 => workspace.put(&path, &Node::File { content: b"evil".to_vec(), mode: 0o644 }),
        2 => workspace.put(&path, &Node::Link("/etc/passwd".into())),
        3 => workspace.put(&path, &Node::Directory(0o755)),
        _ if workspace.path(&path).symlink_metadata().is_ok_and(|data| data.is_file()) => {
            fs::set_permissions(workspace.path(&path), Permissions::from_mode(0o700)).unwrap();
        }
        _ => {}
    }
}

fn damage_blob(edit: Edit, workspace: &Workspace, random: &mut Random) {
    let blobs: Vec<String> = tree(&workspace.cache(), &[])
        .into_iter()
        .filter(|(path, node)| path.contains("blobs/") && is_file(node))
        .map(|(path, _)| path)
        .collect();
    let Some(blob) = random.pick(&blobs).map(|path| workspace.cache().join(path)) else { return };
    if edit == Edit::DeleteBlob {
        return remove(&blob);
    }
    let mut bytes = fs::read(&blob).unwrap();
    let (Some(at), before) = ((!bytes.is_empty()).then(|| random.below(bytes.len())), fs::metadata(&blob).unwrap())
    else {
        return;
    };
    bytes[at] ^= 1;
    fs::set_permissions(&blob, Permissions::from_mode(0o644)).unwrap();
    fs::write(&blob, bytes).unwrap();
    fs::set_permissions(&blob, before.permissions()).unwrap();
    // A bit that flips on the disk moves no time.
    let times = FileTimes::new().set_modified(before.modified().unwrap());
    File::open(&blob).unwrap().set_times(times).unwrap();
}

fn damage_database(workspace: &Workspace, random: &mut Random) {
    let databases: Vec<String> = tree(&workspace.cache(), &[])
        .into_iter()
        .filter(|(path, node)| {
            path.contains("sqlite") && matches!(node, Node::File { content, .. } if !content.is_empty())
        })
        .map(|(path, _)| path)
        .collect();
    let Some(path) = random.pick(&databases).map(|path| workspace.cache().join(path)) else { return };
    let mut bytes = fs::read(&path).unwrap();
    let at = random.below(bytes.len());
    let end = (at + 1 + random.below(600)).min(bytes.len());
    bytes[at..end].iter_mut().for_each(|byte| *byte ^= 0x5a);
    fs::write(&path, bytes).unwrap();
}
