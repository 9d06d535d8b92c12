"""The commands of docs/operations.md, and places to execute them in as they stand."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import free_port, running

PAGE = (Path(__file__).parents[1] / "docs" / "operations.md").read_text()
SECONDS = 120
URL = "http://packages.test"


def recipe(section: str, tool: str = "") -> list[str]:
    """The lines of the first commands below a heading; with a tool, the one line that runs it."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    first, *others = re.findall(r"(?ms)^```sh\n(.*?)^```", text)
    if not tool:
        return list(first.splitlines())
    return [line for block in others for line in block.splitlines() if line.split()[0] == tool]


class Place:
    """A data directory, and a shell whose commands work on it."""

    def __init__(self, folder: Path, data: Path, **more: str) -> None:
        self.data = data
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PACKISTRY_")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PACKISTRY_DATA_DIR": str(data),
            "PACKISTRY_GIT_LOCAL_ROOTS": str(folder),
            "PACKISTRY_URL": URL,
            "DATA": str(folder / "data"),
            "BACKUP": str(folder / "backup"),
            "NEW": str(folder / "new"),
            **more,
        }

    def run(self, *lines: str) -> str:
        done = subprocess.run(
            ["sh", "-euc", "\n".join(lines)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its server; where it listens."""
        port = free_port()
        settings = [f"{k}={v}" for k, v in self.environment.items() if k.startswith("PACKISTRY_")]
        command = [
            *("env", *settings, "PACKISTRY_WORKERS=0"),
            *(str(Path(sys.executable).parent / "packistry"), "serve"),
            *("--listen", f"127.0.0.1:{port}"),
        ]
        with running(command, port=port, log=self.data.with_suffix(".log")):
            yield f"http://127.0.0.1:{port}"


def release(upstream: Path, tag: str) -> None:
    (upstream / "composer.json").write_text(f'{{"name": "acme/lib", "description": "{tag}"}}')
    git = ["git", "-C", str(upstream), "-c", "user.name=Jo", "-c", "user.email=jo@x.org"]
    for line in ("add .", f"commit -qm {tag}", f"tag {tag}"):
        subprocess.run([*git, *line.split()], check=True)
