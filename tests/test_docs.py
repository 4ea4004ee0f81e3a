"""The pages are held to the code: what is there is explained, what is explained is there."""

import dataclasses
import doctest
import json
import re
import runpy
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from medsynai.cli import cli
from medsynai.data.schema import Column, Handling, Kind, Origin, Role, Schema, Survival
from medsynai.flow.plan import Plan
from medsynai.forest.forest import Forest
from medsynai.learn.job import Pace
from medsynai.models.aae import Aae
from medsynai.models.acgan import Acgan
from medsynai.models.autoencoder import Vae
from medsynai.models.autoregressive import Autoregressive
from medsynai.models.beta_vae import BetaVae
from medsynai.models.cgan import Cgan
from medsynai.models.code_aae import CodeAae
from medsynai.models.code_mixture import CodeMixture
from medsynai.models.ctgan import Ctgan
from medsynai.models.dcgan import Dcgan
from medsynai.models.diffusion import Diffusion
from medsynai.models.doppelganger import DoppelGanger
from medsynai.models.emr_wgan import EmrWgan
from medsynai.models.entries import CATALOG
from medsynai.models.events import Events
from medsynai.models.gan import Gan
from medsynai.models.image_flow import ImageFlow
from medsynai.models.image_gan import ImageGan
from medsynai.models.image_hybrid import ImageHybrid
from medsynai.models.image_mean_embedding import ImageMeanEmbedding
from medsynai.models.image_pca import ImagePca
from medsynai.models.image_vae import ImageVae
from medsynai.models.image_wgan_gp import ImageWganGp
from medsynai.models.medgan import MedGan
from medsynai.models.pate_gan import PateGan
from medsynai.models.series_diffusion import SeriesDiffusion
from medsynai.models.shuffle import Shuffle
from medsynai.models.tablegan import TableGan
from medsynai.models.timegan import TimeGan
from medsynai.models.timevae import TimeVae
from medsynai.models.tvae import Tvae
from medsynai.models.wgan_gp import WganGp

OF_CODES = (MedGan, EmrWgan, Aae)
OF_IMAGES = (
    *(ImagePca, ImageFlow, ImageVae, ImageHybrid, ImageGan, ImageWganGp, Dcgan, Acgan),
    ImageMeanEmbedding,
)
OF_SERIES = (SeriesDiffusion, TimeVae, TimeGan, DoppelGanger)
GANS = (Gan, Cgan, Ctgan, WganGp, TableGan, PateGan)
NETWORKS = (Vae, Tvae, BetaVae, Autoregressive, Diffusion, *GANS)
ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("bench/*.md")])
BASELINES = {"shuffle": "baselines", "bootstrap": "baselines"}
# Folders in which a person's own files lie; /home/anna is made up, in tests of what may be shown.
HOMES = re.compile(
    r"(?<![\w.:/])/(?:home|root|Users|work|mnt|srv|private|var/folders)/(?!anna/)[\w.]"
)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(path: Path, language: str) -> list[str]:
    return [text for kind, text in FENCED.findall(read(path)) if kind == language]


def explained(page: str) -> set[str]:
    """What stands in code type in the first cell of a row of a table in docs/`page`."""
    cells = re.findall(r"^\| (`[^|]*`) \|", read(DOCS / page), re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def names(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def tracked() -> Iterator[Path]:
    """Every text file of the repository."""
    try:
        listed = subprocess.run(
            ["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    for name in listed.split("\0"):
        path = ROOT / name
        if path.is_file() and b"\0" not in path.read_bytes()[:8000]:
            yield path


def test_page_of_the_command_is_made_from_it() -> None:
    made = runpy.run_path(str(ROOT / "tools" / "cli_docs.py"))["page"]()
    assert read(DOCS / "cli.md") == made, "run: make docs"


def test_every_command_and_option_is_explained() -> None:
    page = read(DOCS / "cli.md")
    for name, command in cli.commands.items():
        section = page.partition(f"\n## medsynai {name}\n")[2].partition("\n## ")[0]
        assert section, name
        for option in command.params:
            if isinstance(option, click.Option):
                row = re.search(rf"^\| `{option.opts[0]}\b[^|]*` \| \S", section, re.MULTILINE)
                assert row, f"{name} {option.opts[0]}"


@pytest.mark.parametrize("model", [entry.name for entry in CATALOG])
def test_every_model_has_a_page_that_names_it(model: str) -> None:
    page = DOCS / "models" / f"{BASELINES.get(model, model)}.md"
    assert page.is_file()
    assert f"`{model}`" in read(page)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("schema.md", names(Schema) | names(Survival) | names(Column)),
        ("schema.md", {m.value for kind in (Kind, Role, Handling, Origin) for m in kind}),
        ("plan.md", names(Plan)),
        ("models/forest.md", names(Forest)),
        ("models/baselines.md", names(Shuffle)),
        *((f"models/{kind.name}.md", names(kind)) for kind in NETWORKS),
        ("models/autoregressive.md", names(Pace)),
        ("models/code-mixture.md", names(CodeMixture)),
        *((f"models/{kind.name}.md", names(kind)) for kind in OF_IMAGES),
        *((f"models/{kind.name}.md", names(kind)) for kind in OF_SERIES),
        ("models/events.md", names(Events)),
        ("models/medgan.md", names(MedGan)),
        ("models/emr-wgan.md", names(EmrWgan)),
        ("models/aae.md", names(Aae) | names(CodeAae)),
    ],
)
def test_every_field_is_explained(page: str, words: set[str]) -> None:
    assert not words - explained(page)


@pytest.mark.parametrize(
    ("page", "kind"),
    [("forest", Forest), *((kind.name, kind) for kind in NETWORKS + OF_CODES + OF_SERIES)],
)
def test_defaults_on_a_models_page_are_those_of_the_code(page: str, kind: type) -> None:
    text = read(DOCS / "models" / f"{page}.md")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, re.MULTILINE)
    told = {name: cell.strip().replace(",", "") for name, cell in rows}
    for field in dataclasses.fields(kind):
        if isinstance(field.default, int | float):
            assert told[field.name] == str(field.default).lower(), field.name


def test_example_schema_and_plan_can_be_read() -> None:
    schemas = [b for b in blocks(DOCS / "schema.md", "toml") if "[[columns]]" in b]
    assert [Schema.from_toml(text).subject for text in schemas] == ["mrn"]
    for text in blocks(DOCS / "plan.md", "toml"):
        plan = Plan(**tomllib.loads(text))
        assert Forest(**plan.settings).min_leaf == 60


@pytest.mark.parametrize("page", [p for p in DOCS.rglob("*.md") if ">>> " in p.read_text()])
def test_python_on_the_pages_runs(page: Path) -> None:
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    found = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_on_the_pages_are_understood(page: Path) -> None:
    lines = [line for text in blocks(page, "bash") for line in text.splitlines()]
    for line in lines:
        words = shlex.split(line, comments=True)
        if words[:1] != ["medsynai"]:
            continue
        parent = click.Context(cli, info_name="medsynai")
        understood = cli.commands[words[1]].make_context(words[1], words[2:], parent=parent)
        assert understood.params, line


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", read(page))):
        if not re.match(r"[a-z]+://|mailto:", target):
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.name != "CHANGELOG.md"], ids=lambda p: p.name
)
def test_files_that_pages_name_are_there(page: Path) -> None:
    named = re.findall(r"`([\w/]+/[\w/]+\.(?:py|toml))`", read(page))
    places = (ROOT, ROOT / "src" / "medsynai", page.parent)
    ours = [n for n in named if n.split("/")[0] not in ("release", "model")]
    missing = [n for n in ours if not any((place / n).is_file() for place in places)]
    assert not missing


def test_every_trap_names_a_test_that_is_there() -> None:
    page = read(DOCS / "threat-model.md").partition("## Traps, each with its test")[2]
    table = page.partition("\n## ")[0]
    rows = re.findall(r"^\| (?!trap |---)[^|]+\| ([^|]+) \|$", table, re.MULTILINE)
    assert len(rows) == 34
    named = [m for row in rows if (m := re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", row))]
    assert len(named) == 34
    for found in named:
        assert f"\ndef {found[2]}(" in read(ROOT / found[1]), found[0]


def test_no_path_of_a_machine_is_named() -> None:
    own = {str(ROOT), str(Path.home())} - {"/", "/root", "/home"}
    for path in tracked():
        text = path.read_text(encoding="utf-8", errors="replace")
        where = path.relative_to(ROOT).as_posix()
        if where != "tests/test_docs.py":
            assert not HOMES.search(text), where
        assert not [o for o in own if o in text], where


def test_exit_codes_are_the_same_everywhere() -> None:
    from medsynai import guard as door

    codes = {door.DONE, door.FAULT, door.BAD_INPUT, door.GATE_FAILED, door.INTERRUPTED}
    for page in (ROOT / "README.md", DOCS / "cli.md"):
        told = re.findall(r"^\| (\d+) \|", read(page), re.MULTILINE)
        assert {int(code) for code in told} == codes, page.name


def test_our_figures_in_the_readme_are_the_benchmarks() -> None:
    results = list((ROOT / "bench" / "results").glob("*-forest.json"))
    if not results:
        pytest.skip("no benchmark was run")
    measured = [json.loads(read(path)) for path in results]
    rows = re.findall(
        r"^\|[^|]*\| \*\*MedSynAI forest\*\* \|(.*)\|$", read(ROOT / "README.md"), re.M
    )
    assert rows
    for row in rows:
        told = [float(x) for cell in row.split("|") for x in cell.split("/")]
        fields = ("fit_s", "pairs_to_train", "c2st", "c2st_binned", "tstr", "mia_auc")
        # a run again on the same machine: other seconds, the same figures
        close = [
            all(abs(t[f] - x) <= 0.0006 for f, x in zip(fields[1:], told[1:], strict=True))
            for t in measured
        ]
        assert any(close), f"README's row {row} is not in bench/results"


def test_a_model_is_one_short_file():
    """The whole of a paper's model at a glance: what is long in it has a home of its own."""
    homes = {e.home.partition(":")[0] for e in CATALOG} | {
        e.loader.partition(":")[0] for e in CATALOG
    }
    files = {
        ROOT / "src" / f"{h.replace('.', '/')}.py" for h in homes if h.startswith("medsynai.models")
    }
    assert len(files) > 25
    assert {f.name for f in files if len(f.read_text().splitlines()) > 80} == set()
