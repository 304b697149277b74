"""A model that does what it is told beforehand: for tests, demonstrations and trials without a provider.

It keeps every promise of the ports: `sent` before the first piece, the output cap, cancelling, tokens. A token
is a word with the white space behind it, so counts can be worked out by hand.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from packhouse.adapters.models.scripted_vectors import (
    float_vectors,
    tokens_of,
    typed_vectors,
    vector_of,
    words_of,
)
from packhouse.domain.chat import (
    ChatAnswer,
    ChatPiece,
    ChatRequest,
    StopReason,
    StreamEnd,
    TextDelta,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import Part, Text, ToolUse
from packhouse.domain.content import Content
from packhouse.domain.embedding import EmbedAnswer, EmbedRequest
from packhouse.domain.errors import CODES, Refused
from packhouse.domain.units import ModelTokens
from packhouse.ports.models import Sent

_TOKEN = re.compile(r"\S+\s*|\s+")
_NEVER_SENT = "provider_unreachable"


class Script(Content, frozen=True, kw_only=True):
    """What the model does when the last message of the user, or a text to embed, contains `when`.

    It answers with `text` (None: with that message itself) token by token, `piece_seconds` apart, then calls
    the tools of `tool_uses`. `fails_with` is the code of a refusal that comes instead of piece number
    `fails_at_piece`; `provider_unreachable` comes before anything is sent.
    """

    when: str = ""
    text: str | None = None
    tool_uses: tuple[ToolUse, ...] = ()
    piece_seconds: float = 0.0
    reports_tokens: bool = True
    fails_with: str = ""
    fails_at_piece: int = 0


class Counts(msgspec.Struct):
    """Calls that began, that came to their end, and that were ended by whoever asked."""

    begun: int = 0
    ended: int = 0
    left: int = 0


class Scripted:
    """`TextModel` and `EmbeddingsModel`; the first script that applies is followed, else it echoes.

    Vectors are made of hashed words: the same text always has the same one, of length 1, and texts that share
    words are similar. They come in every type, and of images too. `counts` tells what became of its calls.
    """

    def __init__(self, *scripts: Script, dimensions: int = 64) -> None:
        assert all(script.fails_with in ("", *CODES) for script in scripts)
        self._scripts = scripts
        self._dimensions = dimensions
        self.counts = Counts()

    async def answer(self, request: ChatRequest, sent: Sent) -> ChatAnswer:
        text: list[str] = []
        uses: list[ToolUse] = []
        async with aclosing(self.stream(request, sent)) as pieces:
            async for piece in pieces:
                match piece:
                    case TextDelta(delta):
                        text.append(delta)
                    case ToolUseStart(_, use_id, name):
                        uses.append(ToolUse(use_id, name, ""))
                    case ToolUseDelta(index, arguments):
                        uses[index] = msgspec.structs.replace(uses[index], arguments=arguments)
                    case StreamEnd(reason, tokens):
                        said: tuple[Part, ...] = (Text("".join(text)),) if text else ()
                        return ChatAnswer((*said, *uses), reason, tokens)
                    case _:
                        raise AssertionError(piece)
        raise AssertionError("a stream ends with its end")

    async def stream(self, request: ChatRequest, sent: Sent) -> AsyncGenerator[ChatPiece, None]:
        asked = next((m.text for m in reversed(request.messages) if m.role == "user"), "")
        script = self._script_for(asked)
        words: list[str] = _TOKEN.findall(asked if script.text is None else script.text)
        kept = words[: request.output_tokens_max]
        self.counts.begun += 1
        whole = False
        try:
            if script.fails_with != _NEVER_SENT:
                sent()
            for number, word in enumerate(kept):
                await _pause(script, number)
                yield TextDelta(word)
            await _pause(script, len(kept))
            for piece in _tool_pieces(script):
                yield piece
            yield _end(request, script, kept=kept, cut=len(kept) < len(words))
            whole = True
            self.counts.ended += 1
        finally:
            self.counts.left += not whole

    async def embed(self, request: EmbedRequest, sent: Sent) -> EmbedAnswer:
        texts = [words_of(each)[0] for each in request.inputs]
        script = self._script_for("\n".join(texts))
        self.counts.begun += 1
        if script.fails_with != _NEVER_SENT:
            sent()
        await _pause(script, script.fails_at_piece)
        dimensions = request.dimensions or self._dimensions
        vectors = [vector_of(text, dimensions) for text in texts]
        self.counts.ended += 1
        counted = [tokens_of(each) for each in request.inputs]
        return EmbedAnswer(
            float_vectors(vectors, request.types),
            dimensions,
            ModelTokens(sum(tokens for tokens, _ in counted)) if script.reports_tokens else None,
            typed_vectors(vectors, request.types),
            sum(images for _, images in counted) if script.reports_tokens else 0,
        )

    def _script_for(self, asked: str) -> Script:
        return next((script for script in self._scripts if script.when in asked), Script())


async def _pause(script: Script, piece: int) -> None:
    """Waits as long as a piece takes, and fails where its turn has come."""
    await asyncio.sleep(script.piece_seconds)
    if script.fails_with and piece == script.fails_at_piece:
        raise Refused(script.fails_with, CODES[script.fails_with])


def _tool_pieces(script: Script) -> list[ChatPiece]:
    pieces: list[ChatPiece] = []
    for index, use in enumerate(script.tool_uses):
        pieces += (ToolUseStart(index, use.id, use.name), ToolUseDelta(index, use.arguments))
    return pieces


def _end(request: ChatRequest, script: Script, *, kept: list[str], cut: bool) -> StreamEnd:
    reason: StopReason = "length" if cut else "tool_use" if script.tool_uses else "end"
    if not script.reports_tokens:
        return StreamEnd(reason, None)
    output = len(kept) + sum(_tokens(use.arguments) for use in script.tool_uses)
    return StreamEnd(reason, ModelTokens(sum(_tokens(m.text) for m in request.messages), output))


def _tokens(text: str) -> int:
    return len(_TOKEN.findall(text))
