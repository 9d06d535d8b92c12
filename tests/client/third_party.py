"""Strangers' plugins, installed by pip into a folder of their own, and the host of one of them."""

import hashlib
import io
import json
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.client.installation import PACKISTRY, Installation

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text("utf-8")
# The tutorial itself: its files, and the commands that end it.
FILES = dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)```$", PAGE, re.DOTALL | re.MULTILINE))
COMMANDS = re.findall(r"^packistry (.*)$", PAGE, re.MULTILINE)
TOKEN = "s3cret-t0ken"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def pip_install(site: Path, *distributions: Path) -> Path:
    """Install them, and nothing else, into the folder `site`; that folder."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(site)]
    command = [sys.executable, "-m", "pip", "install", *options, *map(str, distributions)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return site


def beside(installation: Installation, site: Path) -> Installation:
    """The installation, with the plugins in `site` installed."""
    return replace(installation, environment={**installation.environment, "PYTHONPATH": str(site)})


def command(installation: Installation, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `packistry`, however it ends."""
    return subprocess.run(
        [*PACKISTRY, *arguments],
        env=installation.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@dataclass(kw_only=True)
class Web:
    """Files by path that a web server gives, to who has `token` if there is one; what it saw."""

    port: int = 0
    token: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def web(token: str = "") -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_arguments: Any) -> None:
            pass

        def do_GET(self) -> None:
            served.seen.append((self.path, dict(self.headers)))
            wanted = f"Bearer {served.token}" if served.token else None
            body = served.files.get(self.path.partition("?")[0])
            if self.headers.get("Authorization") != wanted:
                self.send_error(401)
            elif body is None:
                self.send_error(404)
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served = Web(port=server.server_address[1], token=token)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(kw_only=True)
class Shelf:
    """The place that the tutorial's plugin imports from: projects below /code of a web server."""

    web: Web

    @property
    def url(self) -> str:
        return f"{self.web.url}/code"

    def publish(self, project: str, version: str, **files: str) -> None:
        """Add a version of acme/{project} with these PHP files below src."""
        texts = {f"src/{name}.php": text for name, text in files.items()}
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("composer.json", json.dumps({"name": f"acme/{project}"}))
            for name, text in texts.items():
                archive.writestr(name, text)
        digest = hashlib.sha256(packed.getvalue()).hexdigest()
        self.web.files[f"/code/{project}/{digest}.zip"] = packed.getvalue()
        self._append(f"/code/{project}/versions.json", _entry(version, digest))
        if project not in json.loads(self.web.files.get("/code/index.json", b"[]")):
            self._append("/code/index.json", project)

    def _append(self, path: str, entry: object) -> None:
        entries = json.loads(self.web.files.get(path, b"[]"))
        self.web.files[path] = json.dumps([*entries, entry]).encode()


def _entry(version: str, digest: str) -> dict[str, str]:
    return {"name": version, "sha256": digest, "at": "2026-01-31T12:00:00+00:00"}
