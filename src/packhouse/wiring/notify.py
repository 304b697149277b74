"""How this installation reaches people and programs, by its settings."""

import os
from collections.abc import Mapping
from pathlib import Path

from packhouse.adapters.notify.smtp import SmtpMail, SmtpServer
from packhouse.adapters.notify.webhook import HttpWebhooks
from packhouse.domain.errors import Refused
from packhouse.ports.notify import Mail, Webhooks
from packhouse.ports.outside import Clock
from packhouse.settings import Settings


def mail_of(settings: Settings, clock: Clock) -> Mail | None:
    """None: there is no mail server, and nothing is sent or kept. Refused(setting_invalid)."""
    server = smtp_server(settings)
    return None if server is None else SmtpMail(server, clock)


def webhooks_of(settings: Settings, clock: Clock) -> Webhooks:
    return HttpWebhooks(clock, private=settings.webhook_private_addresses)


def smtp_server(settings: Settings, environment: Mapping[str, str] = os.environ) -> SmtpServer | None:
    """Refused(setting_invalid) where its password cannot be looked up."""
    if not settings.smtp_host:
        return None
    return SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        sender=settings.smtp_from,
        user=settings.smtp_user,
        password=_password(settings.smtp_password, environment),
    )


def _password(value: str, environment: Mapping[str, str]) -> str:
    kind, colon, place = value.partition(":")
    if colon and kind == "env":
        if not environment.get(place):
            raise Refused("setting_invalid", f"`smtp_password` names {place}, which the environment does not have.")
        return environment[place]
    if colon and kind == "file":
        try:
            return Path(place).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Refused("setting_invalid", f"`smtp_password` names {place}, which cannot be read.") from error
    return value
