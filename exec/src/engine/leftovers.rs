//! Whose a container is, and the removal of those whose maker is dead or about to end.

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptions;
use futures_util::future::join_all;

use super::client::by_force;

/// The label that all containers of rg have.
const MARK: &str = "rg";
/// The label that names the maker.
const OWNER: &str = "rg.owner";

/// How often an engine is asked whether containers are gone.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// How often an engine that does not answer is asked once more.
const MOST_UNANSWERED: u32 = 3;

/// The process that makes containers. A process id alone may be another's by now, or one of another machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Owner {
    /// The boot of the machine, and the namespace of its process ids.
    realm: String,
    process: String,
    started: String,
}

impl Owner {
    /// Returns the owner that this process is.
    pub fn this_process() -> Owner {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let realm = format!("{} {}", boot.trim(), namespace.display());
        let process = std::process::id().to_string();
        let started = start_time(&process).unwrap_or_default();
        Owner { realm, process, started }
    }

    /// Returns the labels of what it makes.
    pub fn labels(&self) -> HashMap<String, String> {
        HashMap::from([(MARK.to_owned(), "1".to_owned()), (OWNER.to_owned(), self.label())])
    }

    fn label(&self) -> String {
        format!("{}/{}/{}", self.realm, self.process, self.started)
    }

    fn parse(text: &str) -> Option<Owner> {
        let mut words = text.rsplitn(3, '/').map(str::to_owned);
        let (started, process) = (words.next()?, words.next()?);
        Some(Owner { started, process, realm: words.next()? })
    }

    /// Whether what another made can be removed. Of one that cannot be looked at, only what no longer runs.
    fn may_remove_of(&self, other: &Owner, state: State) -> bool {
        if self.realm == other.realm {
            start_time(&other.process).as_ref() != Some(&other.started)
        } else {
            state == State::Over
        }
    }
}

/// Whether a container runs, or is about to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Over,
}

/// Returns when a process started, as the kernel counts.
fn start_time(process: &str) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program may hold anything; what follows the last parenthesis does not.
    Some(stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.to_owned())
}

/// Removes the containers of dead runs. What cannot be removed now is removed by a later run.
pub(super) async fn sweep(docker: &Docker, owner: &Owner) {
    for container in labelled(docker, &format!("{MARK}=1")).await.unwrap_or_default() {
        let label = container.labels.as_ref().and_then(|labels| Owner::parse(labels.get(OWNER)?));
        let state = container.state.map(|state| state.to_string()).unwrap_or_default();
        let state = if state == "exited" || state == "dead" { State::Over } else { State::Running };
        let (Some(other), Some(id)) = (label, container.id) else { continue };
        if owner.may_remove_of(&other, state) {
            let _ = docker.remove_container(&id, Some(by_force())).await;
        }
    }
}

/// Removes the containers of an owner, and ends when the engine lists none of them. An engine that removes a container
/// that has ended by itself refuses to remove it again, and lists it until it is done; so it is asked, not believed.
pub(super) async fn remove_all_of(docker: &Docker, owner: &Owner) {
    let label = format!("{OWNER}={}", owner.label());
    let mut unanswered = 0;
    loop {
        let ids: Vec<String> = match labelled(docker, &label).await {
            Ok(containers) => containers.into_iter().filter_map(|container| container.id).collect(),
            // Podman may fail to list what goes meanwhile.
            Err(Error::DockerResponseServerError { .. }) => {
                tokio::time::sleep(ASK_EVERY).await;
                continue;
            }
            // A connection that was kept may have been closed. An engine that does not answer at all keeps what it has.
            Err(_) if unanswered < MOST_UNANSWERED => {
                unanswered += 1;
                tokio::time::sleep(ASK_EVERY).await;
                continue;
            }
            Err(_) => return,
        };
        if ids.is_empty() {
            return;
        }
        join_all(ids.iter().map(|id| docker.remove_container(id, Some(by_force())))).await;
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn labelled(docker: &Docker, label: &str) -> Result<Vec<ContainerSummary>, Error> {
    let filters = HashMap::from([("label".to_owned(), vec![label.to_owned()])]);
    let options = ListContainersOptions { all: true, filters: Some(filters), ..ListContainersOptions::default() };
    docker.list_containers(Some(options)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_dead_makers_left_is_removed() {
        let own = Owner::this_process();
        let label = own.labels().remove(OWNER).expect("it has an owner");
        assert_eq!(Owner::parse(&label).as_ref(), Some(&own));
        let dead = Owner { started: "1".to_owned(), ..own.clone() };
        let foreign = Owner { realm: "another boot".to_owned(), ..own.clone() };
        assert!(!own.may_remove_of(&own, State::Running));
        assert!(own.may_remove_of(&dead, State::Running));
        assert!(!own.may_remove_of(&foreign, State::Running));
        assert!(own.may_remove_of(&foreign, State::Over));
    }
}
