"""What a model is told about the passages that were found, and how they are referred to."""

from collections.abc import Sequence

import msgspec

from packhouse.domain.chat import ChatRequest, Message, Text
from packhouse.domain.content import Content
from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import KNOWLEDGE, SOURCE_URL, Chunk, Found
from packhouse.services.narrowing import narrowed

SMALL_PASSAGES = 3
"""Of so many passages the best sentence is chosen for a small model."""


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


def with_passage(request: ChatRequest, found: Sequence[Found]) -> tuple[ChatRequest, int]:
    """The request for a model without tools, and the place in `found` of the passage that it was given.

    Only the sentence that is nearest to the question is shown: what a small model does not read cannot mislead it.
    """
    question = question_of(request)
    place, sentence = narrowed(question, [knowledge_of(each.chunk) for each in found[:SMALL_PASSAGES]])
    shown = sentence or "(The documents say nothing about it.)"
    told = f"Question: {question}\n\nText: {shown}\n\nAnswer the question in one sentence, with the words of the text."
    turn = max(index for index, message in enumerate(request.messages) if message.role == "user")
    messages = (*request.messages[:turn], Message("user", (Text(told),)), *request.messages[turn + 1 :])
    temperature = 0.0 if request.temperature is None else request.temperature  # facts are copied, not invented
    return msgspec.structs.replace(request, messages=messages, temperature=temperature), place


def _heading(chunk: Chunk) -> str:
    title = chunk.first("title")
    page = f", page {chunk.page}" if chunk.page else ""
    return f"{title}{page}:\n" if title else ""
