"""What holds for every address of the portal: who gets in, what a form must bring, and what each answer carries."""

import re
from collections.abc import Generator, Iterator
from pathlib import Path

import httpx
import pytest

from packhouse.entrypoints.portal.headers import HEADERS
from packhouse.entrypoints.portal.router import HANDLERS
from tests.browser.scene import HOSTILE, Scene, furnished
from tests.browser.visitor import Visitor
from tests.support.control_api import OPERATOR, PASSWORD, live_control

OPEN = ("/sign-in", "/link/", "/assets/")
OWN = ("/account", "/sign-out")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Generator[Scene]:
    directory: Path = tmp_path_factory.mktemp("portal")
    with live_control(directory) as live:
        yield furnished(live, directory)


@pytest.fixture(scope="module")
def admin(scene: Scene) -> Visitor:
    return Visitor(scene.live.url).sign_in(scene.firm.admin_email)


@pytest.fixture(scope="module")
def member(scene: Scene) -> Visitor:
    return Visitor(scene.live.url).sign_in(scene.firm.member_email)


@pytest.fixture(scope="module")
def operator(scene: Scene) -> Visitor:
    return Visitor(scene.live.url).sign_in(OPERATOR)


def paths(method: str) -> list[str]:
    return sorted(path for handler in HANDLERS if method in handler.http_methods for path in handler.paths)


def filled(scene: Scene, path: str) -> str:
    """The address with the ids of things that there are."""
    ids = {
        "resource_id": scene.text,
        "key_id": scene.key,
        "company_id": scene.firm.id,
        "contract_id": scene.firm.contract_id,
        "user_id": scene.firm.member_id,
        "token_id": "tok_1",
        "webhook_id": scene.webhook,
        "delivery_id": scene.delivery,
        "token": "a-link",
        "kind": "text_generation",
        "digest": "0",
        "name": "portal.css",
    }
    address = re.sub(r"\{(\w+):str\}", lambda found: ids[found[1]], path)
    return f"{address}?region=eu-central-1&model=local-text" if path.endswith("/{kind:str}") else address


def guarded(method: str) -> list[str]:
    return [path for path in paths(method) if not path.startswith(OPEN)]


def asked(visitor: Visitor, method: str, *, address: str) -> httpx.Response:
    """A form is one that would get past the checks of its fields."""
    form = {"environment": "test", "role": "member", "first_day": "2026-01-01", "last_day": "2026-12-31"}
    return visitor.look(address) if method == "GET" else visitor.send(address, {**form, "cloud_tokens": "1"})


def seen(scene: Scene) -> Iterator[str]:
    return (filled(scene, path) for path in guarded("GET"))


@pytest.mark.parametrize("path", guarded("GET"))
def test_nobody_sees_a_page_without_a_session(scene: Scene, path: str) -> None:
    response = Visitor(scene.live.url).look(filled(scene, path))
    assert response.status_code == 303
    assert response.headers["location"].startswith("/sign-in")
    assert response.text == ""


@pytest.mark.parametrize("path", paths("POST"))
def test_a_form_needs_the_token_of_its_session(scene: Scene, admin: Visitor, member: Visitor, path: str) -> None:
    address = filled(scene, path)
    for csrf in ("", "0" * 64, member.csrf, "\u00e9"):
        response = admin.send(address, {"csrf": csrf, "email": OPERATOR, "password": PASSWORD})
        assert response.status_code == 403, csrf
    assert admin.client.post(address, json={"csrf": admin.csrf}).status_code in (403, 422)
    assert Visitor(scene.live.url).send(address).status_code == 403, "without any cookie"


@pytest.mark.parametrize("path", paths("POST"))
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
def test_a_form_comes_from_a_page_of_the_portal(
    admin: Visitor, scene: Scene, path: str, headers: dict[str, str]
) -> None:
    admin.look("/sign-in" if path.startswith(OPEN) else "/account")
    assert admin.send(filled(scene, path), None, **headers).status_code == 403


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_company_is_not_there(scene: Scene, method: str) -> None:
    stranger = Visitor(scene.live.url).sign_in(scene.live.firm().admin_email)
    for path in guarded(method):
        if "{" not in path or path.startswith(OWN):
            continue
        address = filled(scene, path)
        response = (
            stranger.look(address)
            if method == "GET"
            else stranger.send(address, {"environment": "test", "role": "member"})
        )
        assert response.status_code == 404, f"{method} {path}: {response.status_code}"
        assert "Support desk" not in response.text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_control_center_is_not_for_members(scene: Scene, member: Visitor, method: str) -> None:
    for path in guarded(method):
        if not path.startswith("/companies/"):
            continue
        address = filled(scene, path)
        member.look("/account")
        response = asked(member, method, address=address)
        assert response.status_code in (403, 404), f"{method} {path}: {response.status_code}"


def test_members_do_not_decide_about_the_pack(scene: Scene, member: Visitor) -> None:
    member.look("/account")
    for path, form in (
        ("/settings/plan", {"plan": "L"}),
        ("/settings/deprovision", {}),
        ("/settings/cancel", {}),
    ):
        assert member.send(f"/resources/{scene.text}{path}", form).status_code == 403


def test_members_do_not_create_companies_nor_book(scene: Scene, admin: Visitor, member: Visitor) -> None:
    member.look("/account")
    assert member.send("/companies", {"name": "Mine"}).status_code in (403, 404)
    admin.look("/account")
    contract = f"/companies/{scene.firm.id}/contracts/{scene.firm.contract_id}"
    assert admin.send(f"{contract}/grant", {"cloud_tokens": "1000"}).status_code == 403
    assert admin.send(f"{contract}/correct", {"cloud_tokens": "1", "note": "x"}).status_code == 403


def test_every_answer_carries_the_headers(scene: Scene, admin: Visitor) -> None:
    nobody = Visitor(scene.live.url)
    answers = [admin.look(address) for address in seen(scene)]
    answers += [nobody.look("/"), nobody.look("/sign-in"), nobody.look("/link/x"), nobody.look("/nowhere/at/all")]
    answers += [
        admin.send("/sign-in", {"csrf": ""}),
        admin.client.delete("/account"),
        admin.look("/resources/res_none"),
    ]
    for answer in answers:
        assert HEADERS.items() <= answer.headers.items(), answer.request.url
        assert "strict-transport-security" not in answer.headers
        assert answer.headers["content-type"].startswith(("text/html; charset=utf-8", "text/csv"))
    policy = HEADERS["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_pages_hold_nothing_that_the_policy_forbids(scene: Scene, admin: Visitor, operator: Visitor) -> None:
    for who in (admin, operator):
        for address in seen(scene):
            answer = who.look(address)
            assert answer.status_code in (200, 303, 404), f"{address}: {answer.status_code}"
            page = answer.text
            assert not re.search(r"<script|<style|<iframe|\sstyle=|\son\w+=|javascript:", page), address
            for link in re.findall(r'(?:src|href|action)="([^"]*)"', page):
                outside = link.startswith(("http:", "https:", "//"))
                assert not outside or "/terms" in address, f"{address} leads to {link}"


def test_names_with_markup_stay_names(scene: Scene, admin: Visitor, operator: Visitor) -> None:
    shown = 0
    for address in seen(scene):
        for who in (admin, operator):
            page = who.look(address).text
            assert HOSTILE not in page
            shown += "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&gt;&amp;amp;" in page
    assert shown > 3, "the name is on some of the pages"


def test_what_is_typed_stays_text(scene: Scene, admin: Visitor) -> None:
    admin.look(f"/resources/{scene.text}/team")
    page = admin.send(f"/resources/{scene.text}/team", {"email": HOSTILE}).text
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)" in page
    admin.look(f"/companies/{scene.firm.id}/people")
    page = admin.send(f"/companies/{scene.firm.id}/people", {"name": HOSTILE, "email": "x", "role": "member"}).text
    assert HOSTILE not in page


def test_unknown_addresses_have_a_page(admin: Visitor) -> None:
    for path in ("/nowhere", "/resources", "/resources/res_1/else", "/companies/com_1", "/%00", "/resources/%2e%2e"):
        response = admin.look(path)
        assert response.status_code == 404, path
        assert "<h1>Nothing here</h1>" in response.text


def test_a_wrong_method_has_a_page(admin: Visitor) -> None:
    response = admin.client.delete("/account")
    assert response.status_code in (403, 405)
    assert "<h1>" in response.text


def test_too_large_a_form_is_turned_down(admin: Visitor) -> None:
    admin.look("/account")
    response = admin.send("/account/tokens", {"description": "x" * 70_000})
    assert response.status_code == 413
    assert "larger" in response.text


def test_assets_are_kept_for_ever_under_their_own_address(scene: Scene, admin: Visitor) -> None:
    page = Visitor(scene.live.url).page("/sign-in")
    (address,) = re.findall(r'href="(/assets/[0-9a-f]{12}/portal\.css)"', page)
    style = admin.look(address)
    assert "immutable" in style.headers["cache-control"]
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert style.headers["x-content-type-options"] == "nosniff"
    assert admin.look("/assets/000000000000/portal.css").headers["cache-control"] == "no-store"
    assert admin.look("/assets/000000000000/..%2fsite.py").status_code == 404
    assert not re.search(r"url\(|@import|https?:", style.text), "nothing is fetched from elsewhere"
