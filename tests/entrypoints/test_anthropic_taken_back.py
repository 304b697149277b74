"""What clients make of an answer they send back: with nulls where nothing was said, with kinds that nobody knew yet."""

import json
from typing import Any

import msgspec
import pytest
from anthropic.types import Message as ClientMessage

from packhouse.domain.chat import ChatAnswer, Message, Tool
from packhouse.domain.chat_part import Citation, Foreign, Text, Thinking, ToolUse
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.anthropic.read import read_messages
from packhouse.entrypoints.gateway.anthropic.write import Heading, message

SAID = (
    Thinking("Hm.", "signed"),
    Thinking("", redacted="cmVk"),
    Text("Blue.", (Citation(kind="characters", cited_text="blue", title="D", document=1, start=3, end=7),)),
    Text("So.", (Citation(kind="web", cited_text="so", source="https://a.example", mark="e"),)),
    Text("Fine."),
    ToolUse("toolu_1", "f", '{"a":1}'),
)


def read(*turns: Any, **more: Any) -> Any:
    return read_messages(msgspec.json.encode({"model": "m", "max_tokens": 9, "messages": turns, **more}))


@pytest.mark.parametrize("dump", [{}, {"exclude_none": True}, {"exclude_unset": True}])
def test_an_answer_is_taken_back_as_the_client_dumps_it(dump: Any) -> None:
    written = message(Heading("msg_1", "m"), ChatAnswer(SAID, "tool_use", None), tokens=ModelTokens(1, 2))
    content = ClientMessage.model_validate_json(written).model_dump(mode="json", **dump)["content"]
    asked = read({"role": "user", "content": "?"}, {"role": "assistant", "content": content})
    assert asked.messages[1] == Message("assistant", SAID)


def test_nulls_say_nothing() -> None:
    tool = {"type": None, "name": "f", "input_schema": {"type": "object"}, "strict": None, "cache_control": None}
    nothing = dict.fromkeys(
        ("system", "stop_sequences", "metadata", "thinking", "tool_choice", "output_config", "container", "temperature")
    )
    asked = read({"role": "user", "content": "?"}, tools=[tool], **nothing)
    assert asked.tools == (Tool("f", parameters=msgspec.Raw(b'{"type":"object"}')),)
    assert asked == read({"role": "user", "content": "?"}, tools=[tool])
    assert asked.options == ()


def test_a_citation_of_an_unknown_kind_travels_whole_or_not_at_all() -> None:
    block = {"type": "text", "text": "x", "citations": [{"type": "tomorrow_location", "cited_text": "y", "z": 1}]}
    asked = read({"role": "user", "content": "?"}, {"role": "assistant", "content": [block]})
    (part,) = asked.messages[1].parts
    assert isinstance(part, Foreign)
    assert json.loads(bytes(part.json)) == block
