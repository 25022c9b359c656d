"""Tables for people: columns side by side, cut to the width of the terminal; programs ask for JSON."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_MIN_WIDTH, _GAP = 12, 3
_NARROW_GAP = 2
_CUT = "…"


def terminal_width() -> int | None:
    """Return the columns of the terminal on standard output; None if it is no terminal, or does not know."""
    try:
        return os.get_terminal_size(1).columns or None
    except OSError:
        return None


def render(rows: Sequence[Sequence[str]], width: int | None, ends_first: Collection[int] = ()) -> str:
    """Return the rows as lines of equal columns.

    Args:
        rows: the header and what is below it.
        width: columns of the terminal; None leaves every cell whole, with the widths that runc's tables have.
        ends_first: columns whose end says more than their beginning, as that of a path does.
    """
    natural = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    widths, gap = [max(_MIN_WIDTH, size) for size in natural], _GAP
    if width is not None and sum(widths) + gap * (len(widths) - 1) > width:
        gap = _NARROW_GAP
        widths = _narrowed(natural, [len(title) for title in rows[0]], width - gap * (len(natural) - 1))
    lines = []
    for row in rows:
        cells = [_cut(cell, widths[column], column in ends_first) for column, cell in enumerate(row)]
        lines.append((" " * gap).join(cell.ljust(size) for cell, size in zip(cells, widths, strict=True)).rstrip())
    return "".join(f"{line}\n" for line in lines)


def _narrowed(widths: list[int], least: list[int], room: int) -> list[int]:
    """Take from the widest columns until all fit in the room, but never so much that a title is cut."""
    narrowed = list(widths)
    while sum(narrowed) > room:
        spare = [size - least[column] for column, size in enumerate(narrowed)]
        candidates = [column for column in range(len(narrowed)) if spare[column] > 0]
        if not candidates:
            break
        widest = max(candidates, key=lambda column: narrowed[column])
        narrowed[widest] -= 1
    return narrowed


def _cut(cell: str, width: int, is_end_kept: bool) -> str:
    if len(cell) <= width:
        return cell
    if is_end_kept:
        return _CUT + cell[len(cell) - width + 1 :]
    return cell[: width - 1] + _CUT
