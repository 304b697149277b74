"""A Converse request, understood."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from packhouse.simulators import tokens
from packhouse.simulators.asked import ANY_TOOL, Asked, Tool
from packhouse.simulators.bedrock.wire import Block, ConverseBody, Document, Reasoning
from packhouse.simulators.dialect import Rejected
from packhouse.simulators.tally import Tally


def asked(body: ConverseBody, *, model: str, streams: bool) -> Asked:
    """What the body asks of that model."""
    tally, config = _tally(body), body.inference_config
    specs = [it.tool_spec for it in (body.tool_config.tools if body.tool_config else ()) if it.tool_spec]
    return Asked(
        model=model,
        text="\n".join(_texts(body.messages[-1].content)),
        input_tokens=tally.total,
        streams=streams,
        output_tokens_max=config.max_tokens if config else None,
        stops=tuple(config.stop_sequences or ()) if config else (),
        tools=tuple(Tool(it.name, it.input_schema.json) for it in specs),
        must_call=_must_call(body),
        schema=_schema(body),
        cached_tokens=tally.cached,
        cached_prefix=tally.prefix,
    )


def _must_call(body: ConverseBody) -> str:
    choice = body.tool_config.tool_choice if body.tool_config else None
    if choice is None or choice.auto is not None:
        return ""
    return choice.tool.name if choice.tool else ANY_TOOL


def _schema(body: ConverseBody) -> Any:
    form = body.output_config.text_format if body.output_config else None
    if form is None or form.structure.json_schema is None:
        return None
    try:
        return msgspec.json.decode(form.structure.json_schema.schema_)
    except msgspec.DecodeError as error:
        raise Rejected(400, "The schema in outputConfig.textFormat is not valid JSON.") from error


def _texts(blocks: Sequence[Block]) -> Iterator[str]:
    """All text in them, results of tools among it."""
    for block in blocks:
        if block.text:
            yield block.text
        elif block.json is not None:
            yield msgspec.json.encode(block.json).decode()
        elif block.tool_result is not None:
            yield from _texts(block.tool_result.content)


def _tally(body: ConverseBody) -> Tally:
    tally = Tally()
    for tool in body.tool_config.tools if body.tool_config else ():
        if spec := tool.tool_spec:
            tally.add(tokens.of_tool(spec.name, spec.description or "", schema=spec.input_schema.json), spec)
        elif tool.cache_point is not None:
            tally.mark()
    for block in body.system or ():
        _add(tally, block)
    for message in body.messages:
        tally.add(tokens.PER_MESSAGE, message.role)
        for block in message.content:
            _add(tally, block)
    if (schema := _schema(body)) is not None:
        tally.add(tokens.of_json(schema), schema)
    return tally


def _add(tally: Tally, block: Block) -> None:
    if block.cache_point is not None:
        tally.mark()
    else:
        tally.add(_tokens(block), block)


def _tokens(block: Block) -> int:
    match block:
        case Block(text=str(text)):
            return tokens.of_text(text)
        case Block(image=image) if image is not None:
            return tokens.PER_IMAGE
        case Block(document=document) if document is not None:
            return _document(document)
        case Block(tool_use=use) if use is not None:
            return tokens.of_call(use.name, use.input_)
        case Block(tool_result=result) if result is not None:
            return tokens.PER_TOOL_CALL + sum(_tokens(it) for it in result.content)
        case Block(reasoning_content=Reasoning(reasoning_text=said, redacted_content=redacted)):
            return tokens.of_text((said.text if said else "") + (redacted or ""))
        case Block(json=json) if json is not None:
            return tokens.of_json(json)
        case _:
            return tokens.of_json(block)


def _document(document: Document) -> int:
    source = document.source
    said = tokens.of_text((document.context or "") + (source.text or ""))
    if source.bytes is None:
        return said + (tokens.of_json(source.content) if source.content is not None else 0)
    try:
        return said + tokens.of_document(base64.b64decode(source.bytes, validate=True))
    except binascii.Error as error:
        raise Rejected(400, "The document's bytes are not valid base64.") from error
