"""A streamed answer as it comes: bytes in, pieces of text out, the whole answer at the end."""

from collections.abc import Iterator

import msgspec

from packhouse_connector.core.chat import Answer
from packhouse_connector.core.chat_wire import Grounding, WireUsage, stop_reason, usage_of
from packhouse_connector.core.events import EventDecoder
from packhouse_connector.core.refusal import error_of, not_understood, problem_of
from packhouse_connector.core.response import UNREADABLE, Response
from packhouse_connector.errors import AnswerCut, Problem

_DONE = b"[DONE]"


class _Delta(msgspec.Struct):
    content: str | None = None


class _ChunkChoice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: tuple[_ChunkChoice, ...] = ()
    model: str = ""
    usage: WireUsage | None = None
    packhouse: Grounding | None = None
    error: object = None


_decoder = msgspec.json.Decoder(_Chunk)


class ChatReader:
    """Reads one streamed answer. `opening` is the answer's head: status and headers, no body."""

    def __init__(self, opening: Response) -> None:
        self._opening = opening
        self._events = EventDecoder()
        self._pieces: list[str] = []
        self._usage: WireUsage | None = None
        self._grounding: Grounding | None = None
        self._model = ""
        self._finish_reason: str | None = None
        self._done = False

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The pieces of text that are complete with this chunk; raises what the server reports in the stream."""
        for event in self._events.feed(chunk):
            if piece := self._take(event):
                self._pieces.append(piece)
                yield piece

    def answer(self) -> Answer:
        """The whole answer, after the last chunk. Raises `AnswerCut` where the stream broke off before its end."""
        if not self._done:
            raise AnswerCut(_cut(self._opening))
        return Answer(
            text="".join(self._pieces),
            usage=usage_of(self._usage, self._grounding),
            model=self._model,
            references=self._grounding.references if self._grounding else (),
            stop_reason=stop_reason(self._finish_reason),
            request_id=self._opening.request_id,
        )

    def _take(self, event: bytes) -> str:
        if event == _DONE:
            self._done = True
            return ""
        try:
            chunk = _decoder.decode(event)
        except UNREADABLE as error:
            raise not_understood(self._opening) from error
        if chunk.error is not None:
            self._refuse(event)
        self._model = chunk.model or self._model
        self._usage = chunk.usage or self._usage
        self._grounding = chunk.packhouse or self._grounding
        text = ""
        for choice in chunk.choices:
            self._finish_reason = choice.finish_reason or self._finish_reason
            text += choice.delta.content or ""
        return text

    def _refuse(self, event: bytes) -> None:
        problem = problem_of(Response(self._opening.status, self._opening.headers, event))
        raise not_understood(self._opening) if problem is None else error_of(problem)


def _cut(opening: Response) -> Problem:
    return Problem(
        code="answer_cut",
        message="The answer broke off before its end. What was streamed so far is not all of it.",
        status=opening.status,
        request_id=opening.request_id,
    )
