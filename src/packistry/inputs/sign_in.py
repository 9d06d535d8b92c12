"""What people enter about places to sign in at."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from packistry.composer.text import clean_email
from packistry.inputs import LONGEST_NAME, Input, Label, PackageName, RepositoryPath
from packistry.models import Role

LONGEST_ICON = 20_000
RULE = (
    "write a rule as CLAIM=VALUE: read REPOSITORY (or write, maintain, read+write; a package: "
    "read vendor/name in REPOSITORY), as CLAIM=VALUE: admin, or with * for everybody who "
    "registers; / is the root repository"
)


def domain(value: str) -> str:
    """The domain of e-mail addresses, also when written "@example.org"."""
    name = value.strip().removeprefix("@").casefold()
    if clean_email(f"a@{name}") is None or "." not in name:
        raise ValueError("a domain is what stands behind the @, for example example.org")
    return name


def icon(value: str) -> str:
    """A small picture as the text of an SVG; "" for none."""
    picture = value.strip()
    if picture and not (picture.startswith("<svg") and len(picture) <= LONGEST_ICON):
        raise ValueError(f"paste the text of an SVG file of at most {LONGEST_ICON} characters")
    return picture


def rule(value: object) -> object:
    """A rule as people write it: "groups=devs: read team-a", "*: read acme/lib in /"."""
    if not isinstance(value, str):
        return value
    who, colon, what = value.strip().rpartition(":")
    claim, equals, wanted = who.strip().partition("=")
    words = what.split()
    everybody = who.strip() == "*"
    if not colon or not words or not (everybody or (claim.strip() and equals and wanted.strip())):
        raise ValueError(RULE)
    fields: dict[str, object] = {}
    if not everybody:
        fields = {"claim": claim.strip(), "value": wanted.strip()}
    if len(words) == 1:
        return {**fields, "role": words[0].lower()}
    rights = words[0].lower().split("+")
    if not set(rights) <= {"read", "write", "maintain"}:
        raise ValueError(RULE)
    fields |= {
        "read": "read" in rights,
        "write": "write" in rights,
        "manage": "maintain" in rights,
    }
    target = words[1:]
    if len(target) == 3 and target[1] == "in":
        fields["package"] = target[0]
    elif len(target) != 1:
        raise ValueError(RULE)
    return {**fields, "repository": target[-1].strip("/").removeprefix("r/")}


Domain = Annotated[str, AfterValidator(domain)]
Icon = Annotated[str, AfterValidator(icon)]


class SignInRule(Input):
    """What signing in at a source gives: a role, or rights on a repository or a package in it.

    To whoever has `value` in `claim`; without a claim, to whoever registers.
    """

    claim: str = Field("", max_length=LONGEST_NAME)
    value: str = Field("", max_length=LONGEST_NAME)
    role: Role | None = None
    read: bool = False
    write: bool = False
    manage: bool = False
    repository: RepositoryPath | None = None
    package: PackageName | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        rights = self.read or self.write or self.manage
        if bool(self.claim) != bool(self.value):
            raise ValueError(RULE)
        if self.role is not None and (rights or self.repository is not None or not self.claim):
            raise ValueError("a rule gives a role to who has a claim, or rights on one repository")
        if self.role is None and (not rights or self.repository is None):
            raise ValueError(RULE)
        if self.package is not None and self.manage:
            raise ValueError("only a whole repository has maintainers")
        return self


WrittenRule = Annotated[SignInRule, BeforeValidator(rule)]


class NewAuthenticationSource(Input):
    """A place to sign in at. `config` is what its backend's `Config` asks for."""

    name: Label
    provider: str
    config: dict[str, Any] = Field(default={}, repr=False)
    icon: Icon = ""
    active: bool = True
    registration: bool = False
    default_role: Role = Role.USER
    allowed_domains: tuple[Domain, ...] = ()
    trusted: bool = False
    single_sign_out: bool = False
    rules: tuple[WrittenRule, ...] = ()


class AuthenticationSourceChange(Input):
    """What changes about one; `config` and `clear` as in a SourceChange. `rules` replace all.

    `moved`: another address in `config` is of the same place, where everybody is who they were.
    """

    name: Label | None = None
    config: dict[str, Any] = Field(default={}, repr=False)
    clear: frozenset[str] = frozenset()
    moved: bool = False
    icon: Icon | None = None
    active: bool | None = None
    registration: bool | None = None
    default_role: Role | None = None
    allowed_domains: tuple[Domain, ...] | None = None
    trusted: bool | None = None
    single_sign_out: bool | None = None
    rules: tuple[WrittenRule, ...] | None = None
