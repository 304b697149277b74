"""Units and ids: the small words that everything else is spelled with."""

from datetime import UTC, datetime, timedelta
from typing import Literal, NewType

import msgspec

CompanyId = NewType("CompanyId", str)
UserId = NewType("UserId", str)
ContractId = NewType("ContractId", str)
ResourceId = NewType("ResourceId", str)
KeyId = NewType("KeyId", str)
CollectionId = NewType("CollectionId", str)
DocumentId = NewType("DocumentId", str)
JobId = NewType("JobId", str)
CallId = NewType("CallId", str)
AlertId = NewType("AlertId", str)
DeliveryId = NewType("DeliveryId", str)
WebhookId = NewType("WebhookId", str)

ResourceType = Literal["text_generation", "embeddings", "knowledge_base"]


class ModelTokens(msgspec.Struct, frozen=True):
    """What language models consume, in the four token classes; each count is at least zero."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    def __add__(self, other: "ModelTokens") -> "ModelTokens":
        return ModelTokens(
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
        )

    @property
    def total(self) -> int:
        return self.input + self.output + self.cache_read + self.cache_write


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(instant: datetime) -> int:
    """An aware instant as whole microseconds since the epoch: how instants are stored."""
    return (instant - _EPOCH) // _MICROSECOND


def instant(since_epoch: int) -> datetime:
    """The UTC instant of so many microseconds since the epoch."""
    return _EPOCH + since_epoch * _MICROSECOND
