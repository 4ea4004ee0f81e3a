"""A hash of a record number is the number: whoever hashes all that there can be has it again."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medsynai.data import patterns
from medsynai.data.facts import look
from medsynai.data.patterns import HASHED, find_content
from medsynai.data.schema import Kind, Role
from medsynai.flow.opening import Handed
from medsynai.flow.plan import Plan
from medsynai.flow.run import make

Digest = Callable[[str], str]
DIGESTS: dict[str, Digest] = {
    name: (lambda text, name=name: hashlib.new(name, text.encode()).hexdigest())
    for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
} | {
    "upper": lambda text: hashlib.sha1(text.encode()).hexdigest().upper(),
    "base64": lambda text: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode(),
}
NUMBERS = [f"{i:06d}" for i in range(100_000)]  # every record number that the clinic can give


@pytest.mark.parametrize("name", DIGESTS)
@pytest.mark.parametrize("rows", [1, 4])
def test_a_hash_is_an_identifier_however_often_it_comes_back(name, rows):
    values = [DIGESTS[name](NUMBERS[7 * i]) for i in range(90)] * rows
    mark = find_content(look(pd.Series(values, dtype=object), "trace", text=True))
    assert mark is not None
    assert (mark.identifier, mark.kind, mark.role) == (HASHED, Kind.IDENTIFIER, Role.KEY)


def test_codes_and_long_numbers_are_no_hashes():
    harmless = ["deadbeef", "a" * 32, "1" * 40, "E11.65", "facade", "0123456789" * 4]
    assert not patterns.count_like(
        harmless, next(x for x in patterns.LOOKS if x.identifier == HASHED)
    )


def numbers_found(folder: Path, digest: Digest, real: set[str]) -> set[str]:
    """The attack: hash every number there can be, and look for it in every file."""
    whole = b"".join(p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()).decode(
        "latin-1"
    )
    words = set(whole.replace('"', " ").replace(",", " ").replace("'", " ").split())
    return {n for n in NUMBERS if digest(n) in words} & real


def test_a_dictionary_of_all_numbers_finds_nobody_in_a_release(tmp_path, monkeypatch):
    rng = np.random.default_rng(4)
    mine = rng.choice(NUMBERS, 60, replace=False)
    digest = DIGESTS["sha256"]
    frame = pd.DataFrame(
        {
            "trace": [digest(m) for m in np.repeat(mine, 5)],  # five stays of each patient
            "age": rng.integers(20, 80, 300),
            "sex": rng.choice(["f", "m"], 300),
        }
    )
    plan = Plan(model="forest", measures=("validity",))

    def attacked(name: str) -> int:
        folder = make(plan, Handed(frame=frame)).save(tmp_path / name)
        return len(numbers_found(folder, digest, set(mine)))

    assert attacked("right") == 0
    made = pd.read_csv(tmp_path / "right" / "synthetic.csv")
    assert made["trace"].str.fullmatch(r"[0-9a-f]{64}").all() and made["trace"].nunique() < 150
    blind = tuple(replace(x, needs="") if x.identifier == HASHED else x for x in patterns.LOOKS)
    monkeypatch.setattr(patterns, "LOOKS", blind)  # the violation: hashes are not known as such
    assert attacked("wrong") > 30
