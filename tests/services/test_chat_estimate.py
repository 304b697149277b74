"""What a call is booked at when its provider reported nothing: what its text most likely came to."""

import pytest

from packhouse.domain.chat import ChatPiece, TextDelta, ToolUseDelta, ToolUseStart
from packhouse.domain.chat_part import Part, Text, Thinking, ToolUse
from packhouse.services.chat import likely_output


@pytest.mark.parametrize(
    ("output", "tokens"),
    [
        (Text("blå"), 5 / 3),
        (TextDelta("blå"), 5 / 3),
        (Thinking("hm"), 2 / 3),
        (ToolUse("call_1", "look", '{"a": 1}'), 16 + 8),
        (ToolUseStart(0, "call_1", "look"), 16 + 4 / 3),
        (ToolUseDelta(0, '{"a": 1}'), 20 / 3),
    ],
)
def test_every_kind_of_output_counts_by_its_text(output: ChatPiece | Part, tokens: float) -> None:
    assert likely_output(output) == pytest.approx(tokens)
