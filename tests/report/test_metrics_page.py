"""docs/metrics.md explains every score that a document may show, and no score that there is not."""

import pkgutil
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

import medsynai.evaluate
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.panel import CODE_PANEL, COHORT_PANEL, IMAGE_PANEL, PANEL, SERIES_PANEL
from medsynai.evaluate.policy import load_policy
from medsynai.evaluate.score import Score
from medsynai.evaluate.utility import CLASS_FIGURES, NUMBER_FIGURES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
FAMILIES = re.compile(r"^\| ((?:`[a-z0-9_*]+`(?:, )?)+) \|", re.MULTILINE)


def explained() -> set[str]:
    """Names in the first cell of a table's row; `*` stands for any ending."""
    cells = FAMILIES.findall(PAGE.read_text(encoding="utf-8"))
    return {name for cell in cells for name in re.findall(r"`([a-z0-9_*]+)`", cell)}


def inside(value: Any) -> Iterator[str]:
    if isinstance(value, Score | Heading):
        yield value.name
    elif isinstance(value, dict):
        yield from (n for v in value.values() for n in inside(v))
    elif isinstance(value, tuple | list):
        yield from (n for v in value for n in inside(v))


def declared() -> set[str]:
    """Every score that a module of the judging wing declares, asks for or holds to a limit."""
    panels = (*PANEL, *CODE_PANEL, *COHORT_PANEL, *IMAGE_PANEL, *SERIES_PANEL)
    names = {m.headline[0] for m in panels if m.headline[0]}
    names |= {gate.score for gate in load_policy().gates}
    for kind in ("codes", "cohorts", "images", "series"):
        names |= {gate.score for gate in load_policy(default=f"{kind}/policy.toml").gates}
    names |= {f"tstr_{f.name}" for f in (*CLASS_FIGURES, *NUMBER_FIGURES)}
    for found in pkgutil.walk_packages(medsynai.evaluate.__path__, "medsynai.evaluate."):
        names |= set(inside(list(vars(import_module(found.name)).values())))
    return names


def test_every_score_is_explained() -> None:
    patterns = explained()
    assert len(patterns) > 45
    missing = [n for n in declared() if not any(fnmatchcase(n, p) for p in patterns)]
    assert not missing


def test_no_score_is_explained_that_is_not_there() -> None:
    home = Path(medsynai.evaluate.__path__[0])
    code = "\n".join(p.read_text(encoding="utf-8") for p in sorted(home.rglob("*.py")))
    built = {"validity_types", "validity_ranges", "validity_categories", "validity_missing"}
    names = declared() | built
    stale = [p for p in explained() - names if "*" not in p and f'"{p}"' not in code]
    assert not stale
