//! What `workspace.toml` and its overlay may say, and what is said about mistakes in them.

use super::*;

fn check(texts: SettingsTexts<'_>, want: &[&str]) -> Settings {
    let (settings, mistakes) = settings(texts);
    let got: Vec<String> = mistakes.iter().map(|mistake| crate::rendered(mistake, texts.main)).collect();
    assert_eq!(got, want);
    settings
}

fn main_text(text: &str) -> SettingsTexts<'_> {
    SettingsTexts { main: text, ..SettingsTexts::default() }
}

#[test]
fn a_name_is_enough() {
    let settings = check(main_text("[workspace]\nname = \"shop\"\n"), &[]);
    assert_eq!((settings.name.as_str(), settings.max_size_bytes), ("shop", 50 << 30));
    assert_eq!(settings.platform.to_string(), "linux/amd64");
}

#[test]
fn all_mistakes_are_reported_at_once() {
    check(
        main_text(
            "[workspace]\nnam = \"shop\"\nplatform = \"linux\"\n[toolchian.go]\nhost = [\"go\"]\n[toolchain.node]\nimage = \"node:20\"\n\
             [toolchain.py]\nhost = \"python3\"\n[cache]\nmax_size = \"many\"\n[cache.remote]\nurl = \"x\"\n[registry]\nrepository = \"r\"\n\
             [execution]\nexecutor = \"fast\"\n[images.override]\na = \"b\"\n",
        ),
        &[
            "workspace.toml:11: `many` is not a size: write a number and a unit, as in `50GiB`",
            "workspace.toml:12: [cache.remote] is not supported by this version of rg (remove it for now)",
            "workspace.toml:17: `fast` is not an executor: write `auto`, `native`, `chroot-lite`, `engine`, `remote` and `host`",
            "workspace.toml:14: [registry] is not supported by this version of rg (remove it for now)",
            "workspace.toml:9: `host` is a string, not a list of strings",
            "workspace.toml:4: unknown table `toolchian` (write `toolchain`)",
            "workspace.toml:2: unknown key `nam` (write `name`)",
            "workspace.toml:3: `linux` is not a platform: write an operating system and an architecture, as in `linux/amd64`",
            "workspace.toml:1: the workspace has no name (begin workspace.toml with `[workspace]` and `name = \"…\"`)",
        ],
    );
}

#[test]
fn a_profile_wins_over_the_local_file_and_that_over_the_workspace() {
    let main = "[workspace]\nname = \"a\"\n[execution]\nexecutor = \"host\"\n[toolchain.go]\nimage = \"golang:1\"\n\
                [profile.ci]\nexecution.executor = \"native\"\n[profile.other]\ncache.max_size = \"1GB\"\n";
    let local = "[toolchain.go]\nhost = [\"go\"]\n[execution]\nexecutor = \"auto\"\n";
    let texts = SettingsTexts { main, local: Some(local), profile: None };
    assert_eq!(check(texts, &[]).executor, Some(ExecutorChoice::Auto));
    let ci = check(SettingsTexts { profile: Some("ci"), ..texts }, &[]);
    assert_eq!(ci.executor, Some(ExecutorChoice::Native));
    assert_eq!(ci.max_size_bytes, 50 << 30);
    assert!(ci.toolchains.contains_key("go"));
    check(
        SettingsTexts { profile: Some("cii"), ..texts },
        &["there is no profile `cii` (write `--profile ci`; the profiles are `ci` and `other`)"],
    );
}

#[test]
fn a_broken_text_is_reported_with_all_its_errors() {
    let (_, mistakes) = settings(main_text("[workspace]\nname =\nx = = 1\n"));
    assert!(mistakes.len() >= 2, "{mistakes:?}");
    assert!(mistakes.iter().all(|mistake| mistake.code == model::codes::SYNTAX));
}
