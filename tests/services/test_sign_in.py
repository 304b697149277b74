"""Signing in: sessions, personal access tokens, throttling, one-time links."""

from datetime import timedelta

import anyio
import pytest

from packhouse.domain.errors import Refused
from packhouse.services.secrets import FAILURES_MAX, FAILURES_WINDOW
from packhouse.services.sign_in import SESSION_LIFETIME
from packhouse.services.user import LINK_LIFETIME, NewUser
from tests.services.conftest import PASSWORD, House
from tests.support.databases import KINDS

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("installation", KINDS, indirect=True)]
EMAIL = "admin@example.com"


async def code_of(house: House, email: str, password: str) -> str:
    with pytest.raises(Refused) as refused:
        await house.services.sign_in.sign_in(email, password)
    return refused.value.code


async def test_a_session(house: House) -> None:
    signed_in = await house.services.sign_in.sign_in(" Admin@Example.com", PASSWORD)
    token = signed_in.token.text
    assert token not in repr(signed_in)
    assert await house.services.sign_in.actor(token) == house.admin
    session, user = await house.services.sign_in.session(token)
    assert (session.user_id, user.email) == (house.admin.user_id, EMAIL)
    await house.services.sign_in.sign_out(token)
    await house.services.sign_in.sign_out(token)
    with pytest.raises(Refused) as refused:
        await house.services.sign_in.actor(token)
    assert refused.value.code == "not_signed_in"


async def test_a_session_ends(house: House) -> None:
    token = (await house.services.sign_in.sign_in(EMAIL, PASSWORD)).token.text
    house.clock.advance(SESSION_LIFETIME)
    with pytest.raises(Refused) as refused:
        await house.services.sign_in.session(token)
    assert refused.value.code == "not_signed_in"


async def test_unknown_and_wrong_look_the_same(house: House) -> None:
    for _ in range(FAILURES_MAX):
        assert await code_of(house, EMAIL, "wrong password") == "sign_in_failed"
        assert await code_of(house, "nobody@example.com", "wrong password") == "sign_in_failed"
    assert await code_of(house, EMAIL, PASSWORD) == "sign_in_throttled"
    assert await code_of(house, "nobody@example.com", "x") == "sign_in_throttled"
    house.clock.advance(FAILURES_WINDOW + timedelta(seconds=1))
    await house.services.sign_in.sign_in(EMAIL, PASSWORD)


async def test_a_success_forgets_the_failures(house: House) -> None:
    for _ in range(3):
        for _ in range(FAILURES_MAX - 1):
            await code_of(house, EMAIL, "wrong password")
        await house.services.sign_in.sign_in(EMAIL, PASSWORD)


async def test_many_tries_at_once_are_counted_before_they_are_tried(house: House) -> None:
    codes: list[str] = []

    async def attempt() -> None:
        codes.append(await code_of(house, EMAIL, "wrong password"))

    async with anyio.create_task_group() as group:
        for _ in range(FAILURES_MAX + 4):
            group.start_soon(attempt)
    assert codes.count("sign_in_failed") == FAILURES_MAX
    assert codes.count("sign_in_throttled") == 4


async def test_a_personal_access_token(house: House) -> None:
    minted = await house.services.sign_in.create_token(house.admin, "CI")
    assert minted.text.text.startswith(minted.token.prefix)
    assert minted.text.text not in repr(minted)
    assert await house.services.sign_in.actor(minted.text.text) == house.admin
    (listed,) = await house.services.sign_in.tokens(house.admin)
    assert listed.last_used_at == house.clock.now()
    with pytest.raises(Refused) as refused:
        await house.services.sign_in.revoke_token(house.operator, minted.token.id)
    assert refused.value.code == "not_found"
    await house.services.sign_in.revoke_token(house.admin, minted.token.id)
    for text in (minted.text.text, "php_unknown", "", "nothing"):
        with pytest.raises(Refused) as refused:
            await house.services.sign_in.actor(text)
        assert refused.value.code == "not_signed_in"


async def test_a_personal_access_token_expires(house: House) -> None:
    until = house.clock.now() + timedelta(days=1)
    minted = await house.services.sign_in.create_token(house.admin, "CI", expires_at=until)
    house.clock.set(until)
    with pytest.raises(Refused) as refused:
        await house.services.sign_in.actor(minted.text.text)
    assert refused.value.code == "not_signed_in"


async def test_a_disabled_user_is_out_at_once(house: House) -> None:
    member = await house.user("dev@example.com")
    session = (await house.services.sign_in.sign_in("dev@example.com", PASSWORD)).token.text
    token = (await house.services.sign_in.create_token(member, "CI")).text.text
    await house.services.users.disable(house.admin, member.user_id)
    for credential in (session, token):
        with pytest.raises(Refused) as refused:
            await house.services.sign_in.actor(credential)
        assert refused.value.code == "not_signed_in"
    assert await code_of(house, "dev@example.com", PASSWORD) == "sign_in_failed"


async def test_a_link_works_once_and_not_for_ever(house: House) -> None:
    new = NewUser(email="new@example.com", name="New", role="member", company_id=house.company.id)
    created = await house.services.users.create(house.admin, new)
    assert created.link_token is not None
    assert await code_of(house, "new@example.com", PASSWORD) == "sign_in_failed"
    user = await house.services.users.redeem_link(created.link_token.text, PASSWORD)
    assert user.has_password
    await house.services.sign_in.sign_in("new@example.com", PASSWORD)
    for token in (created.link_token.text, "unknown"):
        with pytest.raises(Refused) as refused:
            await house.services.users.redeem_link(token, PASSWORD)
        assert refused.value.code == "not_found"
    older = await house.services.users.new_link(house.admin, user.id)
    newer = await house.services.users.new_link(house.admin, user.id)
    house.clock.advance(LINK_LIFETIME)
    for token in (older.text, newer.text):
        with pytest.raises(Refused) as refused:
            await house.services.users.redeem_link(token, PASSWORD)
        assert refused.value.code == "not_found"


async def test_changing_the_password_ends_sessions(house: House) -> None:
    token = (await house.services.sign_in.sign_in(EMAIL, PASSWORD)).token.text
    with pytest.raises(Refused) as refused:
        await house.services.users.change_password(house.admin, old="wrong password", new="another password")
    assert refused.value.code == "sign_in_failed"
    await house.services.users.change_password(house.admin, old=PASSWORD, new="another password")
    with pytest.raises(Refused):
        await house.services.sign_in.actor(token)
    await house.services.sign_in.sign_in(EMAIL, "another password")


async def test_bootstrap_makes_one_operator_only(house: House) -> None:
    assert await house.services.users.bootstrap(email="second@example.com", name="Two") is None
