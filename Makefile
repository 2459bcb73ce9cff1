# Two commands on a fresh machine: `make demo` and `make test`. Both install what is missing or say what is.

.PHONY: demo test coverage coverage-rust fuzz formal board-test licences nightly bitstream help

demo: ## stream a story from the simulated accelerator
	@tools/setup.sh
	cargo run --release --quiet -- run -n 80 --temp 0.7 --seed 1

test: ## format, lints, every test
	@tools/setup.sh all
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
	cargo build -p sterna-host --no-default-features --quiet
	cargo test --workspace --quiet

board-test: ## the shipped model and foreign clients at a simulated board, some minutes
	@tools/setup.sh all
	@tools/wishbone-tool.sh
	cargo test --package sterna-tests --test board -- --include-ignored --nocapture --test-threads 1

coverage: ## lines and bits of the Verilog that the co-simulation reaches, some minutes
	@tools/setup.sh
	rm -rf target/coverage
	VERILATED_COVERAGE=$(CURDIR)/target/coverage cargo test --package sterna-sim --test cosim
	cargo run --quiet --package sterna-sim --example coverage -- target/coverage

coverage-rust: ## lines of the definition and of the host that their own tests reach; needs llvm-profdata and llvm-cov of rustc's LLVM
	tools/coverage-rust.sh

fuzz: ## every fuzz target under libFuzzer, FUZZ_SECONDS of each (60), with the compiler at hand
	tools/fuzz.sh

licences: ## what is linked: licences, sources, crates in several versions
	cargo test --quiet --package sterna-tests --test robust licences -- --nocapture --test-threads 1

nightly: ## what is too long for `make test`: kills, random configurations, builds from nothing; hours
	@tools/setup.sh all
	cargo test --package sterna-tests --test robust --test configurations -- --ignored --nocapture
	cargo test --package verilated --test kills -- --ignored --nocapture
	cargo test --package sterna-sim --test cosim -- --ignored --nocapture

formal: ## proofs of streams, queues, buses and credits on the emitted Verilog, each with a mutant that must fail
	@tools/setup.sh all
	cargo run --release --quiet -p sterna-gen -- formal --mutants

BOARD ?= ulx3s-85f
bitstream: ## the bitstream of BOARD, in out/BOARD
	cargo run --release --quiet -p sterna-gen -- build $(BOARD) -o out/$(BOARD)

help: ## this list
	@sed -n 's/^\([a-z-]*\): ## /\1\t/p' Makefile
