"""What is tried again, and what never is."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse_connector import (
    AnswerCut,
    ConnectionFailed,
    InternalProblem,
    NotReached,
    Packhouse,
    PackhouseError,
    Problem,
    ProviderThrottled,
    Retries,
    ServiceUnavailable,
    TimedOut,
)
from packhouse_connector.core.call import Call
from packhouse_connector.core.response import Response
from tests.connector.gateway import Gateway
from tests.connector.wire import Reply

LOOK = Call(method="GET", path="/v1/models", safe_to_retry=True)
SPEND = Call(method="POST", path="/v1/chat/completions")
RETRIES = Retries(attempts_max=3, wait_seconds_first=0.5, wait_seconds_max=30.0)


def _failed(kind: type[ConnectionFailed]) -> ConnectionFailed:
    return kind(Problem(code="x", message="x"))


def _answered(status: int, code: str = "unavailable", **headers: str) -> Response:
    body = b'{"error":{"code":"%s","message":"No."}}' % code.encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("outcome", "look", "spend"),
    [
        (_failed(NotReached), True, True),
        (_failed(TimedOut), True, False),
        (_failed(AnswerCut), True, False),
        (_answered(429, "provider_throttled"), True, True),
        (_answered(429, "quota_exhausted"), False, False),
        (_answered(429, "quota_exhausted", retry_after="1"), False, False),
        (_answered(408, "request_timeout"), True, True),
        (_answered(503), True, False),
        (_answered(503, retry_after="1"), True, True),
        (_answered(502, "provider_cut"), True, False),
        (_answered(504, "provider_timeout"), True, False),
        (_answered(500, "internal"), False, False),
        (_answered(400, "invalid_request"), False, False),
        (_answered(401, "key_unknown"), False, False),
    ],
)
def test_only_what_is_safe(outcome: Response | ConnectionFailed, look: bool, spend: bool) -> None:
    def again(call: Call) -> bool:
        return RETRIES.wait_seconds(call, outcome, attempt=1, dice=0.5) is not None

    assert (again(LOOK), again(SPEND)) == (look, spend)


@given(st.integers(1, 40), st.floats(0, 1, exclude_max=True))
def test_waits_double_up_to_a_bound_with_jitter(attempt: int, dice: float) -> None:
    retries = Retries(attempts_max=50, wait_seconds_first=0.5, wait_seconds_max=8.0)
    wait = retries.wait_seconds(LOOK, _failed(NotReached), attempt=attempt, dice=dice)
    full = min(8.0, 0.5 * 2 ** (attempt - 1))
    assert wait is not None
    assert full / 2 <= wait < full or wait == pytest.approx(full)


def test_attempts_are_counted() -> None:
    assert RETRIES.wait_seconds(LOOK, _failed(NotReached), attempt=3, dice=0) is None
    assert Retries(attempts_max=1).wait_seconds(LOOK, _failed(NotReached), attempt=1, dice=0) is None


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "31"}, None),
        ({"retry_after": "Tue, 24 Nov 2026 10:00:09 GMT", "date": "Tue, 24 Nov 2026 10:00:00 GMT"}, 9.0),
        ({"retry_after": "Tue, 24 Nov 2026 10:00:00 GMT", "date": "Tue, 24 Nov 2026 10:00:09 GMT"}, 0.0),
        ({"retry_after": "Tue, 24 Nov 2026 10:00:09 GMT"}, 0.25),
        ({"retry_after": "whenever"}, 0.25),
        ({}, 0.25),
    ],
)
def test_the_server_says_how_long(headers: dict[str, str], wait: float | None) -> None:
    outcome = _answered(429, "provider_throttled", **headers)
    assert RETRIES.wait_seconds(SPEND, outcome, attempt=1, dice=0.0) == wait


THROTTLED = Reply(429, {"error": {"code": "provider_throttled", "message": "Slow down."}}, {"retry-after": "0"})


def test_a_throttled_call_is_tried_again_and_then_given_up(ph: Packhouse, gateway: Gateway) -> None:
    gateway.script += [THROTTLED] * 2
    assert ph.chat("Now?").text == "You asked: Now?"
    gateway.script += [THROTTLED] * 3
    with pytest.raises(ProviderThrottled) as caught:
        ph.chat("And now?")
    assert caught.value.retry_after_seconds == 0.0
    assert len(gateway.seen) == 6


def test_a_server_that_asks_for_too_long_a_wait_is_not_waited_for(ph: Packhouse, gateway: Gateway) -> None:
    gateway.script.append(Reply(503, {"error": {"code": "unavailable", "message": "No."}}, {"retry-after": "3600"}))
    with pytest.raises(ServiceUnavailable) as caught:
        ph.chat("?")
    assert caught.value.retry_after_seconds == 3600.0
    assert len(gateway.seen) == 1


def test_a_look_is_repeated_when_its_answer_is_lost(ph: Packhouse, gateway: Gateway) -> None:
    gateway.script += [Reply(mishap="drop"), Reply(body={"data": []}, mishap="cut")]
    assert len(ph.models()) == 2
    gateway.script.append(Reply(mishap="drop"))
    assert ph.knowledge.collection().count() == 0


SPENDERS: dict[str, Callable[[Packhouse], object]] = {
    "chat": lambda ph: ph.chat("?"),
    "stream": lambda ph: ph.chat_stream("?").finish(),
    "embed": lambda ph: ph.embed("?"),
    "search": lambda ph: ph.knowledge.search("?"),
    "insert": lambda ph: ph.knowledge.collection().insert("?"),
    "delete": lambda ph: ph.knowledge.collection().delete(ids=["a"]),
}


@pytest.mark.parametrize("call", SPENDERS)
def test_what_spends_or_changes_is_not_repeated_when_its_answer_is_lost(
    ph: Packhouse, gateway: Gateway, call: str
) -> None:
    gateway.script.append(Reply(mishap="drop"))
    with pytest.raises(AnswerCut):
        SPENDERS[call](ph)
    assert len(gateway.seen) == 1


def test_a_failure_of_the_server_is_not_asked_for_twice(ph: Packhouse, gateway: Gateway) -> None:
    gateway.script.append(Reply(500, {"error": {"code": "internal", "message": "Broke."}}))
    with pytest.raises(InternalProblem) as caught:
        ph.models()
    assert isinstance(caught.value, PackhouseError)
    assert len(gateway.seen) == 1
