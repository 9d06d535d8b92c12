"""Whatever the OpenAPI document allows, and much that it forbids, is sent to every call.

schemathesis holds each answer against the document: its status, its type, its fields; that what is
wrong is refused, and that nothing is a fault of the server.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as trying
from schemathesis.checks import CHECKS
from schemathesis.generation import GenerationMode

from packistry.app import make_app
from packistry.runtime import Runtime
from tests.functional.caller import caller
from tests.functional.test_api_matrix import Place

EXAMPLES = 3
ORDER = ("GET", "PATCH", "PUT", "POST", "DELETE")
# Rules that no JSON schema tells: a name that is taken, a password that is on a list. And what
# each credential opens is for the matrix to say.
NOT_ASKED = frozenset({"positive_data_acceptance", "ignored_auth", "object_level_authorization"})


def checks() -> list[Any]:
    return [each for each in CHECKS.get_all() if each.__name__ not in NOT_ASKED]


@pytest.mark.parametrize("admin", [True, False], ids=["administrator", "user"])
def test_every_call_keeps_to_its_document(admin: bool, runtime: Runtime) -> None:
    application = make_app(runtime)
    Place(runtime, 1)
    who = caller(runtime, application, "jo@x.org", admin=admin, by="api")
    for operation in _operations(application):
        for mode in _modes(operation):
            _try(operation, mode, who.headers)
    application.close()


def _operations(application: Any) -> list[Any]:
    """Those that read come first, those that remove last."""
    schema: Any = schemathesis.openapi.from_wsgi("/api/openapi.json", application)
    found = [each.ok() for each in schema.get_all_operations()]
    return sorted(found, key=lambda operation: ORDER.index(operation.method.upper()))


def _modes(operation: Any) -> Iterator[GenerationMode]:
    yield GenerationMode.POSITIVE
    if operation.body or operation.query or operation.path_parameters:
        yield GenerationMode.NEGATIVE


def _try(operation: Any, mode: GenerationMode, headers: dict[str, str]) -> None:
    # The first row of each kind is there; of ids that are made up hardly any is.
    here = {"id": 1} if mode is GenerationMode.POSITIVE and operation.path_parameters else None

    @trying(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=here))
    def send(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=checks())

    send()
