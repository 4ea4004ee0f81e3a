"""The demo table that ships with the package: SUPPORT2, 9,105 seriously ill hospital patients.

Source: Knaus WA, Harrell FE, Lynn J, et al. The SUPPORT prognostic model: objective estimates of
survival for seriously ill hospitalized adults. Annals of Internal Medicine 122 (1995) 191-203.
UCI Machine Learning Repository, data set 880 (archive.ics.uci.edu/dataset/880), licence
CC BY 4.0. Taken from the SurvSet package (Drysdale, 2022) with the published column names put
back; 37 of the published columns, values unchanged. See NOTICE and tools/demo_data.py.
"""

from pathlib import Path

from medsynai.data.read import Loaded, read

DEMO = Path(__file__).with_name("support2.csv.gz")
TARGET = "death"
CREDIT = "SUPPORT2 (Knaus et al., 1995; UCI data set 880), CC BY 4.0"


def demo_path() -> Path:
    """Where the demo table lies."""
    return DEMO


def load_demo() -> Loaded:
    """The demo table, read as any user's file would be."""
    return read(DEMO)
