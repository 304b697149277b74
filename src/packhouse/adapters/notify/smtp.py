"""E-mail by SMTP: one connection a letter, with STARTTLS, TLS from the start, or neither."""

import asyncio
import ssl
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal

import msgspec
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
    send,
)

from packhouse.ports.notify import SEND_SECONDS, Failed, Letter
from packhouse.ports.outside import Clock

SmtpSecurity = Literal["starttls", "tls", "none"]
STEP_SECONDS = 10.0
"""How long the server may take to answer one command."""


class SmtpServer(msgspec.Struct, frozen=True, kw_only=True):
    """`user` empty: no log-in. `sender` is the address that letters come from."""

    host: str
    port: int
    security: SmtpSecurity
    sender: str
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"<SmtpServer {self.host}:{self.port}>"


class SmtpMail:
    """See `ports.notify.Mail`."""

    def __init__(self, server: SmtpServer, clock: Clock, *, tls: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._clock = clock
        self._tls = tls

    async def send(self, letter: Letter) -> Failed | None:
        if not _can_be_written(letter.to):
            return Failed("address malformed", for_good=True)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._send(letter)
        except SMTPRecipientsRefused as error:
            return _refused(max((each.code for each in error.recipients), default=0))
        except SMTPAuthenticationError as error:
            return Failed(f"login refused (smtp {error.code})")  # whoever mends the password wants it sent then
        except SMTPResponseException as error:
            return _refused(error.code)
        except (SMTPTimeoutError, TimeoutError):
            return Failed("timeout")
        except ssl.SSLError:
            return Failed("tls failed")
        except (SMTPConnectError, SMTPServerDisconnected, OSError):
            return Failed("connection failed")
        except (SMTPException, ValueError):  # STARTTLS, or a way to log in, that the server does not have
            return Failed("not offered by the mail server")
        return None

    async def _send(self, letter: Letter) -> None:
        server = self._server
        domain = server.sender.rpartition("@")[2]
        message = EmailMessage()
        message["From"] = f"Packhouse <{server.sender}>"
        message["To"] = letter.to
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{letter.id}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        await send(
            message,
            sender=server.sender,
            recipients=letter.to,
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password or None,
            local_hostname=domain or "localhost",  # left out, the library would ask the resolver in the loop
            timeout=STEP_SECONDS,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            tls_context=self._tls if server.security != "none" else None,
        )


def _can_be_written(address: str) -> bool:
    """Whether the library reads it in a header as that one address, and can put it down."""
    header = EmailMessage()
    try:
        header["To"] = address
        (read,) = header["To"].addresses
        header.as_bytes()
    except (MessageError, ValueError, LookupError, AttributeError, TypeError):  # its parser breaks in many ways
        return False
    return read.addr_spec == address


def _refused(code: int) -> Failed:
    """4xx: later, perhaps. 5xx: never."""
    return Failed(f"smtp {code}", for_good=500 <= code < 600)
