"""Deny by default: every route needs an actor, and what is not the actor's does not exist."""

from collections.abc import Generator, Iterator

import pytest

from tests.support.control_api import CLIENT, PASSWORD, Api, Firm, Json, Live, live_control

OPEN = {("POST", "/sessions"), ("POST", "/links/redeem")}
"""With the health pages and the description itself: all that answers without a credential."""

OPERATORS_ONLY = {
    ("POST", "/companies"),
    ("POST", "/contracts/{contract_id}/grants"),
    ("POST", "/contracts/{contract_id}/corrections"),
    ("POST", "/companies/{company_id}/contracts"),
}
"""Refused as `forbidden` to everybody else, whatever they name."""

ORDER = {"type": "embeddings", "display_name": "E", "region": "eu-central-1", "plan": "S", "model": "local-embeddings"}
BODIES: dict[tuple[str, str], Json] = {
    ("POST", "/companies/{company_id}/resources"): ORDER,
    ("POST", "/companies/{company_id}/resources/preview"): ORDER,
    ("POST", "/companies/{company_id}/contracts"): {
        "reference": "C",
        "start_at": "2026-01-01T00:00:00Z",
        "end_at": "2027-01-01T00:00:00Z",
    },
    ("POST", "/contracts/{contract_id}/grants"): {"cloud_tokens": 1},
    ("POST", "/contracts/{contract_id}/corrections"): {"cloud_tokens": 1, "note": "why"},
    ("PATCH", "/companies/{company_id}"): {"external_invitations": True},
    ("POST", "/companies/{company_id}/terms/{terms_id}/acceptance"): {"version": "1"},
    ("PATCH", "/users/{user_id}"): {"role": "admin"},
    ("PATCH", "/resources/{resource_id}"): {"display_name": "Mine"},
    ("PUT", "/resources/{resource_id}/plan"): {"plan": "M"},
    ("POST", "/resources/{resource_id}/members"): {"email": "member@example.com"},
    ("POST", "/resources/{resource_id}/keys"): {},
    ("POST", "/companies/{company_id}/webhooks"): {"url": "https://hooks.example.com/"},
    ("PATCH", "/webhooks/{webhook_id}"): {"enabled": False},
}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with live_control(tmp_path_factory.mktemp("control")) as running:
        yield running


@pytest.fixture(scope="module")
def document(live: Live) -> Json:
    return live.nobody.get("/openapi.json")


def routes(document: Json) -> Iterator[tuple[str, str]]:
    """Each method and path, as it stands below the base."""
    for path, operations in document["paths"].items():
        for method in operations:
            yield method.upper(), path.removeprefix("/api/v1")


@pytest.mark.parametrize("token", ["", "php_nothing", "php_" + "a" * 60, "phk_abcdefABCDEF_" + "s" * 38, "é"])
def test_no_route_lets_a_stranger_in(live: Live, document: Json, token: str) -> None:
    headers = {"authorization": f"Bearer {token}".encode()} if token else {}
    found = list(routes(document))
    assert len(found) > 45
    for method, path in found:
        if (method, path) not in OPEN:
            response = live.nobody.call(method, path, headers=headers)  # type: ignore[arg-type]
            assert (response.status_code, response.json()["error"]["code"]) == (401, "not_signed_in"), (method, path)
            assert response.headers["www-authenticate"].startswith("Bearer")


def test_the_description_marks_the_open_routes(document: Json) -> None:
    marked = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if operation.get("security") == []
    }
    assert marked == OPEN


@pytest.mark.parametrize("value", ["", "Bearer", "Basic b3BlcmF0b3I6eA==", "Token x", "bearer", "Bearer a, Bearer b"])
def test_a_credential_has_one_form(live: Live, value: str) -> None:
    response = live.nobody.call("GET", "/me", headers={"authorization": value})
    assert response.status_code == 401


def test_a_cookie_is_no_credential(live: Live) -> None:
    cookie = f"packhouse_session={live.operator.token}; __Host-packhouse_session={live.operator.token}"
    assert live.nobody.call("GET", "/me", headers={"cookie": cookie}).status_code == 401


def test_two_credentials_are_none(live: Live) -> None:
    credential = ("authorization", f"Bearer {live.operator.token}")
    assert CLIENT.get(f"{live.url}/api/v1/me", headers=[credential, credential]).status_code == 401


def test_what_is_another_companys_does_not_exist(live: Live, document: Json) -> None:
    """Every route that names a thing, called by the admin of another company with the things of the first."""
    firm, rival = live.firm(), live.firm()
    resource = firm.provision()["id"]
    firm.admin.post(f"/resources/{resource}/members", {"email": firm.member_email})
    key = firm.admin.post(f"/resources/{resource}/keys", {})["id"]
    token = firm.admin.post("/tokens", {"description": "mine"})["id"]
    webhook = firm.admin.post(f"/companies/{firm.id}/webhooks", {"url": "https://first.example.com/"})["id"]
    names = {
        "company_id": firm.id,
        "contract_id": firm.contract_id,
        "user_id": firm.member_id,
        "resource_id": resource,
        "key_id": key,
        "token_id": token,
        "terms_id": "anthropic",
        "webhook_id": webhook,
        "delivery_id": firm.admin.post(f"/webhooks/{webhook}/test")["id"],
    }
    before = _state(firm)
    tried = 0
    for method, path in routes(document):
        if "{" not in path:
            continue
        for caller in (rival.admin, rival.member):
            tried += 1
            body = BODIES.get((method, path))
            status, error = caller.refused(method, path.format(**names), body)
            expected = (403, "forbidden") if (method, path) in OPERATORS_ONLY else (404, "not_found")
            assert (status, error["code"]) == expected, (method, path, error)
            assert not {"company", "owner", "email"} & error.keys()
    assert tried > 60
    assert _state(firm) == before


def test_a_stranger_and_nothing_look_alike(live: Live) -> None:
    firm, rival = live.firm(), live.firm()
    resource = firm.provision()["id"]
    theirs = rival.admin.refused("GET", f"/resources/{resource}")
    nothing = rival.admin.refused("GET", "/resources/res_00000000000000000000000000")
    assert theirs[0] == nothing[0]
    assert theirs[1]["message"].replace(resource, "X") == nothing[1]["message"].replace(
        "res_00000000000000000000000000", "X"
    )


def test_a_member_sees_its_teams_and_manages_nothing(live: Live) -> None:
    firm = live.firm()
    mine, other = firm.provision()["id"], firm.provision()["id"]
    firm.admin.post(f"/resources/{mine}/members", {"email": firm.member_email})
    member = firm.member
    listed = member.get(f"/companies/{firm.id}/resources")["resources"]
    assert [one["id"] for one in listed] == [mine]
    assert member.code("GET", f"/resources/{other}") == "not_found"
    for path in ("balance", "transactions", "contracts", "activity", "activity/verification"):
        assert member.code("GET", f"/companies/{firm.id}/{path}") == "forbidden", path
    for path in ("resources", "resources/preview"):
        assert member.code("POST", f"/companies/{firm.id}/{path}", firm.order()) == "forbidden", path
    assert member.code("PUT", f"/resources/{mine}/plan", {"plan": "M"}) == "forbidden"
    assert member.code("POST", f"/resources/{mine}/deprovision") == "forbidden"
    assert member.code("GET", "/users") == "forbidden"
    new = {"email": "x@example.com", "name": "X", "role": "member", "company_id": firm.id}
    assert member.code("POST", "/users", new) == "forbidden"


def test_an_admin_makes_no_operator(live: Live) -> None:
    firm = live.firm()
    body = {"email": "root@example.com", "name": "Root", "role": "operator", "password": PASSWORD}
    assert firm.admin.code("POST", "/users", body) == "forbidden"
    assert firm.admin.code("PATCH", f"/users/{firm.member_id}", {"role": "operator"}) == "conflict"
    assert firm.admin.get(f"/users/{firm.member_id}")["role"] == "member"


def test_a_key_is_opened_only_within_the_company(live: Live) -> None:
    firm, rival = live.firm(), live.firm()
    ours, theirs = firm.provision()["id"], rival.embeddings()["id"]
    assert firm.admin.code("POST", f"/resources/{ours}/keys", {"open_to": [theirs]}) == "not_found"
    key = firm.admin.post(f"/resources/{ours}/keys", {})["id"]
    assert firm.admin.code("PUT", f"/keys/{key}/openings/{theirs}") == "not_found"


def test_the_wrong_password_tells_nothing(live: Live) -> None:
    firm = live.firm()
    wrong = live.nobody.refused("POST", "/sessions", {"email": firm.member_email, "password": "not the password"})
    nobody = live.nobody.refused("POST", "/sessions", {"email": "no@example.com", "password": "not the password"})
    assert wrong == nobody
    assert (wrong[0], wrong[1]["code"]) == (401, "sign_in_failed")


def test_guessing_passwords_is_throttled(live: Live) -> None:
    live.user("guessed@example.com", "operator", None)
    body = {"email": "guessed@example.com", "password": "a wrong password"}
    codes = [live.nobody.call("POST", "/sessions", json=body).status_code for _ in range(20)]
    assert codes[0] == 401
    assert codes[-1] == 429
    last = live.nobody.call("POST", "/sessions", json=body)
    assert last.json()["error"]["code"] == "sign_in_throttled"


def _state(firm: Firm) -> list[Json]:
    admin: Api = firm.admin
    paths = (
        f"/companies/{firm.id}",
        f"/companies/{firm.id}/contracts",
        f"/companies/{firm.id}/resources",
        f"/companies/{firm.id}/terms",
        f"/companies/{firm.id}/activity/verification",
        "/users",
        "/tokens",
    )
    return [admin.get(path) for path in paths]


@pytest.mark.parametrize("path", ["/api/v1/companies", "/api/v1/openapi.json", "/sign-in", "/healthz", "/nowhere"])
def test_head_answers_as_get_does_without_the_body(live: Live, path: str) -> None:
    headers = {"authorization": f"Bearer {live.operator.token}"}
    head, get = (CLIENT.request(method, f"{live.url}{path}", headers=headers) for method in ("HEAD", "GET"))
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert get.content
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.headers["content-length"] == str(len(get.content))


def test_head_where_there_is_no_get(live: Live) -> None:
    assert CLIENT.request("HEAD", f"{live.url}/api/v1/sessions").status_code == 405
