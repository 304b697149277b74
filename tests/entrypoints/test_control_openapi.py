"""The description of the management API is complete, and true: whatever it allows is answered as it says."""

import re
from collections.abc import Generator, Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import one_of
from schemathesis import checks
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from packhouse.domain.errors import CODES
from packhouse.entrypoints.control.router import ROUTES
from tests.support.control_api import CLIENT, Api, Json, Live, live_control

EXAMPLES = 6
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
CHECKS = [
    checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with live_control(tmp_path_factory.mktemp("control")) as running:
        yield running


@pytest.fixture(scope="module")
def document(live: Live) -> Json:
    return live.nobody.get("/openapi.json")


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_route_is_described(document: Json) -> None:
    described = [operation["operationId"] for _, operation in operations(document)]
    assert sorted(described) == sorted(handler.handler_name for handler in ROUTES)


def test_every_operation_says_what_it_does_and_how_it_fails(document: Json) -> None:
    for name, operation in operations(document):
        assert len(operation["summary"]) > 5, name
        statuses = operation["responses"].keys()
        assert {"400", "500", "503"} <= statuses, name
        assert ("401" in statuses) or operation["security"] == [] or name.endswith("/sessions"), name
        for status, response in operation["responses"].items():
            assert response["description"], name
            if status >= "400":
                codes = re.findall(r"`(\w+)`: ", response["description"])
                assert codes, (name, status)
                assert set(codes) <= CODES.keys(), (name, status)


def test_every_path_parameter_is_declared(document: Json) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            declared = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert declared == set(re.findall(r"\{(\w+)\}", path)), path


def test_bodies_refuse_what_they_do_not_know(document: Json) -> None:
    schemas = document["components"]["schemas"]
    for name, operation in operations(document):
        if "requestBody" in operation:
            reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            assert schemas[reference.rpartition("/")[2]]["additionalProperties"] is False, name


def test_nothing_of_others_is_loaded(live: Live, document: Json) -> None:
    assert document["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    answer = CLIENT.get(f"{live.url}/api/v1/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert "http://" not in answer.text
    assert "https://" not in answer.text


def test_whatever_is_sent_is_answered_as_described(live: Live) -> None:
    """By a company's admin, to things that are there."""
    firm = live.firm(cloud_tokens=10_000)
    resource = firm.provision()["id"]
    api = Api(live.url, firm.admin.post("/tokens", {"description": "tests"})["token"])
    things = {
        "company_id": firm.id,
        "contract_id": firm.contract_id,
        "user_id": firm.member_id,
        "resource_id": resource,
        "key_id": firm.admin.post(f"/resources/{resource}/keys", {})["id"],
        "terms_id": "anthropic",
    }
    _try_all(live, api, things)


def test_whatever_an_operator_sends_is_answered_as_described(live: Live) -> None:
    """To things that are not there, among others."""
    api = Api(live.url, live.operator.post("/tokens", {"description": "tests"})["token"])
    _try_all(live, api, {})


def _try_all(live: Live, api: Api, things: dict[str, str]) -> None:
    description = live.nobody.get("/openapi.json")
    # Left in, half of what is tried would be tried without a credential, which another test does.
    del description["components"]["securitySchemes"], description["security"]
    schema = schemathesis.openapi.from_dict(description)
    schema.config.update(base_url=live.url)
    schema.validate()
    tried = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        _try(result.ok(), api, things=things)
        tried += 1
    assert tried == len(ROUTES)


def _try(operation: APIOperation, api: Api, *, things: dict[str, str]) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        derandomize=True,
    )
    @given(case=one_of([operation.as_strategy(generation_mode=mode) for mode in MODES]))
    def answered(case: schemathesis.Case) -> None:
        case.path_parameters.update({name: things[name] for name in case.path_parameters if name in things})
        case.call_and_validate(headers={"authorization": f"Bearer {api.token}"}, checks=CHECKS)

    answered()
