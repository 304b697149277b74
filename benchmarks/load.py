"""Load from wrk: small calls as fast as they are answered, on the core that the gateway does not use.

Its loop is closed: each connection asks anew when it has its answer, so a slow gateway is asked less.
"""

import json
import subprocess
import tempfile
from dataclasses import dataclass

import msgspec
from tools import LOAD_CORE, on_core

TIMEOUT_SECONDS = 30
SCRIPT = """
wrk.method = "POST"
wrk.path = %s
wrk.body = %s
wrk.headers = {%s}
function done(summary, latency, requests)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format('RESULT {"requests": %%d, "seconds": %%.6f, "p50_microseconds": %%.1f,' ..
    ' "p99_microseconds": %%.1f, "failed": %%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), failed))
end
"""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked again and again."""

    path: str
    headers: dict[str, str]
    body: str

    @classmethod
    def chat(cls, headers: dict[str, str], *, stream: bool) -> "Question":
        """A small chat in OpenAI's dialect."""
        body = {"model": "default", "max_tokens": 64, "messages": [{"role": "user", "content": "Say hello, please."}]}
        asked = body | ({"stream": True} if stream else {})
        return cls("/v1/chat/completions", {"content-type": "application/json", **headers}, json.dumps(asked))


class Run(msgspec.Struct, frozen=True):
    """What one run of the load came to."""

    requests: int
    seconds: float
    p50_microseconds: float
    p99_microseconds: float
    failed: int

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    def without_failure(self) -> "Run":
        """Ends the program where any request failed: a fast error is no speed."""
        if self.failed or not self.requests:
            raise SystemExit(f"{self.failed} of {self.requests} requests failed")
        return self


def run(url: str, question: Question, *, connections: int, seconds: float) -> Run:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        headers = ", ".join(f"[{json.dumps(name)}] = {json.dumps(value)}" for name, value in question.headers.items())
        script.write(SCRIPT % (json.dumps(question.path), json.dumps(question.body), headers))
        script.flush()
        options = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", f"-T{TIMEOUT_SECONDS}s"]
        command = on_core(LOAD_CORE, "wrk", *options, f"-s{script.name}", url)
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return msgspec.json.decode(printed.partition("RESULT ")[2].partition("\n")[0], type=Run)
