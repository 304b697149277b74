"""What a model says in a round of look-ups goes back to it whole, and to the caller without them."""

import msgspec
import pytest

from packhouse.domain.chat import (
    ChatAnswer,
    ChatPiece,
    ChatRequest,
    CitationDelta,
    ForeignPiece,
    Message,
    PartEnd,
    StopReason,
    TextDelta,
    ThinkingDelta,
    Tool,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import Citation, Foreign, Text, Thinking, ToolUse, text_result
from packhouse.domain.errors import Refused
from packhouse.services.look_ups import LOOK_UP, Heard, continued, look_ups_of, with_tool, without_look_ups
from packhouse.services.turn import Turn

CITED = Citation(kind="web", source="https://a.example")
FOREIGN = Foreign("anthropic", "x", msgspec.Raw(b"{}"))
SAID: list[ChatPiece] = [
    ThinkingDelta("Hm, "),
    ThinkingDelta("so."),
    ThinkingDelta(signature="s1"),
    ThinkingDelta(signature="s2"),
    ThinkingDelta("Then"),
    ThinkingDelta(signature="s3"),
    ThinkingDelta(redacted="r"),
    TextDelta("I "),
    TextDelta("look."),
    CitationDelta(CITED),
    PartEnd(),
    TextDelta("Wait."),
    ForeignPiece(FOREIGN),
    TextDelta(""),
    ToolUseStart(0, "t0", LOOK_UP),
    ToolUseDelta(0, '{"query":'),
    ToolUseStart(1, "t1", LOOK_UP),
    ToolUseDelta(1, '{"query":"b"}'),
    ToolUseDelta(0, '"a"}'),
    PartEnd(),
]
PARTS = (
    Thinking("Hm, so.", "s1s2"),
    Thinking("Then", "s3"),
    Thinking("", redacted="r"),
    Text("I look.", (CITED,)),
    Text("Wait."),
    FOREIGN,
    ToolUse("t0", LOOK_UP, '{"query":"a"}'),
    ToolUse("t1", LOOK_UP, '{"query":"b"}'),
)


def test_a_streamed_turn_is_put_together_as_it_was_said() -> None:
    turn = Turn()
    for piece in SAID:
        turn.add(piece)
    assert turn.parts == PARTS


def test_look_ups_are_heard_and_not_passed_on() -> None:
    heard = Heard()
    passed = [heard.passed_on(piece) for piece in SAID]
    assert [piece for piece in passed if piece is not None] == [*SAID[:14], PartEnd()]
    assert heard.look_ups == PARTS[-2:]
    assert heard.calls == 0
    assert heard.said == PARTS


def test_a_tool_of_the_callers_ends_the_round_and_is_counted_without_look_ups() -> None:
    heard = Heard()
    said = [
        ToolUseStart(0, "t0", LOOK_UP),
        ToolUseDelta(0, "{}"),
        ToolUseStart(1, "t1", "mine"),
        ToolUseDelta(1, "{}"),
        ToolUseStart(2, "t2", "mine"),
    ]
    passed = [heard.passed_on(piece) for piece in said]
    assert passed == [None, None, ToolUseStart(0, "t1", "mine"), ToolUseDelta(0, "{}"), ToolUseStart(1, "t2", "mine")]
    assert (heard.look_ups, heard.calls) == ((), 2)


def test_what_was_said_goes_back_with_what_was_found() -> None:
    request = ChatRequest(model="m", messages=(Message("user", (Text("?"),)),))
    results = [text_result("t0", "A"), text_result("t1", "B")]
    going_on = continued(request, PARTS, results=results)
    assert going_on.messages[1] == Message("assistant", PARTS)
    assert [message.parts for message in going_on.messages[2:]] == [(results[0],), (results[1],)]


@pytest.mark.parametrize(
    ("parts", "stop", "kept", "ends"),
    [
        ((Text("x"),), "length", (Text("x"),), "length"),
        ((Text("x"), ToolUse("t", LOOK_UP, "")), "tool_use", (Text("x"),), "end"),
        ((ToolUse("t", LOOK_UP, ""), ToolUse("u", "mine", "")), "tool_use", (ToolUse("u", "mine", ""),), "tool_use"),
    ],
)
def test_nobody_but_the_knowledge_base_is_asked_to_look_up(
    parts: tuple[Text | ToolUse, ...], stop: StopReason, kept: tuple[Text | ToolUse, ...], ends: StopReason
) -> None:
    told = without_look_ups(ChatAnswer(parts, stop, None))
    assert (told.parts, told.stop_reason) == (kept, ends)


def test_a_call_of_the_callers_is_answered_first() -> None:
    assert look_ups_of((ToolUse("t", LOOK_UP, ""), ToolUse("u", "mine", ""))) == ()
    assert look_ups_of((Text("x"),)) == ()


def test_the_name_of_the_tool_is_taken() -> None:
    request = ChatRequest(model="m", messages=(), tools=(Tool(LOOK_UP),))
    with pytest.raises(Refused) as refused:
        with_tool(request)
    assert refused.value.facts["field"] == "tools"
