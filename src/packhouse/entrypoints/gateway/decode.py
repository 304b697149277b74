"""JSON bodies into structs, with the decoder's own complaint as a refusal."""

from typing import TypeVar

import msgspec

from packhouse.domain.errors import Refused

Body = TypeVar("Body")


def decode(decoder: msgspec.json.Decoder[Body], body: bytes) -> Body:
    """The decoder's own complaint as a refusal; it names places and types, never values."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Refused("invalid_request", f"The body is not as this route takes it: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("malformed_json", f"The body is not valid JSON: {error}.") from error
    except RecursionError as error:
        raise Refused("malformed_json", "The body's JSON is nested too deeply. Send it flatter.") from error
