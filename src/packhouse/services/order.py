"""What an order for a resource says, and the specification that answers it."""

import msgspec

from packhouse.domain.catalog import Plan
from packhouse.domain.resource import Environment
from packhouse.domain.units import CompanyId, ResourceId, ResourceType


class EmbeddingsOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The embeddings pack that a knowledge base has made on the way."""

    display_name: str
    model: str
    plan: str
    cri: bool | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to provision. `cri` None: on where offered.

    A knowledge base has no `model`, its plan is `Standard`, and it names its embeddings resource by
    `embeddings_resource_id` or has one made by `embeddings`.
    """

    company_id: CompanyId
    type: ResourceType
    display_name: str
    region: str
    plan: str
    model: str = ""
    environment: Environment = "production"
    cri: bool | None = None
    created_for_name: str = ""
    created_for_email: str = ""
    embeddings_resource_id: ResourceId | None = None
    embeddings: EmbeddingsOrder | None = None


class SpecificationLine(msgspec.Struct, frozen=True):
    """One resource that would be made."""

    type: ResourceType
    display_name: str
    model: str
    plan: Plan
    cri: bool
    serving_regions: tuple[str, ...]


class Specification(msgspec.Struct, frozen=True):
    """What confirming would do: `lines` with the pack itself last, the price, the balance before and after."""

    order: Order
    lines: tuple[SpecificationLine, ...]
    price_cloud_tokens: int
    available_before_cloud_tokens: int
    available_after_cloud_tokens: int
    notices: tuple[str, ...] = ()
