"""Exhibits as pictures and tables. An exhibit that is not known here is shown as a plain table.

The shapes drawn as pictures (shares are of the rows of one origin; None is withheld):

- `histograms`: a list of {"column", "edges" or "levels", "real": shares, "synthetic": shares};
- `correlation`: {"columns", "real", "synthetic", "difference"}: square grids from -1 to 1;
- `pca`, `tsne`: {"real", "synthetic"}: grids of shares of rows, lowest row first;
- `images`, `between`, `film`: {"channels", "rows"}: a line of synthetic images for each label;
- `courses`: a list of {"title", "step", "real" and "synthetic" bands, "drawn"}: see `courses`;
- `timelines`: a list of {"title", "unit", "span", "lanes", "more"}, a lane being {"name", "at",
  "said"} with an optional "until": see `timelines`;
- `giveaways`: a list of {"column", "importance"}, largest first;
- `km`: a list of {"title", "unit", "real": curve, "synthetic": curve}, a curve being
  {"time", "survival", "low", "high"} with an optional {"at_risk_time", "at_risk"}.
"""

from collections.abc import Callable, Mapping
from typing import Any

from medsynai.report.courses import courses
from medsynai.report.markup import Child, Markup, joined, paragraph, table, tag
from medsynai.report.mosaic import mosaic
from medsynai.report.plots import bars, curves, density, heatmap, histogram, levels, scatter, short
from medsynai.report.rounding import MINUS, is_figure, plain, share
from medsynai.report.timelines import timelines
from medsynai.report.words import label

MOST_PICTURES = 60
MOST_ROWS = 60
MOST_LEVELS = 12


def draw(name: str, exhibit: Any, caption: str = "") -> Markup:
    """An exhibit as it is best read: a picture if its name and shape are known, else a table."""
    picture = PICTURES.get(name)
    if picture is not None:
        fits, drawn = picture
        if fits(exhibit):
            return drawn(exhibit)
    return tabulate(caption or label(name), exhibit)


def _has(value: Any, *keys: str) -> bool:
    return isinstance(value, Mapping) and all(k in value for k in keys)


def _binned(value: Any) -> bool:
    if not _has(value, "column", "real", "synthetic"):
        return False
    if "edges" in value:
        return len(value["edges"]) == len(value["real"]) + 1 == len(value["synthetic"]) + 1
    return len(value.get("levels", ())) == len(value["real"]) == len(value["synthetic"])


def _histograms(exhibit: list[dict[str, Any]]) -> Markup:
    ordered = sorted(exhibit, key=_apart, reverse=True)
    drawn = [_distribution(e) for e in ordered[:MOST_PICTURES]]
    rest = len(exhibit) - len(drawn)
    more = paragraph(f"{rest} further columns are in scores.json.", kind="note") if rest else None
    return joined([LEGEND, tag("div", *drawn, class_="pictures"), more])


def _apart(entry: dict[str, Any]) -> float:
    """How far apart the drawn shares are; what is withheld counts for nothing."""
    pairs = zip(entry["real"], entry["synthetic"], strict=True)
    return float(sum(abs(r - (s or 0.0)) for r, s in pairs if r is not None))


def _distribution(entry: dict[str, Any]) -> Markup:
    name = str(entry["column"])
    if "edges" in entry and len(entry["edges"]) > 1:
        return histogram(name, entry["edges"], entry["real"], entry["synthetic"])
    names = [str(v) for v in entry.get("levels", ())]
    kept = slice(0, MOST_LEVELS)
    title = f"{name} (first {MOST_LEVELS} of {len(names)} levels)" if names[MOST_LEVELS:] else name
    return levels(title, names[kept], entry["real"][kept], entry["synthetic"][kept])


LEGEND = tag(
    "p",
    tag("span", class_="swatch real"),
    " real rows ",
    tag("span", class_="swatch syn"),
    " synthetic rows",
    class_="legend",
)


def _correlation(exhibit: dict[str, Any]) -> Markup:
    names = [str(n) for n in exhibit["columns"]]
    maps = [
        heatmap("Real", names, exhibit["real"]),
        heatmap("Synthetic", names, exhibit["synthetic"]),
        heatmap("Difference (scale ±0.5)", names, exhibit["difference"], 0.5),
    ]
    words = paragraph(
        "One square a pair of columns, in file order. Blue: they go together; orange: one falls "
        "where the other rises; the darker, the closer.",
        kind="note",
    )
    return joined(
        [tag("div", *maps, class_="pictures"), words, _largest(names, exhibit["difference"])]
    )


def _largest(names: list[str], grid: list[list[float | None]]) -> Markup:
    found = [
        (abs(v), names[i], names[j], v)
        for i, row in enumerate(grid)
        for j, v in enumerate(row[:i])
        if v is not None
    ]
    found.sort(key=lambda f: (-f[0], f[1], f[2]))
    rows = [(a, b, plain(v)) for _, a, b, v in found[:8]]
    return table(("Column", "With", f"Synthetic {MINUS} real"), rows, "Largest differences", (2,))


def _plane(exhibit: dict[str, Any]) -> Markup:
    grids = [exhibit["real"], exhibit["synthetic"]]
    most = max((v for grid in grids for row in grid for v in row if v), default=1.0)
    drawn = [density(n, g, most) for n, g in zip(("Real", "Synthetic"), grids, strict=True)]
    notes = [str(exhibit["note"])] if exhibit.get("note") else []
    if exhibit.get("explained"):
        notes.append(f"The two axes hold {share(sum(exhibit['explained']))} of the variance.")
    words = paragraph(" ".join(notes), kind="note") if notes else None
    return joined([tag("div", *drawn, class_="pictures"), words])


def _giveaways(exhibit: list[dict[str, Any]]) -> Markup:
    names = [str(e["column"]) for e in exhibit]
    drawn = bars("What the classifier uses", names, [float(e["importance"]) for e in exhibit])
    said = [(n, str(e["words"])) for n, e in zip(names, exhibit, strict=True) if e.get("words")]
    why = table(("Column", "Why"), said, "Why they give rows away") if said else None
    return joined([tag("div", drawn, class_="wide"), why])


def _survival(exhibit: list[dict[str, Any]]) -> Markup:
    return joined([LEGEND, *(_pair_of_curves(e) for e in exhibit)])


def _pair_of_curves(entry: dict[str, Any]) -> Markup:
    parts = [entry["real"], entry["synthetic"]]
    real, synthetic = ((p["time"], p["survival"]) for p in parts)
    bands = [(p["low"], p["high"]) if p.get("low") and p.get("high") else None for p in parts]
    title = str(entry.get("title", "Survival"))
    drawn = curves(title, real, synthetic, (bands[0], bands[1]), str(entry.get("unit", "time")))
    return joined([tag("h4", title), tag("div", drawn, class_="wide"), _at_risk(entry)])


def _at_risk(entry: dict[str, Any]) -> Markup | None:
    times = entry["real"].get("at_risk_time")
    if not times:
        return None
    rows = [
        (name, *(plain(v) for v in entry[key].get("at_risk", ())))
        for name, key in (("Real", "real"), ("Synthetic", "synthetic"))
    ]
    head = ("At risk at", *(short(float(f"{t:.4g}")) for t in times))
    return table(head, rows, "Rows still at risk", range(1, len(head)))


def _membership(exhibit: dict[str, Any]) -> Markup:
    found = exhibit["found"]
    head = ["False alarms", *(f"{_capital(str(a))} attack" for a in found)]
    rows = [
        [share(alarms), *(share(hits[i]) for hits in found.values())]
        for i, alarms in enumerate(exhibit["false_alarms"])
    ]
    words = paragraph(
        "Share of train rows found, by share of holdout rows falsely accused. An attack that "
        "knows nothing finds as many as it falsely accuses.",
        kind="note",
    )
    return joined([words, table(head, rows, "Train rows found", range(len(head)))])


def _copies(exhibit: dict[str, Any]) -> Markup:
    kinds = ("synthetic", "holdout", "shuffled", "control")
    head = ("", "Synthetic", "Real holdout", "Shuffled", "Copy")
    rows = [[label(k), *(share(v.get(i)) for i in kinds)] for k, v in exhibit["shares"].items()]
    caption = f"Share of rows, out of {plain(exhibit.get('rows'))} synthetic ones"
    return table(head, rows, caption, range(1, 5))


def _is_copies(value: Any) -> bool:
    return _has(value, "shares") and all(_has(v, "synthetic") for v in value["shares"].values())


def _is_membership(value: Any) -> bool:
    if not _has(value, "false_alarms", "found") or not isinstance(value["found"], Mapping):
        return False
    length = len(value["false_alarms"])
    return all(isinstance(v, list) and len(v) == length for v in value["found"].values())


def tabulate(caption: str, exhibit: Any) -> Markup:
    """Any plain data as tables; long ones are cut, and the cut is said."""
    if isinstance(exhibit, Mapping):
        return _mapping(caption, exhibit)
    if isinstance(exhibit, list) and exhibit and all(isinstance(e, Mapping) for e in exhibit):
        keys = dict.fromkeys(str(k) for e in exhibit for k in e)
        head = [k for k in keys if k != "note"] or list(keys)
        return _cut(head, [_line(e, head) for e in exhibit], caption)
    if isinstance(exhibit, list):
        return _cut([caption], [[e] for e in exhibit], caption)
    return paragraph(f"{caption}: {plain(exhibit)}")


def _line(entry: Mapping[str, Any], head: list[str]) -> list[Any]:
    """One row; a remark stands in small print below its heading."""
    cells = [entry.get(k) for k in head]
    if "note" in entry and entry["note"] and "note" not in head:
        cells[0] = tag("span", plain(cells[0]), tag("small", str(entry["note"])))
    return cells


def _mapping(caption: str, exhibit: Mapping[str, Any]) -> Markup:
    """Lists of one length are columns, mappings are rows or tables of their own, the rest lines."""
    values = list(exhibit.values())
    if values and all(isinstance(v, list) for v in values) and len({len(v) for v in values}) == 1:
        return _cut(list(exhibit), list(zip(*values, strict=True)), caption)
    if values and all(isinstance(v, Mapping) for v in values):
        inner = list(dict.fromkeys(str(k) for v in values for k in v))
        rows = [[label(str(k)), *(v.get(i) for i in inner)] for k, v in exhibit.items()]
        return _cut(["", *inner], rows, caption)
    nested = {k: v for k, v in exhibit.items() if _is_nested(v)}
    lines = [[label(str(k)), v] for k, v in exhibit.items() if k not in nested]
    parts: list[Child] = [_cut(["", "figure"], lines, caption)] if lines else []
    return joined(
        [*parts, *(tabulate(f"{caption}: {label(str(k))}", v) for k, v in nested.items())]
    )


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list) and any(isinstance(v, Mapping | list) for v in value)
    )


def _cut(head: list[str], rows: list[Any], caption: str) -> Markup:
    shown: list[list[Child]] = [
        [v if isinstance(v, Markup) else plain(v) for v in row] for row in rows[:MOST_ROWS]
    ]
    figures = [i for i in range(1, len(head)) if all(is_figure(r[i]) for r in rows)]
    rest = len(rows) - len(shown)
    more = paragraph(f"{rest} further lines are in scores.json.", kind="note") if rest else None
    words: list[Child] = [_capital(label(h)) for h in head]
    return joined([table(words, shown, caption, figures), more])


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _all(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda e: isinstance(e, list) and bool(e) and all(check(v) for v in e)


def _is_curves(value: Any) -> bool:
    parts = [value.get("real"), value.get("synthetic")] if isinstance(value, Mapping) else []
    return bool(parts) and all(_has(p, "time", "survival") for p in parts)


def _prevalence(exhibit: dict[str, Any]) -> Markup:
    names = ("real", "synthetic")
    drawn = scatter("Share of rows with each code", exhibit["x"], exhibit["y"], names)
    hidden = plain(exhibit.get("left_out", 0))
    said = (
        "One square a code. On the line, as many synthetic as real rows have it; at the lower "
        f"edge, none has. {hidden} codes of fewer than 11 real rows are not shown."
    )
    return joined([tag("div", drawn, class_="pictures"), paragraph(said, kind="note")])


PICTURES: dict[str, tuple[Callable[[Any], bool], Callable[[Any], Markup]]] = {
    "histograms": (_all(_binned), _histograms),
    "correlation": (lambda e: _has(e, "columns", "real", "synthetic", "difference"), _correlation),
    "pca": (lambda e: _has(e, "real", "synthetic"), _plane),
    "tsne": (lambda e: _has(e, "real", "synthetic"), _plane),
    "giveaways": (_all(lambda e: _has(e, "column", "importance")), _giveaways),
    "km": (_all(_is_curves), _survival),
    "copies": (_is_copies, _copies),
    "membership": (_is_membership, _membership),
    **dict.fromkeys(("images", "between", "film"), (lambda e: _has(e, "channels", "rows"), mosaic)),
    "courses": (_all(lambda e: _has(e, "step", "synthetic", "drawn")), courses),
    "timelines": (_all(lambda e: _has(e, "title", "span", "lanes")), timelines),
    "prevalence": (lambda e: _has(e, "x", "y") and len(e["x"]) == len(e["y"]), _prevalence),
}
