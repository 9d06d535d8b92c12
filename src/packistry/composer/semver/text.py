r"""PHP's idea of strings, where it differs from Python's.

`$` in PHP's patterns also matches before one final newline, `.` never matches a newline, `\d`,
`\s` and case are ASCII, and `trim()` leaves form feeds alone. Composer's grammar depends on all
four, so patterns here end in `END` and are compiled with `re.ASCII`.
"""

END = r"\n?\Z"


def trim(text: str) -> str:
    """PHP's `trim()`."""
    return text.strip(" \t\n\r\0\x0b")


def last_line(text: str) -> str:
    """The part that a PHP pattern ending in `$` and using only `.` can see."""
    return text.removesuffix("\n").rpartition("\n")[2]
