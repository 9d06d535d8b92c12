"""From rows and bytes of git to the values others use."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from packistry.git.objects import REGULAR, ObjectReader, TreeEntry
from packistry.git.redaction import is_control
from packistry.git.refs import Ref, RefKind, RefusedRef, name_fault, printable
from packistry.git.transport import HEADS, TAGS

LAST_SECOND = 253402300799  # of the year 9999

# Best first; Markdown is what can be shown as more than text.
_README_ENDINGS = (b".md", b".markdown", b".txt", b"", b".rst")


def refs_of(rows: Iterable[Sequence[bytes]], reader: ObjectReader) -> Iterator[Ref | RefusedRef]:
    """Refs from the rows of `BareRepository.described_refs`."""
    for full, kind, oid, authored, tagged_kind, tagged_oid, tagged_authored in rows:
        is_branch = full.startswith(HEADS)
        ref_kind = RefKind.BRANCH if is_branch else RefKind.TAG
        name = full.removeprefix(HEADS if is_branch else TAGS)
        fault = name_fault(name)
        commit: tuple[str, int] | None = None
        if fault is None and kind == b"commit":
            commit = oid.decode("ascii"), _number(authored)
        elif fault is None and tagged_kind == b"commit":
            commit = tagged_oid.decode("ascii"), _number(tagged_authored)
        elif fault is None and tagged_kind == b"tag":
            peeled = reader.peel(tagged_oid.decode("ascii"))
            commit = (peeled.id, peeled.authored) if peeled else None
        if commit is None:
            reason = fault or "It does not point to a commit."
            yield RefusedRef(kind=ref_kind, name=printable(name), reason=reason)
        else:
            yield Ref(
                kind=ref_kind,
                name=name.decode("utf-8"),
                commit=commit[0],
                committed_at=moment(commit[1]),
            )


def moment(seconds: int) -> datetime:
    """Seconds since 1970 as a time in UTC; what a calendar cannot hold becomes its nearest end."""
    return datetime.fromtimestamp(min(max(seconds, 0), LAST_SECOND), UTC)


def parts_of(path: str) -> list[bytes] | None:
    """The names of a path below a tree, [] for ""; None if no file of a package has such a path."""
    if not path:
        return []
    parts = path.strip("/").split("/")
    if any(part in {"", ".", ".."} or any(map(is_control, part)) for part in parts):
        return None
    try:
        return [part.encode("utf-8") for part in parts]
    except UnicodeEncodeError:
        return None


def readme_entry(entries: Iterable[TreeEntry]) -> TreeEntry | None:
    """The readme among a folder's entries, in whatever case it is written."""
    found = {
        entry.name.lower(): entry
        for entry in entries
        if entry.mode in REGULAR and entry.name.lower().startswith(b"readme")
    }
    names = (b"readme" + ending for ending in _README_ENDINGS)
    return next((found[name] for name in names if name in found), None)


def decode_text(data: bytes) -> str:
    """Text in whatever encoding it is meant to be: UTF-8, with marks where it is not."""
    return data.decode("utf-8-sig", "replace")


def _number(text: bytes) -> int:
    return int(text) if text.lstrip(b"-").isdigit() else 0
