"""What every page stands on: the services, where the installation is reached, and who is looking."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from packhouse.domain.catalog import Catalog
from packhouse.domain.user import Actor, User
from packhouse.ports.outside import Clock, Ids
from packhouse.services.control import Control

Asked = Request[None, None, State]


@dataclass(frozen=True, slots=True)
class Site:
    """`public_url` is where browsers reach the portal, `gateway_url` where applications reach the gateway."""

    control: Control
    catalog: Catalog
    clock: Clock
    ids: Ids
    public_url: str
    gateway_url: str

    @property
    def https(self) -> bool:
        """Whether browsers come by TLS, so that cookies and transport can be held to it."""
        return urlsplit(self.public_url).scheme == "https"

    @property
    def origin(self) -> str:
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}"

    def model_name(self, model_id: str) -> str:
        """The id itself for a model that left the catalog."""
        return next((model.name for model in self.catalog.models if model.id == model_id), model_id)

    def region_name(self, region_id: str) -> str:
        return next((region.name for region in self.catalog.regions if region.id == region_id), region_id)


@dataclass(frozen=True, slots=True)
class Visit:
    """A signed-in request. `csrf` goes into every form of the page; `path` is where the visitor is.

    `done` names what the form before this page has done, empty where it was none.
    """

    site: Site
    user: User
    csrf: str
    now: datetime
    path: str
    done: str = ""

    @property
    def control(self) -> Control:
        return self.site.control

    @property
    def actor(self) -> Actor:
        return Actor(self.user.id, self.user.role, self.user.company_id)


Here = NamedDependency[SkipValidation[Site]]
Visiting = NamedDependency[SkipValidation[Visit]]
Part = FromPath[str]
"""How handlers ask for them: the site, the one who looks (and is signed in), and a part of the path."""
