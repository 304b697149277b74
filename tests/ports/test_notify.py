"""Mail by a real mail server, messages to a real receiver: what is taken, and what each way of failing is called."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from packhouse.adapters.notify import webhook as adapter
from packhouse.adapters.notify.smtp import SmtpMail, SmtpSecurity, SmtpServer
from packhouse.adapters.notify.webhook import HttpWebhooks
from packhouse.adapters.outside.clock import SystemClock
from packhouse.domain.webhook import SigningSecret, write_secret
from packhouse.ports.notify import Failed, Letter, Message
from tests.support.receivers import Mailbox, hook, mailbox

pytestmark = pytest.mark.anyio

CLOCK = SystemClock()
LETTER = Letter(id="dlv_1", to="bob@example.com", subject="Chat: 80 % — used", text="Ünused: 20 %\nBye.\n")
SECRET = SigningSecret(b"s" * 32)
BODY = b'{"type":"webhook.test"}'


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    keys = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key))
    subject = ("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    subprocess.run(["openssl", "req", "-x509", *keys, "-out", str(cert), *subject], check=True, capture_output=True)
    return cert, key


def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def trusting(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate[0]))


def mail(box: Mailbox, security: SmtpSecurity = "none", *, tls: ssl.SSLContext | None = None, **more: str) -> SmtpMail:
    server = SmtpServer(host="127.0.0.1", port=box.port, security=security, sender="packhouse@example.com", **more)
    return SmtpMail(server, CLOCK, tls=tls)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def message(url: str, *secrets: SigningSecret) -> Message:
    return Message(id="alr_1", url=url, secrets=secrets or (SECRET,), body=BODY)


def webhooks(*, private: bool = True, tls: ssl.SSLContext | None = None) -> HttpWebhooks:
    return HttpWebhooks(CLOCK, private=private, tls=tls)


async def test_a_letter_arrives() -> None:
    with mailbox() as box:
        assert await mail(box).send(LETTER) is None
    (letter,) = box.letters
    assert (letter["From"], letter["To"]) == ("Packhouse <packhouse@example.com>", "bob@example.com")
    assert (letter["Subject"], letter["Message-ID"]) == ("Chat: 80 % — used", "<dlv_1@example.com>")
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter.get_content().replace("\r\n", "\n") == LETTER.text


@pytest.mark.needs("openssl")
async def test_with_starttls_and_a_login(certificate: tuple[Path, Path]) -> None:
    tls = trusting(certificate)
    with mailbox(tls=server_tls(certificate), user="packhouse", password="secret") as box:
        right = mail(box, "starttls", tls=tls, user="packhouse", password="secret")
        assert await right.send(LETTER) is None
        assert len(box.letters) == 1
        wrong = mail(box, "starttls", tls=tls, user="packhouse", password="guessed")
        assert await wrong.send(LETTER) == Failed("login refused (smtp 535)")
        untrusting = mail(box, "starttls", user="packhouse", password="secret")
        assert await untrusting.send(LETTER) == Failed("tls failed")
        assert len(box.letters) == 1


async def test_a_server_without_tls_gets_nothing_where_tls_is_wanted() -> None:
    with mailbox() as box:
        failed = await mail(box, "starttls").send(LETTER)
        assert failed == Failed("not offered by the mail server")
        assert box.letters == []


async def test_a_recipient_who_is_refused_for_now_or_for_good() -> None:
    with mailbox() as box:
        box.answers += ["451 come again", "550 nobody of that name, and here is a long story"]
        assert await mail(box).send(LETTER) == Failed("smtp 451")
        assert await mail(box).send(LETTER) == Failed("smtp 550", for_good=True)
        assert await mail(box).send(LETTER) is None


@pytest.mark.parametrize(
    "to",
    ["a@[b", "a@(b", "[a@b.c", "<a@b.c>", "x:a@b.c;", "a@b.c;", 'a"@b.c', "=?utf-8?q?x?=@b.c", "a@b.c\nBcc: d@e.f", ""],
)
async def test_an_address_that_cannot_be_written_fails_for_good(to: str) -> None:
    with mailbox() as box:
        letter = Letter(id="dlv_1", to=to, subject="x", text="x")
        assert await mail(box).send(letter) == Failed("address malformed", for_good=True)
        assert box.letters == []


async def test_a_mail_server_that_is_not_there() -> None:
    box = Mailbox(port=free_port())
    assert await mail(box).send(LETTER) == Failed("connection failed")
    assert "secret" not in repr(SmtpServer(host="h", port=1, security="tls", sender="a@b.c", password="secret"))


async def test_a_message_arrives_signed_by_each_secret() -> None:
    other = SigningSecret(b"o" * 32)
    with hook() as receiver:
        assert await webhooks().post(message(receiver.url + "?to=us", SECRET, other)) is None
        for secret in (SECRET, other):
            assert receiver.events(write_secret(secret.raw)) == [{"id": "alr_1", "type": "webhook.test"}]
    ((path, headers, _),) = receiver.posts
    assert path == "/hook?to=us"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("Packhouse/")


@pytest.mark.needs("openssl")
async def test_by_tls_only_to_who_can_show_a_certificate(certificate: tuple[Path, Path]) -> None:
    with hook(tls=server_tls(certificate)) as receiver:
        assert await webhooks().post(message(receiver.url)) == Failed("tls failed")
        assert receiver.posts == []
        assert await webhooks(tls=trusting(certificate)).post(message(receiver.url)) is None
        assert len(receiver.posts) == 1


@pytest.mark.parametrize(
    ("status", "failed"),
    [
        (200, None),
        (299, None),
        (302, Failed("status 302")),
        (400, Failed("status 400")),
        (410, Failed("status 410", for_good=True, gone=True)),
        (500, Failed("status 500")),
    ],
)
async def test_what_a_status_means(status: int, failed: Failed | None) -> None:
    with hook() as receiver:
        receiver.statuses.append(status)
        assert await webhooks().post(message(receiver.url)) == failed
        assert len(receiver.posts) == 1  # a redirect is not followed


async def test_a_receiver_that_is_not_there() -> None:
    assert await webhooks().post(message(f"http://127.0.0.1:{free_port()}/")) == Failed("connection failed")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "https://127.0.0.1:9/", "https://localhost:9/"])
async def test_an_address_that_is_not_public_is_refused(url: str) -> None:
    assert await webhooks(private=False).post(message(url)) == Failed("address refused", for_good=True)


async def test_a_name_that_leads_to_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its resolver's answer stands in for a name server's, which no test may ask."""

    async def led_home(_loop: object, host: str, port: int, **_: object) -> list[Any]:
        assert host == "hooks.example.com"
        return [(2, 1, 6, "", ("93.184.216.34", port)), (2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", led_home)
    failed = await webhooks(private=False).post(message("https://hooks.example.com/"))
    assert failed == Failed("address refused")


@asynccontextmanager
async def answering(answer: Callable[[asyncio.StreamWriter], Any]) -> AsyncGenerator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        answer(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", None),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 8, Failed("malformed answer")),
        (b"220 mail.example.com ESMTP\r\n\r\n", Failed("malformed answer")),
        (b"HTTP/1.1 abc\r\n\r\n", Failed("malformed answer")),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000, Failed("malformed answer")),
    ],
)
async def test_answers_that_are_odd(answer: bytes, failed: Failed | None) -> None:
    async with answering(lambda writer: writer.write(answer)) as url:
        assert await webhooks().post(message(url)) == failed


async def test_an_answer_that_breaks_off() -> None:
    def broken(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 20")
        writer.close()

    async with answering(broken) as url:
        assert await webhooks().post(message(url)) == Failed("malformed answer")


async def test_an_answer_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "ANSWER_SECONDS", 0.3)
    async with answering(lambda writer: None) as url:
        assert await webhooks().post(message(url)) == Failed("timeout")
