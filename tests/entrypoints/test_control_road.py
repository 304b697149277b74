"""The management API along the main road: from a company to keys, consumption and the activity log."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from packhouse.domain.key import parse_key
from tests.support.control_api import GATEWAY, PASSWORD, Live, live_control


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with live_control(tmp_path_factory.mktemp("control")) as running:
        yield running


def test_from_cloud_tokens_to_a_key(live: Live) -> None:
    firm = live.firm(cloud_tokens=200)
    preview = firm.admin.post(f"/companies/{firm.id}/resources/preview", firm.order())
    assert (preview["price_cloud_tokens"], preview["available_after_cloud_tokens"]) == (30, 170)
    text, embeddings = firm.provision(), firm.embeddings()
    base = firm.knowledge_base(embeddings["id"])
    assert text["status"] == {"state": "active", "usable": True, "scheduled": None, "suspensions": []}
    assert text["month"] == {"start_at": "2026-01-31T10:00:00Z", "end_at": "2026-02-28T10:00:00Z"}
    assert base["embeddings_resource_id"] == embeddings["id"]
    assert firm.admin.get(f"/resources/{embeddings['id']}")["linked"] == [base["id"]]

    opened = [embeddings["id"], base["id"]]
    made = firm.admin.post(f"/resources/{text['id']}/keys", {"description": "app", "open_to": opened})
    assert parse_key(made["connection_string"]) == parse_key(made["key"])
    assert made["connection_string"] == f"{made['key']}@{GATEWAY}"
    assert {one["resource_id"] for one in made["openings"]} == {text["id"], *opened}
    (listed,) = firm.admin.get(f"/resources/{text['id']}/keys")["keys"]
    assert (listed["id"], listed["created_by"], listed["state"]) == (made["id"], firm.admin_email, "active")
    assert not {"key", "connection_string"} & listed.keys()

    balance = firm.admin.get(f"/companies/{firm.id}/balance")
    assert balance == {"granted": 200, "allocated": 84, "available": 116, "expired": 0, "total": 200}
    lines = firm.admin.get(f"/companies/{firm.id}/transactions")["transactions"]
    assert [line["remaining_cloud_tokens"] for line in lines] == [200, 170, 164, 116]
    assert [line["kind"] for line in lines] == ["granted", "allocated", "allocated", "allocated"]
    assert lines[1]["subject"] == "Chat"
    (contract,) = firm.admin.get(f"/companies/{firm.id}/contracts")["contracts"]
    assert (contract["running"], contract["balance"]) == (True, balance)


def test_a_knowledge_base_brings_its_embeddings(live: Live) -> None:
    firm = live.firm()
    order = firm.order(
        type="knowledge_base",
        model="",
        plan="Standard",
        embeddings={"display_name": "Vectors", "model": "local-embeddings", "plan": "S"},
    )
    preview = firm.admin.post(f"/companies/{firm.id}/resources/preview", order)
    assert [line["type"] for line in preview["lines"]] == ["embeddings", "knowledge_base"]
    firm.admin.post(f"/companies/{firm.id}/resources", order)
    listed = firm.admin.get(f"/companies/{firm.id}/resources")["resources"]
    assert {one["type"] for one in listed} == {"embeddings", "knowledge_base"}


def test_provisioning_twice_with_one_idempotency_key_makes_one(live: Live) -> None:
    firm = live.firm()
    headers = {"idempotency-key": "order-1"}
    first = firm.admin.post(f"/companies/{firm.id}/resources", firm.order(), **headers)
    again = firm.admin.post(f"/companies/{firm.id}/resources", firm.order(), **headers)
    assert first["id"] == again["id"]
    other = firm.admin.call("POST", f"/companies/{firm.id}/resources", json=firm.order(plan="M"), headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")


def test_what_is_short_is_said(live: Live) -> None:
    firm = live.firm(cloud_tokens=20)
    status, error = firm.admin.refused("POST", f"/companies/{firm.id}/resources", firm.order())
    assert status == 409
    assert (error["code"], error["needed"], error["available"], error["missing"]) == ("balance_short", 30, 20, 10)
    assert "10 are missing" in error["message"]


def test_two_admins_spend_the_last_cloud_tokens_at_once(live: Live) -> None:
    firm = live.firm(cloud_tokens=30)
    live.user(f"second-{firm.admin_email}", "admin", firm.id)
    second = live.sign_in(f"second-{firm.admin_email}")
    path = f"/companies/{firm.id}/resources"
    with ThreadPoolExecutor(2) as threads:
        going = [threads.submit(api.call, "POST", path, json=firm.order()) for api in (firm.admin, second)]
        answers = {answer.status_code: answer.json() for answer in (each.result() for each in going)}
    assert answers.keys() == {201, 409}
    loser = answers[409]["error"]
    assert (loser["code"], loser["available"]) == ("balance_short", 0)
    assert firm.admin.get(f"/companies/{firm.id}/balance")["available"] == 0


def test_a_resource_is_changed_resized_and_ended(live: Live) -> None:
    firm = live.firm()
    path = f"/resources/{firm.provision()['id']}"
    renamed = firm.admin.patch(path, {"display_name": "Assistant", "environment": "test"})
    assert (renamed["display_name"], renamed["environment"], renamed["model"]) == ("Assistant", "test", "local-text")
    assert firm.admin.put(f"{path}/plan", {"plan": "M"})["plan"] == "M"
    lower = firm.admin.put(f"{path}/plan", {"plan": "S"})
    at = lower["month"]["end_at"]
    assert (lower["plan"], lower["status"]["scheduled"]) == (
        "M",
        {"change": "downgrade", "effective_at": at, "plan": "S"},
    )
    ending = firm.admin.post(f"{path}/deprovision")
    assert ending["status"]["scheduled"] == {"change": "deprovision", "effective_at": at, "plan": None}
    assert firm.admin.delete(f"{path}/scheduled")["status"]["scheduled"] is None
    assert firm.admin.code("DELETE", f"{path}/scheduled") == "conflict"


def test_the_team_decides_who_makes_keys(live: Live) -> None:
    firm = live.firm()
    resource = firm.provision()["id"]
    path = f"/resources/{resource}"
    assert firm.member.code("POST", f"{path}/keys", {}) == "not_found"
    assert firm.member.get("/resources")["resources"] == []
    added = firm.admin.post(f"{path}/members", {"email": firm.member_email})
    assert (added["user_id"], added["external"]) == (firm.member_id, False)
    assert [one["id"] for one in firm.member.get("/resources")["resources"]] == [resource]
    key = firm.member.post(f"{path}/keys", {"expires_at": "2026-02-01T12:00:00+02:00"})
    assert key["expires_at"] == "2026-02-01T10:00:00Z"
    firm.admin.delete(f"{path}/members/{firm.member_id}")
    emails = [one["email"] for one in firm.admin.get(f"{path}/members")["members"]]
    assert emails == [firm.admin_email]


def test_a_key_is_opened_shut_and_revoked(live: Live) -> None:
    firm = live.firm()
    text, embeddings = firm.provision()["id"], firm.embeddings()["id"]
    key = firm.admin.post(f"/resources/{text}/keys", {})["id"]
    opened = firm.admin.put(f"/keys/{key}/openings/{embeddings}")
    assert {"resource_id": embeddings, "type": "embeddings", "derived": False} in opened["openings"]
    assert len(firm.admin.delete(f"/keys/{key}/openings/{embeddings}")["openings"]) == 1
    assert firm.admin.code("DELETE", f"/keys/{key}/openings/{text}") == "conflict"
    assert firm.admin.delete(f"/keys/{key}")["state"] == "revoked"
    assert firm.admin.delete(f"/keys/{key}")["state"] == "revoked"


def test_consumption_as_json_and_as_csv(live: Live) -> None:
    firm = live.firm()
    path = f"/resources/{firm.provision()['id']}/consumption"
    running = firm.admin.get(path)
    assert {one["meter"]: one["limit"] for one in running["meters"]} == {"input": 2_500_000, "output": 1_250_000}
    assert (running["calls"], running["tokens"]["input"]) == (0, 0)
    days = firm.admin.get(f"{path}/days")
    assert days == {"from_at": running["month"]["start_at"], "to_at": running["month"]["end_at"], "split": "none"} | {
        "days": []
    }
    assert [one["forecast"] for one in running["meters"]] == [None, None]
    (month,) = firm.admin.get(f"{path}/months")["months"]
    assert month["month"] == running["month"]
    assert [(one["meter"], one["limit"], one["used"]) for one in month["meters"]] == [
        ("input", 2_500_000, 0),
        ("output", 1_250_000, 0),
    ]
    week = firm.admin.get(f"{path}/days", span="week")
    assert datetime.fromisoformat(week["to_at"]) - datetime.fromisoformat(week["from_at"]) == timedelta(days=7)
    for wrong in ("span=year", "back=1", "back=25", "span=week&back=1", "span=week&from_at=2026-01-01T00:00:00Z"):
        assert firm.admin.code("GET", f"{path}/days?{wrong}") == "invalid_request", wrong
    assert firm.admin.code("GET", f"{path}/months?count=0") == "invalid_request"
    for part in ("", "/months", "/days", "/days.csv"):
        assert live.firm().admin.code("GET", f"{path}{part}") == "not_found"
    asked = firm.admin.call("GET", f"{path}/days", params={"split": "key"}, headers={"accept": "text/csv"})
    for response in (asked, firm.admin.call("GET", f"{path}/days.csv")):
        assert response.headers["content-type"] == "text/csv; charset=utf-8"
        assert response.text.startswith("day,key,model,calls,")


def test_terms_are_accepted_in_the_version_that_was_read(live: Live) -> None:
    firm = live.firm()
    order = firm.order(model="claude-sonnet-4-6")
    status, error = firm.admin.refused("POST", f"/companies/{firm.id}/resources/preview", order)
    assert (status, error["code"]) == (409, "terms_not_accepted")
    for terms in firm.admin.get(f"/companies/{firm.id}/terms")["terms"]:
        path = f"/companies/{firm.id}/terms/{terms['id']}/acceptance"
        assert firm.admin.code("POST", path, {"version": "1066"}) == "conflict"
        accepted = firm.admin.post(path, {"version": terms["version"]})
        assert (accepted["state"], accepted["accepted_version"]) == ("accepted", terms["version"])
    assert firm.admin.post(f"/companies/{firm.id}/resources/preview", order)["price_cloud_tokens"] == 30


def test_the_catalog_says_what_is_offered_here(live: Live) -> None:
    firm = live.firm()
    catalog = firm.member.get(f"/companies/{firm.id}/catalog")
    assert {one["id"]: one["offered"] for one in catalog["regions"]} == {"eu-central-1": True, "ca-central-1": False}
    models = {one["id"]: one for one in catalog["models"]}
    assert [plan["name"] for plan in models["local-text"]["plans"]] == ["S", "M", "L"]
    assert models["claude-sonnet-4-6"]["missing_terms"] != []
    assert [plan["disk_bytes"] for plan in catalog["knowledge_base_plans"]] == [10 * 1024**3]


def test_what_was_done_is_in_the_activity_log(live: Live) -> None:
    firm = live.firm()
    resource = firm.provision()["id"]
    firm.admin.post(f"/resources/{resource}/keys", {"description": "one"})
    log = firm.admin.get(f"/companies/{firm.id}/activity")["entries"]
    numbers = [entry["number"] for entry in log]
    assert numbers == list(range(len(log), 0, -1))
    assert log[0]["verb"] == "key.created"
    assert log[0]["actor"] == firm.admin_email
    page = firm.admin.get(f"/companies/{firm.id}/activity", before=3, limit=1)["entries"]
    assert [entry["number"] for entry in page] == [2]
    of_keys = firm.admin.get(f"/companies/{firm.id}/activity", verb="key", resource_id=resource)["entries"]
    assert {entry["verb"] for entry in of_keys} == {"key.created"}
    verified = firm.admin.get(f"/companies/{firm.id}/activity/verification")
    assert verified == {"entries": len(log), "intact": True, "broken_at": None}
    assert live.operator.get("/companies/installation/activity")["entries"] != []
    assert firm.admin.code("GET", "/companies/installation/activity") == "forbidden"


def test_a_user_comes_in_by_a_one_time_link(live: Live) -> None:
    firm = live.firm()
    body = {"email": "new@example.com", "name": "New", "role": "member", "company_id": firm.id}
    created = firm.admin.post("/users", body)
    assert created["link"] == f"{live.url}/link/{created['link_token']}"
    newer = firm.admin.post(f"/users/{created['user']['id']}/links")["link_token"]
    redeem = {"password": PASSWORD}
    assert live.nobody.code("POST", "/links/redeem", redeem | {"token": created["link_token"]}) == "not_found"
    assert live.nobody.post("/links/redeem", redeem | {"token": newer})["has_password"] is True
    assert live.nobody.code("POST", "/links/redeem", redeem | {"token": newer}) == "not_found"
    user = live.sign_in("new@example.com")
    assert user.get("/me")["email"] == "new@example.com"
    assert user.call("DELETE", "/sessions/current").status_code == 204
    assert user.code("GET", "/me") == "not_signed_in"


def test_roles_and_disabling(live: Live) -> None:
    firm = live.firm()
    assert firm.admin.patch(f"/users/{firm.member_id}", {"role": "admin"})["role"] == "admin"
    listed = firm.admin.get("/users")["users"]
    assert {one["email"] for one in listed} == {firm.admin_email, firm.member_email}
    assert firm.admin.post(f"/users/{firm.member_id}/disable")["disabled_at"] is not None
    assert firm.member.code("GET", "/me") == "not_signed_in"
    assert [one["role"] for one in live.operator.get("/users")["users"]] == ["operator"]


def test_a_personal_token_is_shown_once_and_revoked(live: Live) -> None:
    firm = live.firm()
    made = firm.admin.post("/tokens", {"description": "laptop"})
    token = type(firm.admin)(live.url, made["token"])
    assert token.get("/me")["id"] == firm.admin_id
    assert token.code("DELETE", "/sessions/current") == "conflict"
    (listed,) = firm.admin.get("/tokens")["tokens"]
    assert "token" not in listed
    assert made["token"].startswith(listed["prefix"])
    assert firm.admin.delete(f"/tokens/{made['id']}")["revoked_at"] is not None
    assert token.code("GET", "/me") == "not_signed_in"


def test_a_password_is_changed(live: Live) -> None:
    firm = live.firm()
    wrong = {"old_password": "not it at all", "new_password": PASSWORD + "!"}
    assert firm.member.code("POST", "/me/password", wrong) == "sign_in_failed"
    changed = firm.member.call("POST", "/me/password", json=wrong | {"old_password": PASSWORD})
    assert changed.status_code == 204
    assert live.sign_in(firm.member_email, PASSWORD + "!").get("/me")["id"] == firm.member_id


def test_a_correction_takes_no_more_than_there_is(live: Live) -> None:
    firm = live.firm(cloud_tokens=50)
    path = f"/contracts/{firm.contract_id}/corrections"
    assert live.operator.post(path, {"cloud_tokens": -20, "note": "typo"})["cloud_tokens"] == -20
    assert live.operator.code("POST", path, {"cloud_tokens": -31, "note": "typo"}) == "balance_short"
    assert firm.admin.get(f"/companies/{firm.id}/balance")["available"] == 30


def test_a_company_is_changed(live: Live) -> None:
    firm = live.firm()
    path = f"/companies/{firm.id}"
    assert firm.admin.patch(path, {"external_invitations": True})["external_invitations"] is True
    assert firm.admin.code("PATCH", path, {"self_service": False}) == "forbidden"
    assert live.operator.patch(path, {"self_service": False})["self_service"] is False
    status, error = firm.admin.refused("POST", f"{path}/resources", firm.order())
    assert (status, error["code"]) == (403, "no_self_service")
    assert [one["id"] for one in firm.admin.get("/companies")["companies"]] == [firm.id]
