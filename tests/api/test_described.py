"""Whatever the OpenAPI document allows, and much that it forbids, is sent to every call.

schemathesis holds each answer against the document: its status, its type, its fields; that what is
wrong is refused, and that nothing is a fault of the server. Everybody sends the same, each to rows
of a place of their own; who may do nothing there comes no further than the check.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as trying
from schemathesis.checks import CHECKS
from schemathesis.generation import GenerationMode

from packistry.app import make_app
from packistry.runtime import Runtime
from packistry.services.access import Permission
from packistry.web.api import CALLS
from packistry.web.api.call import PREFIX, Call
from tests.functional.test_api_matrix import Place, expected

# The same ones every time. By hand, more of them find more.
EXAMPLES = int(os.environ.get("PACKISTRY_TEST_EXAMPLES", "2"))
ORDER = ("GET", "PATCH", "PUT", "POST", "DELETE")
# Rules that no JSON schema tells: a name that is taken, a password that is on a list. And what
# each credential opens is for the matrix to say.
NOT_ASKED = frozenset({"positive_data_acceptance", "ignored_auth", "object_level_authorization"})
# An address that is no text is nobody's, 400.
STOPPED = frozenset({400, 401, 403, 404, 405})
BY_NAME = {f"{method} {PREFIX}{call.path}": call for call in CALLS for method in call.methods}


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Somebody, and the rows that they send to."""

    role: str
    by: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    place: Place

    def rows(self, call: Call) -> dict[str, int]:
        """What stands for the placeholders of its path."""
        noun = call.path.split("/")[1]
        return {**self.place.ids, "id": self.place.ids.get(noun, 0)}

    def may(self, call: Call) -> bool:
        """Whether the matrix lets them in. Of their own tokens they make some as they go."""
        if self.role == "stranger":
            return call.permission is Permission.OPEN
        own = call.path.startswith("/personal-tokens")
        return own or expected(call, self.role, self.by) == "allowed"


def checks(status: int) -> list[Any]:
    """Those of an answer. That a host is away, 503, is no fault of ours."""
    away = {"not_a_server_error"} if status == 503 else set()
    return [each for each in CHECKS.get_all() if each.__name__ not in NOT_ASKED | away]


@pytest.fixture
def application(runtime: Runtime) -> Iterator[Any]:
    application = make_app(runtime)
    yield application
    application.close()


@pytest.mark.any_database
def test_every_call_keeps_to_its_document_whoever_calls(application: Any, runtime: Runtime) -> None:
    senders = [
        _sender(runtime, application, number, role, by)
        for number, (role, by) in enumerate(
            (
                ("stranger", ""),
                ("nobody", "api"),
                ("reader", "api"),
                ("maintainer", "api"),
                ("maintainer", "session"),
                ("admin", "session"),
                ("admin", "api"),
            )
        )
    ]
    for operation in _operations(application):
        for mode in _modes(operation):
            _try(operation, mode, senders)


def _sender(runtime: Runtime, application: Any, number: int, role: str, by: str) -> Sender:
    place = Place(runtime, number)
    if role == "stranger":
        return Sender(role=role, by=by, headers={}, cookies={}, place=place)
    who = place.callers(application, role)[by]
    # WebTest keeps cookies as they are written in a header, in quotes.
    cookies = {name: value.strip('"') for name, value in who.app.cookies.items()}
    return Sender(role=role, by=by, headers=who.headers, cookies=cookies, place=place)


def _operations(application: Any) -> list[Any]:
    """Those that read come first, those that remove last, and last of all who signs out."""
    schema: Any = schemathesis.openapi.from_wsgi("/api/openapi.json", application)
    found = [each.ok() for each in schema.get_all_operations()]
    return sorted(
        found,
        key=lambda operation: (
            operation.path.endswith("/logout"),
            ORDER.index(operation.method.upper()),
        ),
    )


def _modes(operation: Any) -> Iterator[GenerationMode]:
    yield GenerationMode.POSITIVE
    if operation.body or operation.query or operation.path_parameters:
        yield GenerationMode.NEGATIVE


def _try(operation: Any, mode: GenerationMode, senders: list[Sender]) -> None:
    call = BY_NAME[f"{operation.method.upper()} {operation.path}"]
    # Of ids that are made up hardly any is there: they are no more than what is wrong.
    found = mode is GenerationMode.POSITIVE or operation.body or operation.query
    names = [each.name for each in operation.path_parameters] if found else []
    given_rows = {"path_parameters": dict.fromkeys(names, 1)} if names else {}

    @trying(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode, **given_rows))
    def send(case: Any) -> None:
        for sender in senders:
            rows = sender.rows(call)
            case.path_parameters.update({name: rows[name] for name in names})
            if sender.cookies:
                # A token that is made up comes before a session.
                case.headers.pop("Authorization", None)
            answer = case.call(headers=sender.headers, cookies=sender.cookies)
            case.validate_response(answer, checks=checks(answer.status_code))
            if not sender.may(call):
                assert answer.status_code in STOPPED, f"{sender.role} by {sender.by}"

    send()
