"""Whatever is asked: written for Anthropic and read by our own reader of its dialect it is the same request."""

import json
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from packhouse.adapters.models.anthropic.request import messages_body
from packhouse.domain.chat import (
    ChatRequest,
    ForeignOption,
    Message,
    OutputFormat,
    Role,
    ThinkingWish,
    Tool,
    ToolChoice,
)
from packhouse.domain.chat_part import (
    CachePoint,
    Citation,
    Document,
    Foreign,
    Image,
    Part,
    SearchResult,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from packhouse.entrypoints.gateway.anthropic.read import read_messages


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


_SPEAKERS: tuple[Role, Role] = ("user", "assistant")
_any_text = st.text(max_size=9)
_words = st.text(min_size=1, max_size=9).filter(lambda text: not text.isspace())
_names = st.from_regex(r"[a-zA-Z0-9_-]{1,9}", fullmatch=True)
_bytes = st.binary(min_size=1, max_size=9)
_numbers = st.integers(0, 9)
_objects = st.dictionaries(_words, st.one_of(st.integers(), _words, st.none()), max_size=3)
_points = st.sampled_from(["", "5m", "1h"]).map(CachePoint)
_urls = _names.map(lambda name: f"https://example.test/{name}")

_placed = st.builds(
    Citation,
    kind=st.sampled_from(["characters", "pages", "blocks"]),
    cited_text=_any_text,
    title=_any_text,
    document=_numbers,
    start=_numbers,
    end=_numbers,
)
_found = st.builds(
    Citation,
    kind=st.just("search_result"),
    cited_text=_any_text,
    title=_any_text,
    source=_any_text,
    document=_numbers,
    start=_numbers,
    end=_numbers,
)
_web = st.builds(Citation, kind=st.just("web"), cited_text=_any_text, title=_any_text, source=_any_text, mark=_any_text)
_citations = st.lists(st.one_of(_placed, _found, _web), max_size=2).map(tuple)

_texts = st.builds(Text, _words, _citations)
_images = st.one_of(st.builds(Image, st.just("image/png"), _bytes), st.builds(Image, url=_urls))
_said_of = {"name": _any_text, "context": _any_text, "citable": st.booleans()}
_documents = st.one_of(
    st.builds(Document, st.just("application/pdf"), _bytes, **_said_of),
    st.builds(Document, st.just("text/plain"), _words.map(str.encode), **_said_of),
    st.builds(Document, url=_urls, **_said_of),
    st.builds(Document, blocks=st.lists(_words, min_size=1, max_size=2).map(tuple), **_said_of),
)
_passages = st.builds(SearchResult, _words, _words, st.lists(_words, max_size=2).map(tuple), st.booleans())
_blocks = st.one_of(_texts, _images, _documents, _passages)
_foreign = _objects.map(
    lambda fields: Foreign("anthropic", "container_upload", raw({"type": "container_upload"} | fields))
)


def _marked(parts: st.SearchStrategy[Part]) -> st.SearchStrategy[list[Part]]:
    """One or more, each with a cache point behind it or not."""
    with_point = st.tuples(parts, st.none() | _points)
    return st.lists(with_point, min_size=1, max_size=3).map(
        lambda pairs: [part for pair in pairs for part in pair if part is not None]
    )


_results = st.builds(ToolResult, _names, _marked(_blocks).map(tuple), st.booleans())
_uses = st.builds(ToolUse, _names, _names, _objects.map(lambda each: msgspec.json.encode(each).decode()))
_thoughts = st.one_of(st.builds(Thinking, _any_text, _words), st.builds(Thinking, st.just(""), redacted=_words))

_users = st.tuples(_marked(st.one_of(_blocks, _results)), st.lists(_foreign, max_size=1)).map(
    lambda two: two[0] + two[1]
)
_models = st.tuples(st.lists(_thoughts, max_size=1), _marked(st.one_of(_texts, _uses))).map(lambda two: two[0] + two[1])


def _conversation(
    system: list[Part], turns: list[tuple[list[Part], list[Part]]], last: list[Part]
) -> tuple[Message, ...]:
    before = [Message("system", tuple(system))] if system else []
    said = [
        Message(role, tuple(parts))
        for asked, answered in turns
        for role, parts in zip(_SPEAKERS, (asked, answered), strict=True)
    ]
    return (*before, *said, Message("user", tuple(last)))


_wishes = st.one_of(
    st.none(),
    st.builds(ThinkingWish, st.just("budget"), st.integers(1024, 4096), st.sampled_from(["", "omitted"])),
    st.builds(ThinkingWish, st.sampled_from(["off", "adaptive"]), display=st.sampled_from(["", "summarized"])),
)
_tools = st.one_of(
    st.builds(Tool, _names, _any_text, _objects.map(raw), st.booleans(), st.none() | _points),
    st.just(Foreign("anthropic", "web_search_20250305", raw({"type": "web_search_20250305", "name": "web_search"}))),
)
_choices = st.one_of(
    st.builds(ToolChoice, st.sampled_from(["auto", "required"]), parallel=st.booleans()),
    st.builds(ToolChoice, st.just("tool"), _names, parallel=st.booleans()),
    st.just(ToolChoice("none")),
)
_options = st.lists(st.sampled_from(["container", "mcp_servers", "context_management"]), unique=True).map(
    lambda names: tuple(ForeignOption("anthropic", name, raw({"of": name})) for name in names)
)
_requests = st.builds(
    ChatRequest,
    model=st.just("claude-sonnet-4-6"),
    messages=st.builds(
        _conversation,
        st.just([]) | _marked(st.builds(Text, _words)),
        st.lists(st.tuples(_users, _models), max_size=2),
        _users,
    ),
    output_tokens_max=st.integers(1, 99),
    tools=st.lists(_tools, max_size=3).map(tuple),
    tool_choice=_choices,
    output_format=st.just(OutputFormat()) | st.builds(OutputFormat, st.just("json_schema"), _objects.map(raw)),
    temperature=st.none() | st.floats(0, 1),
    top_p=st.none() | st.floats(0, 1),
    top_k=st.none() | _numbers,
    stop=st.lists(_words, max_size=2).map(tuple),
    thinking=_wishes,
    effort=st.sampled_from(["", "low", "max"]),
    user=_any_text,
    cache_point=st.none() | _points,
    options=_options,
)


@given(_requests)
def test_what_was_asked_is_what_is_read(request: ChatRequest) -> None:
    asked = request if request.tools else msgspec.structs.replace(request, tool_choice=ToolChoice())
    assert read_messages(messages_body(asked, stream=False)) == asked


_any_parts = st.lists(
    st.one_of(st.builds(Text, _any_text), _images, _thoughts, st.builds(Thinking, _words), _points, _uses)
)
_any_messages = st.one_of(
    st.builds(Message, st.sampled_from(["user", "assistant"]), _any_parts.map(tuple)),
    st.builds(Message, st.just("tool"), st.lists(_results, max_size=2).map(tuple)),
    st.builds(Message, st.just("system"), st.lists(st.builds(Text, _any_text)).map(tuple)),
)


@given(st.sampled_from(["claude-sonnet-4-6", "claude-opus-4-8"]), st.lists(_any_messages, max_size=6))
def test_whatever_the_order_roles_alternate_and_nothing_is_blank(model: str, messages: list[Message]) -> None:
    request = ChatRequest(model=model, messages=tuple(messages), output_tokens_max=9)
    body = json.loads(messages_body(request, stream=False))
    assert all(one["role"] != other["role"] for one, other in pairwise(body["messages"]))
    for content in (body.get("system", ["-"]), *(message["content"] for message in body["messages"])):
        assert content
        assert all(block["text"].strip() for block in content if block != "-" and block["type"] == "text")
    texts = "".join(part.text for message in messages for part in message.parts if isinstance(part, Text))
    written = [*body.get("system", ()), *(block for message in body["messages"] for block in message["content"])]
    kept = "".join(block["text"] for block in written if block["type"] == "text")
    assert sorted("".join(kept.split())) == sorted("".join(texts.split()))
