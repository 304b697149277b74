"""Signing in to the portal and out of it, where one is led, and the one-time link."""

from collections.abc import Generator
from pathlib import Path

import pytest

from packhouse.entrypoints.portal.visits import local_path
from tests.browser.visitor import Visitor, wrong
from tests.support.control_api import OPERATOR, PASSWORD, Live, live_control


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    directory: Path = tmp_path_factory.mktemp("portal")
    with live_control(directory) as live:
        yield live


def test_who_is_not_signed_in_is_led_there_and_back(live: Live) -> None:
    visitor = Visitor(live.url)
    asked = visitor.look("/account?done=role-changed")
    assert asked.status_code == 303
    assert asked.headers["location"] == "/sign-in?next=/account%3Fdone%3Drole-changed"
    page = visitor.page(asked.headers["location"])
    assert '<input type="hidden" name="next" value="/account?done=role-changed">' in page
    form = {"email": OPERATOR, "password": PASSWORD, "next": "/account?done=role-changed"}
    assert visitor.sent("/sign-in", form) == "/account?done=role-changed"
    assert "Olga" in visitor.page("/account")


def test_the_session_is_a_cookie_that_no_script_reads(live: Live) -> None:
    visitor = Visitor(live.url)
    first = visitor.look("/sign-in").headers["set-cookie"]
    response = visitor.send("/sign-in", {"email": OPERATOR, "password": PASSWORD})
    session = response.headers["set-cookie"]
    for cookie in (first, session):
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()
        assert "Path=/" in cookie
        assert "secure" not in cookie.lower(), "this one is reached without TLS"
    assert session.startswith("packhouse_session=")
    assert "Max-Age=" in session


def test_a_wrong_password_keeps_what_was_typed_but_the_password(live: Live) -> None:
    visitor = Visitor(live.url)
    visitor.look("/sign-in")
    response = visitor.send("/sign-in", {"email": 'a"b@example.com', "password": "hunter2 hunter2", "next": "/account"})
    assert response.status_code == 422
    assert "wrong" in wrong(response.text)
    assert 'value="a&#34;b@example.com"' in response.text
    assert 'name="next" value="/account"' in response.text
    assert "hunter2" not in response.text


def test_signing_out_ends_the_session(live: Live) -> None:
    visitor = Visitor(live.url).sign_in(OPERATOR)
    stolen = dict(visitor.client.cookies)
    assert visitor.sent("/sign-out") == "/sign-in?done=signed-out"
    assert "You are signed out." in visitor.page("/sign-in?done=signed-out")
    visitor.client.cookies.update(stolen)
    assert visitor.look("/account").status_code == 303


def test_a_one_time_link_sets_the_password_once(live: Live) -> None:
    created = live.operator.post("/users", {"email": "new@example.com", "name": "New", "role": "operator"})
    path = created["link"].removeprefix(live.url)
    visitor = Visitor(live.url)
    assert "Set your password" in visitor.page(path)
    unlike = visitor.send(path, {"password": "long enough for us", "again": "long enough for you"})
    assert (unlike.status_code, wrong(unlike.text)) == (422, "The two passwords are not the same.")
    short = visitor.send(path, {"password": "short", "again": "short"})
    assert "12" in wrong(short.text)
    assert (
        visitor.sent(path, {"password": "long enough for us", "again": "long enough for us"}) == "/?done=password-set"
    )
    onward = visitor.look("/?done=password-set").headers["location"]
    assert "you are signed in as new@example.com" in visitor.page(onward)
    visitor.look(path)
    again = visitor.send(path, {"password": "long enough for me", "again": "long enough for me"})
    assert again.status_code == 404
    Visitor(live.url).sign_in("new@example.com", "long enough for us")


def test_a_changed_password_ends_all_sessions(live: Live) -> None:
    live.user("changes@example.com", "operator", None)
    other = Visitor(live.url).sign_in("changes@example.com")
    visitor = Visitor(live.url).sign_in("changes@example.com")
    refused = visitor.send("/account/password", {"old": "not it, not it", "new": "x" * 20, "again": "x" * 20})
    assert refused.status_code == 422
    form = {"old": PASSWORD, "new": "another good password", "again": "another good password"}
    assert visitor.sent("/account/password", form) == "/sign-in?done=password-changed"
    assert other.look("/account").status_code == 303
    Visitor(live.url).sign_in("changes@example.com", "another good password")


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "account",
        "http:/account",
        "///evil.example",
        "/ok\r\nset-cookie: a=b",
        "//[",
    ],
)
def test_nobody_is_led_to_another_site(live: Live, wanted: str) -> None:
    assert local_path(wanted) == "/"
    visitor = Visitor(live.url)
    visitor.look("/sign-in")
    assert visitor.sent("/sign-in", {"email": OPERATOR, "password": PASSWORD, "next": wanted}) == "/"


@pytest.mark.parametrize("wanted", ["/", "/account", "/resources/res_1/consumption?span=week&split=key", "/a//b"])
def test_a_path_of_this_site_is_kept(wanted: str) -> None:
    assert local_path(wanted) == wanted
