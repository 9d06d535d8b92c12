"""Files without a name: gone with the last descriptor, unless somebody gives them one."""

import errno
import os
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

_UNNAMED = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
# What file systems and kernels say that have no such files.
_UNKNOWN = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})


def scratch_file(folder: Path) -> BinaryIO:
    """An empty file on the disk of `folder`, for us alone; the caller closes it.

    Unlike one of `tempfile`, it can be given a name where the file system lets it (open(2),
    O_TMPFILE), so that who is to keep its content need not copy it.
    """
    try:
        return os.fdopen(os.open(folder, _UNNAMED, 0o600), "w+b")
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise
        return cast(BinaryIO, tempfile.TemporaryFile(dir=folder))
