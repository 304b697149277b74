"""The providers' own descriptions of their interfaces, beside the clone: what our answers are held against."""

import gzip
import json
from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests.support.needs import SHARED


@cache
def _openai() -> dict[str, Any]:
    return json.loads(gzip.decompress((SHARED / "specs" / "openai.openapi.json.gz").read_bytes()))


@cache
def _cohere() -> dict[str, Any]:
    return yaml.load(gzip.decompress((SHARED / "specs" / "cohere.openapi.yaml.gz").read_bytes()), yaml.CSafeLoader)


def openai_schema(name: str) -> Draft202012Validator:
    """A schema of OpenAI's description, with what it refers to."""
    return _validator(_openai(), name)


def cohere_schema(name: str) -> Draft202012Validator:
    """One of Cohere's. It requires a field `api_version` that no real answer has: that line is left out."""
    schemas = dict(_cohere()["components"]["schemas"])
    schema = dict(schemas[name])
    schema["required"] = [each for each in schema.get("required", ()) if each != "api_version"]
    return _validator({"components": {"schemas": schemas | {name: schema}}}, name)


def _validator(description: dict[str, Any], name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": description["components"]})
