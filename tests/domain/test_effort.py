"""Effort: a word for the newer Claudes, a budget of thought for the older, nothing where thought is excluded."""

from typing import Any

import msgspec
import pytest

from packhouse.domain.chat import ChatRequest, Message, ThinkingWish, Tool, ToolChoice
from packhouse.domain.chat_part import Text, ToolUse
from packhouse.domain.effort import EFFORTS, with_effort
from packhouse.domain.errors import Refused

NEW = "eu.anthropic.claude-sonnet-4-6"
OLD = "anthropic.claude-sonnet-4-20250514-v1:0"


def asked(model: str, effort: str, **more: Any) -> ChatRequest:
    return ChatRequest(model=model, messages=(Message("user", (Text("Hello"),)),), effort=effort, **more)


@pytest.mark.parametrize("model", [NEW, "claude-opus-4-5-20251101", "anthropic.claude-opus-4-6-v1", "claude-sonnet-5"])
def test_a_newer_model_takes_the_word(model: str) -> None:
    assert with_effort(asked(model, "high")) == asked(model, "high")
    assert with_effort(asked(model, "minimal")).effort == "low"
    assert with_effort(asked(model, "none")) == asked(model, "")


@pytest.mark.parametrize(
    "model",
    [
        OLD,
        "claude-sonnet-4-0",
        "claude-opus-4-1-20250805",
        "claude-haiku-4-5",
        "anthropic.claude-3-7-sonnet-20250219-v1:0",
    ],
)
def test_an_older_model_gets_a_budget_of_thought(model: str) -> None:
    request = with_effort(asked(model, "medium", output_tokens_max=4_000))
    assert (request.effort, request.thinking) == ("", ThinkingWish("budget", 2_048))


def test_the_budget_stays_below_the_cap() -> None:
    assert with_effort(asked(OLD, "high", output_tokens_max=2_000)).thinking == ThinkingWish("budget", 1_999)
    assert with_effort(asked(OLD, "high", output_tokens_max=1_024)).thinking is None


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 0.5},
        {"top_k": 3},
        {"top_p": 0.9},
        {"tools": (Tool("clock", "", msgspec.Raw(b"{}")),), "tool_choice": ToolChoice("required")},
        {"messages": (Message("assistant", (ToolUse("c", "clock", "{}"),)),)},
    ],
)
def test_where_the_rest_excludes_thought_none_is_asked_for(more: dict[str, Any]) -> None:
    request = msgspec.structs.replace(asked(OLD, "high"), **more)
    assert with_effort(request) == msgspec.structs.replace(request, effort="")


def test_a_model_that_cannot_think_is_told_nothing() -> None:
    request = with_effort(asked("anthropic.claude-3-sonnet-20240229-v1:0", "high"))
    assert (request.effort, request.thinking) == ("", None)


def test_a_word_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(Refused) as refused:
        with_effort(asked(NEW, "extreme"))
    assert refused.value.code == "invalid_request"
    assert all(word in refused.value.message for word in EFFORTS)
