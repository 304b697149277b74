"""The fastest provider there is: nginx with one fixed answer in each provider's dialect.

What a demo asks besides, vectors of Bedrock, is passed on to a server that can answer it.
"""

import json
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from stillness import still
from tools import LOAD_CORE, on_core

COMPLETION = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "fixed",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Hello! How can I help?"}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3},
    }
)
MESSAGE = json.dumps(
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "model": "fixed",
        "content": [{"type": "text", "text": "Hello! How can I help?"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 2,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 1,
        },
    }
)
CONVERSED = json.dumps(
    {
        "metrics": {"latencyMs": 1},
        "output": {"message": {"role": "assistant", "content": [{"text": "Hello! How can I help?"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 2, "outputTokens": 1, "totalTokens": 3},
    }
)
CONFIGURATION = """
master_process off; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location = /status {{ stub_status; }}
    location = /v1/messages {{ default_type application/json; return 200 '{message}'; }}
    location ~ /converse$ {{ default_type application/json; return 200 '{conversed}'; }}
    location ~ /invoke$ {{ proxy_pass {vectors}; }}
    location / {{ default_type application/json; return 200 '{completion}'; }}
  }}
}}
"""


SETTLED_SECONDS = 0.3


@dataclass(slots=True)
class Upstream:
    url: str
    _own: int = 0

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def calls(self) -> int:
        """How many it has had, once no more arrive: a gateway reads some answers to their end for clients that left."""
        return still(self._calls, seconds=SETTLED_SECONDS, every=SETTLED_SECONDS / 5)

    def _calls(self) -> int:
        """Without the questions for their number."""
        self._own += 1
        status = httpx.get(f"{self.url}/status", trust_env=False).text
        counted = re.search(r"requests\s+\d+ \d+ (\d+)", status)
        assert counted is not None, status
        return int(counted[1]) - self._own


@contextmanager
def nginx(vectors: str = "http://127.0.0.1:9") -> Generator[Upstream]:
    """Runs on the core of the load. `vectors` is the URL of a server that embeds as Bedrock does."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        file = Path(folder) / "nginx.conf"
        answers = {"completion": COMPLETION, "message": MESSAGE, "conversed": CONVERSED}
        file.write_text(CONFIGURATION.format(folder=folder, port=port, vectors=vectors, **answers))
        process = subprocess.Popen(
            on_core(LOAD_CORE, "nginx", "-p", folder, "-c", str(file)), stderr=subprocess.DEVNULL
        )
        try:
            _wait(process, port)
            yield Upstream(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(500):
        if process.poll() is not None:
            raise SystemExit("nginx did not start")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise SystemExit("nginx does not listen")
