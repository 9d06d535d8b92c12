"""The OpenAPI document and the page made of it: complete, sound, and true of what is sent."""

import json
import re
from typing import Any

import pytest
from openapi_core.testing import MockRequest, MockResponse
from openapi_spec_validator import OpenAPIV31SpecValidator

from packistry.inputs import read_json
from packistry.web.api import CALLS
from packistry.web.api.examples import BODIES
from packistry.web.api.openapi import document
from packistry.web.api.readable import Field, sections
from tests.functional.browser import Browser, person
from tests.functional.caller import HOST, described

pytestmark = pytest.mark.any_database

DOCUMENT = document(CALLS, HOST)
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}
SENT = {call.name: call.body for call in CALLS if call.body is not None}


def test_the_document_is_sound() -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_no_two_operations_have_one_id() -> None:
    assert len(OPERATIONS) == sum(len(item) for item in DOCUMENT["paths"].values())


def test_every_operation_says_in_sentences_what_it_does_and_who_may() -> None:
    for operation in (operation for _, _, operation in OPERATIONS.values()):
        assert operation["summary"]
        assert operation["tags"]
        said = [operation, *operation["responses"].values(), *operation.get("parameters", ())]
        assert [each for each in said if not each["description"].endswith((".", "Bearer"))] == []


@pytest.mark.parametrize("name", SENT)
def test_the_example_of_a_body_is_taken(name: str) -> None:
    read_json(SENT[name], json.dumps(BODIES[name]).encode())


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_example_of_an_answer_is_one(name: str) -> None:
    method, path, operation = OPERATIONS[name]
    status, answer = next(iter(operation["responses"].items()))
    content: dict[str, Any] = answer.get("content", {})
    example = next((media["example"] for media in content.values()), None)
    told = b"" if example is None else json.dumps(example).encode()
    described().validate_response(
        MockRequest(HOST, method, re.sub(r"{\w+}", "1", path)),
        MockResponse(told, status_code=int(status), content_type="application/json"),
    )


def _fields(fields: Any) -> list[Field]:
    return [one for field in fields for one in (field, *_fields(field.fields))]


def test_the_page_tells_the_fields_of_what_stands_in_another() -> None:
    entries = {each.id: each for section in sections(DOCUMENT) for each in section.entries}
    grants = next(field for field in entries["user-add"].body if field.name == "grants")
    assert [field.name for field in grants.fields] == [
        "repository_id",
        "package_id",
        "read",
        "write",
        "manage",
    ]
    source = next(field for field in entries["packages"].answers if field.name == "source")
    assert "provider" in [field.name for field in source.fields]


def test_the_page_tells_limits_choices_and_who_may(runtime: Any, application: Any) -> None:
    page: Browser = person(runtime, application, "ada@x.org", admin=True)
    words = " ".join(page.get("/api/docs").html.get_text(" ").split())
    assert "at least 1; at most 1000; 10 unless it is sent" in words
    assert "name | -name | total_downloads" in words
    assert "Administrators may. A token needs the ability api ." in words
    assert "curl -X POST" in words
