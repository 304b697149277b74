"""Whatever OpenAI's dialect can say of a conversation is the same after it was written behind and read in front."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from packhouse.adapters.models.openai_compatible.request import chat_body
from packhouse.adapters.models.openai_compatible.ways import Ways
from packhouse.domain.chat import ChatRequest, ForeignOption, Message, OutputFormat, Tool, ToolChoice
from packhouse.domain.chat_part import Document, Image, Text, Thinking, ToolResult, ToolUse
from packhouse.domain.estimate import input_bound
from packhouse.entrypoints.gateway.openai.bound import input_bound_of
from packhouse.entrypoints.gateway.openai.read import read_chat

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
