"""A git host on this machine that speaks ssh."""

import asyncio
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh


@contextmanager
def ssh_server(
    root: Path, host_key: asyncssh.SSHKey, client_key: asyncssh.SSHKey, *, port: int = 0
) -> Iterator[int]:
    """Serve `git-upload-pack` of the repositories below `root` to one key; yields the port."""
    loop = asyncio.new_event_loop()
    authorized = asyncssh.import_authorized_keys(client_key.export_public_key().decode())
    # On a thread of its own: a browser's driver may have a loop on this one.
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            port,
            server_host_keys=[host_key],
            authorized_client_keys=authorized,
            process_factory=lambda process: _upload_pack(root, process),
            encoding=None,
        )

    listener = None
    try:
        listener = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
        yield listener.get_port()
    finally:
        if listener is not None:
            asyncio.run_coroutine_threadsafe(_stop(listener), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _stop(listener: asyncssh.SSHAcceptor) -> None:
    listener.close()
    await listener.wait_closed()
    here = asyncio.current_task()
    rest = [task for task in asyncio.all_tasks() if task is not here]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


async def _upload_pack(root: Path, process: "asyncssh.SSHServerProcess[bytes]") -> None:
    command, path = shlex.split(process.command or "")
    repository = root / path.lstrip("/")
    if command != "git-upload-pack" or not repository.is_dir():
        process.stderr.write(b"ERROR: Repository not found.\n")
        process.exit(1)
        return
    child = await asyncio.create_subprocess_exec(
        command,
        str(repository),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
    process.exit(await child.wait())
    await process.wait_closed()
