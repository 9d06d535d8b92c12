"""The `composer/2.0` form of a list of versions: each as its difference from the one before."""

from typing import Any, TypeAlias

VersionData: TypeAlias = dict[str, Any]

_UNSET = "__unset"


def minify(versions: list[VersionData]) -> list[VersionData]:
    """The first version in full, of each later one the keys that changed; gone ones `__unset`.

    A value counts as changed unless type, value and order of keys are the same, as in PHP's
    `===`. None is a value. The value `__unset` at top level means that there is no such key.
    The versions are JSON values; nested ones are shared with the result, nothing is changed.
    """
    minified: list[VersionData] = []
    running: VersionData = {}
    for version in versions:
        present = {key: value for key, value in version.items() if value != _UNSET}
        changed = {
            key: value
            for key, value in present.items()
            if key not in running or not _is_identical(running[key], value)
        }
        gone = [key for key in running if key not in present]
        minified.append(changed | dict.fromkeys(gone, _UNSET))
        running |= changed
        for key in gone:
            del running[key]
    return minified


def expand(versions: list[VersionData]) -> list[VersionData]:
    """The inverse of `minify`: every version in full. Nested values are shared with `versions`."""
    running: VersionData = {}
    expanded: list[VersionData] = []
    for version in versions:
        merged = running | version
        running = {key: value for key, value in merged.items() if value != _UNSET}
        expanded.append(running)
    return expanded


def _is_identical(left: object, right: object) -> bool:
    if isinstance(left, str):
        return left == right
    # A stack, not recursion: manifests may nest deeper than Python calls.
    pairs: list[tuple[object, object]] = [(left, right)]
    while pairs:
        left, right = pairs.pop()
        if type(left) is not type(right):
            return False
        if isinstance(left, dict) and isinstance(right, dict):
            if list(left) != list(right):
                return False
            pairs.extend(zip(left.values(), right.values(), strict=True))
        elif isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return False
            pairs.extend(zip(left, right, strict=True))
        elif left != right:
            return False
    return True
