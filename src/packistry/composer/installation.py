"""What Composer installs a version by: type, autoload, bin, folders, extra.

Whatever would stop or mislead an installation refuses the version.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from packistry.composer.findings import Findings
from packistry.composer.json_text import described
from packistry.composer.text import has_unseen_characters, quoted

UNSET = "__unset"
"""The word by which the minified format removes a key; no value may be spelled so."""

_TYPE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}\Z")
_DRIVE = re.compile(r"[A-Za-z]:")
_PATH_SEPARATOR = re.compile(r"[/\\]+")
_MAPS = ("psr-0", "psr-4")
_LISTS = ("classmap", "files", "exclude-from-classmap")


def without_unset(value: Any) -> Any:
    """The same JSON value without any entry whose value is the text "__unset"."""
    if isinstance(value, dict):
        return {key: without_unset(item) for key, item in value.items() if item != UNSET}
    if isinstance(value, list):
        return [without_unset(item) for item in value if item != UNSET]
    return value


def read_installation(raw: Mapping[str, Any], dev: bool, findings: Findings) -> dict[str, Any]:
    """The type always; php-ext, autoload, extra, target-dir, include-path and bin where given."""
    read = {
        "type": _type(raw.get("type"), findings),
        "php-ext": _map(raw.get("php-ext"), "php-ext", findings),
        "autoload": _autoload(raw.get("autoload"), findings),
        "extra": _extra(raw.get("extra"), dev, findings),
        "target-dir": _target_dir(raw.get("target-dir"), findings),
        "include-path": _include_path(raw.get("include-path"), findings),
        "bin": _bin(raw.get("bin"), findings),
    }
    if read["target-dir"] and isinstance(read["autoload"], dict) and read["autoload"].get("psr-4"):
        findings.refuse("target-dir", "cannot be used together with autoload.psr-4")
    return {key: value for key, value in read.items() if value}


def check_path(path: str) -> str | None:
    """Why this path of a file in a package is refused. None: it stays inside the package."""
    if has_unseen_characters(path):
        return f"{quoted(path)} holds control characters"
    if _DRIVE.match(path):
        return f"{quoted(path)} names a drive"
    if ".." in _PATH_SEPARATOR.split(path):
        return f'{quoted(path)} holds ".."'
    return None


def _type(value: Any, findings: Findings) -> str:
    if value is None or value == "":
        return "library"
    if not isinstance(value, str):
        findings.refuse("type", f"must be a text, not {described(value)}")
    elif _TYPE.match(value.strip().lower()):
        return value.strip().lower()
    else:
        findings.leave_out("type", f"{quoted(value)} is not a word of a-z, 0-9, -, . and _")
    return "library"


def _map(value: Any, where: str, findings: Findings) -> Any:
    if value is not None and not isinstance(value, dict | list):
        findings.leave_out(where, f"it must be an object, not {described(value)}")
        return {}
    return value or {}


def _autoload(value: Any, findings: Findings) -> dict[str, Any]:
    if value is None or value == []:
        return {}
    if not isinstance(value, dict):
        findings.refuse("autoload", f"must be an object, not {described(value)}")
        return {}
    autoload: dict[str, Any] = {}
    for kind, paths in value.items():
        known = kind in _MAPS or kind in _LISTS
        where = f"autoload.{kind if known else quoted(kind).strip(chr(34))}"
        if not known:
            findings.leave_out(where, f"only {', '.join(_MAPS + _LISTS)} are known to Composer")
        elif not isinstance(paths, dict | list):
            findings.leave_out(where, f"it must be an object or a list, not {described(paths)}")
        else:
            _check_autoload_paths(paths, where, findings)
            autoload[kind] = paths
    _check_namespaces(autoload.get("psr-4", {}), findings)
    return autoload


def _check_autoload_paths(
    paths: dict[str, Any] | list[Any], where: str, findings: Findings
) -> None:
    for entry in _values(paths):
        for path in _values(entry) if isinstance(entry, dict | list) else [entry]:
            if not isinstance(path, str):
                findings.refuse(where, f"a path must be a text, not {described(path)}")


def _values(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _check_namespaces(psr4: dict[str, Any] | list[Any], findings: Findings) -> None:
    if isinstance(psr4, list) and psr4:
        findings.refuse("autoload.psr-4", "must map namespaces to paths")
        return
    for namespace in psr4:
        if namespace and not namespace.endswith("\\"):
            findings.refuse(
                "autoload.psr-4", f"the namespace {quoted(namespace)} must end with a backslash"
            )


def _extra(value: Any, dev: bool, findings: Findings) -> Any:
    extra = _map(value, "extra", findings)
    if not isinstance(extra, dict) or "branch-alias" not in extra:
        return extra
    aliases = extra["branch-alias"]
    kept = dict(extra)
    del kept["branch-alias"]
    if not aliases:
        return kept
    if not isinstance(aliases, dict):
        findings.leave_out("extra.branch-alias", "it must map branch versions to aliases")
        return kept
    kept["branch-alias"] = _branch_aliases(aliases, dev, findings)
    return kept


def _branch_aliases(aliases: dict[str, Any], dev: bool, findings: Findings) -> dict[str, str]:
    """The aliases that are texts. Composer stops at another one, but only in dev versions."""
    kept = {}
    for branch, alias in aliases.items():
        where = f"extra.branch-alias.{quoted(branch).strip(chr(34))}"
        if isinstance(alias, str):
            kept[branch] = alias
        elif dev:
            findings.refuse(where, f"the alias must be a text, not {described(alias)}")
        else:
            findings.leave_out(where, f"the alias must be a text, not {described(alias)}")
    return kept


def _target_dir(value: Any, findings: Findings) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        findings.refuse("target-dir", f"must be a text, not {described(value)}")
        return ""
    reason = check_path(value)
    if reason:
        findings.refuse("target-dir", reason)
    return value.strip("/")


def _include_path(value: Any, findings: Findings) -> list[str]:
    if value is None:
        return []
    paths = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(paths, list) or not all(_is_path(path) for path in paths):
        findings.refuse("include-path", "must be a list of texts")
        return []
    return [str(path) for path in paths]


def _is_path(value: Any) -> bool:
    """Composer takes numbers for texts here."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _bin(value: Any, findings: Findings) -> list[str]:
    """The files to link as commands, relative to the package."""
    if value is None:
        return []
    given = [value] if isinstance(value, str) else value
    files = list(given.values()) if isinstance(given, dict) else given
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        findings.refuse("bin", "must be a path or a list of paths")
        return []
    for file in files:
        reason = check_path(file)
        if reason:
            findings.refuse("bin", reason)
    return [file.lstrip("/") for file in files if file.lstrip("/")]
