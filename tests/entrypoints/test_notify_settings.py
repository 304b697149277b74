"""How an installation is told to send e-mail and webhooks, and which mistakes are seen before anything starts."""

from pathlib import Path

import pytest

from packhouse.domain.errors import Refused
from packhouse.settings import Settings, load
from packhouse.wiring.notify import smtp_server

MAIL = {"smtp_host": "mail.example.com", "smtp_from": "packhouse@example.com"}


def settings(**values: str) -> Settings:
    return load({**MAIL, **values}, environment={})


def test_without_a_mail_server_there_is_no_mail() -> None:
    assert smtp_server(load({}, environment={})) is None


def test_a_mail_server_by_its_host_alone_is_spoken_to_by_starttls() -> None:
    server = smtp_server(settings())
    assert server is not None
    assert (server.host, server.port, server.security) == ("mail.example.com", 587, "starttls")
    assert (server.sender, server.user, server.password) == ("packhouse@example.com", "", "")


def test_the_password_comes_from_where_it_is_kept(tmp_path: Path) -> None:
    kept = tmp_path / "password"
    kept.write_text("from a file\n")
    for given, password in (("itself", "itself"), ("env:MAIL", "from there"), (f"file:{kept}", "from a file")):
        server = smtp_server(settings(smtp_user="p", smtp_password=given), {"MAIL": "from there"})
        assert server is not None
        assert (server.user, server.password) == ("p", password)
        assert password not in repr(server)


@pytest.mark.parametrize("given", ["env:NOWHERE", "file:/nowhere/at/all"])
def test_a_password_that_is_not_there(given: str) -> None:
    with pytest.raises(Refused) as refused:
        smtp_server(settings(smtp_password=given), {})
    assert refused.value.code == "setting_invalid"
    assert "smtp_password" in refused.value.message


@pytest.mark.parametrize("sender", ["", "packhouse", "Packhouse <p@example.com>", "a b@example.com", "p@ex\nample.com"])
def test_letters_need_an_address_to_come_from(sender: str) -> None:
    with pytest.raises(Refused) as refused:
        settings(smtp_from=sender)
    assert refused.value.code == "setting_invalid"
    assert "smtp_from" in refused.value.message


@pytest.mark.parametrize(("given", "allowed"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_private_addresses_are_for_who_allows_them(given: str, allowed: bool) -> None:
    assert settings(webhook_private_addresses=given).webhook_private_addresses is allowed
    assert load({}, environment={}).webhook_private_addresses is False


def test_another_way_of_tls_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        settings(smtp_security="ssl")
    assert refused.value.code == "setting_invalid"
