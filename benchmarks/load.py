"""Load from wrk: small calls as fast as they are answered, on the core that the gateway does not use."""

import json
import subprocess
import tempfile
from pathlib import Path

import msgspec
from dialects import Dialect
from tools import LOAD_CORE, on_core

SCRIPT = """
wrk.method = "POST"
wrk.path = %s
wrk.body = %s
wrk.headers = {%s}
function done(summary, latency, requests)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format('RESULT {"requests": %%d, "seconds": %%.6f, "p50_microseconds": %%.1f, "failed": %%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), failed))
end
"""


class Run(msgspec.Struct, frozen=True):
    """What one run of the load came to."""

    requests: int
    seconds: float
    p50_microseconds: float
    failed: int

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def run(url: str, key: str, *, dialect: Dialect, connections: int, seconds: float) -> Run:
    """Ends the program where any request failed: a fast error is no speed."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        headers = ", ".join(f'["{name}"] = {json.dumps(value)}' for name, value in dialect.headers(key).items())
        script.write(SCRIPT % (json.dumps(dialect.path), json.dumps(dialect.body()), headers))
        script.flush()
        options = [f"-t1 -c{connections} -d{max(1, round(seconds))}s", f"-s{Path(script.name)}"]
        command = on_core(LOAD_CORE, "wrk", *options[0].split(), options[1], url)
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result = msgspec.json.decode(printed.partition("RESULT ")[2].partition("\n")[0], type=Run)
    if result.failed or not result.requests:
        raise SystemExit(f"{result.failed} of {result.requests} requests to {url} failed:\n{printed}")
    return result
