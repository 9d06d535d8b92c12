"""Requests held against a host's own OpenAPI description, version 3 or Swagger 2."""

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from openapi_core import Config
from openapi_core import OpenAPI as Core
from openapi_core.testing import MockRequest

from packistry.testing import HostRequest

_METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}
_SCHEMA = ("type", "format", "enum", "items", "default", "minimum", "maximum")


class OpenAPI:
    """The description in a file, with its paths below `server`.

    `also`: what the host allows but the description leaves out: the names of the parameters by
    (method, pattern of the path below `server`). `parameters`: those of a query that are allowed
    everywhere. `fields`: those of a body that are.
    """

    def __init__(
        self,
        file: Path,
        server: str,
        *,
        also: Mapping[tuple[str, str], Collection[str]] | None = None,
        parameters: Collection[str] = (),
        fields: Collection[str] = (),
    ) -> None:
        self._also = [
            (method, re.compile(pattern), set(names))
            for (method, pattern), names in (also or {}).items()
        ]
        self._everywhere = set(parameters)
        self._fields = set(fields)
        described = json.loads(file.read_text("utf-8"))
        if described.get("swagger") == "2.0":
            described = _version_3(described)
        described["servers"] = [{"url": server.rstrip("/")}]
        # Which credentials are sent is the plugins' tests' to say: descriptions name old ones.
        described.pop("security", None)
        for path in described["paths"].values():
            for method in _METHODS & path.keys():
                path[method].pop("security", None)
        # A cut of a description may refer to what was cut off; only what is used is looked at.
        config = Config(spec_validator_cls=None)
        self._core = Core.from_dict(described, config=config)
        self._described = described
        self._base = urlsplit(server.rstrip("/")).path
        self._paths = [
            (re.compile(re.sub(r"\{[^}]*\}", "[^/]+", path)), item)
            for path, item in described["paths"].items()
        ]

    def check(self, request: HostRequest) -> None:
        """AssertionError when the description does not allow the request.

        Parameters, and fields of a body, that the description does not name are not allowed either.
        """
        parts = urlsplit(request.url)
        below = parts.path.removeprefix(self._base)
        told = f"{request.method} {request.url}"
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        for method, pattern, names in self._also:
            if method == request.method and pattern.fullmatch(below):
                unknown = asked.keys() - names
                assert not unknown, f"{told}: no parameter is called {sorted(unknown)}"
                return
        # httplib quotes nothing again, so the path is what the plugin quoted.
        mock = MockRequest(
            f"{parts.scheme}://{parts.netloc}",
            request.method.lower(),
            parts.path,
            args=asked,
            headers=dict(request.headers),
            data=request.body or None,
            content_type=request.headers.get("Content-Type", "application/json").split(";")[0],
        )
        found = list(self._core.iter_request_errors(mock))
        assert not found, f"{told}: {[str(error.__cause__ or error) for error in found]}"
        allowed = self._parameters(request.method, below) | self._everywhere
        unknown = asked.keys() - allowed
        assert not unknown, f"{told}: no parameter is called {sorted(unknown)}"
        sent = request.json() if request.body else {}
        unknown = sent.keys() - self._body(request.method, below) - self._fields
        assert not unknown, f"{told}: no field is called {sorted(unknown)}"

    def _parameters(self, method: str, path: str) -> set[str]:
        """The names of what may stand in the query of a request to `path`."""
        told = [
            self._resolved(parameter)
            for item in self._items(path)
            for level in (item, item.get(method.lower(), {}))
            for parameter in level.get("parameters", ())
        ]
        return {parameter["name"] for parameter in told if parameter["in"] == "query"}

    def _body(self, method: str, path: str) -> set[str]:
        """The names of what may stand at the top of the body of a request to `path`."""
        names: set[str] = set()
        for item in self._items(path):
            body = self._resolved(item.get(method.lower(), {}).get("requestBody", {}))
            schema = body.get("content", {}).get("application/json", {}).get("schema", {})
            names |= self._properties(schema)
        return names

    def _properties(self, schema: dict[str, Any]) -> set[str]:
        schema = self._resolved(schema)
        parts = (self._properties(part) for part in schema.get("allOf", ()))
        return set(schema.get("properties", ())).union(*parts)

    def _items(self, path: str) -> list[dict[str, Any]]:
        return [item for pattern, item in self._paths if pattern.fullmatch(path)]

    def _resolved(self, described: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in described:
            return described
        found: Any = self._described
        for key in described["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        return dict(found)


def _version_3(described: Mapping[str, Any]) -> dict[str, Any]:
    """A Swagger 2 description as the OpenAPI 3.0 one that says the same of requests."""
    moved = json.loads(json.dumps(described).replace("#/definitions/", "#/components/schemas/"))
    base = moved.get("basePath", "").rstrip("/")
    paths = {}
    for path, item in moved["paths"].items():
        below = path.removeprefix(base) if base else path
        paths[below] = {name: _converted(name, value) for name, value in item.items()}
        if "parameters" in item:
            paths[below]["parameters"] = [_parameter(each) for each in item["parameters"]]
    schemas = moved.get("definitions", {})
    return {
        "openapi": "3.0.3",
        "info": moved.get("info", {"title": "", "version": ""}),
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _converted(name: str, value: Any) -> Any:
    if name not in _METHODS:
        return value
    parameters = value.get("parameters", ())
    operation: dict[str, Any] = {"responses": {"default": {"description": ""}}}
    operation["parameters"] = [
        _parameter(each) for each in parameters if each.get("in") not in ("body", "formData")
    ]
    bodies = [each for each in parameters if each.get("in") == "body"]
    fields = [each for each in parameters if each.get("in") == "formData"]
    if bodies:
        schema = bodies[0].get("schema", {})
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    elif fields:
        operation["requestBody"] = {"content": {"application/json": {"schema": _form(fields)}}}
    return operation


def _form(fields: list[dict[str, Any]]) -> dict[str, Any]:
    """The fields of a form as the JSON object that may be sent in its place."""
    properties = {each["name"]: {k: each[k] for k in _SCHEMA if k in each} for each in fields}
    required = [each["name"] for each in fields if each.get("required")]
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return {**schema, "required": required} if required else schema


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in parameter or "schema" in parameter:
        return parameter
    schema = {key: parameter[key] for key in _SCHEMA if key in parameter}
    named = ("name", "in", "required")
    kept: dict[str, Any] = {key: parameter[key] for key in named if key in parameter}
    return {**kept, "schema": schema}
