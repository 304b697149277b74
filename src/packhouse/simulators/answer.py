"""What a simulated model answers: made of a rule and of what was asked, before any provider's shape is given to it."""

import itertools
import math
import re
import time
from collections.abc import Iterator

import msgspec

from packhouse.simulators import tokens
from packhouse.simulators.asked import ANY_TOOL, Asked, Tool
from packhouse.simulators.rules import Citation, Rule, Stop, Usage
from packhouse.simulators.schema import example

_WORDS = re.compile(r"\s*\S+|\s+")
NO_TEXT = "(no text)"
"""What is answered to a turn without any, an image alone say: an answer is never empty unless a rule says so."""

_STAMP = "⟨%d⟩"
STAMP = re.compile(r"⟨(\d+)⟩")
"""Finds the stamps in a text: nanoseconds of the monotonic clock at the moment when the piece was made."""


class Use(msgspec.Struct, frozen=True):
    """A tool call: `arguments` as a JSON text."""

    id: str
    name: str
    arguments: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer. `number` counts the answers of one simulator; ids are made of it."""

    number: int
    text: str = ""
    thinking: str = ""
    signature: str = ""
    redacted: str = ""
    citations: tuple[Citation, ...] = ()
    uses: tuple[Use, ...] = ()
    stop: Stop = "end"
    stop_sequence: str | None = None
    usage: Usage = Usage()
    pieces: int = 0
    stamps: bool = False

    def id(self, prefix: str) -> str:
        """An id of this answer, as long as the provider's are."""
        return f"{prefix}{self.number:024d}"

    def pieces_of(self, text: str) -> Iterator[str]:
        """The text in pieces, each stamped as it is made if stamps are wanted."""
        for piece in split(text, self.pieces):
            yield _STAMP % time.monotonic_ns() + piece if self.stamps else piece

    @property
    def thinking_tokens(self) -> int:
        return tokens.of_text(self.thinking)


def split(text: str, pieces: int = 0) -> Iterator[str]:
    """`text` in `pieces` parts of about one length; 0: word by word, a single word in two halves."""
    if not pieces:
        words = _WORDS.findall(text) if len(text) < 100_000 else []
        if len(words) > 1:
            yield from words
            return
        pieces = 2 if len(text) < 100_000 else 1_000
    size = max(1, math.ceil(len(text) / pieces))
    for start in range(0, len(text), size):
        yield text[start : start + size]


class Model:
    """Answers by rules; remembers which prefixes it was told to cache."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._cached: set[bytes] = set()

    def answer(self, asked: Asked, rule: Rule) -> Answer:
        """The same question gets the same answer, but for ids and cached input."""
        number = next(self._numbers)
        if asked.kind == "embeddings":
            return Answer(number=number, usage=rule.usage or Usage(input=asked.input_tokens))
        text, stop, stop_sequence = _stopped(_text(asked, rule), asked)
        uses = () if stop else tuple(_uses(asked, rule, number=number))
        text, uses, cut_off = _limited(asked, rule, text=text, uses=uses)
        return Answer(
            number=number,
            text=text,
            thinking=rule.thinking,
            signature=rule.signature or ("c2ltdWxhdGVk" if rule.thinking else ""),
            redacted=rule.redacted_thinking,
            citations=rule.citations,
            uses=uses,
            stop=rule.stop or ("max_tokens" if cut_off else stop) or ("tool_use" if uses else "end"),
            stop_sequence=None if cut_off else stop_sequence,
            usage=rule.usage or self._usage(asked, _output(rule, text, uses=uses)),
            pieces=rule.pieces,
            stamps=rule.stamps,
        )

    def _usage(self, asked: Asked, output: int) -> Usage:
        cached = asked.cached_tokens
        if not cached:
            return Usage(input=asked.input_tokens, output=output)
        known = asked.cached_prefix in self._cached
        self._cached.add(asked.cached_prefix)
        return Usage(
            input=asked.input_tokens - cached,
            output=output,
            cache_read=cached if known else 0,
            cache_write=0 if known else cached,
        )


def _text(asked: Asked, rule: Rule) -> str:
    if rule.text is not None:
        return rule.text
    if rule.tool_calls or asked.must_call:
        return ""
    if asked.schema is not None:
        return msgspec.json.encode(example(asked.schema, text=asked.text)).decode()
    if asked.wants_json:
        return msgspec.json.encode({"answer": asked.text}).decode()
    return asked.text or NO_TEXT


def _uses(asked: Asked, rule: Rule, *, number: int) -> Iterator[Use]:
    for place, call in enumerate(rule.tool_calls):
        arguments = msgspec.json.encode(call.arguments).decode()
        yield Use(call.id or _use_id(number, place), call.name, arguments)
    if not rule.tool_calls and rule.text is None and (forced := _forced(asked)):
        arguments = msgspec.json.encode(example(forced.schema or {"type": "object"}, text=asked.text)).decode()
        yield Use(_use_id(number, 0), forced.name, arguments)


def _use_id(number: int, place: int) -> str:
    """Told from others by its number; each dialect puts its own prefix before it."""
    return f"{number:018d}{place:04d}"


def _forced(asked: Asked) -> Tool | None:
    if not asked.must_call:
        return None
    named = (tool for tool in asked.tools if asked.must_call in (ANY_TOOL, tool.name))
    return next(named, None)


def _stopped(text: str, asked: Asked) -> tuple[str, str, str | None]:
    """The text before the first stop sequence that occurs in it."""
    found = [(at, stop) for stop in asked.stops if stop and (at := text.find(stop)) >= 0]
    if not found:
        return text, "", None
    at, stop = min(found)
    return text[:at], "stop_sequence", stop


def _limited(asked: Asked, rule: Rule, *, text: str, uses: tuple[Use, ...]) -> tuple[str, tuple[Use, ...], bool]:
    """What fits into the output cap: text first, then the tool calls that still fit as a whole."""
    limit = asked.output_tokens_max
    if limit is None or _output(rule, text, uses=uses) <= limit:
        return text, uses, False
    left = max(0, limit - tokens.of_text(rule.thinking))
    text = tokens.cut(text, left)
    while uses and _output(rule, text, uses=uses) > limit:
        uses = uses[:-1]
    return text, uses, True


def _output(rule: Rule, text: str, *, uses: tuple[Use, ...]) -> int:
    """At least one token: that which ends an answer."""
    calls = sum(
        tokens.PER_TOOL_CALL + tokens.of_text(use.name) + tokens.of_bytes(len(use.arguments.encode())) for use in uses
    )
    return max(1, tokens.of_text(rule.thinking) + tokens.of_text(text) + calls)
