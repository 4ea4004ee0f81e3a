"""Constraints: rules between columns, checked, repaired and counted."""

from medsynai.constraints.discover import discover
from medsynai.constraints.grammar import parse
from medsynai.constraints.repair import Repaired, check, repair
from medsynai.constraints.rules import Implies, Op, Order, Rule, Sum, Test

__all__ = [
    "Implies",
    "Op",
    "Order",
    "Repaired",
    "Rule",
    "Sum",
    "Test",
    "check",
    "discover",
    "parse",
    "repair",
]
