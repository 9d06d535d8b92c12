"""Why a version or a constraint was refused, in a sentence that is safe to show."""


class InvalidVersion(ValueError):
    """Composer could not read this version. `reason` is printable ASCII of bounded length."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidConstraint(ValueError):
    """Composer could not read this constraint. `reason` is printable ASCII of bounded length."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def quoted(text: str) -> str:
    """The first 80 characters in quotes, everything but printable ASCII escaped."""
    return ascii(text[:80]) + ("..." if len(text) > 80 else "")
