"""CloudWatch metric math: the grammar and the parsed expression (CloudWatch user guide, using-metric-math.html)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import lark

from ebb.scaling import compiler
from ebb.scaling.compiler import ExpressionError
from ebb.scaling.functions import Scalar, Series

__all__ = ["Expression", "ExpressionError", "Scalar", "Series", "parse"]

#: The precedence of operators is not documented. This is the usual one: ^ binds before unary minus, from the right.
_GRAMMAR = r"""
?start: either
?either: both | either ("OR" | "||") both -> or_
?both: comparison | both ("AND" | "&&") comparison -> and_
?comparison: sum | comparison COMPARE sum -> binary
?sum: product | sum ADD product -> binary
?product: unary | product MULTIPLY unary -> binary
?unary: power | "-" unary -> negative
?power: atom | atom POWER unary -> binary
?atom: NUMBER -> number
     | ID -> name
     | "[" start ("," start)* "]" -> array
     | FUNCTION "(" [start ("," start)*] ")" -> call
     | KEYWORD -> keyword
     | "(" start ")"
COMPARE: "==" | "!=" | "<=" | ">=" | "<" | ">"
ADD: "+" | "-"
MULTIPLY: "*" | "/"
POWER: "^"
KEYWORD.2: /(REPEAT|LINEAR)\b/
FUNCTION: /[A-Z][A-Z0-9_]*(?=\s*\()/
ID: /[a-z][A-Za-z0-9_]*/
NUMBER: /\d+(\.\d*)?([eE][+-]?\d+)?|\.\d+/
%ignore /\s+/
"""
_PARSER = lark.Lark(_GRAMMAR, parser="lalr")


@dataclass(frozen=True)
class Expression:
    """A parsed expression; `names` are the query ids in it."""

    text: str
    names: frozenset[str]
    _compute: compiler.Compute

    def evaluate(self, values: Mapping[str, Series]) -> Series:
        """One value per period, from one series per name, all of the same length. Raises ExpressionError."""
        try:
            return self._compute(values)
        except KeyError as error:
            raise ExpressionError(
                f"The expression {self.text!r} refers to {error.args[0]}, which is not defined."
            ) from error


@lru_cache(maxsize=256)
def parse(text: str) -> Expression:
    """Parse an expression that gives one time series. Raises ExpressionError, which quotes it."""
    try:
        tree = _PARSER.parse(text)
    except lark.exceptions.UnexpectedInput as error:
        at_end = isinstance(error, lark.exceptions.UnexpectedToken) and error.token.type == "$END"
        where = "its end" if at_end else f"column {error.column}"
        raise ExpressionError(f"The expression {text!r} cannot be read at {where}.") from error
    names = frozenset(str(node.children[0]) for node in tree.find_data("name"))
    return Expression(text, names, compiler.compile_tree(tree, text))
