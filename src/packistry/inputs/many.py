"""What people enter about many projects at once."""

from packistry.composer.filters import EVERYTHING
from packistry.inputs import Input, RepositoryPath
from packistry.inputs.globs import Globs


class ManyProjects(Input):
    """Which of a source's projects become packages: those whose path fits one of the patterns."""

    patterns: Globs = EVERYTHING
    archived: bool = False


class AutoImporting(Input):
    """Which new projects of a source become packages by themselves, in which repository.

    None keeps what is there.
    """

    patterns: Globs | None = None
    into: RepositoryPath | None = None
