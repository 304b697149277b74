"""Chat: what an application says and gets. How it looks on the wire is `chat_wire`'s."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, TypedDict

import msgspec

from packhouse_connector.core.content import Content
from packhouse_connector.core.usage import Usage

StopReason = Literal["end", "length", "tool_use", "filtered", "other"]


class Message(Content, frozen=True):
    """One turn of a conversation."""

    SHOWN: ClassVar[tuple[str, ...]] = ("role",)

    role: Literal["system", "user", "assistant"]
    content: str


MessageLike = Message | Mapping[str, object]
"""A message, or a mapping in OpenAI's form, which goes to the gateway as it is."""


class Knowledge(Content, frozen=True, omit_defaults=True):
    """Where an answer may be looked up: a collection (its name or id) and what of it counts.

    `max_results`, `minimum_similarity` (-1 to 1) and `filter` narrow the search; the gateway's defaults hold
    where they are left out. `resource` (`res_…`) names the knowledge base where the key opens several.
    """

    collection: str
    max_results: int | None = None
    minimum_similarity: float | None = None
    filter: Mapping[str, object] | None = None
    resource: str | None = None


KnowledgeLike = str | Knowledge | Sequence[str | Knowledge]
"""A collection, by name, id or with its search settings, or several."""


class ChatOptions(TypedDict, total=False):
    """What a chat call can say besides the question.

    - `system`: instructions that come before the conversation
    - `knowledge`: the collections that the answer is grounded in
    - `model`: a model id of the resource's family; left out, the resource's default
    - `output_tokens_max`: the cap on the answer's length; left out, the model's default cap
    - `temperature`, `top_p`, `stop`, `seed`: as the model takes them
    """

    system: str
    knowledge: KnowledgeLike
    model: str
    output_tokens_max: int
    temperature: float
    top_p: float
    stop: str | Sequence[str]
    seed: int


class Reference(Content, frozen=True):
    """A passage that the answer is grounded in. `page` counts from 1; `source` is its link or file name."""

    SHOWN: ClassVar[tuple[str, ...]] = ("document_id", "page", "similarity")

    title: str | None = None
    source: str | None = None
    collection_id: str | None = None
    chunk_id: str | None = None
    document_id: str | None = None
    page: int | None = None
    similarity: float | None = None


class Answer(Content, frozen=True, kw_only=True):
    """What the model said, with what it consumed. `str(answer)` is the text.

    `stop_reason` is `end` where the model was done, `length` where the cap cut it short.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("stop_reason", "usage", "request_id")

    text: str
    usage: Usage = Usage()
    model: str = ""
    references: tuple[Reference, ...] = ()
    stop_reason: StopReason = "end"
    request_id: str | None = None

    def __str__(self) -> str:
        return self.text

    @property
    def message(self) -> Message:
        """The answer as a turn of a conversation, for the next call's `messages`."""
        return Message("assistant", self.text)


class ChatSettings(Content, frozen=True, kw_only=True):
    """`ChatOptions` as a value: a name that is no option raises TypeError."""

    system: str | None = None
    knowledge: KnowledgeLike | None = None
    model: str | None = None
    output_tokens_max: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | Sequence[str] | None = None
    seed: int | None = None

    @property
    def knowledges(self) -> tuple[Knowledge, ...]:
        """The collections to ground in, each with its settings."""
        if self.knowledge is None:
            return ()
        given = (self.knowledge,) if isinstance(self.knowledge, str | Knowledge) else self.knowledge
        return tuple(Knowledge(one) if isinstance(one, str) else one for one in given)


class Turns(msgspec.Struct, frozen=True):
    """The history of a conversation and what it has consumed so far."""

    messages: tuple[MessageLike, ...] = ()
    usage: Usage = Usage()

    def after(self, question: str, answer: Answer) -> "Turns":
        """The history with one more question and its answer."""
        return Turns(
            (*self.messages, Message("user", question), answer.message),
            self.usage + answer.usage,
        )
