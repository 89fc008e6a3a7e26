"""The picture of the money between utilities: what flowed before netting, and what was paid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evgi_client.units import MINOR

if TYPE_CHECKING:
    from pathlib import Path

    from evgi_client.demo.summary import Summary

_INK = "#1c2733"
_MUTED = "#66727f"
_PALETTE = ("#2a6f97", "#e07a2f", "#3d8b5f", "#a23b5b", "#6b5ca5", "#8a6d3b", "#2f8f8f", "#c2464a")


def draw_flows(path: Path, summary: Summary) -> None:
    """Writes a PNG: on the left an arrow from each debtor to each creditor, as wide as the money; on the right each
    utility's claims, debts and net position."""
    # Here and not above: matplotlib takes half a second to import, and only this needs it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = sorted(summary.positions) or sorted({pair.creditor for pair in summary.pairs})
    colours = {name: _PALETTE[number % len(_PALETTE)] for number, name in enumerate(names)}
    figure = Figure(figsize=(12, 6.2), facecolor="white")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    _draw_arrows(left, summary, names, colours)
    _draw_positions(right, summary, names, colours)
    figure.suptitle(
        f"Money between utilities — {summary.settled:,} sessions, {summary.energy_wh / 1e6:,.1f} MWh",
        x=0.02, ha="left", fontsize=15, color=_INK, weight="bold",
    )  # fmt: skip
    saved = 1 - summary.net / summary.gross if summary.gross else 0.0
    figure.text(
        0.02, 0.015,
        f"{_money(summary.gross, summary.currency)} owed between utilities before netting, "
        f"{_money(summary.net, summary.currency)} paid ({saved:.0%} less money moved). "
        f"Source: {summary.source}.",
        color=_MUTED, fontsize=9.5,
    )  # fmt: skip
    figure.tight_layout(rect=(0, 0.04, 1, 0.95))
    figure.savefig(path, dpi=130)


def _draw_arrows(axes: object, summary: Summary, names: list[str], colours: dict[str, str]) -> None:
    from matplotlib.axes import Axes
    from matplotlib.patches import Circle, FancyArrowPatch

    assert isinstance(axes, Axes)
    count = max(len(names), 1)
    places = {
        name: (
            math.sin(2 * math.pi * number / count + math.pi / count),
            math.cos(2 * math.pi * number / count + math.pi / count),
        )
        for number, name in enumerate(names)
    }
    between = [pair for pair in summary.pairs if pair.creditor != pair.debtor and pair.amount]
    widest = max((pair.amount for pair in between), default=1)
    for pair in between:
        start, end = places[pair.debtor], places[pair.creditor]
        axes.add_patch(
            FancyArrowPatch(
                start, end,
                connectionstyle="arc3,rad=0.16", arrowstyle="-|>", mutation_scale=16,
                linewidth=1 + 8 * pair.amount / widest, color=colours[pair.debtor], alpha=0.75,
                shrinkA=34, shrinkB=36, zorder=1,
            )
        )  # fmt: skip
        # A quarter of the way along the bend, where arrows of one pair are furthest apart.
        x = start[0] + 0.36 * (end[0] - start[0]) + 0.15 * (end[1] - start[1])
        y = start[1] + 0.36 * (end[1] - start[1]) - 0.15 * (end[0] - start[0])
        axes.text(
            x, y, _short(pair.amount), ha="center", va="center", fontsize=8.5, color=_INK, zorder=3,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1},
        )  # fmt: skip
    for name, (x, y) in places.items():
        axes.add_patch(
            Circle((x, y), 0.17, facecolor=colours[name], edgecolor="white", linewidth=2, zorder=2)
        )
        axes.text(x, y + math.copysign(0.27, y), name, ha="center", va="center", fontsize=11, weight="bold")
    axes.set_title("Each debtor's drivers at each creditor's charge points", fontsize=10.5, color=_MUTED)
    axes.set_xlim(-1.2, 1.2)
    axes.set_ylim(-1.2, 1.2)
    axes.set_aspect("equal")
    axes.axis("off")


def _draw_positions(axes: object, summary: Summary, names: list[str], colours: dict[str, str]) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    rows = list(reversed(names))
    between = [pair for pair in summary.pairs if pair.creditor != pair.debtor]
    for row, name in enumerate(rows):
        claims = sum(pair.amount for pair in between if pair.creditor == name) / MINOR
        debts = sum(pair.amount for pair in between if pair.debtor == name) / MINOR
        net = summary.positions.get(name, 0) / MINOR
        axes.barh(row, claims, height=0.62, color=colours[name], alpha=0.25)
        axes.barh(row, -debts, height=0.62, color=colours[name], alpha=0.25)
        axes.barh(row, net, height=0.34, color=colours[name])
        axes.annotate(
            f"{net:+,.2f}", (net, row), xytext=(6 if net >= 0 else -6, 0), textcoords="offset points",
            ha="left" if net >= 0 else "right", va="center", fontsize=9.5, color=_INK, weight="bold",
        )  # fmt: skip
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.set_yticks(range(len(rows)), rows)
    axes.margins(x=0.18)
    axes.set_xlabel(f"{summary.currency}: owed by it (left), owed to it (right), net (dark)", color=_MUTED)
    axes.set_title("Before netting (light) and net position (dark)", fontsize=10.5, color=_MUTED)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _money(amount: int, currency: str) -> str:
    return f"{amount / MINOR:,.2f} {currency}"


def _short(amount: int) -> str:
    value = amount / MINOR
    return f"{value / 1000:,.1f}k" if value >= 10_000 else f"{value:,.0f}"
