//! Asks the interpreter of an image what it is.

use std::collections::BTreeMap;
use std::fs::File;

use cache::Cache;
use model::{DEFAULT_PATH, ImageDigest, Network, PythonEnvironment, RelPath};

use super::Images;
use crate::executor::{Executor, Ground, Job};
use crate::sandbox::How;
use crate::tools::{PYTHON_QUESTION, ToolView, python_answer};
use crate::{Cancel, Failure};

impl Images {
    /// Asks Python what it is, in the way that actions run; `None` if the image has none, or it does not answer.
    pub fn python(
        &self,
        digest: &ImageDigest,
        executor: &dyn Executor,
        cache: &Cache,
        cancel: &Cancel,
    ) -> Result<Option<PythonEnvironment>, Failure> {
        let image = self.root(digest, cache, cancel, &|_, _| {})?;
        let scratch = cache.scratch().map_err(|error| Failure::store(&error))?;
        let log_path = scratch.path().join("log");
        let log = File::create(&log_path).map_err(|error| Failure::store(&error))?;
        let directory = RelPath::new("src").expect("a normal path");
        let job = Job {
            argv: vec!["python3", "-I", "-S", "-c", PYTHON_QUESTION],
            env: BTreeMap::from([("PATH", DEFAULT_PATH), ("HOME", "/tmp/home")]),
            directory: &directory,
            out: RelPath::new("src/out").expect("a normal path"),
            layout: &[],
            ground: Ground::Image(image),
            tools: ToolView::default(),
            network: Network::None,
            secrets: Vec::new(),
            cache_mounts: &BTreeMap::new(),
            memory_bytes: None,
            timeout: Some(std::time::Duration::from_secs(60)),
            left: None,
            extra: Vec::new(),
            cache,
        };
        let Ok(ran) = executor.execute(&job, scratch.path(), &log, cancel) else { return Ok(None) };
        let answer = std::fs::read_to_string(&log_path).unwrap_or_default();
        Ok(if ran.how == How::Exited(0) { python_answer(&answer) } else { None })
    }
}
