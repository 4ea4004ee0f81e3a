"""Which codes may be learnt and listed: rare ones are rolled up to their parent, or withheld."""

import re
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from medsynai.data.codes import CodeMatrix

LEAST = 3  # train patients that a code must have
# ICD-9 has at most two places behind its category: longer numbers are of other vocabularies.
ICD = re.compile(r"(?:\d{3}|[Vv]\d{2}|[Ee]\d{3})\.?\d{0,2}|[A-TV-Za-tv-z]\d[0-9A-Ba-b]\.?\w{0,4}")
MOSTLY = 0.9  # share of the codes that look like ICD where all are taken for it


@dataclass(frozen=True)
class Vocabulary:
    """The codes of a release. Public: each was a code of several train patients.

    Attributes:
        codes: in order of the source; parents that stand for rare codes at the end.
        parents: rare codes that are rolled up -> the parent that stands for them. Names of rare
            codes: for the owner of the real data only, never written to a release.
        withheld: how many codes are left out altogether.
    """

    codes: tuple[str, ...]
    parents: dict[str, str]
    withheld: int

    def apply(self, matrix: CodeMatrix) -> CodeMatrix:
        """The matrix in these codes; what is withheld is left out of its rows."""
        place = {code: i for i, code in enumerate(self.codes)}
        to = [place.get(self.parents.get(c, c), -1) for c in matrix.codes]
        old = np.flatnonzero(np.array(to, dtype=np.int64) >= 0)
        new = np.array(to, dtype=np.int64)[old]
        shape = (len(matrix.codes), len(self.codes))
        moved = sp.csr_array((np.ones(len(old), np.int32), (old, new)), shape=shape)
        counts = sp.csr_array(matrix.counts @ moved)
        if matrix.binary:
            counts.data = np.minimum(counts.data, 1)
        counts.sort_indices()
        return replace(matrix, counts=counts, codes=self.codes)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done, in plain words; no rare code is named."""
        said = []
        if self.parents:
            into = len(set(self.parents.values()))
            said.append(
                f"codes: {len(self.parents):,} rare ones, each of fewer than {LEAST} train "
                f"patients, are rolled up into {into:,} ICD categories (their first characters)"
            )
        if self.withheld:
            said.append(
                f"codes: {self.withheld:,} rare ones are withheld, each of fewer than {LEAST} "
                "train patients: neither drawn nor listed"
            )
        return tuple(said)


def learn_vocabulary(train: CodeMatrix, roll_up: bool = True, least: int = LEAST) -> Vocabulary:
    """Decide on train rows alone, by patients.

    A rare ICD code is rolled up to its category if it and its rare siblings together have enough
    patients, or the category is a code that has; others are withheld.

    Args:
        train: real rows.
        roll_up: whether names may be read as ICD codes; not where they are only places.
        least: train patients that a code must have.
    """
    held = train.patients_of_codes()
    kept = [c for c, n in zip(train.codes, held, strict=True) if n >= least]
    rare = [c for c, n in zip(train.codes, held, strict=True) if 0 < n < least]
    unseen = int((held == 0).sum())  # known from holdout patients only, so withheld as well
    parents: dict[str, str] = {}
    if roll_up and looks_like_icd(train.codes):
        parents = _rolled(train, rare, set(kept), least)
    new = sorted(set(parents.values()) - set(kept))
    return Vocabulary((*kept, *new), parents, len(rare) + unseen - len(parents))


def _rolled(train: CodeMatrix, rare: list[str], kept: set[str], least: int) -> dict[str, str]:
    """Rare codes and the categories that they are rolled up to."""
    nine = any(code[0].isdigit() for code in train.codes)
    whole = {code: category(code, nine) for code in rare}
    together = Vocabulary(tuple(sorted(set(whole.values()))), whole, 0).apply(train)
    enough = together.patients_of_codes() >= least
    able = {c for c, ok in zip(together.codes, enough, strict=True) if ok} | kept
    return {code: parent for code, parent in whole.items() if parent in able and parent != code}


def looks_like_icd(codes: tuple[str, ...]) -> bool:
    """Whether nearly all codes look like ICD-9-CM or ICD-10 ones.

    >>> looks_like_icd(("250.83", "V27", "E8798")), looks_like_icd(("aspirin", "heparin"))
    (True, False)
    >>> looks_like_icd(("4112343", "372328")), looks_like_icd(("E11.9", "S72.001A"))
    (False, True)
    """
    return bool(codes) and sum(map(bool, map(ICD.fullmatch, codes))) >= MOSTLY * len(codes)


def category(code: str, nine: bool) -> str:
    """The ICD category of a code: three characters; four for an external cause of ICD-9.

    Args:
        code: with a dot or without.
        nine: whether it is of ICD-9, where E879 is a category; in ICD-10 it would be E87.9.

    >>> category("250.83", True), category("V2789", True), category("E8798", True)
    ('250', 'V27', 'E879')
    >>> category("E119", False), category("I48.1", False)
    ('E11', 'I48')
    """
    bare = code.replace(".", "")
    return bare[:4] if nine and bare[:1] in ("E", "e") else bare[:3]
