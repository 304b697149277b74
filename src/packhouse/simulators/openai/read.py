"""A chat request of OpenAI's API, understood."""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from packhouse.simulators import tokens
from packhouse.simulators.asked import ANY_TOOL, Asked, Tool
from packhouse.simulators.dialect import Rejected
from packhouse.simulators.openai.wire import ChatBody, Message, Part

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def asked(body: ChatBody) -> Asked:
    """What the body asks. Raises `Rejected` for what OpenAI refuses."""
    _check(body)
    output_format = body.response_format
    schema = output_format.json_schema.schema_ if output_format and output_format.json_schema else None
    return Asked(
        model=body.model,
        text=_last_text(body.messages),
        input_tokens=_input_tokens(body, schema),
        streams=bool(body.stream),
        output_tokens_max=body.max_completion_tokens or body.max_tokens,
        stops=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
        tools=tuple(Tool(it.function.name, it.function.parameters) for it in body.tools or ()),
        must_call=_must_call(body),
        wants_json=output_format is not None and output_format.type == "json_object",
        schema=schema,
    )


def _check(body: ChatBody) -> None:
    if body.n not in (None, 1) or body.logprobs:
        raise Rejected(400, "The simulator gives one choice, and no logprobs.", param="n")
    if not body.messages:
        raise Rejected(400, "Invalid 'messages': empty array.", code="empty_array", param="messages")
    if body.max_tokens is not None and body.max_completion_tokens is not None:
        text = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        raise Rejected(400, text, code="invalid_parameter_combination")
    if body.stream_options is not None and not body.stream:
        text = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise Rejected(400, text, param="stream_options")
    if body.tool_choice is not None and not body.tools:
        text = "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified."
        raise Rejected(400, text, param="tool_choice")
    _check_names(body)
    _check_calls(body.messages)


def _check_names(body: ChatBody) -> None:
    for place, tool in enumerate(body.tools or ()):
        if not _TOOL_NAME.fullmatch(tool.function.name):
            where, pattern = f"tools[{place}].function.name", f"^{_TOOL_NAME.pattern}$"
            text = f"Invalid '{where}': string does not match pattern. Expected a string that matches '{pattern}'."
            raise Rejected(400, text, code="invalid_value", param=where)


def _check_calls(messages: Sequence[Message]) -> None:
    """Every tool call is answered by a message of its own before the conversation goes on."""
    waiting: set[str] = set()
    for place, message in enumerate(messages):
        if message.role == "tool":
            if message.tool_call_id not in waiting:
                text = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
                raise Rejected(400, f"Invalid parameter: {text}", param=f"messages.[{place}].role")
            waiting.discard(message.tool_call_id)
            continue
        _refuse_waiting(waiting)
        waiting = {call.id for call in message.tool_calls or ()}
    _refuse_waiting(waiting)


def _refuse_waiting(waiting: set[str]) -> None:
    if waiting:
        text = (
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
            f" 'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(sorted(waiting))}"
        )
        raise Rejected(400, text, param="messages")


def _must_call(body: ChatBody) -> str:
    match body.tool_choice:
        case "required":
            return ANY_TOOL
        case None | "none" | "auto":
            return ""
        case named:
            name = named.function.name if named.function else ""
            if name not in {it.function.name for it in body.tools or ()}:
                text = f"Invalid value for 'tool_choice': no function named '{name}' was specified in the 'tools'."
                raise Rejected(400, text, param="tool_choice")
            return name


def _last_text(messages: Sequence[Message]) -> str:
    """The last message's text; of several tool results that end the conversation all of them."""
    last: list[str] = []
    for message in reversed(messages):
        if last and message.role != "tool":
            break
        last.append(_text(message))
        if message.role != "tool":
            break
    return "\n".join(reversed(last))


def _text(message: Message) -> str:
    if isinstance(message.content, list):
        return "\n".join(part.text for part in message.content if part.text)
    return message.content or ""


def _input_tokens(body: ChatBody, schema: Any) -> int:
    tools = (it.function for it in body.tools or ())
    return (
        tokens.PER_CALL
        + sum(_message_tokens(message) for message in body.messages)
        + sum(tokens.of_tool(it.name, it.description, schema=it.parameters) for it in tools)
        + (tokens.of_json(schema) if schema is not None else 0)
    )


def _message_tokens(message: Message) -> int:
    calls = sum(tokens.of_call(it.function.name, _loose(it.function.arguments)) for it in message.tool_calls or ())
    return tokens.PER_MESSAGE + calls + sum(_content_tokens(message.content))


def _content_tokens(content: str | list[Part] | None) -> Iterator[int]:
    if isinstance(content, str):
        yield tokens.of_text(content)
        return
    for part in content or ():
        if part.type == "image_url":
            yield tokens.PER_IMAGE
        elif part.file is not None and part.file.file_data:
            yield tokens.of_document(_data(part.file.file_data))
        else:
            yield tokens.of_text(part.text or part.refusal)


def _data(url: str) -> bytes:
    try:
        return base64.b64decode(url.rpartition(",")[2], validate=True)
    except binascii.Error as error:
        raise Rejected(400, "Invalid file data: not base64.", code="invalid_base64") from error


def _loose(arguments: str) -> Any:
    """Arguments as JSON where they are some: the model that wrote them may have failed to."""
    try:
        return msgspec.json.decode(arguments or "{}")
    except msgspec.DecodeError:
        return arguments
