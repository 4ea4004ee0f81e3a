"""Rules as text and back: `parse(str(rule), schema) == rule`."""

import re
from dataclasses import dataclass
from difflib import get_close_matches

from medsynai.constraints.rules import KEYWORDS, Implies, Op, Order, Rule, Sum, Test
from medsynai.data.numerals import NUMBER
from medsynai.data.schema import Column, Kind, Schema
from medsynai.errors import SchemaError

TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>'[^']*'|"[^"]*"|`[^`]*`)|(?P<mark><=|>=|!=|==|[<>=(),])"""
    r"""|(?P<word>[^\s()<>=!,'"`]+))"""
)
HELP = (
    'write e.g. "slos <= d.time", "total = a + b", "chapter is missing when death = 0" or '
    "\"dose = 0 when treated in ('no', 'never')\""
)
SHOWN = 12


@dataclass(frozen=True)
class Token:
    """A piece of a rule's text."""

    text: str
    quoted: bool = False

    @property
    def is_word(self) -> bool:
        """A name or value, not a mark, sign or keyword."""
        return self.quoted or self.text not in {*KEYWORDS, *"<>=(),+-", "<=", ">=", "!="}


def parse(text: str, schema: Schema) -> Rule:
    """A rule from its text.

    Names and values with blanks or marks stand in quotes; signs stand between blanks.

    Raises:
        SchemaError: text that is no rule, a column that is not there or of the wrong kind, or a
            level that the column does not have.

    >>> s = Schema((Column("a", Kind.INTEGER), Column("b", Kind.INTEGER)))
    >>> parse("a is missing when b = 0", s).when.column, str(parse("b >= a", s))
    ('b', 'a <= b')
    """
    try:
        return _rule(_tokens(text), schema)
    except SchemaError as error:
        raise SchemaError(f"rule {text!r}: {error}") from None


def _tokens(text: str) -> list[Token]:
    tokens, place, text = [], 0, text.strip()
    text = text[4:] if text.lower().startswith("sum:") else text
    while place < len(text.rstrip()):
        found = TOKEN.match(text, place)
        if not found:
            raise SchemaError(f"cannot be read; {HELP}")
        if found["quoted"]:
            tokens.append(Token(found["quoted"][1:-1], quoted=True))
        else:
            word = (found["mark"] or found["word"]).replace("==", "=")
            tokens.append(Token(word))
        place = found.end()
    return tokens


def _rule(tokens: list[Token], schema: Schema) -> Rule:
    marks = [i for i, t in enumerate(tokens) if t == Token("when")]
    if len(marks) > 1:
        raise SchemaError(f"'when' stands more than once; {HELP}")
    if marks:
        head, tail = tokens[: marks[0]], tokens[marks[0] + 1 :]
        when = _test(tail, schema)
        total = _sum(head, schema, when)
        return total or Implies(_test(head, schema), when)
    total = _sum(tokens, schema, None)
    if total:
        return total
    if len(tokens) == 3 and tokens[1].text in ("<=", "<", ">=", ">") and not tokens[1].quoted:
        left, mark, right = tokens
        low, high = (left, right) if mark.text[0] == "<" else (right, left)
        pair = _column(low, schema), _column(high, schema)
        if not (_both(pair, Kind.DATE) or all(c.kind.is_number for c in pair)):
            raise SchemaError("an order needs two numbers or two dates")
        return Order(low.text, high.text, strict="=" not in mark.text)
    raise SchemaError(f"cannot be read; {HELP}")


def _both(pair: tuple[Column, Column], kind: Kind) -> bool:
    return all(c.kind is kind for c in pair)


def _sum(tokens: list[Token], schema: Schema, when: Test | None) -> Sum | None:
    """`total = a + b`, `a + b = total` or `a = b`; None if the text is something else."""
    equals = [i for i, t in enumerate(tokens) if t == Token("=")]
    if len(equals) != 1:
        return None
    left, right = tokens[: equals[0]], tokens[equals[0] + 1 :]
    if len(left) > 1 and len(right) == 1:
        left, right = right, left
    if len(left) != 1 or not right:
        return None
    if len(right) == 1 and not _names_number(left[0], right[0], schema):
        return None
    parts, sign, wanted = [], 1, True
    for token in right:
        if not token.quoted and token.text in ("+", "-"):
            sign = sign if token.text == "+" else -sign
            wanted = True
        elif wanted and token.is_word:
            parts.append((_number(token, schema), sign))
            sign, wanted = 1, False
        else:
            return None
    if wanted:
        return None
    total = _number(left[0], schema)
    if total in [name for name, _ in parts]:
        raise SchemaError(f"{total!r} stands on both sides")
    return Sum(total, tuple(parts), when)


def _names_number(left: Token, right: Token, schema: Schema) -> bool:
    """Whether `left = right` speaks of two columns of numbers, not of a column and a value."""
    if left.text not in schema or right.text not in schema or NUMBER.fullmatch(right.text):
        return False
    return schema[left.text].kind.is_number and schema[right.text].kind.is_number


def _number(token: Token, schema: Schema) -> str:
    column = _column(token, schema)
    if not column.kind.is_number:
        raise SchemaError(f"{column.name!r} is {column.kind.value}; a sum needs numbers")
    return column.name


def _test(tokens: list[Token], schema: Schema) -> Test:
    if len(tokens) < 3:
        raise SchemaError(f"cannot be read; {HELP}")
    column, mark = _column(tokens[0], schema), tokens[1].text
    rest = tokens[2:]
    if mark == "is" and len(rest) == 1 and rest[0].text in (Op.MISSING, Op.PRESENT):
        return Test(column.name, Op(rest[0].text))
    if mark == "in" and len(rest) > 2 and (rest[0].text, rest[-1].text) == ("(", ")"):
        inside = rest[1:-1]
        commas = [t == Token(",") for t in inside]
        if any(commas[::2]) or not all(commas[1::2]) or commas[-1]:
            raise SchemaError(f"cannot be read; {HELP}")
        return _asked(column, Op.IS, tuple(t.text for t in inside[::2]))
    if len(rest) == 1 and mark in ("=", "!=", "<=", "<", ">=", ">"):
        return _asked(column, Op(mark), (rest[0].text,))
    raise SchemaError(f"cannot be read; {HELP}")


def _asked(column: Column, op: Op, values: tuple[str, ...]) -> Test:
    """A test against values, which must be levels or numbers that the column can hold."""
    if column.kind.is_number:
        if not all(NUMBER.fullmatch(v) for v in values):
            raise SchemaError(f"{column.name!r} is {column.kind.value}; compare it with a number")
        return Test(column.name, op, values)
    if not column.kind.is_level or op.is_bound:
        raise SchemaError(f"{column.name!r} is {column.kind.value}; {op.value!r} cannot be asked")
    allowed = column.categories or ()
    unknown = [v for v in values if v not in allowed]
    if unknown:
        shown = ", ".join(map(repr, allowed[:SHOWN])) + (", ..." if allowed[SHOWN:] else "")
        raise SchemaError(f"{column.name!r} has no level {unknown[0]!r}; allowed: {shown}")
    return Test(column.name, op, values)


def _column(token: Token, schema: Schema) -> Column:
    if not token.is_word:
        raise SchemaError(f"a column's name is missing; {HELP}")
    if token.text not in schema:
        near = get_close_matches(token.text, schema.names, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise SchemaError(f"no column {token.text!r}{hint}")
    return schema[token.text]
