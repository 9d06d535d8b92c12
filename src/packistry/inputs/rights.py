"""What a person enters about rights: of users and of deploy tokens."""

from pydantic import model_validator

from packistry.inputs import Input, Label, PackageName


class Right(Input):
    """What somebody may do with one repository, or with one package.

    A package is named by its number, or by `name` within the repository.
    """

    repository: int | None = None
    package: int | None = None
    name: PackageName | None = None
    read: bool = False
    write: bool = False
    manage: bool = False

    @model_validator(mode="after")
    def _of_one_thing(self) -> "Right":
        if (self.repository is None) == (self.package is None):
            raise ValueError("a right is on a repository or on a package")
        if self.manage and (self.package is not None or self.name is not None):
            raise ValueError("only a repository can be maintained")
        return self


class RightsChange(Input):
    """All that somebody shall have; what is not named goes."""

    rights: tuple[Right, ...] = ()


class TokenChange(Input):
    """What changes about a token."""

    name: Label | None = None
