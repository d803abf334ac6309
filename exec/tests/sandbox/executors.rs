//! The executors, given the same job.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use cache::Cache;
use exec::{Cancel, Executor, Job, Native, OnHost};
use model::{Content, Network, RelPath, Text};

use crate::fixture::{log, sandbox, scratch};

pub fn scripts_run_and_links_lead_in_each_executor() {
    check(&Native::new(sandbox()));
    check(&OnHost);
}

fn check(executor: &dyn Executor) {
    let place = scratch();
    let cache = Cache::at(place.join("cache"), 1 << 40);
    let path = |text: &str| RelPath::new(text).unwrap();
    let texts = [
        ("deps/bin/tool", Text::Script("#!/bin/sh\necho tool\n".into())),
        ("src/a/data", Text::Plain("data\n".into())),
        ("src/a/link", Text::Link("data".into())),
        ("src/a/run", Text::Script("#!/bin/sh\ncat link\n".into())),
        ("src/node_modules/a", Text::Link("../a".into())),
        ("src/rg-out/a/t/own", Text::Link("../../../a/data".into())),
    ];
    for (_, text) in &texts {
        if let Text::Plain(text) | Text::Script(text) = text {
            cache.put_bytes(text.as_bytes()).unwrap();
        }
    }
    let layout: Vec<(RelPath, Content)> = texts.iter().map(|(at, text)| (path(at), text.content())).collect();
    let directory = path("src/a");
    let script = "./run; ../node_modules/a/run; cat ../rg-out/a/t/own; $DEPS/tool; test ! -x data; echo $?";
    let job = Job {
        argv: vec!["sh", "-c", script],
        env: BTreeMap::from([("PATH", "/usr/bin:/bin"), ("DEPS", "/deps/bin")]),
        directory: &directory,
        out: path("src/rg-out/a/t"),
        layout: &layout,
        ground: exec::Ground::Machine,
        tools: exec::tools::ToolView::default(),
        secrets: Vec::new(),
        cache_mounts: &BTreeMap::new(),
        memory_bytes: None,
        network: Network::None,
        timeout: None,
        left: None,
        extra: Vec::new(),
        cache: &cache,
    };
    let scratch = cache.scratch().unwrap();
    let mut log = log();
    executor.execute(&job, scratch.path(), &log, &Cancel::default()).unwrap();
    let mut printed = String::new();
    log.rewind().unwrap();
    log.read_to_string(&mut printed).unwrap();
    assert_eq!(printed, "data\ndata\ndata\ntool\n0\n", "{}", executor.domain());
}
