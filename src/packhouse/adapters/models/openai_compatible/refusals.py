"""A provider's error as a refusal: its sentence goes on where it speaks of the caller's request, and only there."""

import msgspec

from packhouse.adapters.models.openai_compatible.wire import ErrorBody, ErrorDetail
from packhouse.domain.errors import Refused

SENTENCE_CHARACTERS_MAX = 500


def refusal_of(status: int, body: bytes, retry_after: str | None) -> Refused:
    """The refusal for an answer that is not 200."""
    if status in {401, 403}:
        return Refused(
            "provider_failed",
            "The model's provider does not accept the installation's credentials. Tell the operator.",
            status=status,
        )
    if status == 429:
        seconds = _seconds(retry_after)
        facts = {} if seconds is None else {"retry_after_seconds": seconds}
        return Refused("provider_throttled", "The model's provider is throttling; try again later.", **facts)
    if status in {408, 504}:
        return Refused("provider_timeout", "The model's provider did not answer in time; try again.", status=status)
    if 400 <= status < 500:
        said = _sentence(body)
        return Refused(
            "provider_refused", f"The model's provider refused the request: {said or f'status {status}'}", status=status
        )
    return Refused("provider_failed", f"The model's provider failed with status {status}; try again.", status=status)


def refusal_in_stream(error: bytes) -> Refused:
    """For an error object in the middle of a stream, after which nothing comes."""
    said = _sentence(b'{"error":' + error + b"}")
    return Refused("provider_cut", f"The model's provider broke off: {said or 'it gave no reason'}")


def _sentence(body: bytes) -> str:
    try:
        wire = msgspec.json.decode(body, type=ErrorBody)
    except msgspec.DecodeError:
        return ""
    detail = wire.error.message if isinstance(wire.error, ErrorDetail) else wire.error
    return (detail or wire.message or wire.detail or "")[:SENTENCE_CHARACTERS_MAX]


def _seconds(retry_after: str | None) -> float | None:
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None
