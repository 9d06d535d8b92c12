"""The OpenAPI document as people read it: calls under headings, with the fields of everything."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
METHODS = ("get", "post", "patch", "put", "delete")
TOKEN = "$TOKEN"  # noqa: S105 - of a shell
DEEPEST = 4

_LIMITS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
}
_WORDS = {
    "string": "text",
    "integer": "number",
    "boolean": "true | false",
    "date-time": "moment",
    "date": "day",
    "password": "secret",
}


@dataclass(frozen=True, kw_only=True)
class Field:
    """A parameter or a field: `type` as people write it, "list of text".

    `limits`: what it must keep to. `fields`: its own, where it is an object or a list of them.
    """

    name: str
    type: str
    required: bool
    about: str
    limits: Sequence[str]
    fields: Sequence["Field"] = ()


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
    body_about: str
    status: str
    answers: Sequence[Field]
    answer: str
    answer_about: str
    faults: Sequence[tuple[str, str]]
    request: str
    """What calls it in a shell."""
    example: str
    """What it answers, "" for nothing."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """The calls of one noun."""

    heading: str
    entries: Sequence[Entry]


def sections(document: Schema) -> list[Section]:
    """The whole document, by tag."""
    reader = _Reader(document)
    found: dict[str, list[Entry]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        methods = [method for method in METHODS if method in item]
        # PUT does what PATCH does: one entry for both.
        if "patch" in methods and "put" in methods:
            methods.remove("put")
        for method in methods:
            operation = item[method]
            names = ("patch", "put") if method == "patch" and "put" in item else (method,)
            found[operation["tags"][0]].append(reader.entry(path, names, operation))
    return [Section(heading=tag, entries=entries) for tag, entries in found.items()]


class _Reader:
    """Reads calls with the schemas that they refer to."""

    def __init__(self, document: Schema) -> None:
        self._schemas: Mapping[str, Schema] = document["components"]["schemas"]
        self._server: str = document["servers"][0]["url"].rstrip("/")

    def entry(self, path: str, methods: Sequence[str], operation: Schema) -> Entry:
        (status, response), *faults = operation["responses"].items()
        answer, sent = _content(response), _content(operation.get("requestBody", {}))
        schema = answer.get("schema", {})
        return Entry(
            id=operation["operationId"],
            methods=[method.upper() for method in methods],
            path=path,
            summary=operation["summary"],
            who=operation["description"],
            parameters=[self._parameter(each) for each in operation.get("parameters", ())],
            body=list(self._fields(sent.get("schema", {}), required=True)),
            body_about=self._about(sent.get("schema", {})),
            status=status,
            answers=list(self._fields(self._item(schema))),
            answer=self._type(schema) if schema else "nothing",
            answer_about=self._about(self._item(schema)),
            faults=[(status, fault["description"]) for status, fault in faults],
            request=self._request(path, methods[0], operation, sent),
            example=_json(answer["example"]) if "example" in answer else "",
        )

    def _parameter(self, each: Schema) -> Field:
        schema = each["schema"]
        return Field(
            name=each["name"],
            type=self._type(schema),
            required=each["required"],
            about=each.get("description", ""),
            limits=list(_limits(schema)),
        )

    def _fields(self, schema: Schema, *, required: bool = False, depth: int = 0) -> Iterator[Field]:
        whole = self._resolved(schema)
        for name, each in whole.get("properties", {}).items():
            inner = self._inner(each) if depth < DEEPEST else {}
            yield Field(
                name=name,
                type=self._type(each),
                required=required and name in whole.get("required", ()),
                about=_told_of(each),
                limits=list(_limits(each)),
                fields=list(self._fields(inner, required=required, depth=depth + 1)),
            )

    def _about(self, schema: Schema) -> str:
        """What the object is, in a paragraph."""
        return " ".join(str(self._resolved(schema).get("description", "")).split())

    def _inner(self, schema: Schema) -> Schema:
        """The object that it is, or that is one of what it may be, or of a list of it."""
        whole = self._resolved(schema)
        kinds = [self._inner(each) for each in whole.get("anyOf", ())]
        if whole.get("type") == "array":
            kinds.append(self._inner(whole.get("items", {})))
        return next((kind for kind in (whole, *kinds) if kind.get("properties")), {})

    def _item(self, schema: Schema) -> Schema:
        """What a list, or a page of one, is a list of; otherwise the schema itself."""
        whole = self._resolved(schema)
        if whole.get("type") == "array":
            return self._resolved(whole["items"])
        data = whole.get("properties", {}).get("data")
        return self._resolved(data["items"]) if data and "items" in data else whole

    def _resolved(self, schema: Schema) -> Schema:
        reference = schema.get("$ref", "")
        return self._schemas[reference.rpartition("/")[2]] if reference else schema

    def _type(self, schema: Schema) -> str:
        if "enum" in (whole := self._resolved(schema)):
            return " | ".join(str(each) for each in whole["enum"])
        if "const" in whole:
            return str(whole["const"])
        if "anyOf" in whole:
            return " | ".join(dict.fromkeys(self._type(each) for each in whole["anyOf"]))
        if whole.get("type") == "array":
            return f"list of {self._type(whole.get('items', {}))}"
        if "$ref" in schema:
            title = str(whole.get("title", "object"))
            page = title.startswith("Paged[")
            plain = title.removeprefix("Paged[").removesuffix("]").removesuffix("Shape")
            return f"a page of {plain}" if page else plain
        kind = str(whole.get("format", whole.get("type", "anything")))
        return _WORDS.get(kind, kind)

    def _request(self, path: str, method: str, operation: Schema, sent: Schema) -> str:
        said = ["curl"]
        if method != "get":
            said += ["-X", method.upper()]
        if operation.get("security") != []:
            said.append(f'-H "Authorization: Bearer {TOKEN}"')
        if "example" in sent:
            body = json.dumps(sent["example"], ensure_ascii=False)
            said += ["-H 'Content-Type: application/json'", "-d", shlex.quote(body)]
        for each in operation.get("parameters", ()):
            path = path.replace(f"{{{each['name']}}}", "1")
        return " ".join([*said, f"{self._server}{path}"])


def _content(holder: Schema) -> Schema:
    for media in holder.get("content", {}).values():
        found: Schema = media
        return found
    return {}


def _told_of(schema: Schema) -> str:
    """What is said of it, or of one of what it may be."""
    kinds = (schema, *schema.get("anyOf", ()))
    return next((each["description"] for each in kinds if "description" in each), "")


def _limits(schema: Schema) -> Iterator[str]:
    if schema.get("minLength") == 1:
        yield "not empty"
    for name, words in _LIMITS.items():
        if name in schema and (name, schema[name]) != ("minLength", 1):
            yield words.format(schema[name])
    for each in schema.get("anyOf", ()):
        yield from _limits(each)
    if schema.get("default") not in (None, "", [], {}):
        yield f"{_json(schema['default'])} unless it is sent"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
