"""Converse bodies of whatever may be asked: the service's own model takes them, and they say what was asked."""

import json
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from packhouse.adapters.models.bedrock.request import converse_body, count_body
from packhouse.domain.chat import ChatRequest, Message, OutputFormat, Tool, ToolChoice
from packhouse.domain.chat_part import (
    CachePoint,
    Citation,
    Document,
    Image,
    SearchResult,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from tests.support.converse import chat_request, faults_of, raw

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "eu.amazon.nova-lite-v1:0"
OTHER = "mistral.mistral-large-2402-v1:0"

_words = st.text(min_size=1, max_size=9)
_names = st.from_regex(r"[a-zA-Z0-9_-]{1,9}", fullmatch=True)
_bytes = st.binary(min_size=1, max_size=9)
_objects = st.dictionaries(_words, st.one_of(st.integers(), _words, st.none()), max_size=3)
_points = st.sampled_from(["", "5m", "1h"]).map(CachePoint)
_citations = st.builds(
    Citation,
    kind=st.sampled_from(["characters", "pages", "blocks", "search_result", "web"]),
    cited_text=_words,
    source=_words,
    start=st.integers(0, 9),
)
_texts = st.builds(Text, st.text(max_size=9), st.lists(_citations, max_size=2).map(tuple))
_images = st.builds(Image, st.sampled_from(["image/png", "image/gif"]), _bytes)
_documents = st.one_of(
    st.builds(Document, st.sampled_from(["application/pdf", "text/plain"]), _bytes, name=st.text(max_size=12)),
    st.builds(Document, blocks=st.lists(_words, min_size=1, max_size=2).map(tuple), citable=st.booleans()),
)
_found = st.builds(SearchResult, _words, _words, st.lists(_words, max_size=2).map(tuple), st.booleans())
_results = st.builds(
    ToolResult,
    _words,
    st.lists(st.one_of(st.builds(Text, _words), _images, _documents, _found, _points), max_size=3).map(tuple),
    st.booleans(),
)
_said = st.one_of(_texts, st.builds(Thinking, _words, _words), _points)
_uses = st.builds(ToolUse, _words, _names, _objects.map(lambda each: msgspec.json.encode(each).decode()))
_messages = st.one_of(
    st.builds(Message, st.just("user"), st.lists(st.one_of(_said, _images, _documents, _found)).map(tuple)),
    st.builds(Message, st.just("assistant"), st.lists(st.one_of(_said, _uses)).map(tuple)),
    st.builds(Message, st.just("tool"), st.lists(_results, max_size=2).map(tuple)),
    st.builds(Message, st.just("system"), st.lists(st.builds(Text, _words), max_size=2).map(tuple)),
)
_tools = st.builds(Tool, _names, st.text(max_size=9), _objects.map(raw), st.booleans(), st.one_of(st.none(), _points))
_requests = st.builds(
    ChatRequest,
    model=st.sampled_from([CLAUDE, NOVA, OTHER]),
    messages=st.lists(_messages, max_size=5).map(tuple),
    output_tokens_max=st.integers(1, 99),
    tools=st.lists(_tools, max_size=3).map(tuple),
    tool_choice=st.builds(ToolChoice, st.sampled_from(["auto", "none", "required", "tool"]), _names),
    output_format=st.builds(OutputFormat, st.sampled_from(["text", "json_object", "json_schema"]), _objects.map(raw)),
    temperature=st.one_of(st.none(), st.floats(0, 1)),
    top_k=st.one_of(st.none(), st.integers(0, 9)),
    stop=st.lists(_words, max_size=2).map(tuple),
    effort=st.sampled_from(["", "high"]),
    cache_point=st.one_of(st.none(), _points),
)


@given(_requests)
def test_whatever_is_asked_is_valid_by_the_services_model(request: ChatRequest) -> None:
    body = converse_body(request)
    assert faults_of("Converse", body) == ""
    roles = [message["role"] for message in json.loads(body)["messages"]]
    assert all(one != other for one, other in pairwise(roles))
    assert faults_of("CountTokens", count_body(request)) == ""


@given(_requests.filter(lambda request: request.output_format.kind != "json_object"))
def test_what_is_written_says_the_same_when_it_is_read_back(request: ChatRequest) -> None:
    body = converse_body(request)
    again = converse_body(chat_request(request.model, json.loads(body)))
    wanted = json.loads(body)
    assert json.loads(again) == wanted
