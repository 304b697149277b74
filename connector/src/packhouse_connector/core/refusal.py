"""Reads an answer that says no, in the OpenAI dialect and in Packhouse's own, into the tree of errors."""

import msgspec

from packhouse_connector import errors
from packhouse_connector.core.response import UNREADABLE, Response
from packhouse_connector.errors import PackhouseError, Problem

BY_CODE: dict[str, type[PackhouseError]] = {
    "key_missing": errors.KeyProblem,
    "key_malformed": errors.KeyMalformed,
    "key_unknown": errors.KeyUnknown,
    "key_revoked": errors.KeyRevoked,
    "key_expired": errors.KeyExpired,
    "key_wrong_type": errors.KeyWrongType,
    "forbidden": errors.Forbidden,
    "resource_inactive": errors.ResourceUnavailable,
    "resource_suspended": errors.ResourceUnavailable,
    "terms_not_accepted": errors.ResourceUnavailable,
    "not_found": errors.NotFound,
    "route_unknown": errors.NotFound,
    "conflict": errors.Conflict,
    "malformed_json": errors.InvalidRequest,
    "invalid_request": errors.InvalidRequest,
    "method_not_allowed": errors.InvalidRequest,
    "vector_invalid": errors.InvalidRequest,
    "malformed_http": errors.InvalidRequest,
    "encoding_unsupported": errors.InvalidRequest,
    "headers_too_large": errors.TooLarge,
    "unsupported": errors.Unsupported,
    "body_too_large": errors.TooLarge,
    "model_unknown": errors.ModelUnavailable,
    "model_ended": errors.ModelUnavailable,
    "context_exceeded": errors.ContextExceeded,
    "filter_invalid": errors.FilterInvalid,
    "connector_outdated": errors.ConnectorOutdated,
    "quota_exhausted": errors.QuotaExhausted,
    "disk_full": errors.DiskFull,
    "document_empty": errors.DocumentFailed,
    "document_unreadable": errors.DocumentFailed,
    "document_type": errors.DocumentFailed,
    "provider_unreachable": errors.ProviderProblem,
    "provider_failed": errors.ProviderProblem,
    "provider_refused": errors.ProviderProblem,
    "provider_malformed": errors.ProviderProblem,
    "provider_throttled": errors.ProviderThrottled,
    "provider_timeout": errors.ProviderTimeout,
    "provider_cut": errors.ProviderCut,
    "request_timeout": errors.ServiceUnavailable,
    "unavailable": errors.ServiceUnavailable,
    "internal": errors.InternalProblem,
}
"""The class of each code that a gateway answers with."""

BY_STATUS: dict[int, type[PackhouseError]] = {
    401: errors.KeyProblem,
    403: errors.Forbidden,
    404: errors.NotFound,
    408: errors.ServiceUnavailable,
    409: errors.Conflict,
    413: errors.TooLarge,
    426: errors.ConnectorOutdated,
    429: errors.ServiceUnavailable,
    500: errors.InternalProblem,
    502: errors.ServiceUnavailable,
    503: errors.ServiceUnavailable,
    504: errors.ServiceUnavailable,
}
"""The class of a code that this connector does not know yet."""


class _Refusal(msgspec.Struct):
    error: dict[str, object]


_decoder = msgspec.json.Decoder(_Refusal)


def refusal(response: Response) -> PackhouseError:
    """The error that an answer stands for whose status is not one of success."""
    problem = problem_of(response)
    if problem is None:
        if response.status in (502, 503, 504):  # a load balancer in front, with a page of its own
            return errors.ServiceUnavailable(
                _bare(response, code="unavailable", message="Packhouse is not ready; try again.")
            )
        return not_understood(response)
    return error_of(problem)


def error_of(problem: Problem) -> PackhouseError:
    """The problem as an exception of its class."""
    fallback = PackhouseError if problem.status is None else _by_status(problem.status)
    return BY_CODE.get(problem.code, fallback)(problem)


def _by_status(status: int) -> type[PackhouseError]:
    return BY_STATUS.get(status, errors.InvalidRequest if 400 <= status < 500 else errors.InternalProblem)


def problem_of(response: Response) -> Problem | None:
    """What the body says, in whichever of the two shapes; None where it is not a refusal of Packhouse's."""
    try:
        stated = _decoder.decode(response.body).error
    except UNREADABLE:
        return None
    # `type` is OpenAI's coarse word for what `code` says exactly.
    facts = {name: value for name, value in stated.items() if name not in _NO_FACTS and value is not None}
    request_id = response.request_id or facts.get("request_id")
    return Problem(
        code=str(stated.get("code") or "unknown"),
        message=str(stated.get("message") or "The request was refused."),
        status=response.status,
        request_id=str(request_id) if request_id else None,
        facts=facts,
        retry_after_seconds=response.retry_after_seconds,
    )


_NO_FACTS = frozenset({"code", "message", "type"})


def not_understood(response: Response) -> errors.AnswerNotUnderstood:
    """The answer is not one of Packhouse's."""
    return errors.AnswerNotUnderstood(
        _bare(
            response,
            code="answer_not_understood",
            message=f"The answer (HTTP {response.status}) is not one that Packhouse gives. "
            "Check that the URL in the connection string leads to a Packhouse gateway.",
        )
    )


def _bare(response: Response, *, code: str, message: str) -> Problem:
    return Problem(
        code=code,
        message=message,
        status=response.status,
        request_id=response.request_id,
        retry_after_seconds=response.retry_after_seconds,
    )
