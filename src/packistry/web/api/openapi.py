"""The table of calls as an OpenAPI 3.1 document."""

import re
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode, JsonSchemaValue

from packistry.services.access import Permission
from packistry.web.api import examples
from packistry.web.api.call import PREFIX, READING, Call
from packistry.web.api.shapes import Problem
from packistry.web.cookies import SESSION as SESSION_COOKIE

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
BY = "A token needs the ability `api`."
BY_SESSION = "A session sends `X-XSRF-TOKEN`."
BY_FRESH_SESSION = (
    "A session sends `X-XSRF-TOKEN`, and was begun or proved less than 15 minutes ago."
)
TOKEN = "A personal token with the ability `api`."  # noqa: S105 - what it is
SESSION = (
    "The cookie that `POST /api/login` sets. What changes something sends the value of the cookie "
    "`XSRF-TOKEN` in the header `X-XSRF-TOKEN` as well."
)
WAIT = {"Retry-After": {"description": "So many seconds.", "schema": {"type": "integer"}}}
CHALLENGE = {"WWW-Authenticate": {"description": "Bearer", "schema": {"type": "string"}}}
_NUMBER = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
_TOLD = ("title", "description")
_FILTERS = {
    "who": "Only what this person or token did, by a part of the name.",
    "since": "Only what was done on this day or later.",
    "until": "Only what was done on this day or earlier.",
}
_FAULTS = {
    400: "The address or the body cannot be read.",
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


def _may_fail(call: Call, status: int) -> bool:
    """Whether a call can be answered so."""
    named = "{" in call.path
    changes = call.do is not None and (named or call.body is not None)
    return {
        403: call.permission is not Permission.OPEN or call.method not in READING,
        404: named,
        409: changes,
        413: call.body is not None,
        415: call.body is not None,
        422: changes or call.query is not None or call.name == "logout",
        429: changes,
    }.get(status, True)


def document(calls: Sequence[Call], base_url: str) -> dict[str, Any]:
    """The document of these calls at a server with this base URL."""
    schemas, definitions = _schemas(calls)
    paths: dict[str, Any] = {}
    for call in calls:
        for method in call.methods:
            operation = _operation(call, schemas, definitions)
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
                "token": {"type": "http", "scheme": "bearer", "description": TOKEN},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": SESSION_COOKIE,
                    "description": SESSION,
                },
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


def _operation(
    call: Call, schemas: dict[_Key, JsonSchemaValue], definitions: dict[str, Any]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": call.name,
        "summary": call.summary,
        "description": _who(call),
        "tags": [call.tag],
        "responses": _responses(call, schemas, definitions),
    }
    parameters = [*_path_parameters(call.path), *_query_parameters(call.query)]
    if parameters:
        operation["parameters"] = parameters
    if call.body is not None:
        content = {
            "schema": schemas[call.name, "validation"],
            "example": examples.BODIES[call.name],
        }
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    if call.permission is Permission.OPEN:
        operation["security"] = []
    return operation


def _who(call: Call) -> str:
    if call.permission is Permission.OPEN:
        return NEEDS[call.permission]
    session = BY_FRESH_SESSION if call.proof else BY_SESSION
    return " ".join([NEEDS[call.permission], BY, *([] if call.method in READING else [session])])


def _responses(
    call: Call, schemas: dict[_Key, JsonSchemaValue], definitions: dict[str, Any]
) -> dict[str, Any]:
    if call.returns is None:
        found: dict[str, Any] = {"204": {"description": "Done."}}
    else:
        schema = schemas[call.name, "serialization"]
        content = {"schema": schema, "example": examples.answer(schema, definitions)}
        found = {
            str(call.status): {
                "description": "As asked.",
                "content": {"application/json": content},
            }
        }
    problem = {"application/json": {"schema": schemas["problem", "serialization"]}}
    for status, words in _FAULTS.items():
        if _may_fail(call, status):
            fault = found[str(status)] = {"description": words, "content": problem}
            if headers := {401: CHALLENGE, 429: WAIT, 503: WAIT}.get(status):
                fault["headers"] = headers
    return found


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    noun = path.split("/")[1].removesuffix("s").replace("-", " ")
    for name in re.findall(r"{(\w+)}", path):
        about = f"The id of the {noun if name == 'id' else name}."
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": about,
            "schema": _NUMBER,
        }


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
            "description": found.get("description", _filtered(name)),
            "required": name in schema.get("required", ()),
            "schema": {k: v for k, v in kind.items() if k not in _TOLD and v not in (None, "")},
        }


def _filtered(name: str) -> str:
    plain = name.removeprefix("filter[").removesuffix("]")
    return _FILTERS.get(plain, f"Only those with this {plain.replace('_', ' ')}.")
