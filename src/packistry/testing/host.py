"""A git host that exists only in a test: it answers what was recorded and refuses the rest."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse

from packistry.plugin import HttpClient, HttpLimits

_Key = tuple[str, str, tuple[tuple[str, str], ...]]


class UnexpectedRequest(AssertionError):
    """A request that nothing was recorded for."""


@dataclass(frozen=True, kw_only=True)
class HostRequest:
    """A request the host was sent. Header names are case-insensitive."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class FakeHost:
    """Record answers with `on`, give the plugin `client()`, look at `requests` afterwards.

    Answers recorded for the same method and URL are given in turn, the last one again and again.
    Everything else raises UnexpectedRequest, so no test reaches the network.
    """

    def __init__(self) -> None:
        self.requests: list[HostRequest] = []
        self._answers: dict[_Key, list[_Answer]] = {}

    def on(
        self,
        method: str,
        url: str,
        *,
        status: int = 200,
        json: object = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> "FakeHost":
        """Records an answer to a full URL; the order of its query does not matter."""
        kind = {"Content-Type": "application/json"} if json is not None else {}
        content = _dumps(json) if json is not None else body
        answer = _Answer(status, {**kind, **(headers or {})}, content)
        self._answers.setdefault(_key(method, url), []).append(answer)
        return self

    def load(self, path: Path) -> "FakeHost":
        """Records a file: a JSON list of objects with the arguments of `on` as keys."""
        for recording in json.loads(path.read_text("utf-8")):
            body = recording.pop("body", "").encode()
            self.on(recording.pop("method", "GET"), recording.pop("url"), body=body, **recording)
        return self

    def client(
        self,
        base_url: str = "",
        headers: Mapping[str, str] | None = None,
        *,
        limits: HttpLimits | None = None,
    ) -> HttpClient:
        """A client that reaches nothing but this host."""
        transport = _Transport(self)
        return HttpClient(base_url=base_url, headers=headers, limits=limits, transport=transport)

    def answer(self, request: HostRequest) -> tuple[int, Mapping[str, str], bytes]:
        """(status, headers, body); override it for a host that keeps state."""
        key = _key(request.method, request.url)
        recorded = self._answers.get(key)
        if not recorded:
            raise UnexpectedRequest(f"nothing is recorded for {request.method} {request.url}")
        found = recorded.pop(0) if len(recorded) > 1 else recorded[0]
        return found.status, found.headers, found.body


class _Transport(BaseAdapter):
    def __init__(self, host: FakeHost) -> None:
        super().__init__()
        self._host = host

    def send(
        self, request: requests.PreparedRequest, *_args: Any, **_options: Any
    ) -> requests.Response:
        sent = HostRequest(
            method=request.method or "",
            url=request.url or "",
            headers=request.headers,
            body=_body(request.body),
        )
        self._host.requests.append(sent)
        status, headers, body = self._host.answer(sent)
        response = requests.Response()
        response.status_code = status
        response.url = sent.url
        response.request = request
        response.headers.update(headers)
        response.raw = _raw(status, headers, body)
        return response

    def close(self) -> None:
        """Nothing is kept open."""


def _raw(status: int, headers: Mapping[str, str], body: bytes) -> HTTPResponse:
    """The answer as urllib3 gives it, so that content codings and limits are really at work."""
    return HTTPResponse(
        body=io.BytesIO(body),
        status=status,
        headers=HTTPHeaderDict(headers),
        preload_content=False,
        original_response=None,
    )


def _key(method: str, url: str) -> _Key:
    parts = urlsplit(url)
    query = sorted(parse_qsl(parts.query, keep_blank_values=True))
    place = f"{parts.scheme}://{parts.netloc}{parts.path or '/'}"
    return method.upper(), place, tuple(query)


def _body(body: str | bytes | None) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""


def _dumps(document: object) -> bytes:
    return json.dumps(document).encode()
