"""Faults as answers. No other module knows which status code an error has."""

import json
import logging
import secrets
from collections.abc import Callable
from functools import singledispatch

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request
from pyramid.response import Response

from packistry.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PackistryError,
    Unavailable,
    no_room,
)
from packistry.plugin import errors as plugin_errors
from packistry.services.quotas import BeyondQuota, QuotaUsed
from packistry.services.throttle import Throttled
from packistry.services.tokens import BadToken
from packistry.web import answers, headers
from packistry.web.answers import Answer
from packistry.web.security import Refused

log = logging.getLogger(__name__)

ROOT_DOCUMENT = "/packages.json"

NO_ROOM = "The server has no room left on its disk. Its operator has to make some."

_NOT_TEXT = answers.error(400, "The address holds bytes that are not text.")


class BadRequest(PackistryError):
    """A request that cannot be read: 400, or another status of that kind."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def response(answer: Answer) -> Response:
    """An answer for Pyramid."""
    return Response(status=answer.status, headerlist=answer.headers[:], body=answer.body)


@singledispatch
def answer_of(error: Exception) -> Answer:
    """What the client is told. Of a bug, or a dependency that is away, the log has the details."""
    if no_room(error):
        log.error("The disk is full", exc_info=error)
        return answers.error(507, NO_ROOM, warn=True)
    number = secrets.token_hex(6)
    log.error("Fault %s", number, exc_info=error)
    message = f"Something went wrong here. The server's log says more under number {number}."
    return answers.error(500, message)


@answer_of.register
def _(error: Refused) -> Answer:
    return error.answer


@answer_of.register
def _(error: BadRequest) -> Answer:
    return answers.error(error.status, str(error), warn=True)


@answer_of.register
def _(_error: BadToken) -> Answer:
    return answers.BAD_TOKEN


@answer_of.register
def _(error: Invalid) -> Answer:
    fields = {error.field or "input": [str(error)]}
    return answers.error(422, str(error), warn=True, extra={"errors": fields})


@answer_of.register
def _(error: Conflict) -> Answer:
    return answers.error(409, str(error), warn=True)


@answer_of.register
def _(error: Forbidden) -> Answer:
    return answers.error(403, str(error), warn=True)


@answer_of.register
def _(error: NotFound) -> Answer:
    return answers.error(404, str(error), warn=True)


@answer_of.register
def _(error: Unavailable) -> Answer:
    later = {"Retry-After": str(error.retry_after)}
    return answers.error(503, str(error), warn=True, headers=later)


@answer_of.register
def _(error: Throttled) -> Answer:
    later = {"Retry-After": str(error.retry_after)}
    return answers.error(429, str(error), warn=True, headers=later)


@answer_of.register
def _(error: QuotaUsed) -> Answer:
    later = {"Retry-After": str(error.retry_after)}
    return answers.error(429, str(error), warn=True, headers=later)


@answer_of.register
def _(error: BeyondQuota) -> Answer:
    return answers.error(413, str(error), warn=True)


@answer_of.register
def _(error: plugin_errors.PluginError) -> Answer:
    return answers.error(422, str(error), warn=True)


@answer_of.register
def _(error: plugin_errors.Unavailable) -> Answer:
    return answers.error(503, str(error), warn=True, headers={"Retry-After": "5"})


@answer_of.register
def _(_error: HTTPNotFound) -> Answer:
    return answers.NOT_FOUND


def failed(error: Exception, request: Request) -> Response:
    """The view of every fault."""
    if isinstance(error, HTTPNotFound) and request.environ["PATH_INFO"].endswith(ROOT_DOCUMENT):
        # What composer asks first of a repository whose URL was mistyped.
        return response(answers.NO_REPOSITORY_HERE)
    return response(answer_of(error))


def status_of(error: Exception) -> int:
    """The status code of a fault."""
    return told(error)[0]


def told(error: Exception) -> tuple[int, str]:
    """(status code, the sentence for whoever asked) of a fault, for a page."""
    answer = answer_of(error)
    message: str = json.loads(answer.body)["message"]
    return int(answer.status.partition(" ")[0]), message


Handler = Callable[[Request], Response]


def readable_only(handler: Handler, _registry: object) -> Handler:
    """A tween: a path or query that is not UTF-8, or holds NUL, is a bad request everywhere.

    What comes back does nothing if a browser shows it, unless it is a page and says so itself.
    """

    def tween(request: Request) -> Response:
        try:
            # Both decode when they are read, and raise where nobody expects it.
            texts = [request.path_info, *(text for pair in request.GET.items() for text in pair)]
        except UnicodeDecodeError:
            return response(_NOT_TEXT)
        if any("\0" in text for text in texts):
            return response(_NOT_TEXT)
        answer = handler(request)
        headers.protect_data(answer)
        return answer

    return tween


def includeme(config: Configurator) -> None:
    """Registers the tween."""
    config.add_tween("packistry.web.errors.readable_only")
