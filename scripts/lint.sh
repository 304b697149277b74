#!/usr/bin/env bash
# Every check of the sources that is not a test. Runs them all, shows the output of those that fail.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.venv/bin:$PATH
failed=0

check() { # TITLE COMMAND...
  local title=$1 output
  shift
  if output=$("$@" 2>&1); then
    echo "lint: $title: ok"
  else
    printf '%s\nlint: %s: FAILED\n' "$output" "$title"
    failed=1
  fi
}

check "ruff check" ruff check --quiet
check "ruff format" ruff format --check --quiet --diff
check "basedpyright" basedpyright
check "import contracts" lint-imports --no-cache
check "dependencies of packhouse" deptry src
check "dependencies of packhouse-connector" deptry --config connector/pyproject.toml connector/src
check "codespell" codespell
exit "$failed"
