"""A chat request as llama.cpp takes it: checked first, because llama.cpp answers nonsense with nonsense."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from packhouse.adapters.models.local.tools import EXAMPLES, Toolbox, written_call
from packhouse.domain.chat import ChatRequest, Message
from packhouse.domain.chat_part import (
    CachePoint,
    Document,
    Foreign,
    Image,
    Part,
    SearchResult,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from packhouse.domain.errors import Refused

DEFAULT_TEMPERATURE = 0.2
"""What the makers of SmolLM2 recommend; small models lose the thread at 1."""

_MARKS = re.compile(r"<\|(?=(?:im_start|im_end|endoftext)\|>)")
"""The words that open and close messages inside the prompt. In a text they are no more than text."""

_SEEDS = 2**32 - 1
"""llama.cpp's seeds; the last one means: draw one."""


def body_of(request: ChatRequest, toolbox: Toolbox | None) -> str:
    """llama.cpp's JSON. Where the last message is the assistant's the model goes on with it, and answers with
    what comes after. Refused: invalid_request, unsupported."""
    _check(request)
    body: dict[str, Any] = {
        "messages": _messages(request, toolbox),
        "max_tokens": request.output_tokens_max,
        "temperature": DEFAULT_TEMPERATURE if request.temperature is None else request.temperature,
        "top_p": 0.9 if request.top_p is None else request.top_p,
        "presence_penalty": request.presence_penalty or 0.0,
        "frequency_penalty": request.frequency_penalty or 0.0,
        "stream": True,
        "stream_options": {"include_usage": True},
        "timings_per_token": True,  # what was used so far, for a call that a stop sequence ends
        "return_progress": True,  # an event after each part of the prompt: a chance to give up
    }
    if request.seed is not None:
        body["seed"] = request.seed % _SEEDS
    schema = toolbox.schema if toolbox else _schema(request)
    if schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"schema": schema}}
    return msgspec.json.encode(body).decode()


def _check(request: ChatRequest) -> None:
    if not any(message.role != "system" for message in request.messages):
        raise Refused("invalid_request", "The conversation has no message.", field="messages")
    request.refuse_options()
    formed = request.tools or request.output_format.kind != "text"
    if request.messages[-1].role == "assistant" and formed:
        raise Refused(
            "unsupported",
            "The local text model cannot go on with an answer that was begun and call tools or write JSON as well.",
            field="messages",
        )
    _within("temperature", request.temperature, limits=(0.0, 2.0))
    _within("top_p", request.top_p, limits=(0.0, 1.0))
    _within("presence_penalty", request.presence_penalty, limits=(-2.0, 2.0))
    _within("frequency_penalty", request.frequency_penalty, limits=(-2.0, 2.0))
    if any(not stop for stop in request.stop):
        raise Refused("invalid_request", "A stop sequence is empty.", field="stop")


def _within(field: str, value: float | None, *, limits: tuple[float, float]) -> None:
    low, high = limits
    if value is not None and not low <= value <= high:
        raise Refused(
            "invalid_request", f"`{field}` must lie between {low:g} and {high:g}, not {value:g}.", field=field
        )


def _schema(request: ChatRequest) -> msgspec.Raw | None:
    match request.output_format.kind:
        case "text":
            return None
        case "json_object":
            return msgspec.Raw(b'{"type":"object"}')
        case "json_schema":
            schema = request.output_format.schema
            try:
                msgspec.json.decode(schema)
            except msgspec.DecodeError as error:
                raise Refused("invalid_request", "The JSON schema is not JSON.", field="schema") from error
            return schema


def _messages(request: ChatRequest, toolbox: Toolbox | None) -> list[dict[str, str]]:
    written = [{"role": _role(message), "content": _content(message)} for message in request.messages]
    system = [written.pop(0)["content"]] if written[0]["role"] == "system" else []
    if told := toolbox.instruction if toolbox else _told(request):
        system.append(told)
    opening = [{"role": "system", "content": "\n\n".join(system)}] if system else []
    return [*opening, *(_examples() if toolbox else ()), *written]


def _examples() -> Iterator[dict[str, str]]:
    for asked, answered in EXAMPLES:
        yield {"role": "user", "content": asked}
        yield {"role": "assistant", "content": answered}


def _told(request: ChatRequest) -> str:
    """The grammar makes it JSON; saying so makes it sensible JSON."""
    match request.output_format.kind:
        case "text":
            return ""
        case "json_object":
            return "Answer with a JSON object."
        case "json_schema":
            schema = bytes(request.output_format.schema).decode()
            return f"Answer with JSON that fits this schema: {schema}"


def _role(message: Message) -> str:
    return "user" if message.role == "tool" else message.role


def _content(message: Message) -> str:
    return _MARKS.sub("< |", "\n".join(filter(None, map(_written, message.parts))))


def _written(part: Part) -> str:
    match part:
        case Text(text=text):
            return text
        case Thinking():
            return ""
        case ToolUse(name=name, arguments=arguments):
            return written_call(name, arguments)
        case ToolResult(text=text, is_error=is_error):
            return f"The tool failed: {text}" if is_error else f"The tool answered: {text}"
        case SearchResult(title=title, blocks=blocks):
            return "\n".join((title, *blocks))
        case Document(blocks=blocks) if blocks:
            return "\n".join(blocks)
        case CachePoint():
            return ""
        case Foreign(kind=kind):
            raise Refused("unsupported", f"The local text model takes no parts of type {kind!r}.", field="messages")
        case Image():
            raise Refused("unsupported", "The local text model takes no images.", field="messages")
        case Document():
            raise Refused(
                "unsupported",
                "The local text model takes no files. Put the file into a knowledge base and ask with it.",
                field="messages",
            )
