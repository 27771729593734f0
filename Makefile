# make run    install what is needed and run everything on 127.0.0.1:8000 (MDO_PORT=… for another port); Ctrl-C ends it
# make test   every check and test, on real parts
# The work is done by mdo/cli/: this file only finds a Python.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; exit; }; done)
MDO = $(if $(PYTHON),,$(error Python 3.11 or later is needed. On Debian or Ubuntu: apt-get install python3 python3-venv))$(PYTHON) -m mdo.cli.bootstrap

.DEFAULT_GOAL := run
.PHONY: bundle bundle-test upgrade-test run test test-pooled check format messages lock servers reset install build bench-start bench-pages bench-browser bench-call bench-room bench-agenda bench-failover bench-imports bench-minutes bench-production bench-proposals bench-search drill chaos livekit test-livekit test-image test-install verify-pdf bench-room-two test-objects simulate-scale help

run: ## install, build and run the whole product
	@$(MDO) up

test: ## every check and test; does its own set-up
	@$(MDO) test

test-pooled: install ## the door, the room, the worker and the site behind a real PgBouncer (5 minutes at most)
	@MDO_TEST_POOLED=1 .venv/bin/python -m pytest -q -p no:cacheprovider tests/kernel tests/directory tests/cli/test_parts.py tests/meetings/room tests/pooling tests/watch

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

build: ## what an installation needs, and nothing to develop with: docs/install.md
	@$(MDO) build

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

bench-room-two: install ## measure the room on two web processes behind PgBouncer: var/bench-room-two.json (5 minutes)
	@.venv/bin/python -m tests.bench.bench_room_two

bench-production: install ## measure the room through `mdo run --profile production` and PgBouncer, then kill a web process: var/bench-production.json (5 minutes)
	@.venv/bin/python -m tests.bench.bench_production

bench-failover: install ## kill a web process, then the primary and promote its replica, under a room: var/bench-failover.json (5 minutes)
	@.venv/bin/python -m tests.failover

bench-imports: install ## measure a list of 2,000 rows to its last case, and the memory of 50,000: var/bench-imports.json
	@.venv/bin/python -m pytest -q -s -p no:cacheprovider tests/bench/bench_imports.py

bench-agenda: install ## measure the proposed order on 200 boards at random: var/bench-agenda.json
	@.venv/bin/python -m tests.bench.bench_agenda

bench-minutes: install ## measure the minutes of forty cases beside what Typst alone takes: var/bench-minutes.json
	@.venv/bin/python -m pytest -q -s -p no:cacheprovider tests/bench/bench_minutes.py

verify-pdf: install ## every kind of document against PDF/A-3a and PDF/UA-1, by veraPDF (needs a JDK and Maven): var/verify-pdf.json
	@.venv/bin/python -m tests.pdf.verify

bench-proposals: install ## measure the proposals on the held-out texts: var/bench-proposals.json
	@.venv/bin/python -m tests.bench.bench_proposals

bench-search: install ## measure the search of a million decisions: var/bench-search.json
	@.venv/bin/python -m tests.bench.bench_search

drill: install ## lose a machine with a year on it and come back from the backup: var/drill.json (10 minutes at most)
	@.venv/bin/python -m tests.drill

bundle: install ## one archive to install from without any network: var/bundle/
	@.venv/bin/python -m mdo bundle

bundle-test: bundle ## unpack it in a clean folder, registries out of reach, install and ask it something
	@.venv/bin/python -m tests.offline

upgrade-test: install ## the release before under load while this one migrates and takes over: var/upgrade.json (5 minutes at most, once the release before is laid out)
	@.venv/bin/python -m tests.upgrade

chaos: install ## kill everything under a room: var/chaos.json (some 6 minutes), and the worker under 500 deliveries: var/chaos-deliveries.json (5 minutes); then type together through cuts, 200 seeds (10 minutes and more)
	@.venv/bin/python -m tests.chaos
	@.venv/bin/python -m tests.chaos.deliveries
	@test ! -f tests/chaos/text_convergence.py || .venv/bin/python -m tests.chaos.text_convergence

livekit: install ## make the LiveKit server that is tested against, with the Go toolchain of this machine: var/livekit/
	@.venv/bin/python -m tests.livekit.program

test-livekit: install ## browsers against two LiveKit nodes on one Redis: var/test-livekit.json (25 minutes at most)
	@.venv/bin/python -m tests.livekit

test-image: install ## the Dockerfile's steps in a clean folder, without an engine: var/test-image.json (15 minutes at most)
	@.venv/bin/python -m tests.deploy.image

test-install: install ## docs/install.md followed literally, in a folder that holds nothing but the sources (15 minutes at most)
	@.venv/bin/python -m tests.deploy.install_page

test-objects: install ## stored files on a real S3 store, which the Go toolchain makes first: var/s3/ (4 minutes the first time)
	@.venv/bin/python -m tests.s3.program
	@.venv/bin/python -m pytest -q -p no:cacheprovider tests/s3/checks.py

simulate-scale: install ## the busiest hour of a region, with measured costs: var/scale.json (3 minutes)
	@.venv/bin/python -m tests.scale

lock: ## pin every package anew, with hashes and without addresses
	@sh requirements/lock.sh

help: ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /	/' | expand -t 12
