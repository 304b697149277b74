"""What a model is told about the passages that were found, and how they are referred to."""

from collections.abc import Sequence

import msgspec

from packhouse.domain.chat import ChatRequest, Message
from packhouse.domain.chat_part import Text
from packhouse.domain.content import Content
from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import KNOWLEDGE, SOURCE_URL, Chunk, Found
from packhouse.services.narrowing import narrowed

INSTRUCTION = "Answer the question with one sentence copied from the text below."
NOTHING_FOUND = "(The documents say nothing about it. Say that you do not know.)"

QUOTE = '"'
_INNER_QUOTE = "'"
"""A quotation within the text must not end the quotation of it."""


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
    """The request for a model that reads well but has no tools: all that was found, and the question after it."""
    told = (
        "Answer from these passages and name the numbers of those that you use. Where they do not say it, say so."
        f"\n\n{listed(found)}\n\nQuestion: {question_of(request)}"
    )
    return _asked(request, told)


def with_quote(request: ChatRequest, found: Sequence[Found]) -> tuple[ChatRequest, int]:
    """The request for a small model that goes on with an answer begun for it, and the place in `found` of the
    passage that it was given.

    What a small model does not read cannot mislead it, so it is shown the few sentences nearest to the question
    alone. What it says by itself it mostly invents, so its answer begins as a quotation and ends with the closing
    mark: it then answered 37 of 40 questions rightly, and 21 where it was only told to copy a sentence.
    """
    question = question_of(request)
    place, shown = narrowed(question, [knowledge_of(each.chunk) for each in found])
    if not shown:
        return _asked(request, f"{question}\n\n{NOTHING_FOUND}"), place
    told = f"{INSTRUCTION}\n\nText:\n{shown.replace(QUOTE, _INNER_QUOTE)}\n\nQuestion: {question}"
    asked = _asked(request, told)
    if request.tools or request.output_format.kind != "text" or asked.messages[-1].role != "user":
        return asked, place  # what has a form, or a beginning, of its own cannot begin as a quotation
    begun = Message("assistant", (Text(f"The text says: {QUOTE}"),))
    return msgspec.structs.replace(asked, messages=(*asked.messages, begun), stop=(*request.stop, QUOTE)), place


def _asked(request: ChatRequest, told: str) -> ChatRequest:
    """The request with its last question put anew. Facts are to be copied and not invented, so where the caller
    says nothing the temperature is 0."""
    turn = max(index for index, message in enumerate(request.messages) if message.role == "user")
    messages = (*request.messages[:turn], Message("user", (Text(told),)), *request.messages[turn + 1 :])
    temperature = 0.0 if request.temperature is None else request.temperature
    return msgspec.structs.replace(request, messages=messages, temperature=temperature)


def _heading(chunk: Chunk) -> str:
    title = chunk.first("title")
    page = f", page {chunk.page}" if chunk.page else ""
    return f"{title}{page}:\n" if title else ""
