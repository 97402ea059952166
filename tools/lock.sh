#!/bin/sh
# Makes both lock files anew from pyproject.toml: hashed, for every platform, without index lines.
set -eu
cd "$(dirname "$0")/.."
compile() {
    uv pip compile pyproject.toml --universal --python-version 3.11 --no-python-downloads \
        --generate-hashes --no-emit-index-url --no-header --quiet "$@"
}
compile --extra airflow --extra s3 --group tool --output-file requirements.lock
compile --extra airflow --extra s3 --group tool --group dev --constraint requirements.lock --output-file requirements-dev.lock
