"""What Anthropic refuses, in its words."""

from itertools import groupby

from packhouse.simulators.anthropic.shape import check_shape
from packhouse.simulators.anthropic.wire import Block, Message, MessagesBody
from packhouse.simulators.dialect import Rejected

NEWEST_VERSION = "2026-10-21"
VERSIONS = ("2023-01-01", "2023-06-01", NEWEST_VERSION)
_BUDGET_MIN = 1_024
_SAMPLING_FROM_OUR_HANDS = "is not supported in this API version"


def check(body: MessagesBody, *, version: str, counts_only: bool = False) -> None:
    """Raises `Rejected` (400)."""
    if not counts_only:
        _check_cap(body)
    _check_thinking(body)
    if not body.messages:
        raise Rejected(400, "messages: at least one message is required")
    if body.tool_choice is not None and body.tool_choice.type != "none" and not body.tools:
        raise Rejected(400, "tool_choice: tool_choice may only be specified while providing tools")
    if version == NEWEST_VERSION:
        _check_newest(body)
    if body.temperature is not None and not 0 <= body.temperature <= 1:
        raise Rejected(400, "temperature: range: 0..1")
    _check_messages(body.messages)
    check_shape(body)


def _check_cap(body: MessagesBody) -> None:
    if body.max_tokens is None:
        raise Rejected(400, "max_tokens: Field required")
    if body.max_tokens < 1:
        raise Rejected(400, "max_tokens: must be greater than or equal to 1")


def _check_thinking(body: MessagesBody) -> None:
    thinking = body.thinking
    if thinking is None or thinking.type != "enabled":
        return
    budget = thinking.budget_tokens or 0
    if budget < _BUDGET_MIN:
        text = f"thinking.enabled.budget_tokens: Input should be greater than or equal to {_BUDGET_MIN}"
        raise Rejected(400, text)
    if body.max_tokens is not None and budget >= body.max_tokens:
        raise Rejected(400, "`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_newest(body: MessagesBody) -> None:
    for name in ("temperature", "top_p", "top_k"):
        if getattr(body, name) is not None:
            raise Rejected(400, f"{name}: {_SAMPLING_FROM_OUR_HANDS}")
    for place, message in enumerate(body.messages):
        for number, block in enumerate(_blocks(message)):
            where = f"messages.{place}.content.{number}"
            if message.role == "assistant" and block.type == "document":
                raise Rejected(400, f"{where}: `document` blocks are not permitted in `assistant` turns")
            if message.role == "user" and block.type == "text" and block.citations:
                raise Rejected(400, f"{where}.citations: must be empty in `user` turns")


def _check_messages(messages: list[Message]) -> None:
    if messages[0].role == "assistant":
        raise Rejected(400, 'messages: first message must use the "user" role')
    for place, message in enumerate(messages):
        if message.role not in ("user", "assistant", "system"):
            raise Rejected(400, f"messages.{place}.role: Input should be 'user' or 'assistant'")
        _check_blocks(_blocks(message), place, last=place == len(messages) - 1)
    waiting: list[str] = []
    turns = _turns(messages)
    for place, blocks in enumerate(turns):
        waiting = _check_results(blocks, waiting, place=place)
    if waiting:
        _refuse_waiting(waiting, len(turns) - 1)


def _turns(messages: list[Message]) -> list[list[Block]]:
    """The blocks of each turn: messages of one role that follow each other are one."""
    grouped = groupby(messages, key=lambda it: it.role)
    return [[block for message in group for block in _blocks(message)] for _, group in grouped]


def _check_blocks(blocks: list[Block], place: int, *, last: bool) -> None:
    if not blocks and not last:
        text = "all messages must have non-empty content except for the optional final assistant message"
        raise Rejected(400, f"messages.{place}: {text}")
    if any(block.type == "text" and not block.text for block in blocks):
        raise Rejected(400, "messages: text content blocks must be non-empty")


def _check_results(blocks: list[Block], waiting: list[str], *, place: int) -> list[str]:
    """The ids of the tool uses of this message, which the next one has to answer."""
    results = [block.tool_use_id for block in blocks if block.type == "tool_result"]
    missing = [each for each in waiting if each not in results]
    if missing:
        _refuse_waiting(missing, place - 1)
    strange = [each for each in results if each not in waiting]
    if strange:
        raise Rejected(
            400,
            f"messages.{place}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {strange[0]}. Each"
            " `tool_result` block must have a corresponding `tool_use` block in the previous message.",
        )
    return [block.id for block in blocks if block.type == "tool_use"]


def _refuse_waiting(missing: list[str], place: int) -> None:
    raise Rejected(
        400,
        f"messages.{place}: `tool_use` ids were found without `tool_result` blocks immediately after:"
        f" {', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the next"
        " message.",
    )


def _blocks(message: Message) -> list[Block]:
    if isinstance(message.content, str):
        return [Block("text", text=message.content)] if message.content else []
    return message.content
