"""InvokeModel: each vendor's own body, its token counts in headers."""

import base64
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from packhouse.simulators.answer import Answer
from packhouse.simulators.anthropic.checks import NEWEST_VERSION
from packhouse.simulators.anthropic.checks import check as check_messages
from packhouse.simulators.anthropic.messages import events, message
from packhouse.simulators.anthropic.read import asked as asked_messages
from packhouse.simulators.anthropic.wire import MessagesBody
from packhouse.simulators.asked import Asked
from packhouse.simulators.bedrock import frames
from packhouse.simulators.bedrock.converse import STREAM_HEADERS
from packhouse.simulators.cohere.embed import INPUTS_MAX, Embed
from packhouse.simulators.cohere.wire import EmbedBody
from packhouse.simulators.dialect import Call, Rejected
from packhouse.simulators.http import BEAT, Reply, json_reply

Head = tuple[tuple[str, str], ...]

VERSION = "bedrock-2023-05-31"
_NEWER = re.compile(r"claude-[a-z]+-[5-9]")
"""Models that know Anthropic's newest version; the others know `VERSION` only."""

_TEXT_CHARACTERS_MAX_V3 = 2_048
_ASK_AGAIN = "please reformat your input and try again."


def read(body: bytes, *, model: str, streams: bool, head: Head) -> Call:
    """The call in a body of InvokeModel; where the model's id does not tell, its body does. Raises `Rejected`."""
    if not model:
        model = "anthropic.claude" if b"anthropic_version" in body else "cohere.embed-v4:0"
    if model.startswith("anthropic."):
        return ClaudeCall(claude(body, model=model, streams=streams), head=head)
    if model.startswith("cohere.embed"):
        return CohereCall(_embed(body, model), head=head)
    raise Rejected(400, "The simulator invokes models of Anthropic and Cohere Embed only.")


def claude(body: bytes, *, model: str, streams: bool = False, counts_only: bool = False) -> Asked:
    """What a Messages body at Bedrock asks: without model and stream, with a version."""
    try:
        said = msgspec.json.decode(body, type=MessagesBody)
    except msgspec.DecodeError as error:
        raise Rejected(400, f"Malformed input request: {error}, {_ASK_AGAIN}") from error
    for name in ("model", "stream"):
        if getattr(said, name):
            raise Rejected(400, f"{name}: Extra inputs are not permitted")
    if said.anthropic_version is None:
        raise Rejected(400, "anthropic_version: Field required")
    if said.anthropic_version not in (VERSION, NEWEST_VERSION if _NEWER.search(model) else VERSION):
        raise Rejected(400, f'anthropic_version: "{said.anthropic_version}" is not supported for this model')
    check_messages(said, version=said.anthropic_version, counts_only=counts_only)
    return msgspec.structs.replace(asked_messages(said, model=model), streams=streams)


class ClaudeCall:
    """A call of Claude in Anthropic's own shape."""

    def __init__(self, asked: Asked, *, head: Head) -> None:
        self.asked = asked
        self._head = head

    def whole(self, answer: Answer) -> Reply:
        usage = answer.usage
        counts: Head = (
            ("x-amzn-bedrock-input-token-count", str(usage.input)),
            ("x-amzn-bedrock-output-token-count", str(usage.output)),
            ("x-amzn-bedrock-cache-read-input-token-count", str(usage.cache_read)),
            ("x-amzn-bedrock-cache-write-input-token-count", str(usage.cache_write)),
            ("x-amzn-bedrock-invocation-latency", "7"),
        )
        return json_reply(message(self.asked, answer, at_bedrock=True), headers=(*counts, *self._head))

    def stream(self, answer: Answer) -> Reply:
        kind = ("x-amzn-bedrock-content-type", "application/json")
        return Reply(200, (*STREAM_HEADERS, kind, *self._head), frames=self._frames(answer))

    def _frames(self, answer: Answer) -> Iterator[bytes]:
        for number, each in enumerate(events(self.asked, answer, at_bedrock=True)):
            if each is None:
                yield BEAT
                continue
            if each["type"] == "message_stop":
                each |= {"amazon-bedrock-invocationMetrics": _metrics(answer)}
            inner = base64.b64encode(msgspec.json.encode(each)).decode()
            payload = {"bytes": inner, "p": frames.padding(answer.number * 31 + number)}
            yield frames.event("chunk", msgspec.json.encode(payload))


def _metrics(answer: Answer) -> dict[str, Any]:
    return {
        "inputTokenCount": answer.usage.input,
        "outputTokenCount": answer.usage.output,
        "invocationLatency": 7,
        "firstByteLatency": 3,
        "cacheReadInputTokenCount": answer.usage.cache_read,
        "cacheWriteInputTokenCount": answer.usage.cache_write,
    }


def _embed(body: bytes, model: str) -> Embed:
    try:
        said = msgspec.json.decode(body, type=EmbedBody)
    except msgspec.DecodeError as error:
        raise Rejected(400, f"Malformed input request: {error}, {_ASK_AGAIN}") from error
    if said.model:
        raise Rejected(400, f"Malformed input request: #: extraneous key [model] is not permitted, {_ASK_AGAIN}")
    texts = said.texts or ()
    if len(texts) > INPUTS_MAX:
        text = f"#/texts: expected maximum item count: {INPUTS_MAX}, found: {len(texts)}"
        raise Rejected(400, f"Malformed input request: {text}, {_ASK_AGAIN}")
    longest = max(map(len, texts), default=0)
    if "v4" not in model and longest > _TEXT_CHARACTERS_MAX_V3:
        text = f"#/texts: expected maxLength: {_TEXT_CHARACTERS_MAX_V3}, actual: {longest}"
        raise Rejected(400, f"Malformed input request: {text}, {_ASK_AGAIN}")
    truncate = said.truncate or "NONE"
    return Embed(msgspec.structs.replace(said, truncate=truncate), model)


class CohereCall:
    """A call of Cohere Embed: no token count but in a header."""

    def __init__(self, embed: Embed, *, head: Head) -> None:
        self._embed = embed
        self._head = head
        self.asked = embed.asked

    def whole(self, answer: Answer) -> Reply:
        embed, types = self._embed, self._embed.body.embedding_types
        by_type = embed.newest or types is not None
        body = {
            "embeddings": embed.by_type(types or ["float"]) if by_type else embed.floats(),
            "id": f"00000000-0000-4000-8000-{answer.number:012x}",
            "response_type": "embeddings_by_type" if by_type else "embeddings_floats",
            "texts": embed.texts,
        }
        counts = (
            ("x-amzn-bedrock-input-token-count", str(answer.usage.input)),
            ("x-amzn-bedrock-invocation-latency", "7"),
        )
        return json_reply(body, headers=(*counts, *self._head))

    def stream(self, answer: Answer) -> Reply:
        raise Rejected(400, "The model is unsupported for streaming.")
