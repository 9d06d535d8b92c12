"""The table of calls as an OpenAPI 3.1 document."""

import re
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode, JsonSchemaValue

from packistry.services.access import Permission
from packistry.web.api.call import PREFIX, Call
from packistry.web.api.shapes import Problem

REFERENCE = "#/components/schemas/{model}"
ABOUT = """\
Everything that can be done in the web admin. Send a personal token that opens the API as
`Authorization: Bearer pkpat-…`, or use a session: `POST /api/login`, then send the value of the
cookie `XSRF-TOKEN` in the header `X-XSRF-TOKEN` with whatever changes something.

Lists are paged by `page` and `size`, sorted by `sort` ("-" before a name puts the largest first)
and narrowed by `filter[…]`. What is wrong comes as `{"message": …}`, where the input is at fault
with `errors` by field.\
"""
NEEDS = {
    Permission.OPEN: "Everybody may.",
    Permission.PERSON: "Whoever is signed in may.",
    Permission.READ: "Who may read it may.",
    Permission.MAINTAIN: "Maintainers and administrators may.",
    Permission.ADMINISTER: "Administrators may.",
}
_NUMBER = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
_FAULTS = {
    400: "It cannot be read.",
    401: "Nobody is signed in, or the token opens nothing here.",
    403: "You may not, or the session's CSRF token is missing.",
    404: "It is not there, or hidden from you.",
    409: "It contradicts what is there.",
    413: "The body is too large.",
    415: "It is not JSON.",
    422: "The input cannot be accepted; `errors` says what, by field.",
    429: "Too often: come back after `Retry-After` seconds.",
    503: "Something we depend on does not answer.",
}
_ABOUT_BODIES = frozenset({409, 413, 415, 429, 503})


def document(calls: Sequence[Call], base_url: str) -> dict[str, Any]:
    """The document of these calls at a server with this base URL."""
    schemas, definitions = _schemas(calls)
    paths: dict[str, Any] = {}
    for call in calls:
        for method in call.methods:
            operation = _operation(call, schemas)
            if method != call.method:
                operation["operationId"] += f"-{method.lower()}"
            paths.setdefault(PREFIX + call.path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Packistry", "version": version("packistry"), "description": ABOUT},
        "servers": [{"url": base_url or "/"}],
        "security": [{"token": []}, {"session": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(call.tag for call in calls)],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "packistry"},
            },
        },
    }


_Key = tuple[str, JsonSchemaMode]


def _schemas(calls: Sequence[Call]) -> tuple[dict[_Key, JsonSchemaValue], dict[str, Any]]:
    """(the schema of each call's body and answer, the definitions that these refer to)."""
    inputs: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        ("problem", "serialization", TypeAdapter(Problem))
    ]
    for call in calls:
        if call.body is not None:
            inputs.append((call.name, "validation", TypeAdapter(call.body)))
        if call.returns is not None:
            inputs.append((call.name, "serialization", TypeAdapter(call.returns)))
    schemas, rest = TypeAdapter.json_schemas(inputs, ref_template=REFERENCE)
    return schemas, rest.get("$defs", {})


def _operation(call: Call, schemas: dict[_Key, JsonSchemaValue]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": call.name,
        "summary": call.summary,
        "description": NEEDS[call.permission],
        "tags": [call.tag],
        "responses": _responses(call, schemas),
    }
    parameters = [*_path_parameters(call.path), *_query_parameters(call.query)]
    if parameters:
        operation["parameters"] = parameters
    if call.body is not None:
        content = {"application/json": {"schema": schemas[call.name, "validation"]}}
        operation["requestBody"] = {"required": True, "content": content}
    if call.permission is Permission.OPEN:
        operation["security"] = []
    return operation


def _responses(call: Call, schemas: dict[_Key, JsonSchemaValue]) -> dict[str, Any]:
    if call.returns is None:
        found: dict[str, Any] = {"204": {"description": "Done."}}
    else:
        content = {"application/json": {"schema": schemas[call.name, "serialization"]}}
        found = {str(call.status): {"description": "As asked.", "content": content}}
    problem = {"application/json": {"schema": schemas["problem", "serialization"]}}
    for status, words in _FAULTS.items():
        if status not in _ABOUT_BODIES or call.show is None or status == 503:
            found[str(status)] = {"description": words, "content": problem}
    return found


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", path):
        yield {"name": name, "in": "path", "required": True, "schema": _NUMBER}


def _query_parameters(query: type[BaseModel] | None) -> Iterator[dict[str, Any]]:
    if query is None:
        return
    schema = query.model_json_schema(by_alias=True)
    for name, found in schema["properties"].items():
        # What is not asked for is left out; "null" cannot be written in an address.
        kinds = [each for each in found.get("anyOf", []) if each != {"type": "null"}]
        kind = kinds[0] if kinds else {k: v for k, v in found.items() if k != "title"}
        if "$ref" in kind:
            kind = schema["$defs"][kind["$ref"].rpartition("/")[2]]
        yield {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": {k: v for k, v in kind.items() if k not in ("title", "default")},
        }
