"""The upload of a zip: POST {repo}/{vendor}/{name} with the form's `file` and `version`."""

import tempfile

from pyramid.request import Request
from pyramid.response import Response

from packistry.errors import Forbidden
from packistry.services.reads import Access
from packistry.services.uploads import Published, Uploads
from packistry.web import answers
from packistry.web.multipart import read_form
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
    with tempfile.TemporaryFile(dir=settings.root) as file:
        texts = read_form(
            request.environ, file, file_field=FILE, max_bytes=settings.max_archive_bytes
        )
        version = texts.get("version", "")[: LONGEST_VERSION + 1]
        published = uploads.publish(entrance.actor, path, name, file, version=version)
    return _answer(published)


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
