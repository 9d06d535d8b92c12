"""Which files an archive may hold: names and links that stay inside it on every system."""

import re
import unicodedata
from collections.abc import Mapping

from packistry.composer.text import has_unseen_characters, quoted

MAX_NAME_BYTES = 1024
MAX_LEVELS = 64
MAX_LINK_BYTES = 4096
_MAX_HOPS = 40

_DRIVE = re.compile(r"[A-Za-z]:")
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])[ ]*(?:[.:]|\Z)",
    re.IGNORECASE,
)
# HFS+ does not see these, so that ".g\u200cit" is ".git" there.
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_SHORT_GIT = re.compile(r"git~[0-9]+\Z")


class UnsafeArchive(ValueError):
    """An archive that is refused as it is. `reason` is a sentence for whoever made it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnsafeMember(UnsafeArchive):
    """A name or link that would leave the archive, or be another file, on some system."""


def safe_member(name: str) -> None:
    """Raise UnsafeMember unless a file of this relative path is the same file everywhere.

    `name` uses "/" and has none at its end.
    """
    _check_whole(name)
    for part in name.split("/"):
        reason = _part_fault(part)
        if reason:
            raise UnsafeMember(f"the name {quoted(name)} {reason}")


def folded(name: str) -> str:
    """The name as file systems compare it that know neither case nor composed characters.

    Nor dots and spaces at the end of a part, which Windows drops.
    """
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return "/".join(part.rstrip(". ") or part for part in plain.split("/"))


def safe_links(links: Mapping[str, str]) -> None:
    """Raise UnsafeMember unless every symlink stays inside.

    `links` holds all of them: path below the package's folder to target. Links through other
    links are followed as a file system does, without regard to case.
    """
    targets = {folded(path): target for path, target in links.items()}
    for path, target in links.items():
        _check_target(path, target)
        _follow(path, targets)


def _check_whole(name: str) -> None:
    try:
        size = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        raise UnsafeMember(f"the name {quoted(name)} is not Unicode") from None
    if not name:
        raise UnsafeMember("a name is empty")
    if size > MAX_NAME_BYTES:
        raise UnsafeMember(f"the name {quoted(name)} is longer than {MAX_NAME_BYTES} bytes")
    if name.count("/") >= MAX_LEVELS:
        raise UnsafeMember(f"the name {quoted(name)} is deeper than {MAX_LEVELS} levels")
    if has_unseen_characters(name):
        raise UnsafeMember(f"the name {quoted(name)} holds control characters")
    if "\\" in name:
        raise UnsafeMember(f"the name {quoted(name)} holds a backslash")
    if name.startswith("/"):
        raise UnsafeMember(f"the name {quoted(name)} is absolute")


def _part_fault(part: str) -> str | None:
    if not part:
        return "has an empty part"
    if not part.rstrip(". "):
        return f'has the part "{part}"'
    if _DRIVE.match(part):
        return "names a drive"
    if _DEVICE.match(part):
        return "names a Windows device"
    if _is_git(part):
        return "is inside a .git folder"
    return None


def _is_git(part: str) -> bool:
    seen = _IGNORED_BY_HFS.sub("", part).partition(":")[0].rstrip(". ").casefold()
    return seen == ".git" or _SHORT_GIT.match(seen) is not None


def _check_target(path: str, target: str) -> None:
    link = f"the link {quoted(path)} to {quoted(target)}"
    if not target or len(target.encode("utf-8", "replace")) > MAX_LINK_BYTES:
        raise UnsafeMember(f"the link {quoted(path)} has no usable target")
    if has_unseen_characters(target) or "\\" in target:
        raise UnsafeMember(f"{link} holds control characters or a backslash")
    if target.startswith("/") or any(_DRIVE.match(part) for part in target.split("/")):
        raise UnsafeMember(f"{link} is absolute")
    if any(_is_git(part) for part in target.split("/")):
        raise UnsafeMember(f"{link} points into a .git folder")


def _follow(path: str, targets: Mapping[str, str]) -> None:
    """Walk from the link part by part; raise once it leaves the folder or never ends."""
    todo = path.split("/")
    todo.reverse()
    reached: list[str] = []
    hops = 0
    while todo:
        part = todo.pop()
        if part in {"", "."}:
            continue
        if not part.rstrip(". "):
            if part != ".." or not reached:
                raise UnsafeMember(f"the link {quoted(path)} leaves the package")
            reached.pop()
            continue
        target = targets.get(folded("/".join([*reached, part])))
        if target is None:
            reached.append(part)
            continue
        hops += 1
        if hops > _MAX_HOPS:
            raise UnsafeMember(f"the link {quoted(path)} leads through too many links")
        todo.extend(reversed(target.split("/")))
