"""Refusals: every no that ends a request, with a permanent public code and a sentence that says what to do."""

from collections.abc import Mapping

from packhouse.domain.units import ModelTokens


class Refused(Exception):
    """A request that ends here.

    `code` is one of `CODES`, permanent and public. `message` is one sentence or two for the caller: what is
    wrong and what to do. `facts` are plain values that go along (limits, instants, ids), never content. `consumed` is
    what the call had consumed before it was refused, where its provider reported that.
    """

    def __init__(self, code: str, message: str, **facts: object) -> None:
        assert code in CODES, code
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts: Mapping[str, object] = facts
        self.consumed: ModelTokens | None = None


CODES: dict[str, str] = {
    # who is asking
    "key_missing": "The request carries no key.",
    "key_malformed": "The key is damaged: its form or its checksum is wrong.",
    "key_unknown": "No such key.",
    "key_revoked": "The key was revoked.",
    "key_expired": "The key's expiry has passed.",
    "key_wrong_type": "The key opens no resource of the type that the route needs.",
    "not_signed_in": "The request needs a session or a personal access token.",
    "sign_in_failed": "The e-mail address or the password is wrong.",
    "sign_in_throttled": "Too many failed sign-ins for this account; try again later.",
    "csrf_failed": "The form was not sent from a page of this portal, or the page is too old.",
    "forbidden": "The caller can see the thing but may not do this to it.",
    "not_found": "No such thing, or none that the caller may see.",
    "conflict": "The thing is not in a state that allows this, or was changed meanwhile.",
    # the request itself
    "malformed_http": "The bytes are not a request that HTTP/1.1 allows.",
    "headers_too_large": "The request line and headers together are larger than the gateway takes.",
    "request_timeout": "The request did not arrive in time.",
    "malformed_json": "The body is not valid JSON.",
    "invalid_request": "A field is missing, unknown or out of its range.",
    "unsupported": "The request asks for something that this route, model or provider cannot do.",
    "encoding_unsupported": "The request body is compressed or otherwise encoded.",
    "body_too_large": "The request body is larger than this route takes.",
    "model_unknown": "The model is not one that this resource may use.",
    "model_ended": "The model's life has ended.",
    "context_exceeded": "The input does not fit into the model's context window.",
    "route_unknown": "There is no such route.",
    "method_not_allowed": "The route exists but not with this method.",
    "connector_outdated": "The connector is older than the oldest version that the operator allows.",
    # entitlement
    "quota_exhausted": "The pack's quota for this bundle month does not cover the call.",
    "resource_inactive": "The resource is not active.",
    "resource_suspended": "The resource is suspended.",
    "balance_short": "The company has not enough available cloud tokens.",
    "no_self_service": "The company has no self-service; file an order instead.",
    "contract_over": "No contract of the company is running.",
    "model_not_in_region": "The model is not offered in the region.",
    "region_not_offered": "The installation does not offer the region.",
    "terms_not_accepted": "Required third-party terms are not accepted.",
    # providers
    "provider_unreachable": "The model's provider cannot be reached.",
    "provider_failed": "The model's provider answered with an error.",
    "provider_refused": "The model's provider refused the request.",
    "provider_throttled": "The model's provider is throttling.",
    "provider_timeout": "The model's provider did not answer in time.",
    "provider_malformed": "The model's provider answered something that is not its protocol.",
    "provider_cut": "The model's provider broke off in the middle of its answer.",
    # knowledge
    "document_empty": "The document contains no text.",
    "document_unreadable": "The document cannot be read as what it claims to be.",
    "document_type": "Documents of this type are not taken.",
    "disk_full": "The knowledge base's disk does not hold what would be added.",
    "vector_invalid": "A vector is zero or has the wrong number of dimensions.",
    "filter_invalid": "The metadata filter is not understood.",
    # the installation
    "catalog_invalid": "The catalog file has a mistake.",
    "setting_invalid": "A setting has a value that it cannot have.",
    "port_in_use": "A port is taken by another program.",
    "data_directory_unusable": "The data directory cannot be written.",
    "already_running": "Another Packhouse runs on the same data directory.",
    "unavailable": "A part of the installation is not ready; try again.",
    "internal": "Something broke inside Packhouse; the log has the request id.",
}
