"""A gateway that speaks as Packhouse's does, small and in memory, for tests of the connector alone."""

import base64
import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tests.connector.knowledge_double import KnowledgeDouble
from tests.connector.wire import Refusal, Reply, Seen, serving
from tests.connector.words import vector, words

KEY = "phk_Ab12Cd34Ef56_" + "s3cret" * 5 + "42" + "Zz9Yy8"
TEXT_KEY = "phk_Tx12Cd34Ef56_" + "s3cret" * 5 + "42" + "Zz9Yy8"
REVOKED_KEY = "phk_Rv12Cd34Ef56_" + "s3cret" * 5 + "42" + "Zz9Yy8"

TYPES = {
    KEY: ("embeddings", "knowledge_base", "text_generation"),
    TEXT_KEY: ("text_generation",),
}
TEXT_MODEL = {"id": "local-text", "name": "Local text model", "type": "text_generation", "default": True}
EMBEDDINGS_MODEL = {"id": "local-embeddings", "name": "Local embeddings", "type": "embeddings", "default": True}


class Gateway:
    """Answers by what the interface describes, unless `script` holds replies: they go first, in order."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.script: list[Reply] = []
        self.knowledge = KnowledgeDouble()
        self.url = ""

    @property
    def connection_string(self) -> str:
        return f"{KEY}@{self.url}"

    @property
    def last(self) -> Seen:
        return self.seen[-1]

    def answer(self, seen: Seen) -> Reply:
        self.seen.append(seen)
        if self.script:
            return self.script.pop(0)
        try:
            return self._answer(seen)
        except Refusal as refusal:
            return refusal.reply

    def _answer(self, seen: Seen) -> Reply:
        types = _opened_by(seen.headers.get("authorization", ""))
        match seen.method, seen.path:
            case "GET", ("v1", "models"):
                models = [one for one in (TEXT_MODEL, EMBEDDINGS_MODEL) if one["type"] in types]
                return Reply(body={"object": "list", "data": [{**one, "owned_by": "local"} for one in models]})
            case "POST", ("v1", "chat", "completions"):
                _need("text_generation", types)
                return self._chat(seen.json)
            case "POST", ("v1", "embeddings"):
                _need("embeddings", types)
                return _embed(seen.json)
            case _, ("v1", "knowledge", *_):
                _need("knowledge_base", types)
                return self.knowledge.answer(seen)
            case _:
                raise Refusal(404, "route_unknown", "There is no such route.")

    def _chat(self, body: dict[str, Any]) -> Reply:
        question: str = body["messages"][-1]["content"]
        grounding = self._ground(question, body["packhouse"]["knowledge"]) if "packhouse" in body else None
        text = grounding["texts"][0] if grounding and grounding["texts"] else f"You asked: {question}"
        pieces = [piece + " " for piece in text.split(" ")]
        cap = body.get("max_tokens", 4096)
        finish = "length" if len(pieces) > cap else "stop"
        pieces = pieces[:cap]
        pieces[-1] = pieces[-1].rstrip()
        told = sum(len(words(str(message["content"]))) for message in body["messages"])
        usage = {
            "prompt_tokens": told,
            "completion_tokens": len(pieces),
            "total_tokens": told + len(pieces),
            "prompt_tokens_details": {"cached_tokens": 0},
        }
        extra = {} if grounding is None else {"packhouse": grounding["packhouse"]}
        if body.get("stream"):
            return Reply(events=_events(pieces, finish, {"usage": usage, **extra}))
        choice = {"index": 0, "message": {"role": "assistant", "content": "".join(pieces)}, "finish_reason": finish}
        return Reply(body={**_HEAD, "object": "chat.completion", "choices": [choice], "usage": usage, **extra})

    def _ground(self, question: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        found = [
            one
            for choice in choices
            for one in self.knowledge.nearest(question, [choice["collection"]], choice.get("filter"))[
                : choice.get("max_results", 5)
            ]
            if one["similarity"] >= choice.get("minimum_similarity", 0)
        ]
        references = [
            {
                "title": self.knowledge.name_of(one["document_id"]),
                "source": next(iter(one["metadata"].get("sourceUrl", [])), None),
                "collection_id": one["collection_id"],
                "chunk_id": one["id"],
                "document_id": one["document_id"],
                "page": one["page"],
                "similarity": one["similarity"],
            }
            for one in found
        ]
        spent = {"embeddings": {"input_tokens": len(words(question)) * len(choices)}}
        return {"texts": [one["text"] for one in found], "packhouse": {"references": references, "usage": spent}}


_HEAD = {"id": "chatcmpl_1", "created": 1, "model": "local-text"}


def _opened_by(authorization: str) -> tuple[str, ...]:
    key = authorization.removeprefix("Bearer ").partition("@")[0]
    if key == REVOKED_KEY:
        raise Refusal(401, "key_revoked", "The key was revoked.", type="authentication_error")
    if key not in TYPES:
        raise Refusal(401, "key_unknown", "No such key.", type="authentication_error")
    return TYPES[key]


def _need(kind: str, types: tuple[str, ...]) -> None:
    if kind not in types:
        raise Refusal(403, "key_wrong_type", f"This key opens no {kind} resource.", opens=list(types))


def _events(pieces: list[str], finish: str, last: dict[str, Any]) -> tuple[bytes, ...]:
    def event(**chunk: Any) -> bytes:
        return b"data: " + json.dumps({**_HEAD, "object": "chat.completion.chunk", **chunk}).encode() + b"\n\n"

    return (
        event(choices=[{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}], usage=None),
        *(event(choices=[{"index": 0, "delta": {"content": one}, "finish_reason": None}]) for one in pieces),
        event(choices=[{"index": 0, "delta": {}, "finish_reason": finish}], usage=None),
        event(choices=[], **last),
        b"data: [DONE]\n\n",
    )


def _embed(body: dict[str, Any]) -> Reply:
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    assert body["encoding_format"] == "base64", "the connector asks for the compact form"
    data = [
        {"object": "embedding", "index": index, "embedding": base64.b64encode(vector(text)).decode()}
        for index, text in enumerate(texts)
    ]
    spent = sum(len(words(text)) for text in texts)
    usage = {"prompt_tokens": spent, "total_tokens": spent}
    return Reply(body={"object": "list", "data": data, "model": "local-embeddings", "usage": usage})


@contextmanager
def running() -> Generator[Gateway]:
    """A fresh gateway on a free port."""
    gateway = Gateway()
    with serving(gateway.answer) as url:
        gateway.url = url
        yield gateway
