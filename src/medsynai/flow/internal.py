"""The internal part of a release: which records and groups fare worst. It must not leave the house.

Records go by their number in the source, never by a value. Documents of the release know nothing of
this folder, and it is written after them.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

README, RECORDS, GROUPS, TARGETS = "README.md", "records.csv", "groups.csv", "targets.csv"
MISFITS, LOST = "misfits.csv", "left_out.csv"

_WORDS = """# Internal: this folder must not leave

{holds} Keep it where the real data are kept. Whoever is given the release is not given this folder.
{records}{groups}{paid}
What to do with it: {advice}
"""
_HOLDS = """It says which real patients' records, and which groups of patients, are worst protected
by the synthetic rows beside it."""
_PICTURED = "It shows real patients' images beside the synthetic ones."
_PICTURES = """
- `pictures.html`: real images of each class, synthetic ones, and the train image that each of some
  synthetic ones is most like.
"""
_ADVICE_PICTURES = """look at the pairs. Where a synthetic image and the train image beside it show
the same patient, do not release: train for fewer rounds or on more images, and make it again."""
_ADVICE = """look the records up in the source. If what makes them exposed is an error, mend
it; if it is a rare trait, think of coarser levels, of leaving the records out, or of a larger
`min_leaf`, and make the release again. A record's place in this list is itself about a patient."""
_ADVICE_PAID = """nothing need be done for a record's sake. The guarantee holds for each
patient, listed or not. If the rows are of too little use, mend the contract by public knowledge, or
give the next release a larger epsilon; it adds to the same ledger. Whatever is chosen by figures of
this folder is chosen by looking at the patients, and no budget covers that. A record's place in
this list is itself about a patient."""
_RECORDS = """
- `records.csv`: {listed} of {asked} train records that were asked (of {all}), worst first: those
  that can be accused at no more than 1 % false alarms. Of so many, about {chance} would be listed
  by chance alone. `record` is the row's number in the source, the first row of data being 1;
  `false alarms` the share of people who are not in the data that must be accused with it;
  `why` the sign; `lies far out` whether it is in the tenth furthest from other people's records.
"""
_TARGETS = """
- `targets.csv`: the records that the shadow attack aimed at, the easiest to tell first. `AUC` is
  how well fits of the model with the record were told from fits without; 32 fits are few for one
  record, so .7 is no rarity by chance.
"""
_GROUPS = """
- `groups.csv`: how each attack fares within each protected group of 50 train and 50 holdout
  rows, with intervals that hold for all groups together. `figure` is the AUC for membership (.5
  is guessing), the residual risk for the others (0 is none).
"""
_LOST = """
- `left_out.csv`: the files that could not be used and were left out, and why.
"""
_PAID = """
- `report.html`, `card.md`, `scores.json`: every score of the synthetic rows. They were computed on
  real rows and not paid for, so they are outside of the guarantee that the release gives.
- `misfits.csv`: how many rows did not fit the contract, column by column, and were moved to a bound
  or a listed category; of images, how many were left out, and why. Many of them mean that the
  contract is wrong, not the rows. Correct it from what is publicly known: correcting it from these
  counts would use the rows.
"""


def write_internal(place: Path, internal: Mapping[str, Any]) -> None:
    """Write the folder, which only its owner may open.

    Args:
        place: the folder to make.
        internal: what the measures found, by measure: see `Findings.internal`.
    """
    place.mkdir(mode=0o700)
    exposed = internal.get("exposed")
    aimed = internal.get("shadow")
    misfits = internal.get("misfits")
    lost, pictured = internal.get("lost"), internal.get("pictures")
    apart = ("exposed", "shadow", "misfits", "lost", "pictures")
    lines = {n: found for n, found in internal.items() if n not in apart}
    words = _PICTURES if pictured else "\n- No record was asked: the attacks need a holdout.\n"
    if exposed:
        _table(place / RECORDS, exposed["records"])
        words = _RECORDS.format(
            listed=len(exposed["records"]),
            asked=f"{exposed['asked']:,}",
            all=f"{exposed['train']:,}",
            chance=exposed["chance"],
        )
    if lines:
        _table(place / GROUPS, [{"attack": k} | line for k, v in lines.items() for line in v])
    if aimed:
        _table(place / TARGETS, aimed)
        words += _TARGETS
    if lost:
        _table(place / LOST, lost)
        words += _LOST
    if misfits is not None:
        _table(place / MISFITS, misfits or [{"column": "", "rows": 0, "what": "all rows fit"}])
    groups = _GROUPS if lines else "\n- No protected group is large enough to be judged alone.\n"
    paid, advice = ("", _ADVICE) if misfits is None else (_PAID, _ADVICE_PAID)
    holds = _HOLDS
    if pictured:
        groups, holds = "", _PICTURED
        advice = _ADVICE_PICTURES if misfits is None else advice
    told = _WORDS.format(records=words, groups=groups, paid=paid, advice=advice, holds=holds)
    (place / README).write_text(told, encoding="utf-8")


def _table(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Write lines as CSV, with the columns that any of them has."""
    head = list(dict.fromkeys(key for line in lines for key in line)) or ["record"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, head, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
