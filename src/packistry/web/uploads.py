"""The upload of a zip: POST {repo}/{vendor}/{name} with the form's `file` and `version`."""

from io import SEEK_END

from pyramid.request import Request
from pyramid.response import Response

from packistry.errors import Forbidden, Invalid
from packistry.models import Via
from packistry.scratch import scratch_file
from packistry.services.audit import Author
from packistry.services.quotas import Uploader, counting
from packistry.services.reads import Access
from packistry.services.uploads import Published, Uploads
from packistry.settings import Settings
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
    address = request.environ.get("REMOTE_ADDR") or ""
    uploads = Uploads(parts.runtime, Author(actor=entrance.actor, via=Via.API, address=address))
    try:
        uploads.allow(path, name)
    except Forbidden:
        if entrance.reader.access is Access.ABSENT:
            raise Refused(answers.NO_REPOSITORY) from None
        raise
    if entrance.reader.token_id is not None:
        parts.tally.used(entrance.reader.token_id)
    settings = parts.runtime.settings
    who = _limited(settings, entrance.reader.token_id)
    if who is not None:
        # Refused before it is read, if it is too much in any case.
        least, limited = max(1, (request.content_length or 0) - MARGIN), who
        parts.runtime.attempt(lambda services: services.quotas.check(limited, least))
    with scratch_file(settings.root) as file:
        texts = read_form(
            request.environ, file, file_field=FILE, max_bytes=settings.max_archive_bytes
        )
        if not file.tell():
            raise Invalid(f'The form has no "{FILE}", or an empty one.', field=FILE)
        version = texts.get("version", "")[: LONGEST_VERSION + 1]
        with counting(parts.runtime, who, file.seek(0, SEEK_END)) as taken:
            published = uploads.publish(path, name, file, version=version)
            taken.stored = published.created
    return _answer(published)


def _limited(settings: Settings, token_id: int | None) -> Uploader | None:
    """Whose uploads are counted; None where nobody's are."""
    if not settings.upload_bytes_a_day or token_id is None:
        return None
    return Uploader(token_id=token_id)


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
