"""Who alerts are sent to: a mail server and a receiver of webhooks, real ones, on this machine."""

import http.server
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ssl import SSLContext
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from standardwebhooks.webhooks import Webhook


@dataclass
class Mailbox:
    """A mail server: `letters` are what it has taken. `answers` are given to recipients instead, one each."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list[EmailMessage])
    answers: list[str] = field(default_factory=list[str])
    user: str = ""
    password: str = ""

    async def handle_RCPT(self, server: object, session: object, envelope: Any, address: str, options: object) -> str:  # noqa: N802 - the library's name
        del server, session, options
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802 - the library's name
        del server, session
        self.letters.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"

    def authenticate(
        self, server: object, session: object, envelope: object, mechanism: str, auth: object
    ) -> AuthResult:
        del server, session, envelope, mechanism
        wanted = LoginPassword(self.user.encode(), self.password.encode())
        return AuthResult(success=auth == wanted, handled=False)

    def to(self, address: str) -> list[str]:
        """The subjects of what came for somebody, in order."""
        return [str(letter["Subject"]) for letter in self.letters if letter["To"] == address]


@contextmanager
def mailbox(*, tls: SSLContext | None = None, user: str = "", password: str = "") -> Generator[Mailbox]:
    """`tls`: by STARTTLS, and nothing without it. `user`: who must log in."""
    box = Mailbox(user=user, password=password)
    controller = _Controller(
        box,
        hostname="127.0.0.1",
        port=0,
        tls_context=tls,
        require_starttls=tls is not None,
        authenticator=box.authenticate if user else None,
        auth_required=bool(user),
        auth_require_tls=tls is not None,
    )
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()


class _Controller(Controller):
    """On a free port, which the library's own first trial connection does not find."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()


@dataclass
class Hook:
    """A receiver of webhooks: `posts` are path, headers and body of what came. `statuses` are answered first, one a
    post, then 204; `seconds` is how long an answer takes."""

    url: str = ""
    seconds: float = 0.0
    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list[tuple[str, dict[str, str], bytes]])
    statuses: list[int] = field(default_factory=list[int])
    taken: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list[tuple[str, dict[str, str], bytes]])

    def events(self, secret: str) -> list[dict[str, Any]]:
        """Of what was taken, each with its `webhook-id` as `id`; a signature that is wrong raises."""
        opened = Webhook(secret)
        return [{"id": headers["webhook-id"], **opened.verify(body, headers)} for _, headers, body in self.taken]


@contextmanager
def hook(*, tls: SSLContext | None = None) -> Generator[Hook]:
    """Answers from a thread, until the block ends."""
    made = Hook()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            post = (self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            made.posts.append(post)
            time.sleep(made.seconds)
            status = made.statuses.pop(0) if made.statuses else 204
            if status < 300:
                made.taken.append(post)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            del format, args

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    made.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
