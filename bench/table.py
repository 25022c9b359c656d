"""Prints figures of several contenders side by side, with the first one's ratio to each other; as text or Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MISSING = "-"


@dataclass(frozen=True)
class Row:
    """What was measured, in which unit, and one value a contender; None where there is none."""

    subject: str
    unit: str
    values: Sequence[float | None]
    digits: int = 1

    def cells(self) -> list[str]:
        """Return the row as text, with the ratios of the first value to each of the others."""
        first, *others = self.values
        ratios = [f"{first / other:.2f}" if first is not None and other else _MISSING for other in others]
        return [self.subject, self.unit, *(self._text(value) for value in self.values), *ratios]

    def _text(self, value: float | None) -> str:
        return _MISSING if value is None else f"{value:.{self.digits}f}"


def show(names: Sequence[str], rows: Sequence[Row], note: str, *, markdown: bool) -> None:
    """Print a table and, below it, how it came about."""
    lines = [["", "", *names, *(f"{names[0]}/{name}" for name in names[1:])], *(row.cells() for row in rows)]
    if markdown:
        lines.insert(1, ["---", "---", *["---:"] * (len(lines[0]) - 2)])
        print(*(f"| {' | '.join(line)} |" for line in lines), "", f"{note[:1].upper()}{note[1:]}.", "", sep="\n")
        return
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        texts = [cell.ljust(width) for cell, width in zip(line[:2], widths, strict=False)]
        numbers = [cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=True)]
        print("  ".join([*texts, *numbers]))
    print(f"{note}\n")
