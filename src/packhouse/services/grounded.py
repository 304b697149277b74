"""Chat that is grounded in knowledge bases: a tool that the model may call, or passages found beforehand.

A model that calls tools decides itself what to look up; a model without tools is given what was found for the
user's last message.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec

from packhouse.domain.chat import ChatPiece, ChatRequest, StreamEnd
from packhouse.domain.chat_part import ToolResult, ToolUse, text_result
from packhouse.domain.content import Content
from packhouse.domain.knowledge import EVERYTHING, Filter, Found
from packhouse.domain.units import ModelTokens
from packhouse.ports.meter import Access
from packhouse.services.chat import Answered, Chat, Spender
from packhouse.services.grounding import Reference, listed, question_of, reference_of, with_passages, with_quote
from packhouse.services.knowledge import KnowledgeBases
from packhouse.services.look_ups import (
    Heard,
    continued,
    look_ups_of,
    stop_of,
    with_tool,
    without_choice,
    without_look_ups,
)
from packhouse.services.received import begun
from packhouse.services.search import ANY_SIMILARITY, Search, SearchRequest

ROUNDS_MAX = 4
"""How often a model may look something up before it has to answer."""


class KnowledgeChoice(Content, frozen=True, kw_only=True):
    """A collection that an answer is to be grounded in. `resource` names the knowledge base where a key opens
    several."""

    collection: str
    resource: str = ""
    chosen: Filter = EVERYTHING
    max_results: int = 5
    minimum_similarity: float = ANY_SIMILARITY


class Grounds:
    """What an answer stands on; it grows while the answer is made. `tokens` were spent on embeddings."""

    def __init__(self) -> None:
        self.found = list[Found]()
        self.tokens = ModelTokens()

    def add(self, found: Sequence[Found], tokens: ModelTokens) -> None:
        known = {(each.collection_id, each.chunk.id) for each in self.found}
        self.found += [each for each in found if (each.collection_id, each.chunk.id) not in known]
        self.tokens += tokens

    def keep(self, place: int) -> None:
        """The model was given this passage alone, so the answer stands on nothing else."""
        self.found = self.found[place : place + 1]

    @property
    def references(self) -> tuple[Reference, ...]:
        return tuple(reference_of(found) for found in self.found)


class Grounded(Content, frozen=True):
    answered: Answered
    grounds: Grounds


class _Query(Content, frozen=True):
    query: str


class GroundedChat:
    """Asks text models about knowledge bases."""

    def __init__(self, chat: Chat, bases: KnowledgeBases, *, search: Search) -> None:
        self._chat = chat
        self._bases = bases
        self._search = search

    async def answer(
        self, access: Access, spender: Spender, *, request: ChatRequest, choices: Sequence[KnowledgeChoice]
    ) -> Grounded:
        """A whole answer with what it stands on. Refused: as chat and search are."""
        grounds = Grounds()
        if not self._chat.takes_tools(spender.pack, request.model):
            prepared = await self._prepared(access, spender, request=request, choices=choices, grounds=grounds)
            return Grounded(await self._chat.answer(spender, prepared), grounds)
        asked = with_tool(request)
        tokens = ModelTokens()
        for _ in range(ROUNDS_MAX - 1):
            answered = await self._chat.answer(spender, asked)
            tokens += answered.tokens
            said = answered.answer.parts
            look_ups = look_ups_of(said)
            if not look_ups:
                return Grounded(_told(answered, tokens), grounds)
            results = [await self._look_up(access, use, choices=choices, grounds=grounds) for use in look_ups]
            asked = continued(asked, said, results=results)
        answered = await self._chat.answer(spender, without_choice(asked))
        return Grounded(_told(answered, tokens + answered.tokens), grounds)

    async def stream(
        self, access: Access, spender: Spender, *, request: ChatRequest, choices: Sequence[KnowledgeChoice]
    ) -> tuple[AsyncGenerator[ChatPiece, None], Grounds]:
        """Begun when this returns; the grounds are complete when the stream has ended."""
        grounds = Grounds()
        if not self._chat.takes_tools(spender.pack, request.model):
            prepared = await self._prepared(access, spender, request=request, choices=choices, grounds=grounds)
            return await self._chat.stream(spender, prepared), grounds
        return await begun(self._rounds(access, spender, request=request, ground=(choices, grounds))), grounds

    async def _rounds(
        self,
        access: Access,
        spender: Spender,
        *,
        request: ChatRequest,
        ground: tuple[Sequence[KnowledgeChoice], Grounds],
    ) -> AsyncGenerator[ChatPiece, None]:
        """Text goes to the client as it comes; a wish to look something up is answered here and not passed on."""
        asked = with_tool(request)
        tokens = ModelTokens()
        for round_ in range(ROUNDS_MAX):
            last = round_ == ROUNDS_MAX - 1
            heard = Heard()
            async with aclosing(await self._chat.stream(spender, without_choice(asked) if last else asked)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, StreamEnd):
                        tokens += piece.tokens or ModelTokens()
                        if last or not heard.look_ups:
                            stop = stop_of(piece.stop_reason, calls=heard.calls)
                            yield StreamEnd(stop, tokens, piece.stop_sequence)
                            return
                    elif passed := heard.passed_on(piece):
                        yield passed
            results = [await self._look_up(access, use, choices=ground[0], grounds=ground[1]) for use in heard.look_ups]
            asked = continued(asked, heard.said, results=results)

    async def _prepared(
        self,
        access: Access,
        spender: Spender,
        *,
        request: ChatRequest,
        choices: Sequence[KnowledgeChoice],
        grounds: Grounds,
    ) -> ChatRequest:
        question = question_of(request)
        for choice in choices:
            await self._find(access, question, choice=choice, grounds=grounds)
        if not self._chat.continues(spender.pack, request.model):
            return with_passages(request, grounds.found)
        prepared, place = with_quote(request, grounds.found)
        grounds.keep(place)
        return prepared

    async def _look_up(
        self, access: Access, use: ToolUse, *, choices: Sequence[KnowledgeChoice], grounds: Grounds
    ) -> ToolResult:
        try:
            query = msgspec.json.decode(use.arguments or "{}", type=_Query).query
        except (msgspec.DecodeError, RecursionError):
            return text_result(use.id, "The arguments must be an object with the text `query`.", is_error=True)
        if not query.strip():
            return text_result(use.id, "The query is empty.", is_error=True)
        found = list[Found]()
        for choice in choices:
            found += await self._find(access, query, choice=choice, grounds=grounds)
        return text_result(use.id, listed(found))

    async def _find(self, access: Access, query: str, *, choice: KnowledgeChoice, grounds: Grounds) -> list[Found]:
        base = await self._bases.chosen(access, choice.resource, collection=choice.collection)
        searched = await self._search.search(
            base,
            SearchRequest(
                text=query,
                collections=(choice.collection,),
                chosen=choice.chosen,
                max_results=choice.max_results,
                minimum_similarity=choice.minimum_similarity,
                mode="hybrid",
            ),
        )
        grounds.add(searched.found, searched.tokens)
        return searched.found


def _told(answered: Answered, tokens: ModelTokens) -> Answered:
    return msgspec.structs.replace(answered, answer=without_look_ups(answered.answer), tokens=tokens)
