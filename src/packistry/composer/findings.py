"""What is wrong with one composer.json, collected so that its author learns it all at once."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Findings:
    """`problems` refuse the version; `notices` say what was left out of it."""

    problems: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def refuse(self, where: str, reason: str) -> None:
        self.problems.append(f"{where}: {reason}")

    def leave_out(self, where: str, reason: str) -> None:
        self.notices.append(f"{where} is left out: {reason}")
