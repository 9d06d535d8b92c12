"""The JSON that a request brings."""

import json
from collections.abc import Collection
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel
from pyramid.request import Request

from packistry.errors import Invalid
from packistry.inputs import read_json
from packistry.web.errors import BadRequest

M = TypeVar("M", bound=BaseModel)

LONGEST_BODY = 1024 * 1024
NUL = "\0"


def document(request: Request, model: type[M], passed_over: Collection[str] = ()) -> M:
    """What the body says, without fields that are `passed_over`.

    Raises BadRequest where it cannot be read, and Invalid.
    """
    if request.content_type not in ("application/json", ""):
        raise BadRequest("Send JSON, with Content-Type: application/json.", status=415)
    if (request.content_length or 0) > LONGEST_BODY:
        raise BadRequest("The body is too large.", status=413)
    # Of what is no larger no files are made, which somebody would have to close.
    request.request_body_tempfile_limit = 2 * LONGEST_BODY
    body: bytes = request.body or b"{}"
    try:
        found = json.loads(body.decode(), parse_constant=_refuse)
        text = _is_text(found)
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON.") from None
    if not isinstance(found, dict):
        raise Invalid("The body must be a JSON object.")
    if not text:
        raise Invalid("The body holds characters that are not text.")
    if passed_over:
        body = json.dumps({k: v for k, v in found.items() if k not in passed_over}).encode()
    return read_json(model, body)


def _refuse(_word: str) -> NoReturn:
    raise ValueError


def _is_text(found: Any) -> bool:
    """Not every database takes NUL, and none takes half of a surrogate pair."""
    if isinstance(found, str):
        return NUL not in found and not any("\ud800" <= each <= "\udfff" for each in found)
    if isinstance(found, dict):
        return all(_is_text(each) for pair in found.items() for each in pair)
    return not isinstance(found, list) or all(_is_text(each) for each in found)
