"""The description of the endpoints, and whether an answer is as it says."""

import json
import re
from urllib.parse import urlsplit

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi import checks

from servers import REPOSITORY

FILE = REPOSITORY / "src" / "server" / "control" / "openapi.json"
DOCUMENT = json.loads(FILE.read_text(encoding="utf-8"))

# What these are sent can be wrong though its schema holds: a text may name what is not there.
TEXTS = ["addScenarios", "putScenario", "verify", "putSession", "setSeed"]
CONFIG = {
    "generation": {"deterministic": True},
    "operations": [
        {
            "include-operation-id": TEXTS,
            "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "400", "409"]}},
        }
    ],
}


def schema():
    """The description without what has no end."""
    document = json.loads(FILE.read_text(encoding="utf-8"))
    journal = document["paths"]["/__mynah/journal"]["get"]
    journal["parameters"] = [one for one in journal["parameters"] if one.get("name") != "follow"]
    return schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(CONFIG))


SCHEMA = schema()
TEMPLATES = {re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)): path for path in DOCUMENT["paths"]}


def check(response):
    """Whether an answer of an endpoint has a status, a type, headers and content that are told."""
    path = urlsplit(response.request.url).path
    path = path[path.index("/__mynah/") :]
    [template] = [TEMPLATES[pattern] for pattern in TEMPLATES if re.fullmatch(pattern, path)]
    operation = SCHEMA[template][response.request.method]
    operation.Case(path_parameters={"name": "any", "seq": 1}).validate_response(
        response,
        checks=[
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_schema_conformance,
            checks.response_headers_conformance,
        ],
    )
