# SPDX-License-Identifier: Apache-2.0
"""One table of everything that was measured, for people, as JSON and as a chart."""

import json
import statistics
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path


@dataclass
class Row:
    """One figure of ours beside one of a peer's, or beside what is to be reached."""

    path: str
    unit: str
    ours: float
    peer: str
    theirs: float | None
    #: How many times better ours is; for figures without a peer, the figure itself.
    ratio: float | None
    #: What is to be reached, None for rows that are only told.
    goal: float | None = None
    #: Whether the ratio (or figure) must not be above the goal, instead of not below.
    at_most: bool = False
    note: str = ""

    @property
    def reached(self) -> bool | None:
        measured = self.ours if self.ratio is None else self.ratio
        if self.goal is None:
            return None
        return measured <= self.goal if self.at_most else measured >= self.goal


def median_ratio(ours: list[float], theirs: list[float], smaller_is_better: bool = False) -> float:
    """The median of the ratios of each round: what slows the machine down for a while slows both."""
    pairs = zip(ours, theirs, strict=True)
    return statistics.median(b / a if smaller_is_better else a / b for a, b in pairs)


def shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(rows: list[Row]) -> str:
    """The rows as a table in Markdown whose columns line up."""
    lines = [["path", "unit", "gatehouse", "peer", "peer's", "ratio", "to reach", ""]]
    for row in rows:
        goal = "" if row.goal is None else ("at most " if row.at_most else "") + shown(row.goal)
        verdict = {None: "", True: "yes", False: "NO"}[row.reached]
        ratio = "" if row.ratio is None else shown(row.ratio)
        lines.append([row.path, row.unit, shown(row.ours), row.peer, shown(row.theirs), ratio, goal, verdict])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines)


def chart(rows: list[Row]) -> str:
    """Ratios to the peers as bars on a logarithmic scale, as SVG; the line is 1."""
    bars = [row for row in rows if row.ratio and row.theirs]
    lowest, highest, label, width, height = 0.1, 100.0, 380, 420, 18
    scale = width / 3  # of a power of ten

    def place(ratio: float) -> float:
        import math

        return label + scale * (math.log10(min(max(ratio, lowest), highest)) + 1)

    total = 50 + height * len(bars)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{label + width + 80}" height="{total}" '
        f'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        '<text x="10" y="18" font-size="14" font-weight="bold">How many times better than each peer</text>',
    ]
    for mark in (0.1, 1, 10, 100):
        x = place(mark)
        lines.append(f'<line x1="{x:.1f}" y1="34" x2="{x:.1f}" y2="{total - 6}" stroke="#bbb"/>')
        lines.append(f'<text x="{x:.1f}" y="31" text-anchor="middle">{mark:g}</text>')
    for index, row in enumerate(bars):
        y = 38 + index * height
        begin, end = sorted((place(1), place(row.ratio)))
        colour = "#c92a2a" if row.reached is False else "#2b8a3e"
        text = escape(f"{row.path}, {row.unit}, to {row.peer}")
        lines.append(f'<text x="{label - 6}" y="{y + 12}" text-anchor="end">{text}</text>')
        lines.append(f'<rect x="{begin:.1f}" y="{y}" width="{max(end - begin, 1):.1f}" height="{height - 4}" fill="{colour}"/>')
        lines.append(f'<text x="{end + 4:.1f}" y="{y + 12}">{shown(row.ratio)}</text>')
    return "\n".join([*lines, "</svg>", ""])


def write(rows: list[Row], details: dict, file: Path) -> None:
    """Writes the figures beside the chart."""
    file.parent.mkdir(parents=True, exist_ok=True)
    told = [{**asdict(row), "reached": row.reached} for row in rows]
    file.write_text(json.dumps({"rows": told, **details}, indent=2) + "\n")
    file.with_suffix(".svg").write_text(chart(rows))
