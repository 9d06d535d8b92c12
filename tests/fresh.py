"""An SQLite database that is up to date, made once a process and copied for each installation."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from packistry.runtime import Runtime
from packistry.settings import Settings


def put(root: Path) -> None:
    """Begin a data directory with a database that is up to date."""
    root.mkdir(mode=0o700, parents=True)
    shutil.copyfile(_database(), root / _database().name)


@cache
def _database() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="packistry-"))
    atexit.register(shutil.rmtree, folder)
    runtime = Runtime(Settings(data_dir=folder, url="http://packages.test", workers=0))
    runtime.prepare()
    runtime.close()
    return folder / "packistry.sqlite"
