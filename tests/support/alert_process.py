"""`python -m tests.support.alert_process DATABASE`: a worker's rounds for alerts and nothing else, until it is killed.

Leases are short, so that what it was sending does not wait a minute for the next one.
"""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from packhouse.adapters.alerts.book import SqlAlertBook
from packhouse.adapters.alerts.database import AlertDatabase
from packhouse.adapters.alerts.outbox import SqlOutbox
from packhouse.adapters.catalog.toml import read_catalog
from packhouse.adapters.notify.webhook import HttpWebhooks
from packhouse.adapters.outside.clock import SystemClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.adapters.vectors.embedded.sizes import EmbeddedSizes
from packhouse.entrypoints.worker.alerts import AlertRounds
from packhouse.services.alerting import Alerting
from packhouse.services.delivering import Delivering

LEASE = timedelta(seconds=2)


async def main(place: str) -> None:
    clock = SystemClock()
    ids = SystemIds(clock)
    database = AlertDatabase(place if place.startswith("postgresql") else Path(place))
    sizes = EmbeddedSizes(Path("nowhere"))
    book, outbox = SqlAlertBook(database, clock, ids=ids), SqlOutbox(database, clock, ids=ids)
    alerting = Alerting(book, clock, ids=ids, catalog=read_catalog(), sizes=sizes, by_mail=False)
    webhooks = HttpWebhooks(clock, private=True)
    delivering = Delivering(outbox, mail=None, webhooks=webhooks, portal_url="http://portal", lease=LEASE)
    await AlertRounds(alerting, delivering, look_seconds=0.05).run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
