"""One transaction with its repositories."""

from sqlalchemy.ext.asyncio import AsyncConnection

from packhouse.adapters.sql.activity import SqlActivity
from packhouse.adapters.sql.alert import SqlAlerts
from packhouse.adapters.sql.company import SqlCompanies
from packhouse.adapters.sql.consumption import SqlConsumption
from packhouse.adapters.sql.job import SqlJobs
from packhouse.adapters.sql.key import SqlKeys
from packhouse.adapters.sql.ledger import SqlLedger
from packhouse.adapters.sql.repository import Revision
from packhouse.adapters.sql.resource import SqlResources
from packhouse.adapters.sql.sign_in import SqlSignIn
from packhouse.adapters.sql.team import SqlTeams
from packhouse.adapters.sql.terms import SqlTerms
from packhouse.adapters.sql.user import SqlUsers
from packhouse.adapters.sql.webhook import SqlWebhooks


class SqlWork:
    """See `ports.store.Work`."""

    def __init__(self, sql: AsyncConnection) -> None:
        revision = Revision(sql)
        self.companies = SqlCompanies(sql)
        self.users = SqlUsers(sql)
        self.sign_in = SqlSignIn(sql)
        self.terms = SqlTerms(sql)
        self.ledger = SqlLedger(sql)
        self.resources = SqlResources(sql, revision)
        self.team = SqlTeams(sql)
        self.keys = SqlKeys(sql, revision)
        self.consumption = SqlConsumption(sql)
        self.activity = SqlActivity(sql)
        self.jobs = SqlJobs(sql)
        self.alerts = SqlAlerts(sql)
        self.webhooks = SqlWebhooks(sql)
