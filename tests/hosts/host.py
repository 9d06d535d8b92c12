"""A git host's API that keeps state, for the tests of the plugins."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qsl, urlsplit

from packistry.testing import FakeHost, HostRequest


class Description(Protocol):
    """What the host officially allows to be asked."""

    def check(self, request: HostRequest) -> None:
        """AssertionError when it does not allow the request."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`json` becomes the body unless it is None."""

    status: int = 200
    json: object = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[..., Answer]


def route(method: str, pattern: str) -> Callable[[Handler], Handler]:
    """Has the method answer requests whose path below the base path matches as a whole.

    It is called with the request and the pattern's named groups, still quoted as in the URL.
    """

    def mark(handler: Handler) -> Handler:
        handler.__dict__.setdefault("routes", []).append((method, re.compile(pattern)))
        return handler

    return mark


class StatefulHost(FakeHost):
    """Inherit it, and answer by methods marked with `route`.

    `url` is the base of the API as clients know it. Requests are kept in `requests` and held
    against `openapi`. What no route is for answers 404.
    """

    _routes: ClassVar[list[tuple[str, re.Pattern[str], str]]] = []

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._routes = [
            (method, pattern, name)
            for name in dir(cls)
            for method, pattern in getattr(getattr(cls, name), "routes", ())
        ]

    def __init__(self, url: str, *, openapi: Description | None = None) -> None:
        super().__init__()
        self.url = url.rstrip("/")
        self.openapi = openapi
        self._failures: list[Answer] = []

    @property
    def base_path(self) -> str:
        return urlsplit(self.url).path

    def fail_next(
        self,
        status: int,
        *,
        json: object = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        times: int = 1,
    ) -> None:
        """The next requests are answered so, whatever they ask for."""
        answer = Answer(status=status, json=json, body=body, headers=headers or {})
        self._failures += [answer] * times

    def may_clone(self, user: str, password: str, path: str) -> bool:
        """Whether git may read the repository at `path` ("owner/name") with these credentials."""
        return True

    def answer(self, request: HostRequest) -> tuple[int, Mapping[str, str], bytes]:
        if self.openapi is not None:
            self.openapi.check(request)
        answer = self._failures.pop(0) if self._failures else self._dispatch(request)
        if answer.json is None:
            return answer.status, answer.headers, answer.body
        kind = {"Content-Type": "application/json"}
        return answer.status, {**kind, **answer.headers}, json.dumps(answer.json).encode()

    def _dispatch(self, request: HostRequest) -> Answer:
        path = urlsplit(request.url).path
        if not path.startswith(self.base_path):
            return Answer(status=404, json={"message": "Not Found"})
        below = path.removeprefix(self.base_path) or "/"
        for method, pattern, name in self._routes:
            match = pattern.fullmatch(below)
            if match and method == request.method:
                answer: Answer = getattr(self, name)(request, **match.groupdict())
                return answer
        return Answer(status=404, json={"message": "Not Found"})


def query(request: HostRequest) -> dict[str, str]:
    """The parameters of the request's URL; of one that is repeated, the last."""
    return dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
