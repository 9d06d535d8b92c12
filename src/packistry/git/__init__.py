"""git as a library: mirrors of repositories, read without checkout, hardened against both ends.

No other part of Packistry starts git.
"""

from packistry.git.errors import GitError
from packistry.git.mirror import Mirror, probe
from packistry.git.policy import GitPolicy
from packistry.git.refs import Ref, RefKind, RefusedRef
from packistry.git.remote import GitRemote
from packistry.git.version import check_version, lacks_fixes, version

__all__ = [
    "GitError",
    "GitPolicy",
    "GitRemote",
    "Mirror",
    "Ref",
    "RefKind",
    "RefusedRef",
    "check_version",
    "lacks_fixes",
    "probe",
    "version",
]
