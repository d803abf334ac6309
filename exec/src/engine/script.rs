//! The shell script around an action in a container that serves several: it leaves the container as it found it.
//!
//! What the action prints, on both streams and in order, is the script's standard output; on its standard error it says
//! how all ended. An action that ends the script itself has its container thrown away.

use model::Content;

use super::Order;
use crate::executor::Job;
use crate::images::ImageRoot;

/// What an idle container runs: it ends with the stream that its maker holds, so it does not outlive a killed rg.
pub(super) const KEEPER: &str = "exec 3<&0; cat <&3 >/dev/null & wait $!";

/// The programs that the scripts need. Without `rm`, a container that something was left in serves no other action.
const NEEDS: [&str; 4] = ["sh", "env", "cat", "mkdir"];
/// What they need besides for secrets.
const FOR_SECRETS: &str = "dd";

/// The script. Its arguments: the working directory; name and size of each secret, whose values come on standard input;
/// `--`; the environment and the program.
const SCRIPT: &str = r#"
umask 022
oom() {
    for f in /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events; do
        [ -r $f ] && while read -r k v; do [ "$k" = oom_kill ] && n=$v; done < $f
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
mkdir -p /tmp/home
cd "$1" || { echo "rg-no-directory" >&2; exit 1; }
shift
while [ "$1" != -- ]; do
    dd bs=1 count="$2" of="/run/secrets/$1" 2>/dev/null
    shift 2
done
shift
n=0; oom; before=$n
env -i "$@" </dev/null 2>&1
status=$?
kill -9 -1 2>/dev/null
n=0; oom
cd /
sweep rm 2>/dev/null
sweep look 2>/dev/null
echo "rg-ended $status $left $((n-before))" >&2
exit $status
"#;

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
    let job = order.job;
    let mut words = ["/bin/sh", "-c", SCRIPT, "rg"].map(str::to_owned).to_vec();
    words.push(format!("/{}", job.directory));
    for secret in &job.secrets {
        words.extend([secret.name.to_string(), secret.value.len().to_string()]);
    }
    words.push("--".to_owned());
    words.extend(job.environment().into_iter().map(|(name, value)| format!("{name}={value}")));
    words.extend(job.argv.iter().map(|&word| word.to_owned()));
    words
}

/// What the script said in the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Said {
    /// The exit code of the program.
    pub status: i32,
    /// Whether the container is as it was.
    pub is_clean: bool,
    /// Whether the kernel ended a process for want of memory.
    pub ran_out: bool,
}

/// Reads what the script said; `None` if it did not come to its end.
pub(super) fn parse(errors: &[u8]) -> Option<Said> {
    let text = String::from_utf8_lossy(errors);
    let line = text.lines().rev().find_map(|line| line.strip_prefix("rg-ended "))?;
    let mut words = line.split(' ');
    let mut number = || words.next()?.parse::<i32>().ok();
    let (status, left, killed) = (number()?, number()?, number()?);
    Some(Said { status, is_clean: left == 0, ran_out: killed > 0 })
}
