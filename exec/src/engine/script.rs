//! The shell script around an action in a container that serves several: it leaves the container as it found it.
//!
//! What the action prints, on both streams and in order, is the script's standard output; on its standard error it says
//! how all ended. An action that ends the script itself has its container thrown away.
//!
//! A shell gives 128 + n for a signal and for such an exit code alike, but names on its standard error the signal that
//! ended a program, unless it is SIGINT or SIGPIPE: those two are exit codes here. The program is in a subshell, because
//! dash and busybox would say so where the program's own errors go.
//!
//! The kernel keeps the most memory that a container has ever held. It is the action's own if it rose while it ran; one
//! that needs less than those before it in the same container leaves it as it was, and its peak is not known.

use model::Content;

use super::Order;
use crate::executor::Job;
use crate::images::ImageRoot;
use crate::sandbox::How;

/// What an idle container runs: it ends with the stream that its maker holds, so it does not outlive a killed rg.
pub(super) const KEEPER: &str = "exec 3<&0; cat <&3 >/dev/null & wait $!";

/// The programs that the scripts need. Without `rm`, a container that something was left in serves no other action.
const NEEDS: [&str; 4] = ["sh", "env", "cat", "mkdir"];
/// What they need besides for secrets.
const FOR_SECRETS: &str = "dd";

/// How the script of an action begins, and all that goes before a visit. Its arguments: the working directory; name and size of each secret, whose values come on
/// standard input; `--`.
const PREPARATION: &str = r#"
umask 022
mkdir -p /tmp/home
cd "$1" || { echo "rg-no-directory" >&2; exit 1; }
shift
while [ "$1" != -- ]; do
    dd bs=1 count="$2" of="/run/secrets/$1" 2>/dev/null
    shift 2
done
shift
"#;

/// The script. Its further arguments: the environment and the program.
const SCRIPT: &str = r#"
oom() {
    for f in /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events; do
        [ -r $f ] && while read -r k v; do [ "$k" = oom_kill ] && n=$v; done < $f
    done
}
peak() {
    p=0
    for f in /sys/fs/cgroup/memory/memory.max_usage_in_bytes /sys/fs/cgroup/memory.peak; do
        [ -r $f ] && read -r p < $f
    done
}
sweep() {
    left=0
    for d in /tmp /var/tmp /dev/shm /dev/mqueue /run/secrets; do
        for f in "$d"/* "$d"/.[!.]* "$d"/..?*; do
            if [ -e "$f" ] || [ -h "$f" ]; then
                left=1
                [ "$1" = look ] || rm -rf "$f"
            fi
        done
    done
    for f in /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg; do
        i=0
        [ -r $f ] && while read -r k; do i=$((i+1)); done < $f
        [ $i -gt 1 ] && left=1
    done
}
n=0; oom; before=$n
peak; low=$p
echo rg-begins >&2
(exec env -i "$@" </dev/null 2>&1)
status=$?
echo rg-returns >&2
kill -9 -1 2>/dev/null
n=0; oom
peak; [ "$p" -gt "$low" ] || p=0
cd /
sweep rm 2>/dev/null
sweep look 2>/dev/null
echo "rg-ended $status $left $((n-before)) $p" >&2
exit $status
"#;

/// What a visitor runs. Its arguments: the working directory, the environment and the program. Podman forgets at once how
/// a program ended, so that is written down. An interrupt is for the program: here it is caught, there it is as ever.
const VISIT: &str = r#"
umask 022
cd "$1" || exit 1
shift
trap : INT QUIT
(exec env -i "$@")
echo $? > /tmp/.rg-status
"#;
/// Prints what [`VISIT`] wrote down.
const STATUS: &str = "cat /tmp/.rg-status";

/// Whether an image has what the scripts need for a job.
pub(super) fn is_possible(image: &ImageRoot, job: &Job<'_>) -> bool {
    let cache = job.cache;
    let file = |path: String| matches!(image.entry(&path, cache), Some(Content::File { executable: true, .. }));
    let has = |name: &&str| ["bin", "usr/bin"].iter().any(|dir| file(format!("{dir}/{name}")));
    // `env` would take such a word for something else.
    let is_plain = job.argv.first().is_some_and(|program| !program.contains('=') && !program.starts_with('-'));
    let secrets = job.secrets.is_empty() || has(&FOR_SECRETS);
    file("bin/sh".to_owned()) && NEEDS.iter().all(has) && secrets && is_plain
}

/// Returns the command line for a job.
pub(super) fn command(order: &Order<'_>) -> Vec<String> {
    let mut words = shell(&format!("{PREPARATION}{SCRIPT}"), order);
    words.extend(secrets_and_end(order));
    words.extend(program(order));
    words
}

/// Returns the command line that prepares a container for a visit. The values of secrets come on standard input.
pub(super) fn preparation(order: &Order<'_>) -> Vec<String> {
    let mut words = shell(PREPARATION, order);
    words.extend(secrets_and_end(order));
    words
}

/// Returns the command line for a job in a container that is prepared, with all of its streams.
pub(super) fn visit(order: &Order<'_>) -> Vec<String> {
    let mut words = shell(VISIT, order);
    words.extend(program(order));
    words
}

/// Returns the command line that prints the exit code of a visit that has ended.
pub(super) fn status() -> Vec<String> {
    ["/bin/sh", "-c", STATUS].map(str::to_owned).to_vec()
}

fn shell(script: &str, order: &Order<'_>) -> Vec<String> {
    let mut words = ["/bin/sh", "-c", script, "rg"].map(str::to_owned).to_vec();
    words.push(format!("/{}", order.job.directory));
    words
}

fn secrets_and_end(order: &Order<'_>) -> Vec<String> {
    let secrets = order.job.secrets.iter();
    let words = secrets.flat_map(|secret| [secret.name.to_string(), secret.value.len().to_string()]);
    words.chain(["--".to_owned()]).collect()
}

/// Returns the environment and the program, as `env` takes them.
fn program(order: &Order<'_>) -> Vec<String> {
    let job = order.job;
    let environment = job.environment().into_iter().map(|(name, value)| format!("{name}={value}"));
    environment.chain(job.argv.iter().map(|&word| word.to_owned())).collect()
}

/// What the script said in the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Said {
    /// How the program ended.
    pub how: How,
    /// Whether the container is as it was.
    pub is_clean: bool,
    /// Whether the kernel ended a process for want of memory.
    pub ran_out: bool,
    /// The most memory that the container held while the program ran; 0 if that is not known.
    pub peak_memory_bytes: u64,
}

/// Returns what was said besides the script's own words, to be shown after others.
pub(super) fn words(errors: &[u8]) -> String {
    let text = String::from_utf8_lossy(errors);
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty() && !line.starts_with("rg-")).collect();
    if lines.is_empty() { String::new() } else { format!(": {}", lines.join("; ")) }
}

/// Reads what the script said; `None` if it did not come to its end.
pub(super) fn parse(errors: &[u8]) -> Option<Said> {
    let text = String::from_utf8_lossy(errors);
    let line = text.lines().rev().find_map(|line| line.strip_prefix("rg-ended "))?;
    let words: Vec<i64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    let &[status, left, killed, peak] = words.as_slice() else { return None };
    let between = text.split_once("rg-begins\n").and_then(|(_, text)| text.split_once("rg-returns\n"));
    let is_told = between.is_some_and(|(told, _)| !told.trim().is_empty());
    let status = i32::try_from(status).ok()?;
    Some(Said {
        how: if is_told && status > 128 { How::Signalled(status - 128) } else { How::Exited(status) },
        is_clean: left == 0,
        ran_out: killed > 0,
        peak_memory_bytes: u64::try_from(peak).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_above_128_is_a_signal_if_the_shell_says_so() {
        let said = |text: &str| parse(text.as_bytes()).map(|said| (said.how, said.is_clean, said.peak_memory_bytes));
        let killed = "rg-begins\nKilled\nrg-returns\nrg-ended 137 0 0 4096\n";
        assert_eq!(said(killed), Some((How::Signalled(9), true, 4096)));
        let plain = "rg-begins\nrg-returns\nrg-ended 137 1 0 0\n";
        assert_eq!(said(plain), Some((How::Exited(137), false, 0)));
        assert_eq!(said("rg-begins\nKilled\n"), None);
    }
}
