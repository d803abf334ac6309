//! The values of secrets: read when an action needs them, shown to it alone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::Failure;

/// Where a container has its secrets.
pub(crate) const SECRETS: &str = "/run/secrets";

/// Where the value of a secret is.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretValue {
    /// In a variable of the environment.
    Variable {
        /// Its name.
        name: String,
        /// Its value, if it is set.
        value: Option<String>,
    },
    /// In a file.
    File(PathBuf),
}

/// The secrets of a workspace, by name.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secrets(pub BTreeMap<Arc<str>, SecretValue>);

/// A secret that a container holds, at `/run/secrets/NAME`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its name.
    pub name: Arc<str>,
    /// Its value.
    pub value: Vec<u8>,
}

impl Secrets {
    /// Reads some secrets.
    pub(crate) fn read(&self, names: &[Arc<str>]) -> Result<Vec<Secret>, Failure> {
        names.iter().map(|name| self.read_one(name)).collect()
    }

    fn read_one(&self, name: &Arc<str>) -> Result<Secret, Failure> {
        let missing = |why: String| Failure::Secret { name: name.to_string(), why };
        let value = match self.0.get(name) {
            Some(SecretValue::Variable { name, value: None }) => {
                return Err(missing(format!("the variable {name} is not set, or is empty")));
            }
            Some(SecretValue::Variable { value: Some(value), .. }) => value.clone().into_bytes(),
            Some(SecretValue::File(path)) => {
                std::fs::read(path).map_err(|error| missing(format!("cannot read {}: {error}", path.display())))?
            }
            None => return Err(missing("workspace.toml does not declare it".to_owned())),
        };
        Ok(Secret { name: name.clone(), value })
    }
}

/// A value is never printed, not even by accident.
impl std::fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SecretValue::Variable { name, .. } => write!(f, "the variable {name}"),
            SecretValue::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the secret {}", self.name)
    }
}
