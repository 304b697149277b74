"""The asynchronous connector does what the synchronous one does."""

import asyncio
import inspect
from collections.abc import Callable

import pytest

from packhouse_connector import (
    AnswerCut,
    AsyncChatStream,
    AsyncCollectionHandle,
    AsyncConversation,
    AsyncDocumentHandle,
    AsyncKnowledgeBase,
    AsyncPackhouse,
    ChatStream,
    Chunk,
    CollectionHandle,
    Conversation,
    DocumentFailed,
    DocumentHandle,
    KnowledgeBase,
    NotReached,
    ObjectRef,
    Packhouse,
    Progress,
    ProviderThrottled,
    QuotaExhausted,
    Retries,
    WaitOver,
)
from packhouse_connector.core.paging import PAGE
from tests.connector.gateway import KEY, TEXT_KEY, Gateway
from tests.connector.wire import Reply

pytestmark = pytest.mark.anyio

PAIRS = [
    (Packhouse, AsyncPackhouse),
    (ChatStream, AsyncChatStream),
    (Conversation, AsyncConversation),
    (KnowledgeBase, AsyncKnowledgeBase),
    (CollectionHandle, AsyncCollectionHandle),
    (DocumentHandle, AsyncDocumentHandle),
]


def _surface(kind: type) -> dict[str, list[str]]:
    """The public names of a class with their parameters."""
    return {
        name: [str(one).partition(":")[0] for one in inspect.signature(member).parameters.values()]
        if inspect.isfunction(member)
        else []
        for name, member in vars(kind).items()
        if not name.startswith("_")
    }


@pytest.mark.parametrize(("blocking", "asynchronous"), PAIRS)
def test_both_have_the_same_surface(blocking: type, asynchronous: type) -> None:
    assert _surface(blocking) == _surface(asynchronous)
    for name in _surface(blocking):
        promises = [inspect.getdoc(getattr(kind, name)) or "" for kind in (blocking, asynchronous)]
        assert promises[0] == promises[1].replace("`(await upload(…)).wait()`", "`upload(…).wait()`"), name


async def test_chat_and_a_conversation(async_ph: AsyncPackhouse, gateway: Gateway) -> None:
    assert str(await async_ph.chat("Who is there?")) == "You asked: Who is there?"
    conversation = async_ph.conversation(system="Be brief.")
    first = await conversation.ask("One?")
    stream = conversation.stream("Two?")
    assert [piece async for piece in stream] == ["You ", "asked: ", "Two?"]
    assert conversation.usage == first.usage + stream.answer.usage
    await conversation.ask("Three?")
    assert len(gateway.last.json["messages"]) == 6


async def test_a_stream_left_early_or_finished_or_broken(async_ph: AsyncPackhouse, gateway: Gateway) -> None:
    async with async_ph.chat_stream("One two three") as stream:
        async for _ in stream:
            break
    with pytest.raises(RuntimeError, match="not read to its end"):
        _ = stream.answer
    assert (await async_ph.chat_stream("Four").finish()).text == "You asked: Four"
    gateway.script.append(Reply(events=(b'data: {"choices":[]}\n\n',), mishap="cut"))
    with pytest.raises(AnswerCut):
        await async_ph.chat_stream("?").finish()
    gateway.script.append(Reply(429, {"error": {"code": "quota_exhausted", "message": "Empty."}}))
    with pytest.raises(QuotaExhausted):
        await async_ph.chat_stream("?").finish()


async def test_many_at_once(async_ph: AsyncPackhouse) -> None:
    answers = await asyncio.gather(*(async_ph.chat(f"Question {number}") for number in range(20)))
    assert [answer.text for answer in answers] == [f"You asked: Question {number}" for number in range(20)]


async def test_embeddings(async_ph: AsyncPackhouse) -> None:
    one = await async_ph.embed("two words")
    several = await async_ph.embed(["two words", "three words"])
    assert several[0] == one
    assert (one.usage.input_tokens, several.usage.input_tokens) == (2, 4)
    assert await async_ph.embed([]) == []


async def test_knowledge(async_ph: AsyncPackhouse) -> None:
    base = async_ph.knowledge
    news = await base.create_collection("news")
    done = await news.insert([f"text {number}" for number in range(PAGE + 1)])
    assert (done.chunks, await news.count()) == (PAGE + 1, PAGE + 1)
    assert len([chunk async for chunk in news.list()]) == PAGE + 1
    await news.replace_objects(Chunk("one more", object=ObjectRef("7")))
    await news.repopulate("Parcels leave at noon.", Chunk("Returns for 30 days.", id="returns"))
    assert (await news.search("when do parcels leave", max_results=1))[0].text == "Parcels leave at noon."
    assert (await base.search("returns", collections=["news"]))[0].id == "returns"
    assert await news.delete(ids=["returns"]) == 1
    assert [one.chunks for one in await base.collections()] == [0, 1]
    assert (await news.describe()).name == news.name == "news"
    answer = await async_ph.chat("When do parcels leave?", knowledge="news")
    assert (answer.text, len(answer.references)) == ("Parcels leave at noon.", 1)
    await base.delete_collection("news")
    assert [one.name for one in await base.collections()] == ["default"]


async def test_documents(async_ph: AsyncPackhouse) -> None:
    kb = async_ph.knowledge.collection()
    handle = await kb.upload(b"One.\n\nTwo.", name="one.txt")
    with pytest.raises(WaitOver):
        await handle.wait(timeout_seconds=0)
    told = list[Progress]()
    assert (await handle.wait(progress=told.append)).chunks == 2
    assert told[-1] == Progress("done", 2, 2)
    assert [one.id async for one in kb.documents()] == [handle.id]
    assert (await async_ph.knowledge.document(handle.id)).document.state == "done"
    await handle.delete()
    assert await kb.count() == 0
    with pytest.raises(DocumentFailed):
        await (await kb.upload(b" ", name="empty.txt")).wait()


async def test_the_key_is_tested(async_ph: AsyncPackhouse, gateway: Gateway) -> None:
    report = await async_ph.test()
    assert ([one.id for one in report.models], len(report.knowledge_bases)) == (["local-text", "local-embeddings"], 1)
    assert await async_ph.models() == report.models
    assert await async_ph.knowledge.bases() == report.knowledge_bases
    async with AsyncPackhouse(f"{TEXT_KEY}@{gateway.url}") as ph:
        assert (await ph.test()).knowledge_bases == ()


async def test_retries(async_ph: AsyncPackhouse, gateway: Gateway) -> None:
    throttled = Reply(429, {"error": {"code": "provider_throttled", "message": "Slow down."}}, {"retry-after": "0"})
    gateway.script += [throttled, throttled]
    assert (await async_ph.chat("Now?")).text == "You asked: Now?"
    gateway.script += [throttled] * 3
    with pytest.raises(ProviderThrottled):
        await async_ph.chat("Now?")
    assert len(gateway.seen) == 6


async def test_nobody_listens(unused_port: Callable[[], int]) -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    async with AsyncPackhouse(f"{KEY}@{url}", retries=Retries(attempts_max=1)) as ph:
        with pytest.raises(NotReached):
            await ph.chat("?")


def test_reprs(gateway: Gateway) -> None:
    ph = AsyncPackhouse(gateway.connection_string)
    assert repr(ph) == f"<AsyncPackhouse phk_Ab12Cd34Ef56_…@{gateway.url}>"
