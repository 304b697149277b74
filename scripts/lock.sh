#!/usr/bin/env bash
# Writes requirements/*.txt anew from pyproject.toml and the .in files, each package pinned by hash.
# Run it after a dependency has changed; `scripts/lock.sh --upgrade` also takes newer versions.
set -eu
cd "$(dirname "$0")/.."

# No index address, no local folder, no machine path may end up in these files.
unset UV_FIND_LINKS UV_EXTRA_INDEX_URL UV_INDEX

lock() { # OUTPUT INPUT... -- OPTION...
  local output=$1
  shift
  uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
    --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command scripts/lock.sh \
    --output-file "requirements/$output.txt" "$@"
}

lock base pyproject.toml connector/pyproject.toml "$@"
lock dev pyproject.toml connector/pyproject.toml --group dev --constraints requirements/base.txt "$@"
lock tools requirements/tools.in "$@"
lock conformance requirements/conformance.in "$@"
lock bench-litellm requirements/bench-litellm.in "$@"
lock bench-smg requirements/bench-smg.in "$@"
lock bench-rolter requirements/bench-rolter.in "$@"
