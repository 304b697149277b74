"""Streamed answers, whole and broken."""

import pytest

from packhouse_connector import (
    AnswerCut,
    AnswerNotUnderstood,
    Packhouse,
    ProviderCut,
    QuotaExhausted,
    ServiceUnavailable,
    Usage,
)
from tests.connector.gateway import Gateway
from tests.connector.wire import Reply

PIECE = b'data: {"choices":[{"delta":{"content":"Once"}}],"model":"m"}\n\n'


def test_pieces_and_then_the_whole(ph: Packhouse, gateway: Gateway) -> None:
    stream = ph.chat_stream("How are you today?")
    assert list(stream) == ["You ", "asked: ", "How ", "are ", "you ", "today?"]
    assert str(stream.answer) == "You asked: How are you today?"
    assert stream.answer.usage == Usage(input_tokens=4, output_tokens=6)
    assert (stream.answer.stop_reason, stream.answer.model, stream.answer.request_id) == (
        "end",
        "local-text",
        "req_test",
    )
    assert gateway.last.json["stream"] is True
    assert gateway.last.json["stream_options"] == {"include_usage": True}


def test_the_answer_is_there_at_the_end_and_not_before(ph: Packhouse) -> None:
    stream = ph.chat_stream("One two three")
    assert next(iter(stream)) == "You "
    with pytest.raises(RuntimeError, match="not read to its end"):
        _ = stream.answer
    assert stream.finish().text == "You asked: One two three"


def test_no_call_before_the_first_piece_is_asked_for(ph: Packhouse, gateway: Gateway) -> None:
    stream = ph.chat_stream("?")
    assert gateway.seen == []
    stream.finish()
    assert len(gateway.seen) == 1


def test_references_come_with_the_last_event(ph: Packhouse) -> None:
    ph.knowledge.collection().insert("Parcels leave at noon.")
    answer = ph.chat_stream("When do parcels leave?", knowledge="default").finish()
    assert answer.text == "Parcels leave at noon."
    assert answer.usage.embeddings_input_tokens == 4
    assert len(answer.references) == 1


def test_a_stream_left_early_frees_its_connection(ph: Packhouse) -> None:
    with ph.chat_stream("One two three four") as stream:
        for _ in stream:
            break
    assert list(stream) == []
    assert ph.chat("Still there?").text == "You asked: Still there?"


def test_a_conversation_takes_in_a_stream_that_was_read_to_its_end(ph: Packhouse) -> None:
    conversation = ph.conversation()
    with conversation.stream("Never read") as stream:
        next(iter(stream))
    assert conversation.messages == ()
    answer = conversation.stream("Read").finish()
    assert conversation.messages == (conversation.messages[0], answer.message)
    assert conversation.usage == answer.usage


def test_a_refusal_before_the_first_piece(ph: Packhouse, gateway: Gateway) -> None:
    gateway.script.append(Reply(429, {"error": {"code": "quota_exhausted", "message": "Empty.", "meter": "output"}}))
    with pytest.raises(QuotaExhausted) as caught:
        ph.chat_stream("?").finish()
    assert caught.value.meter == "output"
    assert len(gateway.seen) == 1


def test_put_off_before_the_first_piece_is_tried_again(ph: Packhouse, gateway: Gateway) -> None:
    gateway.script.append(Reply(503, {"error": {"code": "unavailable", "message": "Later."}}, {"retry-after": "0"}))
    assert ph.chat_stream("Now?").finish().text == "You asked: Now?"
    assert len(gateway.seen) == 2


def test_a_failure_in_the_middle_is_raised_as_what_it_is(ph: Packhouse, gateway: Gateway) -> None:
    error = b'data: {"error":{"code":"provider_cut","message":"Broke off.","type":"server_error"}}\n\n'
    gateway.script.append(Reply(events=(PIECE, error)))
    pieces = list[str]()
    with pytest.raises(ProviderCut, match="Broke off") as caught:
        pieces.extend(ph.chat_stream("?"))
    assert pieces == ["Once"]
    assert caught.value.request_id == "req_test"


@pytest.mark.parametrize("reply", [Reply(events=(PIECE,)), Reply(events=(PIECE,), mishap="cut")])
def test_an_answer_that_breaks_off_is_never_taken_for_a_whole_one(
    ph: Packhouse, gateway: Gateway, reply: Reply
) -> None:
    gateway.script.append(reply)
    stream = ph.chat_stream("?")
    assert next(iter(stream)) == "Once"
    with pytest.raises(AnswerCut) as caught:
        stream.finish()
    assert caught.value.code == "answer_cut"
    assert len(gateway.seen) == 1


@pytest.mark.parametrize("event", [b"data: not json\n\n", b'data: {"error": 5}\n\n', b"data: \xff\xfe\n\n"])
def test_events_that_are_not_understood(ph: Packhouse, gateway: Gateway, event: bytes) -> None:
    gateway.script.append(Reply(events=(event,)))
    with pytest.raises(AnswerNotUnderstood):
        ph.chat_stream("?").finish()


def test_a_load_balancers_page_is_a_service_that_is_not_there(ph: Packhouse, gateway: Gateway) -> None:
    gateway.script.append(Reply(503, b"<html>nobody home</html>"))
    with pytest.raises(ServiceUnavailable):
        ph.chat_stream("?").finish()
