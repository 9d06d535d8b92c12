"""Whether this process runs, and whether it can work."""

import logging

from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy.exc import SQLAlchemyError

from packistry.errors import PackistryError
from packistry.web import answers
from packistry.web.errors import response
from packistry.web.parts import Parts

log = logging.getLogger(__name__)


def healthz(_request: Request) -> Response:
    """The process answers."""
    return _ok()


def readyz(request: Request) -> Response:
    """The database answers, has its tables, and the storage plugin is there."""
    parts: Parts = request.parts
    try:
        parts.reads.generation()
        parts.runtime.storage.exists("ready/probe")
    except (SQLAlchemyError, PackistryError, OSError, parts.reads.driver_error):
        log.warning("Not ready.", exc_info=True)
        return response(answers.error(503, "The database or the storage does not answer."))
    return _ok()


def _ok() -> Response:
    headers = [("Content-Type", answers.JSON), ("Cache-Control", "no-store")]
    return Response(headerlist=headers, body=b'{"status":"ok"}')
