"""Webhooks in the database, with the secrets that sign."""

from datetime import datetime

from sqlalchemy import delete, insert, select, update

from packhouse.adapters.sql.repository import Repository, columns
from packhouse.adapters.sql.tables import webhook as table
from packhouse.domain.units import CompanyId, WebhookId
from packhouse.domain.webhook import SigningSecret, Webhook

_WEBHOOK = select(*(table.c[name] for name in Webhook.__struct_fields__))


class SqlWebhooks(Repository):
    async def add(self, webhook: Webhook, secret: SigningSecret) -> None:
        await self._sql.execute(insert(table).values(**columns(webhook), secret=secret.raw))

    async def get(self, webhook_id: WebhookId) -> Webhook | None:
        return await self._one(_WEBHOOK.where(table.c.id == webhook_id), Webhook)

    async def of_company(self, company_id: CompanyId) -> list[Webhook]:
        theirs = _WEBHOOK.where(table.c.company_id == company_id)
        return await self._all(theirs.order_by(table.c.created_at, table.c.id), Webhook)

    async def replace(self, webhook: Webhook) -> None:
        changed = columns(webhook, "id", "previous_until_at")
        await self._sql.execute(update(table).where(table.c.id == webhook.id).values(**changed))

    async def rotate(self, webhook_id: WebhookId, secret: SigningSecret, *, previous_until_at: datetime) -> None:
        rotated = update(table).where(table.c.id == webhook_id)
        changed = {"secret": secret.raw, "previous_secret": table.c.secret, "previous_until_at": previous_until_at}
        await self._sql.execute(rotated.values(**changed))

    async def remove(self, webhook_id: WebhookId) -> None:
        await self._sql.execute(delete(table).where(table.c.id == webhook_id))
