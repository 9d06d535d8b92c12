"""The upload of a zip: POST {repo}/{vendor}/{name} with the form's `file` and `version`."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import SEEK_END
from typing import BinaryIO

from pyramid.request import Request
from pyramid.response import Response

from packistry.errors import Forbidden
from packistry.services.reads import Access
from packistry.services.transactions import Transactions
from packistry.services.uploads import Published, Uploads
from packistry.web import answers
from packistry.web.multipart import MARGIN, read_form
from packistry.web.parts import Parts
from packistry.web.security import Refused, claimed_token, no_credentials, repository

FILE = "file"
LONGEST_VERSION = 300


def upload(request: Request) -> Response:
    """Answers with the version as the PHP Packistry does: 201, or 200 if it was there before."""
    parts: Parts = request.parts
    path, name = repository(request), f"{request.matchdict['vendor']}/{request.matchdict['name']}"
    entrance = parts.reads.entrance(claimed_token(request), path)
    if entrance.reader.access is Access.BAD_TOKEN:
        raise Refused(answers.BAD_TOKEN)
    if entrance.actor.anonymous:
        raise Refused(no_credentials(request.parts, request.environ))
    uploads = Uploads(parts.runtime)
    try:
        uploads.allow(entrance.actor, path, name)
    except Forbidden:
        if entrance.reader.access is Access.ABSENT:
            raise Refused(answers.NO_REPOSITORY) from None
        raise
    if entrance.reader.token_id is not None:
        parts.tally.used(entrance.reader.token_id)
    settings = parts.runtime.settings
    limited = entrance.reader.token_id if settings.upload_bytes_a_day else None
    quota = _Quota(parts.runtime, limited)
    quota.check(request.content_length or 0)
    with tempfile.TemporaryFile(dir=settings.root) as file:
        texts = read_form(
            request.environ, file, file_field=FILE, max_bytes=settings.max_archive_bytes
        )
        version = texts.get("version", "")[: LONGEST_VERSION + 1]
        with quota.counting(file) as taken:
            published = uploads.publish(entrance.actor, path, name, file, version=version)
            taken.stored = published.created
    return _answer(published)


@dataclass(kw_only=True)
class _Taken:
    """Bytes that are counted. They are given back unless they were `stored`."""

    stored: bool = False


class _Quota:
    """What one token may upload today. None: it is not limited."""

    def __init__(self, transactions: Transactions, token_id: int | None) -> None:
        self._transactions = transactions
        self._token_id = token_id

    def check(self, length: int) -> None:
        """Refuse a request of this length before it is read, if it is too much in any case."""
        token = self._token_id
        if token is not None:
            least = max(1, length - MARGIN)
            self._transactions.attempt(lambda services: services.quotas.check(token, least))

    @contextmanager
    def counting(self, file: BinaryIO) -> Iterator[_Taken]:
        """Count the file while the body runs, and longer when it was stored."""
        taken, token = _Taken(), self._token_id
        size = file.seek(0, SEEK_END)
        if token is None:
            yield taken
            return
        day = self._transactions.attempt(lambda services: services.quotas.take(token, size))
        try:
            yield taken
        finally:
            if not taken.stored:
                self._transactions.attempt(
                    lambda services: services.quotas.give_back(token, size, day)
                )


def _answer(published: Published) -> Response:
    body = {
        "id": published.id,
        "package_id": published.package_id,
        "name": published.name,
        "shasum": published.shasum,
        "total_downloads": 0,
        "created_at": published.created_at.isoformat(),
        "updated_at": published.updated_at.isoformat(),
    }
    return Response(
        status=201 if published.created else 200,
        headerlist=[("Content-Type", answers.JSON), ("Cache-Control", "no-store")],
        body=answers.json_bytes(body),
    )
