"""The tree of errors: every refusal in both shapes, mishaps of the network, and what must not show."""

import pickle
import traceback
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

import packhouse_connector
from packhouse.entrypoints.gateway.refusals import STATUS
from packhouse_connector import (
    AnswerCut,
    AnswerNotUnderstood,
    ConnectionFailed,
    ConnectorOutdated,
    InternalProblem,
    InvalidRequest,
    KeyProblem,
    KeyRevoked,
    KeyUnknown,
    KeyWrongType,
    NotReached,
    Packhouse,
    PackhouseError,
    Problem,
    ProviderThrottled,
    QuotaExhausted,
    Retries,
    ServiceUnavailable,
    TimedOut,
)
from packhouse_connector.core.refusal import BY_CODE, refusal
from packhouse_connector.core.response import Response
from tests.connector.gateway import KEY, REVOKED_KEY, TEXT_KEY, Gateway
from tests.connector.wire import Reply

NEVER = Retries(attempts_max=1)


def _refused(status: int, body: bytes) -> PackhouseError:
    return refusal(Response(status, {"x-request-id": "req_1"}, body))


def test_every_code_that_the_gateway_answers_with_has_its_class() -> None:
    assert STATUS.keys() - BY_CODE.keys() == set()


def test_the_shape_of_openai_and_the_shape_of_knowledge_read_the_same() -> None:
    openai = (
        b'{"error":{"message":"No.","type":"invalid_request_error","code":"filter_invalid","param":null,"at":"lang"}}'
    )
    knowledge = b'{"error":{"code":"filter_invalid","message":"No.","at":"lang"}}'
    one, other = _refused(400, openai), _refused(400, knowledge)
    assert (
        one.problem
        == other.problem
        == Problem(code="filter_invalid", message="No.", status=400, request_id="req_1", facts={"at": "lang"})
    )
    assert type(one) is type(other) is packhouse_connector.FilterInvalid
    assert str(one) == "No. [filter_invalid, request req_1]"


def test_an_exhausted_quota_says_all(ph: Packhouse, gateway: Gateway) -> None:
    facts = {"meter": "input", "limit": 2_500_000, "used": 2_499_000, "held": 900, "needed": 5_000}
    error = {"code": "quota_exhausted", "message": "Empty.", **facts, "refill_at": "2026-12-01T10:00:00Z"}
    gateway.script.append(Reply(429, {"error": error}, {"retry-after": "1"}))
    with pytest.raises(QuotaExhausted) as caught:
        ph.chat("?")
    full = caught.value
    assert (full.meter, full.limit, full.used, full.held, full.needed) == ("input", 2_500_000, 2_499_000, 900, 5_000)
    assert full.refill_at == datetime(2026, 12, 1, 10, tzinfo=UTC)
    assert len(gateway.seen) == 1, "never tried again"


def test_facts_that_are_missing_or_odd_are_none() -> None:
    odd = _refused(429, b'{"error":{"code":"quota_exhausted","message":"","limit":"much","refill_at":"soon"}}')
    assert isinstance(odd, QuotaExhausted)
    assert (odd.meter, odd.limit, odd.refill_at) == (None, None, None)


def test_keys_that_open_nothing_here(gateway: Gateway) -> None:
    with Packhouse(f"{REVOKED_KEY}@{gateway.url}") as ph, pytest.raises(KeyRevoked):
        ph.test()
    with Packhouse(f"phk_unknown_key@{gateway.url}") as ph, pytest.raises(KeyUnknown):
        ph.chat("?")
    with Packhouse(f"{TEXT_KEY}@{gateway.url}") as ph, pytest.raises(KeyWrongType) as caught:
        ph.embed("?")
    assert isinstance(caught.value, KeyProblem)
    assert caught.value.opens == ("text_generation",)


def test_an_outdated_connector_names_the_version_to_install() -> None:
    error = _refused(426, b'{"error":{"code":"connector_outdated","message":"Install 0.4.0.","oldest":"0.4.0"}}')
    assert isinstance(error, ConnectorOutdated)
    assert error.oldest == "0.4.0"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, InvalidRequest), (401, KeyProblem), (418, InvalidRequest), (500, InternalProblem), (507, InternalProblem)],
)
def test_a_code_of_tomorrow_is_classed_by_its_status(status: int, kind: type[PackhouseError]) -> None:
    error = _refused(status, b'{"error":{"code":"brand_new","message":"?"}}')
    assert type(error) is kind
    assert error.code == "brand_new"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"<html>a page</html>", AnswerNotUnderstood),
        (200, b'{"other": "thing"}', AnswerNotUnderstood),
        (200, b'{"data": [{"id": "\xff"}]}', AnswerNotUnderstood),
        (404, b"<html>a page</html>", AnswerNotUnderstood),
        (404, b'{"detail": "Not Found"}', AnswerNotUnderstood),
        (302, b"", AnswerNotUnderstood),
        (502, b"<html>bad gateway</html>", ServiceUnavailable),
    ],
)
def test_what_is_not_packhouse(gateway: Gateway, status: int, body: bytes, kind: type[PackhouseError]) -> None:
    gateway.script.append(Reply(status, body, {"location": "http://127.0.0.1:1/"} if status == 302 else {}))
    with Packhouse(gateway.connection_string, retries=NEVER) as ph, pytest.raises(kind) as caught:
        ph.models()
    assert caught.value.status == status
    assert len(gateway.seen) == 1


def test_nobody_listens(unused_port: Callable[[], int]) -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    with Packhouse(f"{KEY}@{url}", retries=NEVER) as ph, pytest.raises(NotReached, match="No connection") as caught:
        ph.chat("?")
    assert (caught.value.code, caught.value.status) == ("not_reached", None)


def test_nobody_answers(gateway: Gateway) -> None:
    gateway.script.append(Reply(mishap="stall"))
    with (
        Packhouse(gateway.connection_string, timeout_seconds=0.05, retries=NEVER) as ph,
        pytest.raises(TimedOut, match="may have been carried out"),
    ):
        ph.chat("?")


@pytest.mark.parametrize("mishap", ["drop", "cut"])
def test_a_connection_that_breaks_is_told_apart_from_one_never_made(gateway: Gateway, mishap: str) -> None:
    gateway.script.append(Reply(body={"data": []}, mishap=mishap))
    with Packhouse(gateway.connection_string, retries=NEVER) as ph, pytest.raises(AnswerCut) as caught:
        ph.models()
    assert isinstance(caught.value, ConnectionFailed)


def test_errors_cross_process_pools() -> None:
    error = _refused(429, b'{"error":{"code":"provider_throttled","message":"Slow down."}}')
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is ProviderThrottled
    assert copy.problem == error.problem


def test_no_repr_and_no_traceback_shows_key_or_content(ph: Packhouse, gateway: Gateway) -> None:
    gateway.script += [Reply(400, {"error": {"code": "invalid_request", "message": "No."}}), Reply(mishap="drop")]
    for _ in range(2):
        with pytest.raises(PackhouseError) as caught:
            ph.chat("the canary sings", system="canary", knowledge="canary")
        error = caught.value
        frames = traceback.TracebackException.from_exception(error, capture_locals=True)
        mine = [
            f"{name}={value}"
            for frame in _frames(frames)
            if "packhouse_connector" in frame.filename
            for name, value in (frame.locals or {}).items()
            if name not in ("question", "messages", "options")
        ]
        assert "s3cret" not in "".join(mine) + repr(error) + str(error)
        assert "canary" not in repr(error) + str(error)


def _frames(trace: traceback.TracebackException) -> list[traceback.FrameSummary]:
    return [*trace.stack, *(_frames(trace.__cause__) if trace.__cause__ else [])]


def test_the_whole_tree_is_exported() -> None:
    exported = {name for name in packhouse_connector.__all__ if hasattr(packhouse_connector, name)}
    assert set(packhouse_connector.__all__) == exported
    assert {kind.__name__ for kind in BY_CODE.values()} <= exported
