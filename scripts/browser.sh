#!/usr/bin/env bash
# Installs Debian's Chromium, which the browser tests drive, and libatomic, which Playwright's driver wants.
# Does nothing where both are there.
set -euo pipefail
driver_runs() { python3 -c 'import ctypes; ctypes.CDLL("libatomic.so.1")' 2>/dev/null; }
if command -v chromium >/dev/null && driver_runs; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "browser: install Chromium first (on Debian, as root: apt-get install chromium fonts-dejavu-core libatomic1)" >&2
  exit 1
fi
echo "browser: installing chromium with apt-get (about a minute)" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
{ apt-get update && apt-get install -y --no-install-recommends chromium fonts-dejavu-core libatomic1; } >"$log" 2>&1 || {
  tail -n 20 "$log" >&2
  echo "browser: apt-get failed" >&2
  exit 1
}
