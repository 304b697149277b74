"""The vocabulary `cl100k_base`, which OpenAI's clients cut texts with: numbers back to the texts that they stand for.

The vocabulary comes with the package `bpe-openai`, of which only that file is read, and checked against the digest
that its maker publishes; without the package such inputs are refused.
"""

import asyncio
import binascii
import gzip
import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from packhouse.domain.errors import Refused

PACKAGE = "bpe_openai"
_FILE = "data/cl100k_base.tiktoken.gz"
_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"


class Cl100k:
    """A `TokenReader`. Its vocabulary lies in `package`; it is read at the first call (0.2 s, 10 MB).

    Whatever it does it does in a thread.
    """

    def __init__(self, package: str = PACKAGE) -> None:
        self._package = package
        self._pieces: list[bytes] | None = None

    async def read(self, inputs: Sequence[tuple[int, ...]]) -> list[str]:
        return await asyncio.to_thread(self._read, inputs)

    def _read(self, inputs: Sequence[tuple[int, ...]]) -> list[str]:
        if self._pieces is None:
            self._pieces = _pieces(self._package)
        pieces = self._pieces
        try:
            return [b"".join([pieces[number] for number in each]).decode(errors="replace") for each in inputs]
        except IndexError:
            foreign = next(number for each in inputs for number in each if number >= len(pieces))
            raise Refused(
                "invalid_request",
                f"Token {foreign} is none of cl100k_base, with which this gateway reads token numbers. Send the text.",
                field="input",
            ) from None


def _pieces(package: str) -> list[bytes]:
    """What each number stands for. A text may be cut within a character, so these are bytes."""
    try:
        listed = gzip.decompress(_path(package).read_bytes())
    except OSError:
        raise _missing() from None
    if hashlib.sha256(listed).hexdigest() != _SHA256:
        raise _missing()
    pairs = [line.split(b" ") for line in listed.splitlines()]
    assert all(number == str(place).encode() for place, (_, number) in enumerate(pairs)), "the digest says otherwise"
    return [binascii.a2b_base64(piece) for piece, _ in pairs]


def _path(package: str) -> Path:
    """Found without importing the package, whose own code takes 75 MB."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise _missing()
    return Path(spec.submodule_search_locations[0]) / _FILE


def _missing() -> Refused:
    return Refused(
        "unsupported",
        "This model takes texts, and the installation has no vocabulary to read token numbers with. Send the text "
        "(LangChain: `check_embedding_ctx_length=False`), or ask the operator to install `bpe-openai`.",
        field="input",
    )
