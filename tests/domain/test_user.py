"""Users: who administers what, and what an e-mail address or a password must be."""

import pytest

from packhouse.domain.company import checked_name
from packhouse.domain.errors import Refused
from packhouse.domain.units import CompanyId, UserId
from packhouse.domain.user import Actor, Secret, checked_email, checked_password

OURS, THEIRS = CompanyId("com_1"), CompanyId("com_2")


@pytest.mark.parametrize(
    ("actor", "administers", "belongs"),
    [
        (Actor(UserId("o"), "operator"), True, True),
        (Actor(UserId("a"), "admin", OURS), True, True),
        (Actor(UserId("m"), "member", OURS), False, True),
        (Actor(UserId("x"), "admin", THEIRS), False, False),
        (Actor(UserId("e"), "member"), False, False),
    ],
)
def test_roles(actor: Actor, administers: bool, belongs: bool) -> None:
    assert actor.administers(OURS) is administers
    assert actor.belongs_to(OURS) is belongs


@pytest.mark.parametrize(
    "email",
    [
        *("", "a", "@b.c", "a@", "a b@c.d", "a@b@c", "a@b..c", "a@b.c\n@d", "x" * 251 + "@b.c"),
        *("<a@b.c>", "x:a@b.c;", "a@b.c;", 'a"@b.c', "=?utf-8?q?x?=@b.c", "[a@b.c", "a@(b", "a@[b", "a\\b@c.d"),
        "a,b@c.d",
    ],
)
def test_what_is_no_e_mail_address_is_refused(email: str) -> None:
    with pytest.raises(Refused) as refused:
        checked_email(email)
    assert refused.value.code == "invalid_request"


@pytest.mark.parametrize(
    "email",
    ["o'brien@example.com", "a+b=c@example.com", "jörg@example.com", "用户@例子.广告", "a@localhost", "a?b@c-d.e"],
)
def test_ordinary_and_international_addresses_are_taken(email: str) -> None:
    assert checked_email(email) == email


def test_an_e_mail_address_is_kept_in_lower_case() -> None:
    assert checked_email(" Ada.Lovelace@Example.COM ") == "ada.lovelace@example.com"


@pytest.mark.parametrize("password", ["", "x" * 11, "x" * 257])
def test_a_password_has_a_sensible_length(password: str) -> None:
    with pytest.raises(Refused):
        checked_password(password)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 121])
def test_a_name_is_printable(name: str) -> None:
    with pytest.raises(Refused):
        checked_name(name, "name")


def test_a_secret_does_not_print_itself() -> None:
    assert "topsecret" not in repr(Secret("topsecret"))
