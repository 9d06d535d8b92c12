"""Range requests for a file that never changes: one range, or the whole."""

import re
from dataclasses import dataclass

_ONE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Span:
    """Bytes from `start` to `end`, the end not included, of `size`."""

    start: int
    end: int
    size: int

    @property
    def length(self) -> int:
        return self.end - self.start

    @property
    def partial(self) -> bool:
        return self.length < self.size


class Unsatisfiable(ValueError):
    """A range that lies behind the end."""


def span(header: str | None, if_range: str | None, etag: str, size: int) -> Span:
    """What to send. Raises Unsatisfiable.

    Several ranges, and a header that cannot be read, get the whole, as does an If-Range that names
    other bytes (or a date: none was sent).
    """
    whole = Span(start=0, end=size, size=size)
    if header is None or (if_range is not None and if_range.strip() != etag):
        return whole
    matched = _ONE.match(header.strip())
    if matched is None or matched[0] == "bytes=-":
        return whole
    first, last = matched.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return whole
    if start >= size or start >= end:
        raise Unsatisfiable(header)
    return Span(start=start, end=end, size=size)
