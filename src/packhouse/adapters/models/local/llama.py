"""llama.cpp inside this process: loaded on first use, called without a network in between."""

import os
import secrets
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import msgspec

from packhouse.adapters.models.local.weights import Weights, checked
from packhouse.domain.content import Content
from packhouse.domain.errors import Refused

State = Literal["idle", "loading", "ready", "failed", "closed"]

_BATCH_TOKENS = 512
"""How much of a prompt is worked off between two looks at whether the caller is still there."""

_NOT_UNDERSTOOD = (
    "The local model's runtime does not understand the request; most likely it cannot work with the JSON schema."
)

_NO_RUNTIME = (
    "The runtime of the local text model cannot be loaded; most likely the system lacks libgomp "
    "(on Debian: apt-get install libgomp1)."
)


class Delta(Content, frozen=True):
    content: str | None = None
    reasoning_content: str | None = None


class Choice(Content, frozen=True):
    delta: Delta = Delta()
    finish_reason: str | None = None


class Timings(msgspec.Struct, frozen=True):
    """Tokens so far; every piece that carries text carries them."""

    cache_n: int = 0
    prompt_n: int = 0
    predicted_n: int = 0


class Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Failure(Content, frozen=True):
    """llama.cpp's own error. Its message may quote the request, so it goes nowhere."""

    type: str = ""
    message: str = ""
    n_prompt_tokens: int = 0
    n_ctx: int = 0


class Chunk(Content, frozen=True):
    """One event of llama.cpp's stream."""

    choices: tuple[Choice, ...] = ()
    timings: Timings | None = None
    usage: Usage | None = None
    error: Failure | None = None


class _Server(Protocol):
    """The part of `xllamacpp.Server` that is used here."""

    listening_address: str

    def handle_chat_completions(self, body: str, take: Callable[[object], bool]) -> object: ...


class Llama:
    """A model in memory that works on up to `slots` conversations at once, which share `context_tokens`.

    Threads: `generate` may be called from as many threads as there are slots. Never fork after loading.
    """

    def __init__(
        self,
        weights: Callable[[], Weights],
        *,
        stamps: Path | None = None,
        context_tokens: int = 8_192,
        slots: int = 2,
        threads: int | None = None,
    ) -> None:
        """`weights` is asked when they are needed. `threads` generate text: half the cores where not said,
        because a generating thread that waits for a core holds up the others."""
        self.context_tokens = context_tokens
        self.slots = slots
        self._weights = weights
        self._stamps = stamps
        self._threads = threads or max(1, _cores() // 2)
        self._state: State = "idle"
        self._server: _Server | None = None
        self._lock = threading.Lock()

    @property
    def state(self) -> State:
        return self._state

    def load(self) -> None:
        """Have the model in memory; at once where it is. Blocks for a second or so.

        Refused: unavailable (no weights, damaged or not readable by llama.cpp, or closed).
        """
        with self._lock:
            if self._state == "closed":
                raise Refused("unavailable", "The local text model is shutting down.")
            if self._server is not None:
                return
            self._state = "loading"
            try:
                self._server = self._start(checked(self._weights(), self._stamps))
            except ImportError as error:
                self._state = "failed"
                raise Refused("unavailable", _NO_RUNTIME) from error
            except BaseException:
                self._state = "failed"
                raise
            self._state = "ready"

    def generate(self, body: str, take: Callable[[Chunk], bool]) -> None:
        """Answer a chat request (llama.cpp's JSON, streaming); blocks until it ends.

        `take` gets every event; where it returns False generation ends and its slot is free. Refused:
        invalid_request, where llama.cpp does not understand the request.
        """
        server = self._server
        assert server is not None, "load() comes first"
        broken: list[msgspec.MsgspecError | RuntimeError] = []

        def on_event(event: object) -> bool:
            try:
                return self._state != "ready" or not take(_chunk(event))
            except (msgspec.MsgspecError, RuntimeError) as error:  # else llama.cpp's wrapper would swallow it
                broken.append(error)
                return True

        try:
            server.handle_chat_completions(body, on_event)
        except (RuntimeError, ValueError) as error:
            raise Refused("invalid_request", _NOT_UNDERSTOOD) from error
        if broken:
            raise Refused("provider_malformed", "The local model's runtime gave no answer.") from broken[0]

    def close(self) -> None:
        """End what runs and give the memory back. It does not load again."""
        with self._lock:
            self._state = "closed"
            self._server = None

    def _start(self, path: Path) -> _Server:
        import xllamacpp

        params = _Parameters(cast("Any", xllamacpp).CommonParams())
        params.size(self.context_tokens, slots=self.slots, threads=self._threads)
        params.keep_quiet()
        with tempfile.TemporaryDirectory(prefix="packhouse-") as private:
            params.listen_nowhere(Path(private))
            params.weights(path)
            try:
                return cast("_Server", cast("Any", xllamacpp).Server(params.raw))
            except (RuntimeError, ValueError) as error:
                raise Refused(
                    "unavailable",
                    "The local text model cannot be loaded: llama.cpp does not read its file, or memory is short.",
                ) from error


class _Parameters:
    """llama.cpp's parameters, set for a library rather than a server."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def weights(self, path: Path) -> None:
        self.raw.model.path = str(path)
        self.raw.n_gpu_layers = 0
        self.raw.warmup = False

    def size(self, context_tokens: int, *, slots: int, threads: int) -> None:
        self.raw.n_ctx = context_tokens
        self.raw.n_parallel = slots
        self.raw.kv_unified = True  # one conversation may use the whole context; else each gets its share
        self.raw.n_batch = _BATCH_TOKENS
        self.raw.cpuparams.n_threads = threads
        self.raw.cpuparams_batch.n_threads = max(threads, _cores())

    def keep_quiet(self) -> None:
        """No log lines, and nothing kept of a prompt once it is answered: another caller's must not show."""
        self.raw.verbosity = -1
        self.raw.cache_prompt = False
        self.raw.cache_ram_mib = 0

    def listen_nowhere(self, private: Path) -> None:
        """llama.cpp always listens: let it be a socket in a folder of ours, which is gone once it is up."""
        self.raw.hostnames = [str(private / "unused.sock")]
        self.raw.api_keys = [secrets.token_hex(32)]
        self.raw.n_threads_http = 1
        self.raw.ui = False
        self.raw.endpoint_slots = False
        self.raw.endpoint_props = False
        self.raw.endpoint_metrics = False


def _chunk(event: object) -> Chunk:
    if isinstance(event, str | bytes):
        return msgspec.json.decode(event, type=Chunk)
    return msgspec.convert(event, Chunk)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
