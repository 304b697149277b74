"""What travels: bodies are read strictly, answers are made from the values that services return."""

from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar, cast, overload
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.dto import AbstractDTO
from litestar.dto.data_structures import DTOFieldDefinition
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import SkipValidation
from litestar.typing import FieldDefinition
from msgspec import Meta

from packhouse.domain.errors import Refused
from packhouse.domain.user import Actor
from packhouse.services.control import Control

Instant = Annotated[datetime, Meta(tz=True)]
"""RFC 3339, with an offset; answers are always in UTC."""

Services = NamedDependency[SkipValidation[Control]]
Caller = NamedDependency[SkipValidation[Actor]]
Links = NamedDependency[SkipValidation[Callable[[str], str]]]
"""From a one-time token to the page that takes it."""
GatewayUrl = NamedDependency[SkipValidation[str]]
_Filter = TypeVar("_Filter", bound="Body")
Asked = NamedDependency[SkipValidation[_Filter]]
"""What the query asks for, read into its struct by `asked`."""


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller sends."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent back."""

    @classmethod
    def of(cls, value: object) -> Self:
        """From the attributes of the same names."""
        return msgspec.convert(value, cls, from_attributes=True)

    def fields(self) -> dict[str, Any]:
        """For an answer that has more of them."""
        return msgspec.structs.asdict(self)


@overload
def utc(at: datetime) -> datetime: ...
@overload
def utc(at: datetime | None) -> datetime | None: ...
def utc(at: datetime | None) -> datetime | None:
    """The same instant in UTC. Refused(invalid_request) where the calendar ends before it."""
    try:
        return at and at.astimezone(UTC)
    except OverflowError as error:
        raise Refused("invalid_request", "That instant is beyond the calendar.") from error


class StrictBody(AbstractDTO[Any]):
    """Reads a body as its type says, without the leniency (`"5"` for 5) that query values need.

    Refused: malformed_json, invalid_request with the `field` that is wrong.
    """

    _decoders: ClassVar[dict[str, msgspec.json.Decoder[Any]]] = {}

    @classmethod
    def create_for_field_definition(  # pyright: ignore[reportIncompatibleMethodOverride] (called by keyword only)
        cls, field_definition: FieldDefinition, handler_id: str, *, backend_cls: object = None
    ) -> None:
        cls._decoders[handler_id] = msgspec.json.Decoder(field_definition.annotation)

    def decode_bytes(self, value: bytes) -> Any:
        connection = cast("ASGIConnection[HTTPRouteHandler, Any, Any, Any]", self.asgi_connection)
        decoder = self._decoders[connection.route_handler.handler_id]
        try:
            return decoder.decode(value)
        except msgspec.ValidationError as error:
            raise invalid(str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refused("malformed_json", f"The body is not valid JSON: {error}.") from error
        except RecursionError as error:
            raise Refused("malformed_json", "The body's JSON is nested too deeply. Send it flatter.") from error

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Generator[DTOFieldDefinition, None, None]:
        yield from ()

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:
        return False


def asked(request: Request[Any, Any, Any]) -> Body:
    """The query, read into the struct that the handler's `asked` names. Refused: invalid_request."""
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    values = dict(pairs)
    if len(values) < len(pairs):
        raise Refused("invalid_request", "A query parameter is given twice.")
    try:
        return msgspec.convert(values, filter_of(request.route_handler), strict=False)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from error


def filter_of(handler: BaseRouteHandler) -> type[Body]:
    return handler.parsed_fn_signature.parameters["asked"].annotation


def invalid(sentence: str) -> Refused:
    """From a sentence of the decoder: "Expected `int`, got `str` - at `$.cloud_tokens`"."""
    what, _, where = sentence.partition(" - at ")
    path = where.strip("`").removeprefix("$").removeprefix(".")
    for named in ("missing required field ", "contains unknown field "):
        if named in what:
            name = what.rpartition(named)[2].strip("`")
            path = f"{path}.{name}" if path else name
    what = what.removeprefix("Object ")
    if not path:
        return Refused("invalid_request", f"The body is not what this route takes: {what}.")
    return Refused("invalid_request", f"The field {path!r} is not right: {what}.", field=path)
