"""The whole way from a git host's list of projects to what composer installs, with real git."""

import http.client
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from packistry.plugin import WebhookRequest
from tests.client import composer
from tests.client.installation import install, serving
from tests.repositories import GitRepository

SECONDS = 20
Hooks = Callable[[], list[tuple[str, str]]]
Pushed = Callable[[str, str], WebhookRequest]


def travel(
    folder: Path,
    upstream: GitRepository,
    *,
    provider: str,
    config: Mapping[str, str],
    token: str,
    hooks: Hooks,
    pushed: Pushed,
    python: Path | None = None,
) -> None:
    """List, add, be told of a push, serve it to composer, and leave nothing at the host.

    The host serves `upstream` as acme/lib. `hooks` gives (address, secret) of its webhooks there,
    `pushed` the delivery that it sends for a ref, signed with a secret. `python` is a folder of
    modules that Packistry runs with as well.
    """
    upstream.commit({"name": "acme/lib"}, files={"src/Lib.php": "<?php // one\n"})
    upstream.tag("v1.0.0")
    installation = install(folder, allow_hosts="127.0.0.1", git_allow_http="1")
    if python is not None:
        installation.environment["PYTHONPATH"] = str(python)
    (folder / "token.txt").write_text(f"{token}\n")
    given = [f"{name}={value}" for name, value in config.items()]
    settings = [
        word for each in (*given, f"token=@{folder / 'token.txt'}") for word in ("--set", each)
    ]
    with serving(installation):
        installation.run("repository", "add", "Main", "--public")
        installation.run("source", "add", "there", "--provider", provider, *settings)
        listed = installation.json("source", "projects", "there", "lib")
        assert [each["path"] for each in listed] == ["acme/lib"]
        arguments = ["--repository", "", "--source", "there", "--wait", "acme/lib"]
        installation.run("package", "add", *arguments)
        php = composer.project(folder / "client", f"http://127.0.0.1:{installation.port}")
        php.run("require", "acme/lib")
        assert php.lock()["acme/lib"]["version"] == "v1.0.0"

        until(lambda: len(hooks()) == 1)
        ((address, secret),) = hooks()
        upstream.commit({"name": "acme/lib"}, files={"src/Lib.php": "<?php // two\n"})
        upstream.tag("v1.1.0", annotated=True)
        delivery = pushed("refs/tags/v1.1.0", secret)
        assert deliver(address, pushed("refs/tags/v1.1.0", "another project's")) == 401
        assert deliver(address, delivery) == 202
        assert deliver(address, delivery) == 200
        until(lambda: "v1.1.0" in versions(installation.port))
        php.run("update")
        assert (php.vendor("acme/lib") / "src/Lib.php").read_text() == "<?php // two\n"

        installation.run("package", "remove", "acme/lib", "--yes")
        until(lambda: hooks() == [])


def deliver(address: str, request: WebhookRequest) -> int:
    """Send it as the host does; the status of the answer."""
    parts = urlsplit(address)
    client = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
    client.request("POST", parts.path, request.body, dict(request.headers))
    status = client.getresponse().status
    client.close()
    return status


def versions(port: int) -> list[str]:
    """Those of acme/lib that composer is told of."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    client.request("GET", "/p2/acme/lib.json")
    told = json.loads(client.getresponse().read())
    client.close()
    return [each["version"] for each in told["packages"]["acme/lib"]]


def until(condition: Callable[[], bool]) -> None:
    """Waits for what happens in another process; AssertionError when it does not."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
