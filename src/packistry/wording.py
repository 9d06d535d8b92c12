"""Numbers as people read them."""


def grouped(number: int) -> str:
    """1234567 -> "1,234,567"."""
    return f"{number:,}"


def plural(number: int, one: str, many: str = "") -> str:
    """(1, "package") -> "1 package", (2, …) -> "2 packages"."""
    return f"{grouped(number)} {one if number == 1 else many or one + 's'}"
