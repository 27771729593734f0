# make run    install what is needed and run everything on 127.0.0.1:8000 (MDO_PORT=… for another port); Ctrl-C ends it
# make test   every check and test, on real parts
# The work is done by mdo/cli/: this file only finds a Python.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; exit; }; done)
MDO = $(if $(PYTHON),,$(error Python 3.11 or later is needed. On Debian or Ubuntu: apt-get install python3 python3-venv))$(PYTHON) -m mdo.cli.bootstrap

.DEFAULT_GOAL := run
.PHONY: run test check format messages lock servers reset install bench-start bench-pages bench-browser bench-call bench-room bench-agenda bench-imports bench-proposals bench-search chaos livekit test-livekit help

run: ## install, build and run the whole product
	@$(MDO) up

test: ## every check and test; does its own set-up
	@$(MDO) test

check: ## the fast part: lint, types, import contracts, migrations, unit tests
	@$(MDO) check

format: ## rewrite the Python sources in the house's form
	@$(MDO) format

messages: ## collect the sentences to translate into locale/
	@$(MDO) messages

servers: ## PostgreSQL and Valkey only, for development
	@$(MDO) servers

reset: ## delete this copy's state (database, files, mailbox, keys)
	@$(MDO) reset

install: ## packages and front end only
	@$(MDO) install

bench-start: ## measure the first and later starts of a fresh clone
	@$(PYTHON) tests/bench/start_times.py

bench-pages: install ## measure the pages, and their queries: var/bench-pages.json
	@.venv/bin/python -m pytest -q -p no:cacheprovider tests/bench/bench_pages.py

bench-browser: install ## measure from the chair's key to the other browser's paint: var/bench-browser.json
	@.venv/bin/python -m pytest -q -p no:cacheprovider tests/bench/bench_browser.py

bench-call: install ## measure a call from browser to browser, two to six people: var/bench-call.json
	@.venv/bin/python -m pytest -q -p no:cacheprovider tests/bench/bench_call.py

bench-room: install ## measure the room, beside what it is held against: var/bench-room.json (6 minutes at most)
	@.venv/bin/python -m tests.bench.bench_room

bench-imports: install ## measure a list of 2,000 rows to its last case, and the memory of 50,000: var/bench-imports.json
	@.venv/bin/python -m pytest -q -s -p no:cacheprovider tests/bench/bench_imports.py

bench-agenda: install ## measure the proposed order on 200 boards at random: var/bench-agenda.json
	@.venv/bin/python -m tests.bench.bench_agenda

bench-proposals: install ## measure the proposals on the held-out texts: var/bench-proposals.json
	@.venv/bin/python -m tests.bench.bench_proposals

bench-search: install ## measure the search of a million decisions: var/bench-search.json
	@.venv/bin/python -m tests.bench.bench_search

chaos: install ## kill everything under a room: var/chaos.json (some 6 minutes); then type together through cuts, 200 seeds (10 minutes and more)
	@.venv/bin/python -m tests.chaos
	@test ! -f tests/chaos/text_convergence.py || .venv/bin/python -m tests.chaos.text_convergence

livekit: install ## make the LiveKit server that is tested against, with the Go toolchain of this machine: var/livekit/
	@.venv/bin/python -m tests.livekit.program

test-livekit: install ## browsers against two LiveKit nodes on one Redis: var/test-livekit.json (25 minutes at most)
	@.venv/bin/python -m tests.livekit

lock: ## pin every package anew, with hashes and without addresses
	@sh requirements/lock.sh

help: ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /	/' | expand -t 12
