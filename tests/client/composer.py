"""The real `composer`, in a project and a home of its own."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Composer:
    """A PHP project. Its repositories are only those given: packagist.org is out of reach."""

    folder: Path
    home: Path

    def run(self, *arguments: str, fails: bool = False, auth: dict[str, Any] | None = None) -> str:
        """All that it prints. AssertionError when it does not end as expected."""
        return self._run(["composer", "--no-ansi", *arguments], fails, auth)

    def paste(self, command: str) -> str:
        """What a shell prints into which somebody pasted the command."""
        return self._run(["sh", "-c", command], False, None)

    def _run(self, command: list[str], fails: bool, auth: dict[str, Any] | None) -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "COMPOSER_HOME": str(self.home),
            "COMPOSER_ALLOW_SUPERUSER": "1",
            "COMPOSER_NO_INTERACTION": "1",
            "COMPOSER_DISABLE_XDEBUG_WARN": "1",
            # unzip writes names that are not ASCII as the locale has them.
            "LC_ALL": "C.UTF-8",
        }
        if auth is not None:
            environment["COMPOSER_AUTH"] = json.dumps(auth)
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert (done.returncode != 0) == fails, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def lock(self) -> dict[str, dict[str, Any]]:
        """The locked packages by name."""
        lock = json.loads((self.folder / "composer.lock").read_text())
        return {package["name"]: package for package in lock["packages"]}

    def vendor(self, name: str) -> Path:
        return self.folder / "vendor" / name


def project(folder: Path, *repositories: str | dict[str, Any], **manifest: Any) -> Composer:
    """A new project in `folder` that uses the repositories at these URLs, in this order."""
    path, home = folder / "project", folder / "home"
    path.mkdir(parents=True)
    home.mkdir()
    listed = [
        {"type": "composer", "url": each} if isinstance(each, str) else each
        for each in repositories
    ]
    (path / "composer.json").write_text(
        json.dumps(
            {
                "repositories": [*listed, {"packagist.org": False}],
                "config": {"secure-http": False, "allow-plugins": False},
                **manifest,
            }
        )
    )
    return Composer(folder=path, home=home)
