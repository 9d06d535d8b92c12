"""An nginx with a configuration of its own: what files cost when nothing is worked out."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.machine import serving
from tests.servers import free_port

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    gzip_static on;
    keepalive_requests 100000000;
    types {{ application/json json; application/zip zip; }}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/files;
    }}
}}
"""


@contextmanager
def files(folder: Path, cpu: int, port: int | None = None) -> Iterator[int]:
    """Serves `folder`/files on one processor; gives the port."""
    port = port or free_port()
    configuration = folder / "nginx.conf"
    # Root's nginx would read as somebody who may not look into this folder.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(CONFIGURATION.format(folder=folder, user=user, port=port))
    command = ["nginx", "-p", str(folder), "-e", f"{folder}/nginx.log", "-c", str(configuration)]
    with serving(command, port=port, log=folder / "nginx.out", cpu=cpu):
        yield port
