"""What is booked where no provider says what a call cost: within the bound, not below the truth, not far above it."""

import gzip
import json
from math import ceil
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.domain.chat import ChatRequest, Message, OutputFormat, Tool
from packhouse.domain.chat_part import Document, SearchResult, Text, Thinking, ToolResult, ToolUse
from packhouse.domain.errors import Refused
from packhouse.domain.estimate import input_bound
from packhouse.domain.likely_tokens import likely_input, likely_tokens
from packhouse.entrypoints.gateway.openai.read import read_chat
from tests.support.needs import SHARED

texts = st.text()
parts = st.recursive(
    st.builds(Text, texts)
    | st.builds(Thinking, texts)
    | st.builds(ToolUse, st.just("call_1"), st.just("look"), texts)
    | st.builds(Document, media_type=st.sampled_from(["text/plain", "application/pdf"]), data=st.binary(), name=texts)
    | st.builds(SearchResult, source=texts, title=texts, blocks=st.tuples(texts)),
    lambda inner: st.builds(ToolResult, st.just("call_1"), st.tuples(inner)),
    max_leaves=3,
)


@given(texts, texts)
def test_a_text_never_counts_more_than_its_bytes_and_its_pieces_as_much_as_it(one: str, other: str) -> None:
    assert 0 <= likely_tokens(one) <= len(one.encode())
    assert likely_tokens(one + other) == pytest.approx(likely_tokens(one) + likely_tokens(other))


@given(st.lists(st.builds(Message, st.just("user"), st.lists(parts).map(tuple))), texts, st.booleans())
def test_no_request_is_booked_above_what_it_was_held_at(messages: list[Message], words: str, is_plain: bool) -> None:
    tool = Tool("look", words, msgspec.Raw(b'{"type":"object"}'))
    form = OutputFormat("json_schema", schema=msgspec.Raw(b'{"type":"object"}'))
    for more in ({}, {"tools": (tool,)}, {"output_format": form}):
        request = msgspec.structs.replace(ChatRequest(model="m", messages=tuple(messages)), **more)
        assert 0 < likely_input(request, is_plain=is_plain) <= input_bound(request)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The quick brown fox jumps over the lazy dog. " * 20, 201),
        ('{"id": 17, "name": "n17", "ok": true}, ' * 10, 181),
        ("人工智能是计算机科学的一个分支。" * 5, 80),
        ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk", 30),
    ],
)
def test_a_text_counts_as_tokenizers_cut_it_and_a_little_more(text: str, tokens: int) -> None:
    """`tokens` is what `cl100k_base` makes of it."""
    assert tokens <= likely_tokens(text) <= 2.2 * tokens


@pytest.mark.needs("recordings")
def test_what_was_recorded_is_booked_at_no_less_than_was_reported_and_not_far_above_it() -> None:
    ratios = list[float]()
    for body, prompt_tokens in _recorded():
        try:
            likely = likely_input(read_chat(body), is_plain=True)
        except Refused:
            continue
        assert likely >= prompt_tokens
        ratios.append(likely / prompt_tokens)
    assert len(ratios) > 50
    assert sorted(ratios)[ceil(len(ratios) * 0.9)] <= 6


def _recorded() -> list[tuple[bytes, int]]:
    """Bodies without images, files and searches, with what was reported for their input."""
    found = list[tuple[bytes, int]]()
    with gzip.open(SHARED / "recorded" / "openai.jsonl.gz", "rt") as file:
        for exchange in map(json.loads, file):
            answer: Any = exchange["response"].get("json") if exchange["path"] == "/v1/chat/completions" else None
            body = json.dumps(exchange["request"], ensure_ascii=False).encode()
            plain = not any(kind in body for kind in (b"image", b'"file"', b"web_search", b"input_audio"))
            if exchange["status"] == 200 and answer and plain:
                found.append((body, answer["usage"]["prompt_tokens"]))
    return found
