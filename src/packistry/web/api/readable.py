"""The OpenAPI document as people read it: calls under headings, fields in tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
METHODS = ("get", "post", "patch", "put", "delete")


@dataclass(frozen=True, kw_only=True)
class Field:
    """A parameter or a field: `type` as people write it, "list of text"."""

    name: str
    type: str
    required: bool
    about: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A call. `answers`: the fields of what comes back, of one item where it is a list."""

    id: str
    methods: Sequence[str]
    path: str
    summary: str
    who: str
    parameters: Sequence[Field]
    body: Sequence[Field]
    status: str
    answers: Sequence[Field]
    answer: str


@dataclass(frozen=True, kw_only=True)
class Section:
    """The calls of one noun."""

    heading: str
    entries: Sequence[Entry]


def sections(document: Schema) -> list[Section]:
    """The whole document, by tag."""
    schemas: Mapping[str, Schema] = document["components"]["schemas"]
    found: dict[str, list[Entry]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        methods = [method for method in METHODS if method in item]
        # PUT does what PATCH does: one entry for both.
        if "patch" in methods and "put" in methods:
            methods.remove("put")
        for method in methods:
            operation = item[method]
            names = ("patch", "put") if method == "patch" and "put" in item else (method,)
            found[operation["tags"][0]].append(_entry(path, names, operation, schemas))
    return [Section(heading=tag, entries=entries) for tag, entries in found.items()]


def _entry(
    path: str, methods: Sequence[str], operation: Schema, schemas: Mapping[str, Schema]
) -> Entry:
    status, response = next(iter(operation["responses"].items()))
    answer = _content(response)
    return Entry(
        id=operation["operationId"],
        methods=[method.upper() for method in methods],
        path=path,
        summary=operation["summary"],
        who=operation["description"],
        parameters=[
            Field(
                name=each["name"],
                type=_type(each["schema"], schemas),
                required=each["required"],
                about=each.get("description", ""),
            )
            for each in operation.get("parameters", ())
        ],
        body=list(_fields(_content(operation.get("requestBody", {})), schemas)),
        status=status,
        answers=list(_fields(_item(answer, schemas), schemas)),
        answer=_type(answer, schemas) if answer else "nothing",
    )


def _content(holder: Schema) -> Schema:
    for media in holder.get("content", {}).values():
        schema: Schema = media["schema"]
        return schema
    return {}


def _item(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    """What a list, or a page of one, is a list of; otherwise the schema itself."""
    whole = _resolved(schema, schemas)
    if whole.get("type") == "array":
        return _resolved(whole["items"], schemas)
    data = whole.get("properties", {}).get("data")
    return _resolved(data["items"], schemas) if data and "items" in data else whole


def _fields(schema: Schema, schemas: Mapping[str, Schema]) -> Iterator[Field]:
    whole = _resolved(schema, schemas)
    required = whole.get("required", ())
    for name, each in whole.get("properties", {}).items():
        yield Field(
            name=name,
            type=_type(each, schemas),
            required=name in required,
            about=each.get("description", ""),
        )


def _resolved(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    reference = schema.get("$ref", "")
    return schemas[reference.rpartition("/")[2]] if reference else schema


def _type(schema: Schema, schemas: Mapping[str, Schema]) -> str:
    if "enum" in (whole := _resolved(schema, schemas)):
        return " | ".join(str(each) for each in whole["enum"])
    if "const" in whole:
        return str(whole["const"])
    if "anyOf" in whole:
        return " | ".join(_type(each, schemas) for each in whole["anyOf"])
    if whole.get("type") == "array":
        return f"list of {_type(whole.get('items', {}), schemas)}"
    if "$ref" in schema:
        return str(whole.get("title", "object")).removesuffix("Shape")
    words = {"string": "text", "integer": "number", "boolean": "true | false"}
    kind = str(whole.get("format", whole.get("type", "anything")))
    return words.get(kind, kind)
