"""Whatever OpenAI's dialect can say is the same after it was written on one side and read on the other.

Requests are written behind and read in front, answers the other way round: so one gateway may stand before another.
"""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from packhouse.adapters.models.openai_compatible.answer import ChunkReader, read_answer
from packhouse.adapters.models.openai_compatible.request import chat_body
from packhouse.adapters.models.openai_compatible.ways import Ways
from packhouse.domain.chat import (
    ChatAnswer,
    ChatPiece,
    ChatRequest,
    ForeignOption,
    Message,
    OutputFormat,
    PartEnd,
    StopReason,
    StreamEnd,
    TextDelta,
    ThinkingDelta,
    Tool,
    ToolChoice,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import Citation, Document, Image, Part, Text, Thinking, ToolResult, ToolUse
from packhouse.domain.estimate import input_bound
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.openai.bound import input_bound_of
from packhouse.entrypoints.gateway.openai.read import read_chat
from packhouse.entrypoints.gateway.openai.write import completion
from tests.support.openai_stream import HEADING, written

WORDS = st.text(min_size=1, max_size=12)
NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
FRACTIONS = st.floats(0, 1, allow_nan=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


OBJECTS = st.dictionaries(WORDS, JSON, max_size=3).map(raw)
TEXTS = st.builds(Text, WORDS)
IMAGES = st.one_of(
    st.builds(
        Image,
        st.sampled_from(["image/png", "image/jpeg"]),
        st.binary(min_size=1, max_size=9),
        detail=st.sampled_from(["", "low", "high"]),
    ),
    st.builds(Image, url=st.just("https://a.example/b.png"), detail=st.sampled_from(["", "auto"])),
)
FILES = st.builds(Document, st.just("application/pdf"), st.binary(min_size=1, max_size=9), name=st.text(max_size=5))
SIGNED = st.lists(
    st.builds(Thinking, st.text(max_size=9), WORDS) | st.builds(Thinking, st.just(""), redacted=WORDS), max_size=3
)
THOUGHTS = SIGNED | st.builds(Thinking, WORDS).map(lambda thought: [thought])
CALLS = st.lists(st.builds(ToolUse, WORDS, NAMES, WORDS), max_size=2)


def answer_of(thoughts: list[Thinking], said: list[Text], calls: list[ToolUse]) -> Message:
    return Message("assistant", (*thoughts, *said, *calls))


def result_of(call: str, said: list[Text]) -> Message:
    return Message("tool", (ToolResult(call, tuple(said)),))


MESSAGES = st.lists(
    st.one_of(
        st.builds(Message, st.just("system"), st.lists(TEXTS, min_size=1, max_size=2).map(tuple)),
        st.builds(Message, st.just("user"), st.lists(TEXTS | IMAGES | FILES, min_size=1, max_size=3).map(tuple)),
        st.builds(answer_of, THOUGHTS, st.lists(TEXTS, min_size=1, max_size=2), CALLS),
        st.builds(result_of, WORDS, st.lists(TEXTS, max_size=2)),
    ),
    min_size=1,
    max_size=4,
).map(tuple)
TOOLS = st.lists(
    st.builds(Tool, NAMES, st.text(max_size=9), OBJECTS, st.booleans()),
    max_size=3,
    unique_by=lambda tool: tool.name,
).map(tuple)
FORMATS = st.one_of(
    st.sampled_from([OutputFormat(), OutputFormat("json_object")]),
    st.builds(OutputFormat, st.just("json_schema"), OBJECTS, NAMES, st.booleans(), st.text(max_size=9)),
)
OPTIONS = st.lists(
    st.builds(ForeignOption, st.just("openai"), NAMES.map(lambda name: f"vendor_{name}"), OBJECTS),
    max_size=2,
    unique_by=lambda option: option.name,
).map(tuple)


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    tools = draw(TOOLS)
    choice = ToolChoice()
    if tools:
        names = st.sampled_from([tool.name for tool in tools])
        choice = draw(
            st.builds(ToolChoice, st.sampled_from(["auto", "none", "required"]), parallel=st.booleans())
            | st.builds(ToolChoice, st.just("tool"), names, st.booleans())
        )
    return ChatRequest(
        model=draw(WORDS),
        messages=draw(MESSAGES),
        output_tokens_max=draw(st.none() | st.integers(1, 10**6)),
        tools=tools,
        tool_choice=choice,
        output_format=draw(FORMATS),
        temperature=draw(st.none() | FRACTIONS),
        top_p=draw(st.none() | FRACTIONS),
        top_k=draw(st.none() | st.integers(1, 99)),
        stop=draw(st.lists(WORDS, max_size=5).map(tuple)),
        seed=draw(st.none() | st.integers(-9, 9)),
        presence_penalty=draw(st.none() | FRACTIONS),
        frequency_penalty=draw(st.none() | FRACTIONS),
        effort=draw(st.sampled_from(["", "none", "minimal", "low", "medium", "high", "xhigh"])),
        user=draw(st.text(max_size=5)),
        options=draw(OPTIONS),
    )


WAYS = st.builds(
    Ways,
    output_cap_field=st.sampled_from([None, "max_tokens", "max_completion_tokens"]),
    asks_usage=st.booleans(),
    takes_thinking=st.just(True),
)


@given(requests(), WAYS, st.booleans())
def test_a_request_comes_back_as_it_went(request: ChatRequest, ways: Ways, stream: bool) -> None:
    body = chat_body(request, stream=stream, ways=ways)
    assert read_chat(body) == request
    assert ("stream_options" in json.loads(body)) == (stream and ways.asks_usage)


@given(requests())
def test_a_relayed_body_is_held_at_no_less_than_its_text_images_and_files(request: ChatRequest) -> None:
    """Compared with the bound of what it says; the template of messages is smaller than their JSON."""
    body = chat_body(request, stream=False, ways=Ways(takes_thinking=True))
    assert input_bound_of(body) >= input_bound(request) - sum(len(bytes(option.json)) for option in request.options)


COUNTS = st.integers(0, 10**6)
TOKENS = st.builds(ModelTokens, COUNTS, COUNTS, COUNTS, COUNTS)
ENDINGS: tuple[StopReason, ...] = ("end", "length", "filtered", "stop_sequence")
PAGES = st.builds(Citation, kind=st.just("web"), title=st.text(max_size=5), source=st.just("https://a.example"))
CITED = st.lists(
    st.tuples(WORDS, st.builds(Text, WORDS, st.lists(PAGES, min_size=1, max_size=2).map(tuple))), max_size=3
).map(lambda pairs: [part for said, cited in pairs for part in (Text(said), cited)])


@st.composite
def answers(draw: st.DrawFn) -> ChatAnswer:
    """As models give them: thought, text, calls; and the reason to stop that goes with them."""
    said: list[Text] = draw(CITED | st.builds(Text, WORDS).map(lambda text: [text]))
    calls = draw(CALLS)
    reason: StopReason = "tool_use" if calls else draw(st.sampled_from(ENDINGS))
    sequence = draw(WORDS) if reason == "stop_sequence" else ""
    return ChatAnswer((*draw(THOUGHTS), *said, *calls), reason, draw(TOKENS), sequence)


@given(answers())
def test_an_answer_comes_back_as_it_went(answer: ChatAnswer) -> None:
    assert answer.tokens is not None
    assert read_answer(completion(HEADING, answer, tokens=answer.tokens)) == answer


def pieces_of(parts: tuple[Part, ...]) -> list[ChatPiece]:
    """As an adapter gives them, each text and thought in two."""
    pieces: list[ChatPiece] = []
    calls = 0
    for part in parts:
        match part:
            case Text(text=text):
                pieces += [TextDelta(half) for half in halves(text)]
            case Thinking(redacted=redacted) if redacted:
                pieces.append(ThinkingDelta(redacted=redacted))
            case Thinking(text=text, signature=signature):
                pieces += [ThinkingDelta(half) for half in halves(text)]
                pieces += [ThinkingDelta(signature=signature)] if signature else []
            case ToolUse(id=id_, name=name, arguments=arguments):
                pieces.append(ToolUseStart(calls, id_, name))
                pieces += [ToolUseDelta(calls, half) for half in halves(arguments)]
                calls += 1
            case _:
                raise AssertionError(part)
        pieces.append(PartEnd())
    return pieces


def halves(text: str) -> list[str]:
    return [half for half in (text[: len(text) // 2], text[len(text) // 2 :]) if half]


@given(answers())
def test_a_stream_comes_back_as_it_went(answer: ChatAnswer) -> None:
    """But for the ends of parts, which the dialect does not tell."""
    end = StreamEnd(answer.stop_reason, answer.tokens, answer.stop_sequence)
    sent = pieces_of(answer.parts)
    reader = ChunkReader()
    read = [piece for chunk in written([*sent, end]) for piece in reader.read(json.dumps(chunk).encode())]
    assert [*read, reader.end()] == [piece for piece in sent if not isinstance(piece, PartEnd)] + [end]
