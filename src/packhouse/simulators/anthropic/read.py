"""A request of Anthropic's API, understood."""

import base64
import binascii
from collections.abc import Iterator

import msgspec

from packhouse.simulators import tokens
from packhouse.simulators.anthropic.wire import Block, MessagesBody, Source
from packhouse.simulators.asked import ANY_TOOL, Asked, Tool
from packhouse.simulators.dialect import Rejected
from packhouse.simulators.tally import Tally


def asked(body: MessagesBody, *, model: str = "") -> Asked:
    """What the body asks; `model` where the path names it."""
    tally = _tally(body)
    form = body.output_format or (body.output_config.format_ if body.output_config else None)
    return Asked(
        model=model or body.model,
        text="\n".join(_texts(body.messages[-1].content)),
        input_tokens=tally.total,
        streams=bool(body.stream),
        output_tokens_max=body.max_tokens,
        stops=tuple(body.stop_sequences or ()),
        tools=tuple(Tool(it.name, it.input_schema) for it in body.tools or () if it.type in (None, "custom")),
        must_call=_must_call(body),
        schema=form.schema_ if form and form.type == "json_schema" else None,
        cached_tokens=tally.cached,
        cached_prefix=tally.prefix,
    )


def _must_call(body: MessagesBody) -> str:
    match body.tool_choice:
        case None:
            return ""
        case choice if choice.type == "any":
            return ANY_TOOL
        case choice if choice.type == "tool":
            if choice.name not in {it.name for it in body.tools or ()}:
                raise Rejected(400, f"Tool '{choice.name}' not found in provided tools")
            return choice.name
        case _:
            return ""


def _texts(content: object) -> Iterator[str]:
    """All text in it, results of tools among it."""
    for block in _blocks(content):
        if block.text:
            yield block.text
        if block.type == "tool_result" and block.content:
            yield from _texts(block.content)


def _blocks(content: object) -> list[Block]:
    """Content as blocks; a tool result's is still as it was decoded."""
    if isinstance(content, str):
        return [Block("text", text=content)] if content else []
    try:
        return msgspec.convert(content, list[Block])
    except msgspec.ValidationError as error:
        raise Rejected(400, f"messages: {error}") from error


def _tally(body: MessagesBody) -> Tally:
    tally = Tally()
    for tool in body.tools or ():
        tally.add(
            tokens.of_tool(tool.name, tool.description, schema=tool.input_schema), tool, marked=bool(tool.cache_control)
        )
    system = body.system or []
    for block in [Block("text", text=system)] if isinstance(system, str) else system:
        tally.add(_tokens(block), block, marked=block.cache_control is not None)
    for message in body.messages:
        tally.add(tokens.PER_MESSAGE, message.role)
        for block in _blocks(message.content):
            tally.add(_tokens(block), block, marked=block.cache_control is not None)
    form = body.output_format or (body.output_config.format_ if body.output_config else None)
    if body.cache_control is not None:
        tally.mark()
    if form is not None:
        tally.add(tokens.of_json(form.schema_), form)
    return tally


def _tokens(block: Block) -> int:
    match block.type:
        case "image":
            return tokens.PER_IMAGE
        case "document" if isinstance(block.source, Source):
            return _document(block.source) + tokens.of_text((block.title or "") + (block.context or ""))
        case "tool_use":
            return tokens.of_call(block.name, block.input_)
        case "tool_result":
            return tokens.PER_TOOL_CALL + sum(_tokens(it) for it in _blocks(block.content or ""))
        case "text" | "thinking" | "redacted_thinking":
            return tokens.of_text(block.text + block.thinking + block.data)
        case _:
            return tokens.of_json(block)


def _document(source: Source) -> int:
    if source.type == "base64":
        try:
            return tokens.of_document(base64.b64decode(source.data, validate=True))
        except binascii.Error as error:
            raise Rejected(400, "document.source.base64: invalid base64 data") from error
    if source.type == "text":
        return tokens.of_text(source.data)
    return tokens.PER_PAGE if source.content is None else tokens.of_json(source.content)
