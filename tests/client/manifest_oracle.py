"""Debian's Composer, asked many questions in one PHP process."""

import base64
import json
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("manifest_oracle.php")


def ask(questions: Iterable[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """One answer for each question; it has the key "error" where PHP threw something."""
    lines = "".join(json.dumps(question, allow_nan=False) + "\n" for question in questions)
    done = subprocess.run(
        ["php", "-d", "display_errors=stderr", str(SCRIPT)],
        input=lines.encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=240,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def decode(text: bytes) -> dict[str, Any]:
    return {"ask": "decode", "text": base64.b64encode(text).decode()}


def as_php(value: Any) -> Any:
    """The value as PHP writes it back: its arrays do not tell lists from maps."""
    if isinstance(value, dict):
        if list(value) == [str(number) for number in range(len(value))]:
            return [as_php(item) for item in value.values()]
        return {key: as_php(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_php(item) for item in value]
    return value
