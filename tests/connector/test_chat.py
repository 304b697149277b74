"""Chat: without and with history, grounded, and what goes over the wire for it."""

import pytest

from packhouse_connector import Chunk, InvalidRequest, Knowledge, Message, Packhouse, QuotaExhausted, Usage
from tests.connector.gateway import Gateway
from tests.connector.wire import Reply


def test_a_question_and_its_answer(ph: Packhouse, gateway: Gateway) -> None:
    answer = ph.chat("What is a bundle month?")
    assert str(answer) == answer.text == "You asked: What is a bundle month?"
    assert answer.usage == Usage(input_tokens=5, output_tokens=7)
    assert (answer.model, answer.stop_reason, answer.request_id) == ("local-text", "end", "req_test")
    assert answer.references == ()
    assert gateway.last.json == {"messages": [{"role": "user", "content": "What is a bundle month?"}]}


def test_every_option_has_its_place_on_the_wire(ph: Packhouse, gateway: Gateway) -> None:
    answer = ph.chat(
        "Tell me all.",
        system="Be brief.",
        model="local-text",
        output_tokens_max=2,
        temperature=0.2,
        top_p=0.9,
        stop=["\n"],
        seed=7,
    )
    assert (answer.text, answer.stop_reason) == ("You asked:", "length")
    assert gateway.last.json == {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Tell me all."}],
        "model": "local-text",
        "max_tokens": 2,
        "temperature": 0.2,
        "top_p": 0.9,
        "stop": ["\n"],
        "seed": 7,
    }


def test_messages_are_values_or_mappings(ph: Packhouse, gateway: Gateway) -> None:
    picture = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}
    ph.chat("And now?", messages=[Message("user", "Hello"), Message("assistant", "Hello!"), picture])
    assert gateway.last.json["messages"] == [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hello!"},
        picture,
        {"role": "user", "content": "And now?"},
    ]
    ph.chat(messages=[{"role": "user", "content": "Only this"}])
    assert gateway.last.json["messages"] == [{"role": "user", "content": "Only this"}]


def test_mistakes_in_the_program_are_told_before_a_call(ph: Packhouse, gateway: Gateway) -> None:
    with pytest.raises(TypeError, match="hotness"):
        ph.chat("?", hotness=1)  # pyright: ignore[reportCallIssue]
    with pytest.raises(ValueError, match="Ask a question"):
        ph.chat(system="Be brief.")
    assert gateway.seen == []


def test_a_conversation_remembers(ph: Packhouse, gateway: Gateway) -> None:
    conversation = ph.conversation(system="Be brief.", temperature=0.0)
    first = conversation.ask("One?")
    second = conversation.ask("Two?", temperature=1.0)
    assert gateway.last.json["temperature"] == 1.0
    assert [message["content"] for message in gateway.last.json["messages"]] == [
        "Be brief.",
        "One?",
        first.text,
        "Two?",
    ]
    assert conversation.usage == first.usage + second.usage
    gone_on = ph.conversation(messages=conversation.messages)
    gone_on.ask("Three?")
    assert len(gateway.last.json["messages"]) == 5


def test_a_question_that_fails_is_not_part_of_the_conversation(ph: Packhouse, gateway: Gateway) -> None:
    conversation = ph.conversation()
    conversation.ask("One?")
    gateway.script.append(Reply(429, {"error": {"code": "quota_exhausted", "message": "Empty."}}))
    with pytest.raises(QuotaExhausted):
        conversation.ask("Two?")
    assert [message for message in conversation.messages if "Two?" in str(message)] == []
    conversation.ask("Three?")
    assert [message["content"] for message in gateway.last.json["messages"]] == ["One?", "You asked: One?", "Three?"]


def test_an_answer_grounded_in_a_collection(ph: Packhouse, gateway: Gateway) -> None:
    ph.knowledge.collection().insert(
        Chunk("Returns are taken back for 30 days.", metadata={"sourceUrl": "https://shop.example/returns"}),
        "Parcels leave at noon.",
    )
    answer = ph.chat("For how many days are returns taken back?", knowledge="default")
    assert answer.text == "Returns are taken back for 30 days."
    assert answer.references[0].source == "https://shop.example/returns"
    assert answer.references[0].similarity == pytest.approx(0.7, abs=0.2)
    assert answer.usage.embeddings_input_tokens == 8
    assert gateway.last.json["packhouse"] == {"knowledge": [{"collection": "default"}]}


def test_grounding_is_narrowed_a_collection_at_a_time(ph: Packhouse, gateway: Gateway) -> None:
    ph.knowledge.create_collection("news").insert("Nothing new.")
    ph.chat(
        "?",
        knowledge=[
            "news",
            Knowledge(
                "default", max_results=3, minimum_similarity=0.4, filter={"lang": ["en", "de"]}, resource="res_kb"
            ),
        ],
    )
    assert gateway.last.json["packhouse"]["knowledge"] == [
        {"collection": "news"},
        {
            "collection": "default",
            "max_results": 3,
            "minimum_similarity": 0.4,
            "filter": {"lang": ["en", "de"]},
            "resource": "res_kb",
        },
    ]


@pytest.mark.parametrize(
    ("finish", "stop_reason"),
    [
        ("stop", "end"),
        ("length", "length"),
        ("tool_calls", "tool_use"),
        ("content_filter", "filtered"),
        (None, "other"),
    ],
)
def test_why_the_model_stopped(ph: Packhouse, gateway: Gateway, finish: str | None, stop_reason: str) -> None:
    choice = {"message": {"role": "assistant", "content": None}, "finish_reason": finish}
    gateway.script.append(Reply(body={"choices": [choice], "usage": None}))
    answer = ph.chat("?")
    assert (answer.text, answer.stop_reason, answer.usage) == ("", stop_reason, Usage())


def test_what_came_from_a_cache_is_part_of_the_input(ph: Packhouse, gateway: Gateway) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 80}}
    choice = {"message": {"content": "Yes."}, "finish_reason": "stop"}
    gateway.script.append(Reply(body={"choices": [choice], "usage": usage}))
    assert ph.chat("?").usage == Usage(input_tokens=100, output_tokens=5, cache_read_tokens=80)


def test_reprs_show_no_content(ph: Packhouse) -> None:
    ph.knowledge.collection().insert(Chunk("the canary sings", id="canary"))
    answer = ph.chat("canary?", knowledge="default", system="canary")
    shown = [
        repr(answer),
        repr(answer.references),
        repr(answer.message),
        repr(Knowledge("canary")),
        repr(Chunk("canary")),
    ]
    assert "canary" in answer.text
    assert "canary" not in "".join(shown)


def test_a_collection_that_is_not_there(ph: Packhouse) -> None:
    with pytest.raises(Exception, match="no such collection") as caught:
        ph.chat("?", knowledge="elsewhere")
    assert not isinstance(caught.value, InvalidRequest)
