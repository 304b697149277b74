"""What the management API answers to what it does not take, and what it writes down of it."""

import json
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from packhouse.domain.errors import CODES
from packhouse.entrypoints.control.refusals import STATUS
from tests.support.control_api import CLIENT, Api, Json, Live, live_control


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with live_control(tmp_path_factory.mktemp("control")) as running:
        yield running


def raw(api: Api, body: bytes, path: str = "/companies") -> tuple[int, dict[str, Any]]:
    response = api.call("POST", path, content=body, headers={"content-type": "application/json"})
    return response.status_code, response.json()["error"]


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"name": "A", "nmae": "B"}, "nmae", "unknown field"),
        ({}, "name", "missing required field"),
        ({"name": 5}, "name", "Expected `str`, got `int`"),
        ({"name": "A", "self_service": "true"}, "self_service", "Expected `bool`, got `str`"),
        ({"name": None}, "name", "Expected `str`, got `null`"),
        ({"name": ""}, None, "1 to 120"),
        ({"name": "x" * 121}, None, "1 to 120"),
        ([], None, "Expected `object`, got `array`"),
    ],
)
def test_a_wrong_field_is_named(live: Live, body: object, field: str | None, said: str) -> None:
    status, error = live.operator.refused("POST", "/companies", body)
    assert (status, error["code"]) == (400, "invalid_request")
    assert said in error["message"]
    if field is not None:
        assert error["field"] == field


def test_a_wrong_field_deep_inside_is_named(live: Live) -> None:
    firm = live.firm()
    order = firm.order(embeddings={"display_name": "V", "model": "local-embeddings", "plan": 1})
    _, error = firm.admin.refused("POST", f"/companies/{firm.id}/resources", order)
    assert error["field"] == "embeddings.plan"


@pytest.mark.parametrize("body", [b"{", b"{'name': 1}", b"\xff\xfe", b"[" * 100_000, b'{"name":"\\ud800"}', b"NaN"])
def test_what_is_not_json(live: Live, body: bytes) -> None:
    status, error = raw(live.operator, body)
    assert status == 400
    assert error["code"] in {"malformed_json", "invalid_request"}


def test_a_body_that_is_not_there(live: Live) -> None:
    assert raw(live.operator, b"") == (
        400,
        {"code": "invalid_request", "message": "This route needs a JSON body."},
    )


def test_a_body_that_is_too_large(live: Live) -> None:
    status, error = raw(live.operator, b'{"name": "' + b"x" * 300_000 + b'"}')
    assert (status, error["code"]) == (413, "body_too_large")


def test_instants_need_an_offset_and_a_place_in_the_calendar(live: Live) -> None:
    naive = {"description": "x", "expires_at": "2027-01-01T00:00:00"}
    assert live.operator.refused("POST", "/tokens", naive)[1]["field"] == "expires_at"
    edge = {"description": "x", "expires_at": "0001-01-01T00:00:00+05:00"}
    assert live.operator.code("POST", "/tokens", edge) == "invalid_request"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "many"}, "limit"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"before": "-1"}, "before"),
        ({"befor": "3"}, "befor"),
    ],
)
def test_a_wrong_query_value_is_named(live: Live, query: dict[str, str], field: str) -> None:
    response = live.operator.call("GET", "/companies/installation/activity", params=query)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["field"]) == (400, "invalid_request", field)


def test_a_query_value_given_twice(live: Live) -> None:
    response = live.operator.call("GET", "/companies/installation/activity?limit=1&limit=2")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("path", ["/nothing", "/companies/a/b/c/d", "/", "", "/companies/"])
def test_no_such_route(live: Live, path: str) -> None:
    status, error = live.operator.refused("DELETE", path)
    assert (status, error["code"]) in {(404, "route_unknown"), (405, "method_not_allowed")}


def test_a_wrong_method_is_told_the_right_ones(live: Live) -> None:
    response = live.operator.call("DELETE", "/companies")
    assert response.status_code == 405
    assert {"GET", "POST"} <= set(response.headers["allow"].split(", "))
    assert response.json()["error"]["code"] == "method_not_allowed"


def test_the_table_knows_only_codes_that_there_are() -> None:
    assert STATUS.keys() <= CODES.keys()


def test_every_answer_has_a_request_id(live: Live) -> None:
    answers = [
        live.operator.call("GET", "/me"),
        live.nobody.call("GET", "/me"),
        live.nobody.call("GET", "/nothing"),
        CLIENT.get(f"{live.url}/healthz"),
        CLIENT.get(f"{live.url}/nothing"),
    ]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)
    assert all(one.startswith("req_") for one in ids)


@pytest.mark.parametrize(("given", "kept"), [("abc-123", True), ("a" * 65, False), ("a b", False), ("a\tb", False)])
def test_a_sane_request_id_of_the_callers_is_kept(live: Live, given: str, kept: bool) -> None:
    answer = live.nobody.call("GET", "/me", headers={"x-request-id": given})
    assert (answer.headers["x-request-id"] == given) is kept


def test_health(live: Live) -> None:
    assert CLIENT.get(f"{live.url}/healthz").json() == {"status": "alive"}
    assert CLIENT.get(f"{live.url}/readyz").json() == {"status": "ready"}
    for path in ("/healthz", "/readyz"):
        headed, got = CLIENT.head(live.url + path), CLIENT.get(live.url + path)
        assert (headed.status_code, headed.content) == (200, b"")
        for name in ("content-type", "content-length"):
            assert headed.headers[name] == got.headers[name]


def test_a_bug_answers_a_request_id_and_writes_no_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The database loses a table under the running part: nothing that the request carried is written."""
    with live_control(tmp_path) as live:
        connection = sqlite3.connect(tmp_path / "packhouse.db")
        connection.execute("DROP TABLE company")
        connection.commit()
        connection.close()
        response = live.operator.call("POST", "/companies", json={"name": "Canary-Company-Name"})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (500, "internal")
    assert error["request_id"] == response.headers["x-request-id"]
    broke = next(line for line in logged(live) if line["event"] == "request_broke")
    assert broke["kind"] == "OperationalError"
    assert broke["request_id"] == error["request_id"]
    assert any("company.py" in place for place in broke["where"])
    assert "Canary-Company-Name" not in live.log.getvalue() + "".join(capsys.readouterr()) + response.text


def test_the_access_log_has_the_route_and_no_value(live: Live) -> None:
    firm = live.firm()
    live.operator.call("GET", f"/companies/{firm.id}/activity", params={"verb": "canary-verb"})
    live.nobody.call("POST", "/sessions", json={"email": "canary@example.com", "password": "canary-password"})
    CLIENT.get(f"{live.url}/link/canary-link-token")
    route = "/api/v1/companies/{company_id}/activity"
    first = next(line for line in logged(live) if line.get("route") == route and line["company_id"] == firm.id)
    assert (first["method"], first["status"], first["event"]) == ("GET", 200, "request")
    assert first["actor"].startswith("usr_")
    assert "canary" not in live.log.getvalue()


def logged(live: Live) -> list[Json]:
    return [json.loads(line) for line in live.log.getvalue().splitlines()]
