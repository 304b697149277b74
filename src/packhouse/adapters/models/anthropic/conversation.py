"""The order of a conversation: what the system says in front, and turns whose roles alternate."""

import re
from collections.abc import Sequence

import msgspec

from packhouse.adapters.models.anthropic import wire
from packhouse.adapters.models.anthropic.blocks import blocks, system_blocks
from packhouse.domain.chat import ChatRequest, Message
from packhouse.domain.chat_part import Foreign

_HEARS_THE_SYSTEM_AMID = re.compile(r"claude-[a-z]+-(?:4-[89]|[5-9]|[1-9]\d)(?!\d)")
"""Models that take messages of the system in the conversation; those before refuse the whole request for it."""


class Turn(msgspec.Struct):
    """`blocks` grow with each message of the same role."""

    role: str
    blocks: list[wire.OutBlock]


def conversation(request: ChatRequest) -> tuple[list[wire.OutBlock], list[Turn]]:
    """What the system says in front, and the turns. Results of tools are the user's. Refused as by `blocks`.

    What the system says later goes in front too where the model would not take it in its place.
    """
    system = list[wire.OutBlock]()
    turns = list[Turn]()
    for place, message in enumerate(request.messages):
        if message.role == "system" and not _stays(request, place, after=turns):
            system += system_blocks(message.parts)
            continue
        role = "user" if message.role == "tool" else message.role
        written = system_blocks(message.parts) if role == "system" else blocks(message.parts)
        if turns and turns[-1].role == role:
            turns[-1].blocks += written
        elif written:
            turns.append(Turn(role, written))
    return system, turns


def _stays(request: ChatRequest, place: int, *, after: Sequence[Turn]) -> bool:
    """Blocks of Anthropic's own mean their place. Texts stay between the user's turn and the model's, or its end."""
    if not after:
        return False
    if any(isinstance(part, Foreign) for part in request.messages[place].parts):
        return True
    if _HEARS_THE_SYSTEM_AMID.search(request.model) is None or after[-1].role == "assistant":
        return False
    return _next(request.messages[place:]) != "user"


def _next(messages: Sequence[Message]) -> str:
    """Who speaks after the system; empty: nobody."""
    role = next((message.role for message in messages if message.role != "system"), "")
    return "user" if role == "tool" else role
