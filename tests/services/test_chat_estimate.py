"""What a call is booked at when its provider reported nothing: never less than it may have written."""

import pytest

from packhouse.domain.chat import ChatPiece, TextDelta, ToolUseDelta, ToolUseStart
from packhouse.domain.chat_part import Part, Text, Thinking, ToolUse
from packhouse.services.chat import output_bytes_of


@pytest.mark.parametrize(
    ("output", "size"),
    [
        (Text("blå"), 4),
        (TextDelta("blå"), 4),
        (Thinking("hm"), 2),
        (ToolUse("call_1", "look", '{"a": 1}'), 12),
        (ToolUseStart(0, "call_1", "look"), 4),
        (ToolUseDelta(0, '{"a": 1}'), 8),
    ],
)
def test_every_kind_of_output_counts_by_its_bytes(output: ChatPiece | Part, size: int) -> None:
    assert output_bytes_of(output) == size
