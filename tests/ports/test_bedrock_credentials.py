"""Where the keys come from: every source of the chain, played on this machine, and never in the event loop's thread."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from packhouse.adapters.models.bedrock.credentials import (
    BEARER_VARIABLE,
    BearerKey,
    DefaultChain,
    Freshness,
    Keyring,
    Profile,
)
from packhouse.adapters.models.bedrock.signature import StaticKeys
from packhouse.domain.errors import Refused
from tests.support.raw_http import RawClient, raw_server, until

pytestmark = pytest.mark.anyio

EAGER = Freshness(look_again_seconds=0.0)
ALWAYS = Freshness(look_again_seconds=0.0, stale_seconds=0.0)


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No source of credentials but those that a test gives."""
    import os

    for name in tuple(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")


Reply = Callable[[bytes], bytes]


class Source:
    """A loopback server of credentials; `asked` are the first lines of what it was asked."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.asked: list[bytes] = []

    async def serve(self, client: RawClient) -> None:
        head, _ = await _head(client)
        self.asked.append(head.split(b"\r\n")[0])
        status, _, body = self._reply(head).rpartition(b"|")
        client.send(
            b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % (status or b"200 OK", len(body)) + body
        )
        await client.flush()


async def _head(client: RawClient) -> tuple[bytes, bytes]:
    """A request with or without a body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += await client._reader.read(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
    while len(body) < int(length or 0):
        body += await client._reader.read(65536)
    return head, body


@asynccontextmanager
async def source(reply: Reply) -> AsyncGenerator[tuple[Source, str]]:
    server = Source(reply)
    async with raw_server(server.serve) as port:
        yield server, f"http://127.0.0.1:{port}"


def role(number: int, *, minutes: float = 360) -> bytes:
    expires = datetime.now(UTC) + timedelta(minutes=minutes)
    keys = {
        "Code": "Success",
        "AccessKeyId": f"AKIA{number}",
        "SecretAccessKey": "secret",
        "Token": f"token{number}",
        "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return msgspec.json.encode(keys)


async def test_keys_of_the_settings_are_at_hand() -> None:
    for keys in (StaticKeys("a", "b", "c"), BearerKey("k")):
        ring = Keyring(keys)
        assert ring.at_hand() is keys
        assert await ring.keys() is keys
        ring.doubt()
        assert ring.at_hand() is keys


def test_keys_of_the_settings_load_no_library() -> None:
    code = (
        "import asyncio, sys\n"
        "from packhouse.adapters.models.bedrock.adapter import Bedrock\n"
        "from packhouse.adapters.models.bedrock.credentials import *\n"
        "from packhouse.adapters.models.bedrock.signature import StaticKeys\n"
        "for given in (StaticKeys('a', 'b'), BearerKey('c')):\n"
        "    assert asyncio.run(Keyring(given).keys()) is given\n"
        "print(sorted(name for name in sys.modules if name.startswith('boto')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


async def test_a_bearer_key_in_the_environment_comes_first() -> None:
    ring = Keyring(DefaultChain(), environment={BEARER_VARIABLE: "k"})
    assert ring.at_hand() == BearerKey("k")


async def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    ring = Keyring(DefaultChain(), environment={})
    assert ring.at_hand() is None
    assert await ring.keys() == StaticKeys("AKIA1", "secret")
    assert ring.at_hand() == StaticKeys("AKIA1", "secret")


async def test_a_profile(tmp_path: Path) -> None:
    section = "[{}]\naws_access_key_id = AKIA{}\naws_secret_access_key = secret\naws_session_token = token\n"
    (tmp_path / "credentials").write_text(section.format("default", 1) + section.format("work", 2))
    assert await Keyring(DefaultChain(), environment={}).keys() == StaticKeys("AKIA1", "secret", "token")
    assert await Keyring(Profile("work")).keys() == StaticKeys("AKIA2", "secret", "token")
    with pytest.raises(Refused) as caught:
        await Keyring(Profile("gone")).keys()
    assert (caught.value.code, caught.value.facts["reason"]) == ("provider_failed", "ProfileNotFound")


async def test_a_process(tmp_path: Path) -> None:
    told = '{"Version": 1, "AccessKeyId": "AKIA3", "SecretAccessKey": "secret", "SessionToken": "token"}'
    (tmp_path / "told").write_text(told)
    (tmp_path / "config").write_text(f"[default]\ncredential_process = cat {tmp_path / 'told'}\n")
    assert await Keyring(DefaultChain(), environment={}).keys() == StaticKeys("AKIA3", "secret", "token")


async def test_a_containers_role(monkeypatch: pytest.MonkeyPatch) -> None:
    async with source(lambda _: role(1)) as (server, url):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/role")
        assert await Keyring(DefaultChain(), environment={}).keys() == StaticKeys("AKIA1", "secret", "token1")
    assert server.asked == [b"GET /role HTTP/1.1"]


async def test_an_instances_role(monkeypatch: pytest.MonkeyPatch) -> None:
    def reply(head: bytes) -> bytes:
        if head.startswith(b"PUT /latest/api/token"):
            return b"a-token"
        return role(2) if head.startswith(b"GET /latest/meta-data/iam/security-credentials/a-role ") else b"a-role"

    async with source(reply) as (_, url):
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
        assert await Keyring(DefaultChain(), environment={}).keys() == StaticKeys("AKIA2", "secret", "token2")


ASSUMED = (
    b"<AssumeRoleWithWebIdentityResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'>"
    b"<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AKIA4</AccessKeyId>"
    b"<SecretAccessKey>secret</SecretAccessKey><SessionToken>token4</SessionToken>"
    b"<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
    b"<SubjectFromWebIdentityToken>x</SubjectFromWebIdentityToken>"
    b"<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn><AssumedRoleId>x</AssumedRoleId>"
    b"</AssumedRoleUser></AssumeRoleWithWebIdentityResult>"
    b"<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>"
)


async def test_a_web_identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "identity"))
    (tmp_path / "identity").write_text("a.b.c")
    async with source(lambda _: ASSUMED) as (_, url):
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
        assert await Keyring(DefaultChain(), environment={}).keys() == StaticKeys("AKIA4", "secret", "token4")
    refused = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
    async with source(lambda _: b"403 Forbidden|" + refused) as (_, url):
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
        with pytest.raises(Refused) as caught:
            await Keyring(DefaultChain(), environment={}).keys()
        assert caught.value.code == "provider_failed"


async def test_a_machine_without_any() -> None:
    with pytest.raises(Refused) as caught:
        await Keyring(DefaultChain(), environment={}).keys()
    assert (caught.value.code, caught.value.facts["reason"]) == ("provider_failed", "NoCredentialsError")


async def test_keys_that_expire_are_renewed_beside_the_calls(tmp_path: Path) -> None:
    told = tmp_path / "told"
    (tmp_path / "config").write_text(f"[default]\ncredential_process = cat {told}\n")

    def tell(number: int) -> None:
        expires = (datetime.now(UTC) + timedelta(minutes=12)).strftime("%Y-%m-%dT%H:%M:%SZ")
        keys = {"AccessKeyId": f"AKIA{number}", "SecretAccessKey": "secret", "Expiration": expires}
        told.write_bytes(msgspec.json.encode({"Version": 1, **keys}))

    tell(1)
    ring = Keyring(DefaultChain(), environment={}, freshness=EAGER)
    first = await ring.keys()
    assert first == StaticKeys("AKIA1", "secret")
    tell(2)
    assert ring.at_hand() is first  # good still, while others are fetched
    await until(lambda: ring.at_hand() == StaticKeys("AKIA2", "secret"))


async def test_keys_that_are_long_good_are_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with source(lambda _: role(1)) as (server, url):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/role")
        ring = Keyring(DefaultChain(), environment={}, freshness=ALWAYS)
        assert {await ring.keys() for _ in range(5)} == {StaticKeys("AKIA1", "secret", "token1")}
    assert len(server.asked) == 1


async def test_many_calls_wait_for_one_answer_and_one_that_leaves_takes_nothing_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with source(lambda _: role(1)) as (server, url):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/role")
        ring = Keyring(DefaultChain(), environment={})
        calls = [asyncio.create_task(ring.keys()) for _ in range(9)]
        await asyncio.sleep(0)
        calls[0].cancel()
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        assert set(found[1:]) == {StaticKeys("AKIA1", "secret", "token1")}
    assert len(server.asked) == 1


async def test_a_source_that_fails_is_asked_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "identity"))
    async with source(lambda _: ASSUMED) as (_, url):
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
        ring = Keyring(DefaultChain(), environment={})
        with pytest.raises(Refused) as caught:
            await ring.keys()
        assert caught.value.facts["reason"] == "FileNotFoundError"
        (tmp_path / "identity").write_text("a.b.c")
        assert await ring.keys() == StaticKeys("AKIA4", "secret", "token4")


async def test_doubted_keys_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    ring = Keyring(DefaultChain(), environment={})
    await ring.keys()
    ring.doubt()
    assert ring.at_hand() is None
    assert await ring.keys() == StaticKeys("AKIA1", "secret")


async def test_the_chain_runs_in_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.session import Session

    threads = set[int]()
    found = Session.get_credentials

    def noted(session: Session) -> object:
        threads.add(threading.get_ident())
        return found(session)

    monkeypatch.setattr(Session, "get_credentials", noted)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    await Keyring(DefaultChain(), environment={}).keys()
    assert threads
    assert threading.get_ident() not in threads
