"""A model as the catalogue tells of it, and the kinds of data that models are for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A model as `medsynai models` shows it.

    Attributes:
        about: how it works, in plain sentences for the report.
        home: "module:Class" of its settings.
        loader: "module:function" that opens a saved one; "" if it is never saved.
        conditional: conditions are met exactly, on every row.
        keeps: real columns can be kept as they stand, and the others drawn given these.
        private: it can be trained under differential privacy.
        needs_budget: it is always private, and cannot be fitted without epsilon.
        copies: it hands out real rows; a release is refused.
        of_codes: "module:Class" of its settings for codes, where it serves tables as well; the
            loader of a saved one is the module's `load`.
        of_cohorts: the same for cohorts, with `load_shuffle`.
    """

    name: str
    title: str
    paper: str
    data: tuple[str, ...]
    use: str
    fails: str
    about: str
    home: str
    loader: str = ""
    conditional: bool = True
    keeps: bool = False
    private: bool = False
    needs_budget: bool = False
    copies: bool = False
    of_codes: str = ""
    of_cohorts: str = ""


# Kinds of data, as `Entry.data` and `medsynai.flow.kinds` say.
TABLE, CODES, COHORTS, IMAGES, SERIES = "table", "codes", "cohorts", "images", "series"
