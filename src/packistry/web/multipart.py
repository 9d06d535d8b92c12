"""An uploaded form: its file onto disk as it comes in, its texts within limits."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import multipart

from packistry.web.addresses import Environ
from packistry.web.errors import BadRequest

MOST_PARTS = 1000
LONGEST_TEXT = 64 * 1024
CHUNK = 64 * 1024
# Boundaries, part headers and texts beside the file.
MARGIN = 1024 * 1024


def read_form(
    environ: Environ, file: BinaryIO, *, file_field: str, max_bytes: int
) -> dict[str, str]:
    """The texts of the multipart form in the request's body; its file is written to `file`.

    Raises BadRequest: it is no such form, or the file has more than `max_bytes`. A form without
    the file leaves `file` empty.
    """
    boundary = _boundary(environ)
    reading = _Reading(file=file, file_field=file_field, max_bytes=max_bytes)
    try:
        with multipart.PushMultipartParser(
            boundary, max_segment_count=MOST_PARTS, max_header_count=8, strict=True
        ) as parser:
            for chunk in _chunks(environ, max_bytes + MARGIN):
                for event in parser.parse(chunk):
                    reading.take(event)
        return reading.texts()
    except multipart.ParserLimitReached as error:
        raise BadRequest(f"The form is beyond a limit: {error}.", status=413) from None
    except (multipart.MultipartError, UnicodeDecodeError):
        raise BadRequest("The body is not a complete multipart/form-data form.") from None


class _Reading:
    """The form so far."""

    def __init__(self, *, file: BinaryIO, file_field: str, max_bytes: int) -> None:
        self._file = file
        self._file_field = file_field
        self._max_bytes = max_bytes
        self._has_file = False
        self._written = 0
        self._name = ""
        self._texts: dict[str, bytearray] = {}

    def take(self, event: Any) -> None:
        """An event of the parser: a part begins, some of its bytes, or (None) it ends."""
        if event is None:
            return
        if isinstance(event, (bytes, bytearray)):
            self._take_bytes(event)
            return
        self._name = event.name
        if self._name == self._file_field:
            if self._has_file:
                raise BadRequest(f'The form has more than one "{self._file_field}".')
            self._has_file = True
        else:
            self._texts[self._name] = bytearray()

    def _take_bytes(self, some: bytes | bytearray) -> None:
        if self._name == self._file_field:
            self._written += len(some)
            if self._written > self._max_bytes:
                raise BadRequest(f"The file is larger than {self._max_bytes} bytes.", status=413)
            self._file.write(some)
            return
        text = self._texts[self._name]
        text += some
        if len(text) > LONGEST_TEXT:
            raise BadRequest("A field of the form is too long.", status=413)

    def texts(self) -> dict[str, str]:
        return {name: text.decode("utf-8") for name, text in self._texts.items()}


def _boundary(environ: Environ) -> str:
    kind, options = multipart.parse_options_header(environ.get("CONTENT_TYPE", ""))
    boundary: str = options.get("boundary", "")
    if kind != "multipart/form-data" or not boundary or not boundary.isascii():
        raise BadRequest("The body must be multipart/form-data.", status=415)
    return boundary


def _chunks(environ: Environ, most: int) -> Iterator[bytes]:
    length = environ.get("CONTENT_LENGTH", "")
    left = int(length) if length.isascii() and length.isdigit() else 0
    if left > most:
        raise BadRequest("The body is too large.", status=413)
    body = environ["wsgi.input"]
    while left > 0:
        chunk: bytes = body.read(min(CHUNK, left))
        if not chunk:
            return
        left -= len(chunk)
        yield chunk
