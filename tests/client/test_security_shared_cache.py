"""A shared cache between us and everybody: nginx, told to keep whatever it may."""

import http.client
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from packistry.app import Application, make_app
from packistry.runtime import Runtime
from tests.client.sockets import serving
from tests.functional.conftest import Stock, basic, bearer
from tests.servers import free_port, running

# Refusals and redirects are kept, too, unless the answer forbids it.
CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
{user}
events {{ worker_connections 64; }}
http {{
    access_log off;
    proxy_cache_path {folder}/cache keys_zone=shared:1m;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_cache shared;
            proxy_cache_valid any 10m;
            add_header X-Cache $upstream_cache_status always;
        }}
    }}
}}
"""


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: bytes
    cache: str


def get(port: int, path: str, headers: dict[str, str]) -> Answer:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    client.request("GET", path, headers=headers)
    answer = client.getresponse()
    body, cache = answer.read(), answer.headers.get("X-Cache", "")
    client.close()
    return Answer(status=answer.status, body=body, cache=cache)


@contextmanager
def shared_cache(folder: Path, upstream: int) -> Iterator[int]:
    """The port of an nginx in front of the server on port `upstream`."""
    port = free_port()
    # Root's nginx would work as somebody who may not look into this folder.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=folder, user=user, port=port, upstream=upstream)
    )
    command = ["nginx", "-p", str(folder), "-e", f"{folder}/nginx.log", "-c", str(configuration)]
    with running(command, port=port, log=folder / "nginx.out"):
        yield port


@pytest.fixture
def stock(runtime: Runtime) -> Stock:
    return Stock(runtime)


@pytest.fixture
def application(runtime: Runtime, stock: Stock) -> Iterator[Application]:
    application = make_app(runtime)
    yield application
    application.close()


@pytest.fixture
def ports(application: Application, tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Those of the server and of the cache in front of it."""

    def entry(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/forgetful":
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1")])
            return [b"x"]
        return application(environ, start_response)

    folder = tmp_path / "nginx"
    folder.mkdir()
    with serving(entry) as server, shared_cache(folder, server) as cache:
        yield server, cache


def test_two_tokens_through_one_shared_nginx_cache_never_see_each_others_root_p2_or_dist(
    ports: tuple[int, int], stock: Stock
) -> None:
    server, cache = ports
    stock.repository()
    dists = [stock.version(f"acme/{name}", "1.0.0", provide={"a/v": "1"}).path for name in "ab"]
    tokens = [stock.token(packages=(("", f"acme/{name}"),)) for name in "ab"]
    identities: list[dict[str, str]] = [
        bearer(tokens[0]),
        basic("x", tokens[1]),
        {},
        {"Authorization": "Bearer nonsense"},
    ]
    paths = [
        "/packages.json",
        "/list.json",
        "/search.json",
        "/providers/a/v.json",
        *(f"/p2/acme/{name}.json" for name in "ab"),
        *(f"/acme/{name}/1.0.0" for name in "ab"),
        *dists,
    ]
    seen: dict[str, set[bytes]] = {}
    for path in paths:
        direct = [get(server, path, headers) for headers in identities]
        # Each order of who fills the cache and who might be given what is in it.
        for order in ((0, 1, 2, 3), (3, 2, 1, 0)):
            for number in order:
                through = get(cache, path, identities[number])
                assert (through.status, through.body) == (
                    direct[number].status,
                    direct[number].body,
                ), path
                assert through.cache != "HIT", path
        seen[path] = {answer.body for answer in direct}
    # Otherwise there was nothing to mix up.
    assert all(len(bodies) > 2 for bodies in seen.values())


def test_a_public_repository_that_becomes_private_is_so_behind_a_shared_cache_too(
    ports: tuple[int, int], stock: Stock
) -> None:
    _, cache = ports
    stock.repository(public=True)
    dist = stock.version("acme/lib", "1.0.0").path
    paths = ("/packages.json", "/list.json", "/p2/acme/lib.json", "/acme/lib/1.0.0", dist)
    assert {get(cache, path, {}).status for path in paths} == {200}
    stock.publish(public=False)
    assert {get(cache, path, {}).status for path in paths} == {401}


def test_the_cache_keeps_what_it_is_not_forbidden_to_keep(ports: tuple[int, int]) -> None:
    """Else the other tests would prove nothing."""
    _, cache = ports
    assert [get(cache, "/forgetful", {}).cache for _ in range(2)] == ["MISS", "HIT"]
