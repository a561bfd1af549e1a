"""The ratios as bars on a logarithmic scale: SVG that is readable on a light and on a dark page."""

import math
from collections.abc import Sequence
from html import escape
from typing import Final

from bench.report.comparison import Row, Verdict

_LABELS: Final = 370
_BARS: Final = 420
_VALUES: Final = 70
_LINE: Final = 24
_TOP: Final = 44
_STYLE: Final = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.small { font-size: 11px; fill: #57606a }
.met { fill: #1f883d } .missed { fill: #bf6a02 } .open { fill: #6e7781 }
.grid { stroke: #d0d7de } .one { stroke: #57606a } .gate { stroke: #24292f; stroke-width: 2.5 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #9198a1 }
.met { fill: #3fb950 } .missed { fill: #d29922 } .open { fill: #8b949e }
.grid { stroke: #3d444d } .one { stroke: #9198a1 } .gate { stroke: #e6edf3 }
}"""
_CLASSES: Final = {Verdict.MISSED: "missed", Verdict.NONE: "open"}
_TICKS: Final = (0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256)


def chart(rows: Sequence[Row], title: str) -> str:
    """An SVG document; rows without a ratio are left out."""
    shown = [row for row in rows if row.ratio]
    scale = Scale.around(shown)
    height = _TOP + _LINE * len(shown) + 8
    lines = [part for tick in scale.ticks() for part in _tick(scale, tick, height)]
    bars = [part for number, row in enumerate(shown) for part in _bar(scale, row, _TOP + number * _LINE)]
    width = _LABELS + _BARS + _VALUES
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
    parts = [head, f"<title>{escape(title)}</title>", f"<style>{_STYLE}</style>", _text(0, 16, title)]
    return "\n".join([*parts, *lines, *bars, "</svg>", ""])


class Scale:
    """Places of ratios on the page."""

    def __init__(self, least: float, most: float) -> None:
        self._low, self._high = math.log(least), math.log(most)
        self._ends = (least, most)

    @classmethod
    def around(cls, rows: Sequence[Row]) -> "Scale":
        """So that all ratios and gates are on it, and 1."""
        values = [1.0, *(value for row in rows for value in _values(row) if value > 0)]
        return cls(min(values) / 1.3, max(values) * 1.3)

    def x(self, ratio: float) -> float:
        """The place of a ratio."""
        position = (math.log(max(ratio, self._ends[0])) - self._low) / (self._high - self._low)
        return round(_LABELS + _BARS * position, 1)

    def ticks(self) -> list[float]:
        """Ratios that have a line."""
        return [tick for tick in _TICKS if self._ends[0] <= tick <= self._ends[1]]


def _values(row: Row) -> list[float]:
    return [row.ratio.median if row.ratio else 1.0, *([row.gate] if row.gate else [])]


def _tick(scale: Scale, tick: float, height: int) -> list[str]:
    x, name = scale.x(tick), "one" if tick == 1 else "grid"
    line = f'<line class="{name}" x1="{x}" y1="{_TOP - 8}" x2="{x}" y2="{height - 8}"/>'
    return [line, _text(x, _TOP - 12, f"{tick:g}x", 'class="small" text-anchor="middle"')]


def _bar(scale: Scale, row: Row, top: int) -> list[str]:
    ratio = row.ratio.median if row.ratio else 1.0
    start, end = sorted((scale.x(1), scale.x(ratio)))
    name = _CLASSES.get(row.verdict, "met")
    parts = [
        _text(0, top + 14, f"{row.name}, {row.goal.measure.unit}"),
        f'<rect class="{name}" x="{start}" y="{top + 2}" width="{max(1.5, end - start):.1f}" height="{_LINE - 9}"/>',
        _text(max(end, scale.x(row.gate or 1)) + 6, top + 14, f"{ratio:.2f}", 'class="small"'),
    ]
    if row.gate:
        x = scale.x(row.gate)
        parts.append(f'<line class="gate" x1="{x}" y1="{top}" x2="{x}" y2="{top + _LINE - 5}"/>')
    return parts


def _text(x: float, y: float, text: str, attributes: str = "") -> str:
    return f'<text x="{x}" y="{y}" {attributes}>{escape(text)}</text>'.replace(" >", ">")
