//! Shuts this process into a directory, as a plain user without a network, where namespaces are refused.
//!
//! The root directory says what there is, the user what may be changed, a filter of system calls that there is no network.
//! Landlock says the same once more, and keeps a program from signals, traces and sockets of others, as far as the kernel
//! knows it; where it does not, the rest holds.

use std::collections::BTreeMap;

use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};
use model::Network;
use rustix::io::Errno;
use rustix::process::{Gid, Signal, Uid, chdir, chroot, set_parent_process_death_signal};
use rustix::thread::{
    CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::init::INSIDE_ID;
use super::wire::{Fault, Named};
use super::{Spec, Way};

/// The rights that are asked for; a kernel that knows fewer grants fewer.
const RIGHTS: ABI = ABI::V6;
/// Numbers of the other calling convention of x86-64, of which a filter would know nothing.
#[cfg(target_arch = "x86_64")]
const OTHER_NUMBERS: Option<i64> = Some(0x4000_0000);
#[cfg(not(target_arch = "x86_64"))]
const OTHER_NUMBERS: Option<i64> = None;

/// Shuts this process in, if its container is made so.
pub(super) fn confine(spec: &Spec) -> Result<(), Fault> {
    let (Way::Chroot { writable }, Some(root)) = (&spec.way, &spec.root) else { return Ok(()) };
    // All that needs a lot of memory comes first, and all that needs rights.
    let filters = filters(spec.network).map_err(|_| Errno::INVAL).named("seccomp", "filter")?;
    chroot(root.as_path()).named("chroot", &root.to_string_lossy())?;
    chdir("/").named("chdir", "/")?;
    become_inside_user()?;
    // The kernel forgets this wish when ids change.
    set_parent_process_death_signal(Some(Signal::KILL)).named("prctl", "PR_SET_PDEATHSIG")?;
    set_no_new_privs(true).named("prctl", "PR_SET_NO_NEW_PRIVS")?;
    restrict(writable, spec.network).map_err(|_| Errno::INVAL).named("landlock_restrict_self", "/")?;
    for filter in filters {
        seccompiler::apply_filter(&filter).map_err(|_| Errno::INVAL).named("seccomp", "filter")?;
    }
    Ok(())
}

fn become_inside_user() -> Result<(), Fault> {
    let (user, group) = (Uid::from_raw(INSIDE_ID), Gid::from_raw(INSIDE_ID));
    set_thread_groups(&[]).named("setgroups", "none")?;
    set_thread_res_gid(group, group, group).named("setresgid", "inside group")?;
    set_thread_res_uid(user, user, user).named("setresuid", "inside user")?;
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    set_capabilities(None, none).named("capset", "none")
}

fn restrict(writable: &[String], network: Network) -> Result<(), RulesetError> {
    let mut rules = Ruleset::default().handle_access(AccessFs::from_all(RIGHTS))?.scope(Scope::from_all(RIGHTS))?;
    if network == Network::None {
        rules = rules.handle_access(AccessNet::from_all(RIGHTS))?;
    }
    rules
        .create()?
        .add_rules(path_beneath_rules(["/"], AccessFs::from_read(RIGHTS)))?
        .add_rules(path_beneath_rules(["/dev"], AccessFs::from_file(RIGHTS)))?
        .add_rules(path_beneath_rules(writable, AccessFs::from_all(RIGHTS)))?
        .restrict_self()?;
    Ok(())
}

/// Returns a filter for each error number.
fn filters(network: Network) -> Result<Vec<BpfProgram>, seccompiler::BackendError> {
    let unix = u64::try_from(libc::AF_UNIX).unwrap_or_default();
    let is_not_unix = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, unix)?;
    let everybody = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, u64::from(u32::MAX))?;
    // Only namespaces keep what lives in the kernel by a number to one action, and a ring does what no filter sees.
    let unknown = [libc::SYS_shmget, libc::SYS_semget, libc::SYS_msgget, libc::SYS_mq_open, libc::SYS_io_uring_setup];
    let mut refused = vec![
        (libc::ENOSYS, unknown.map(|call| (call, vec![])).to_vec()),
        (libc::EPERM, vec![(libc::SYS_kill, vec![SeccompRule::new(vec![everybody])?])]),
    ];
    if network == Network::None {
        refused.push((libc::EAFNOSUPPORT, vec![(libc::SYS_socket, vec![SeccompRule::new(vec![is_not_unix])?])]));
    }
    refused.into_iter().map(|(errno, calls)| filter(errno, calls)).collect()
}

fn filter(
    errno: libc::c_int,
    calls: Vec<(libc::c_long, Vec<SeccompRule>)>,
) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules = BTreeMap::new();
    for (call, when) in calls {
        rules.extend(OTHER_NUMBERS.map(|bit| (call | bit, when.clone())));
        rules.insert(call, when);
    }
    let answer = SeccompAction::Errno(errno.unsigned_abs());
    let machine = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, SeccompAction::Allow, answer, machine)?.try_into()
}
