//! The table of mistakes: the code, a title and an explanation of each kind. Codes are stable: a code is never
//! given another meaning. It does not know where a mistake is found.

/// What a code of a mistake means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Explained {
    /// The stable code, as `RG0102`.
    pub code: &'static str,
    /// The mistake in one line.
    pub title: &'static str,
    /// Why it is a mistake, and what to do.
    pub text: &'static str,
}

/// Returns the explanation of a code; `None` if no mistake in definitions has it.
pub fn explain(code: &str) -> Option<&'static Explained> {
    EXPLAINED.iter().find(|explained| explained.code.eq_ignore_ascii_case(code))
}

/// Declares each code as a constant, and the table of all.
macro_rules! codes {
    ($($name:ident $code:literal $title:literal $text:literal)*) => {
        $(#[doc = $title] pub const $name: &str = $code;)*

        /// All codes of mistakes in definitions, settings and patterns, sorted.
        pub const EXPLAINED: &[Explained] = &[$(Explained { code: $code, title: $title, text: $text }),*];
    };
}

codes! {
    SYNTAX "RG0100"
    "a definition file is not valid TOML"
    "The file cannot be parsed. All syntax errors of the file are listed; what else may be wrong with its targets is reported once they are gone."

    UNKNOWN_RULE "RG0101"
    "there is no rule of this name"
    "A target's table is `[<rule>.<name>]`. `rg rules` lists the rules."

    UNKNOWN_ATTRIBUTE "RG0102"
    "the rule has no attribute of this name"
    "Keys that no rule reads are refused, because a misspelt key would be ignored in silence. `rg rules RULE` lists the attributes of a rule."

    WRONG_TYPE "RG0103"
    "an attribute has a value of the wrong type"
    "Each attribute has one type: a string, a list of strings, a number, true or false, or a table of strings."

    MISSING_ATTRIBUTE "RG0104"
    "a required attribute is missing"
    "`rg rules RULE` shows which attributes a rule requires."

    BAD_VALUE "RG0105"
    "an attribute has a value that it cannot have"
    "The type is right and the value is not: a number out of range, two attributes that exclude one another, a name that is reserved."

    NOT_SUPPORTED "RG0106"
    "this version of rg does not support it yet"
    "The design of rg knows this rule, attribute or table; this version cannot do it. It is refused and not ignored, so that no build pretends to have done it."

    DUPLICATE_TARGET "RG0107"
    "two targets of a package have the same name"
    "A label names one target, whatever its rule. Both places are shown."

    BAD_TARGET_NAME "RG0108"
    "a target's name cannot be written in a label"
    "Target names are made of letters, digits and `_/.=,@~+-`, and are normal relative paths."

    UNREADABLE "RG0109"
    "a definition file cannot be read"
    "A definition is a plain file of UTF-8 text. A symbolic link is never followed."

    BAD_PACKAGE_NAME "RG0110"
    "a package's directory cannot be written in a label"
    "Directories of packages are named with letters, digits, `.`, `_` and `-`."

    BAD_PATH "RG0201"
    "a path is absolute, leaves its directory or is not normal"
    "Sources are paths below the package's own directory. A file of another package is reached through a target of that package."

    NO_SUCH_FILE "RG0202"
    "a declared file does not exist"
    "A declared source has to exist: a misspelt one would make a target that silently lacks an input."

    EMPTY_GLOB "RG0203"
    "a glob matches nothing"
    "A pattern without a match is mostly misspelt. Globs do not enter other packages, workspaces below this one, ignored files and rg-out, and never match BUILD.toml."

    BAD_GLOB "RG0204"
    "a glob cannot be parsed"
    "A glob is made of `*`, `?`, `[abc]`, `{a,b}` inside one path segment, and `**` as a whole segment."

    IS_A_DIRECTORY "RG0205"
    "a source is a directory"
    "Directories are written as a glob, so that it can be seen that new files become inputs: `dir/**`."

    IGNORED_FILE "RG0206"
    "a declared file is ignored"
    "What .gitignore or `[workspace] ignore` ignore is not a part of the workspace: another clone would not have it."

    ESCAPING_LINK "RG0207"
    "a symbolic link leads out of the workspace"
    "A link is an input as a link. One that is absolute or leaves the workspace would mean something else on each machine."

    UNUSABLE "RG0208"
    "an entry cannot be an input"
    "Sockets, devices, pipes and names that are not UTF-8 cannot be described to other machines."

    OTHER_PACKAGE "RG0209"
    "a file belongs to another package"
    "A directory with a BUILD.toml is a package of its own. Its files are reached through its targets, for instance a `files` target."

    OTHER_WORKSPACE "RG0210"
    "a file belongs to a workspace below this one"
    "A directory with its own workspace.toml is a border that the outer workspace does not cross."

    BAD_LABEL "RG0301"
    "a text is not a label"
    "Labels are `//package:target`, `//package` (which is `//package:package`) or `:target`."

    NO_SUCH_TARGET "RG0302"
    "a label names no target of its package"
    "The package exists and has no such target. `rg query //package:all` lists what it has."

    NO_SUCH_PACKAGE "RG0303"
    "a label names no package"
    "A package is a directory with a BUILD.toml."

    GROUP_CYCLE "RG0304"
    "groups of targets contain themselves"
    "Following `alias`, `files` and `suite` targets leads back to where it began, so nobody can say what they stand for. Each edge of the cycle is shown."

    LOCATION_UNDECLARED "RG0305"
    "$(location) names a target that is not an input"
    "A command sees only what it declares. Add the label to `inputs`."

    LOCATION_COUNT "RG0306"
    "$(location) stands for one file, and the target provides another number"
    "`$(locations L)` expands to all of them, separated by spaces."

    NOT_A_TEST "RG0307"
    "a suite names a target that is no test"
    "A suite groups tests and suites."

    BAD_VISIBILITY "RG0308"
    "a visibility pattern does not name packages"
    "Visibility says which packages may depend on a target: `//a/...`, `//a:all` or `//...`. An empty list keeps the target to its own package."

    NOTHING_PROVIDED "RG0309"
    "a label in the place of an input names a target that makes nothing"
    "A target waits for what it takes. One that has no output gives nothing, so nothing would wait for it, and it would not run. Tests are run by `rg test`, and grouped by a `suite`."

    BAD_OUTPUT "RG0401"
    "an output's path is absolute, leaves the output directory or is not normal"
    "Outputs are relative to $OUT. A trailing slash declares a directory."

    OVERLAPPING_OUTPUTS "RG0402"
    "two outputs of a target are the same, or one lies inside the other"
    "Each output is kept on its own, so that dependents can name it."

    BAD_SETTING "RG0501"
    "a table or key of workspace.toml is unknown or has a wrong value"
    "Keys that nothing reads are refused, because a misspelt key would be ignored in silence."

    NO_SUCH_PROFILE "RG0502"
    "there is no profile of this name"
    "Profiles are the tables `[profile.<name>]` of workspace.toml and workspace.local.toml."

    SEVERAL_ROOTS "RG0503"
    "an action names an image and other toolchains"
    "An image is the whole root directory of an action, so there can be no other beside it."

    UNKNOWN_TOOLCHAIN "RG0504"
    "a target names a toolchain that workspace.toml does not declare"
    "Each toolchain is a table `[toolchain.<name>]` of workspace.toml."

    BAD_LOCK "RG0505"
    "rg.lock cannot be read"
    "rg writes this file; a merge that left its marks in it, or a hand, may have broken it."

    UNKNOWN_SECRET "RG0506"
    "a target names a secret that workspace.toml does not declare"
    "Each secret is a table `[secrets.<name>]` of workspace.toml that says where its value comes from."

    NO_SUCH_REPOSITORY "RG0507"
    "a label or pattern names a repository that workspace.toml does not declare"
    "Each repository is a table `[repos.<name>]` of the workspace.toml at the root of the workspace, and its targets are `@name//…`. In the files of another repository the names are those of the workspace that uses it."

    FOREIGN_WORKSPACE "RG0508"
    "another repository cannot be a part of this workspace"
    "A repository of `[repos.*]` has a workspace.toml at its root, and no directory of the workspace has the name under which its files appear, `@name`."

    EMPTY_WILDCARD "RG0601"
    "a wildcard matches no package"
    "A wildcard that stands for nothing is mostly misspelt, or means a workspace below this one: `rg --workspace DIR …`."

    UNKNOWN_TAG "RG0602"
    "no target has this tag"
    "`tag:web` stands for all targets whose `tags` hold `web`."

    UNKNOWN_KIND "RG0603"
    "there is no rule of this name"
    "`kind:image` stands for all targets of the rule `image`."

    BAD_PATTERN "RG0604"
    "a text is not a target pattern"
    "Patterns are labels, `//a:all`, `//a/...`, `tag:NAME`, `kind:RULE` or a path to a file; `-` before one subtracts."

    NO_OWNER "RG0605"
    "no target owns the file"
    "A path to a file stands for the targets that name it as a source."

    GO_NO_MODULE "RG0701"
    "Go code lies in no module"
    "Go code is built as a part of a module: a directory with a go.mod at or above it."

    GO_BAD_MODULE "RG0702"
    "go.mod or go.work cannot be used"
    "A line is not understood, or names a directory that is no module of this workspace."

    GO_NO_PACKAGE "RG0703"
    "a directory holds no Go package of the kind that is wanted"
    "`main` of a go_binary names a directory with a package `main`; `packages` of a go_test name directories with Go files."

    GO_UNRESOLVED_IMPORT "RG0704"
    "nothing provides an imported package"
    "An import is a package of the standard library, of a module of this workspace, of a required module, or a declared output of `deps`."

    GO_MISSING_SUM "RG0705"
    "go.sum lacks the hashes of a required module"
    "Modules are fetched by the hashes in go.sum alone. `go mod tidy` adds what is missing."

    GO_BAD_EMBED "RG0706"
    "a //go:embed pattern cannot be embedded"
    "A pattern matches files of the package's own module that are not ignored."

    GO_VENDORED "RG0707"
    "a Go module keeps copies of its dependencies in vendor"
    "rg fetches modules by the hashes in go.sum, and would not see what is changed in `vendor`. Remove the directory, or say in `[workspace] ignore` of workspace.toml that it does not count."

    GO_BAD_SUM "RG0708"
    "two go.sum files have different hashes for one module"
    "Modules that are built together have one copy of each module that they require. Of two hashes for it one is wrong, so Go would refuse both."

    CYCLE "RG0801"
    "targets depend on each other in a circle"
    "Nothing in the circle could be built first. The message shows every edge; take one out, or move what both sides need into a target of its own."

    INVISIBLE "RG0802"
    "a target is not visible to one that depends on it"
    "`visibility` says which packages may depend on a target. Add the package there, or depend on something else."

    NESTED_OUTPUTS "RG0803"
    "the output directory of a target lies inside another's"
    "Outputs of `//a:b` lie in rg-out/a/b, which is replaced whole; so the outputs of `//a/b:c`, in rg-out/a/b/c, would be lost. Rename one."

    NO_PRODUCER "RG0804"
    "an action takes an output that nothing makes before it"
    "A rule has lowered a target wrongly: please report it with the definition."

    PYTHON_NO_LOCK "RG0901"
    "a Python target has no lock"
    "Packages come from a lock alone: requirements.txt with hashes, uv.lock or poetry.lock, the nearest one upwards, or the one that `lock` names."

    PYTHON_BAD_LOCK "RG0902"
    "a lock of Python packages cannot be used"
    "A line is not understood, has no hash, or the lock has a version that this rg does not know. The tool that wrote the lock can write it again."

    PYTHON_STALE_LOCK "RG0903"
    "a lock of Python packages does not match its manifest"
    "What pyproject.toml asks for is not what was locked. Lock again: `uv lock`, `poetry lock`, `pip-compile --generate-hashes`."

    PYTHON_NO_FILE "RG0904"
    "no file of a locked package fits the platform"
    "A wheel fits one interpreter, system and processor. What the lock offers is listed; a source distribution among it would be built."

    PYTHON_NO_MODULE "RG0905"
    "an entry point or a test is no module of the workspace"
    "Modules are looked up in `roots`: the package and its src/ unless others are named."

    PYTHON_NO_PACKAGE "RG0906"
    "the lock lacks a package that the rule needs"
    "Tests are run by the pytest of the lock, so that all machines run the same one. Add it and lock again."

    PYTHON_OTHER_VERSION "RG0907"
    "the toolchain has a version of Python that the project is not for"
    "`requires-python` of pyproject.toml or of the lock excludes the interpreter. [toolchain.python] of workspace.toml names another."

    NODE_NO_LOCK "RG0921"
    "a package.json has no lock"
    "Packages come from a lock alone: package-lock.json, pnpm-lock.yaml or yarn.lock, the nearest one upwards."

    NODE_BAD_LOCK "RG0922"
    "a lock of npm packages cannot be used"
    "It is not understood, an entry has no hash, or it has a version that this rg does not know. The client that wrote it can write it again."

    NODE_STALE_LOCK "RG0923"
    "a lock of npm packages does not match a package.json"
    "What package.json asks for is not what was locked. Lock again with the client that wrote the lock."

    NODE_BAD_MANIFEST "RG0924"
    "a package.json cannot be used"
    "It is missing or is not valid JSON, or what it says has another form than npm's."

    NODE_NO_SCRIPT "RG0925"
    "package.json has no script of this name"
    "`script` of a target names one of the `scripts` of the package.json beside it."

    NODE_NO_WORKSPACE_PACKAGE "RG0926"
    "a package of the npm workspace is not there"
    "The lock links to a directory that has no package.json."

    NODE_NO_ENTRY "RG0927"
    "an entry point is no file of the package"
    "`entry` of a node_service is a path of its own package, or an output of `deps`."

    NODE_NO_PACKAGE "RG0928"
    "the lock has no npm package of this name"
    "`install_scripts` names packages of the lock by their own names. All others are unpacked, and nothing of them is run."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_unique_and_explained() {
        assert!(EXPLAINED.is_sorted_by(|a, b| a.code < b.code));
        assert_eq!(explain("rg0102").map(|explained| explained.code), Some(UNKNOWN_ATTRIBUTE));
        assert!(explain("RG9999").is_none());
    }
}
