"""What a model is told about the passages that were found, and how they are referred to."""

from collections.abc import Sequence

import msgspec

from packhouse.domain.chat import ChatRequest, Message, Text
from packhouse.domain.content import Content
from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import KNOWLEDGE, SOURCE_URL, Chunk, Found

PASSAGES_SHOWN = 2
"""A small model reads few passages well, and the last one best."""

INSTRUCTION = (
    "Answer the question with one sentence copied from the text below. "
    "If the text does not answer it, say that the documents do not say."
)


class Reference(Content, frozen=True, kw_only=True):
    """A passage that an answer stands on. `source` is its link, or the name of its document."""

    title: str | None
    source: str | None
    collection_id: str
    chunk_id: str
    document_id: str | None
    page: int | None
    similarity: float | None


def reference_of(found: Found) -> Reference:
    chunk = found.chunk
    title = chunk.first("title")
    return Reference(
        title=title,
        source=chunk.first(SOURCE_URL) or title,
        collection_id=found.collection_id,
        chunk_id=chunk.id,
        document_id=chunk.document_id,
        page=chunk.page,
        similarity=found.similarity,
    )


def question_of(request: ChatRequest) -> str:
    """What is looked up for a model without tools: the text of the user's last message."""
    for message in reversed(request.messages):
        if message.role == "user" and message.text.strip():
            return message.text
    raise Refused("invalid_request", "A grounded chat needs a user message with text.", field="messages")


def knowledge_of(chunk: Chunk) -> str:
    """What the model reads: the metadata's `knowledge` where there is one, else the text."""
    return chunk.first(KNOWLEDGE) or chunk.text


def listed(found: Sequence[Found]) -> str:
    """All passages, numbered, for a model that reads well."""
    if not found:
        return "Nothing was found."
    return "\n\n".join(
        f"[{number}] {_heading(each.chunk)}{knowledge_of(each.chunk)}" for number, each in enumerate(found, 1)
    )


def with_passages(request: ChatRequest, found: Sequence[Found]) -> ChatRequest:
    """The request with what was found put before the question, the best passage next to it."""
    shown = list(reversed(found[:PASSAGES_SHOWN]))
    place = max(index for index, message in enumerate(request.messages) if message.role == "user")
    question = request.messages[place]
    passages = "\n\n".join(knowledge_of(each.chunk) for each in shown) or "(nothing was found)"
    told = f"{INSTRUCTION}\n\nText:\n{passages}\n\nQuestion: {question.text}"
    messages = (*request.messages[:place], Message("user", (Text(told),)), *request.messages[place + 1 :])
    return msgspec.structs.replace(request, messages=messages)


def _heading(chunk: Chunk) -> str:
    title = chunk.first("title")
    page = f", page {chunk.page}" if chunk.page else ""
    return f"{title}{page}:\n" if title else ""
