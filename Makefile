# The commands of this repository. Each one sets up what it needs.

RG := target/release/rg

.PHONY: demo demo-containers test lint bench release setup

# Builds rg, then builds and tests examples/shop with it, twice, and after edits that cross languages.
demo: release
	@RG=$(RG) sh scripts/demo.sh

# Builds the shop in images, in rg's own sandbox, in a container engine and without namespaces, and compares what they make.
demo-containers: release
	@RG=$(RG) sh scripts/demo_containers.sh

# Everything that has to be true before a change lands.
test: setup lint
	cargo test --workspace
	@$(MAKE) --no-print-directory release
	RG=$(RG) sh scripts/run_e2e.sh

lint:
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings

# Criterion, then rg against ninja on the same generated graph, `go build`, pytest and npm on the shop, and `docker exec`.
# docs/benchmarks.md has the figures.
bench: release
	@sh scripts/setup.sh bench
	cargo bench --package benches
	RG=$(RG) python3 scripts/bench_ninja.py
	RG=$(RG) python3 scripts/bench_go.py
	RG=$(RG) python3 scripts/bench_languages.py
	RG=$(RG) python3 scripts/bench_images.py

release: setup
	cargo build --release

setup:
	@sh scripts/setup.sh
