"""How hard a Claude is to try: newer ones take a word for it, older ones a budget of thought, the oldest nothing."""

import re

import msgspec

from packhouse.domain.chat import ChatRequest, ThinkingWish
from packhouse.domain.chat_part import Thinking, ToolUse
from packhouse.domain.errors import Refused

EFFORTS = {
    "none": "",
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}
"""The words that callers use, and what comes nearest of those that Claude knows (empty: nothing is said)."""

_BUDGETS = {"low": 1_024, "medium": 2_048, "high": 4_096, "xhigh": 8_192, "max": 16_384}
"""Tokens of thought for a model that takes no word."""
_BUDGET_MIN = 1_024

_THOUGHTLESS = re.compile(r"claude-(?:3-(?!7)|v?2|instant)")
_BUDGETED = re.compile(r"claude-(?:3-7|(?:sonnet|opus)-4(?!-[1-9](?!\d))|opus-4-1|(?:sonnet|haiku)-4-5)")


def with_effort(request: ChatRequest) -> ChatRequest:
    """The request as its model takes it: with the word, with a budget of thought in its place, or with neither.

    An effort is a wish: where the rest of the request excludes thought, none is asked for. Refused(invalid_request)
    lists the words.
    """
    if not request.effort:
        return request
    if request.effort not in EFFORTS:
        words = ", ".join(EFFORTS)
        raise Refused("invalid_request", f"{request.effort!r} is no effort. Use one of: {words}.", field="effort")
    effort = EFFORTS[request.effort]
    if not effort or not (_THOUGHTLESS.search(request.model) or _BUDGETED.search(request.model)):
        return msgspec.structs.replace(request, effort=effort)
    if request.thinking is not None or _THOUGHTLESS.search(request.model) or not _may_think(request):
        return msgspec.structs.replace(request, effort="")
    budget = _BUDGETS[effort]
    if request.output_tokens_max is not None:
        budget = min(budget, request.output_tokens_max - 1)
    thinking = ThinkingWish("budget", budget) if budget >= _BUDGET_MIN else None
    return msgspec.structs.replace(request, effort="", thinking=thinking)


def _may_think(request: ChatRequest) -> bool:
    """Claude refuses thought with other temperatures than 1, with `top_k`, with a tool that must be called, and after
    its own calls of tools without the thought that led to them."""
    if request.temperature not in {None, 1.0} or request.top_k is not None or request.top_p is not None:
        return False
    if request.tools and request.tool_choice.mode in {"required", "tool"}:
        return False
    return not any(
        any(isinstance(part, ToolUse) for part in message.parts)
        and not any(isinstance(part, Thinking) for part in message.parts)
        for message in request.messages
    )
