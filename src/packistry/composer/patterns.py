"""Package name patterns as Composer writes them: `*` stands for any run of characters."""


class Pattern:
    """Matches whole names, without regard to case, in time linear in the name's length."""

    def __init__(self, text: str) -> None:
        self._pieces = text.lower().split("*")

    def matches(self, name: str) -> bool:
        name = name.lower()
        first, *middle = self._pieces
        if not middle:
            return name == first
        last = middle.pop()
        if len(name) < len(first) + len(last):
            return False
        if not name.startswith(first) or not name.endswith(last):
            return False
        position, end = len(first), len(name) - len(last)
        for piece in middle:
            found = name.find(piece, position, end)
            if found < 0:
                return False
            position = found + len(piece)
        return True
