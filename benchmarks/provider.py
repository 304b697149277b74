"""The compiled provider of provider.c, on the core of the load, built where it is not built yet."""

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
from stillness import still
from tools import LOAD_CORE, on_core

SOURCE = Path(__file__).with_suffix(".c")
HOME = SOURCE.parents[1] / ".bench"
PIECES, PACE_MICROSECONDS = 20, 2000
SETTLED_SECONDS = 0.3


class Seen(msgspec.Struct, frozen=True):
    """Calls that it has had, and the streams that it could send to their end."""

    plain: int
    streams: int
    whole_streams: int
    embeddings: int

    @property
    def calls(self) -> int:
        return self.plain + self.streams + self.embeddings


@dataclass(frozen=True, slots=True)
class Provider:
    url: str

    def seen(self) -> Seen:
        """Once no more arrive: a gateway reads some answers to their end for clients that left."""
        return still(self._seen, seconds=SETTLED_SECONDS, every=SETTLED_SECONDS / 5)

    def _seen(self) -> Seen:
        answer = httpx.get(f"{self.url}/seen", trust_env=False, timeout=10)
        return msgspec.json.decode(answer.content, type=Seen)


@contextmanager
def provider() -> Generator[Provider]:
    program = HOME / "provider"
    if not program.exists() or program.stat().st_mtime < SOURCE.stat().st_mtime:
        HOME.mkdir(exist_ok=True)
        subprocess.run(["cc", "-O2", "-o", str(program), str(SOURCE)], check=True)
    command = on_core(LOAD_CORE, str(program), str(PIECES), str(PACE_MICROSECONDS))
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield Provider(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.terminate()
        process.wait(10)
