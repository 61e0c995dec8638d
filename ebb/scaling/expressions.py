"""CloudWatch metric math over the periods of an alarm's evaluation range: the grammar, and what it is compiled to.

Source of all rules: "Using metric math" in the CloudWatch user guide (using-metric-math.html).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import lark

from ebb.scaling import compiler
from ebb.scaling.compiler import ExpressionError
from ebb.scaling.functions import Scalar, Series

__all__ = ["Expression", "ExpressionError", "Scalar", "Series", "parse"]

#: "Arithmetic operators: + - * / ^", "unary subtraction", "comparison operators", "logical operators". Their precedence
#: is not documented: it is the usual one, ^ before unary minus and from the right.
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
    """A parsed expression; `names` are the ids that it refers to."""

    text: str
    names: frozenset[str]
    _compute: compiler.Compute

    def evaluate(self, values: Mapping[str, Series]) -> Series:
        """One value per period. `values` has a series for each of `names`, all of one length.

        Raises ExpressionError for a name without a series.
        """
        try:
            return self._compute(values)
        except KeyError as error:
            raise ExpressionError(
                f"The expression {self.text!r} refers to {error.args[0]}, which is not defined."
            ) from error


@lru_cache(maxsize=256)
def parse(text: str) -> Expression:
    """Parse an expression.

    Raises ExpressionError, which names the place that cannot be read, the function that is not supported, or what has
    the wrong type: "the final result of any math expression must be a single time series", as an alarm watches one.
    """
    try:
        tree = _PARSER.parse(text)
    except lark.exceptions.UnexpectedInput as error:
        at_end = isinstance(error, lark.exceptions.UnexpectedToken) and error.token.type == "$END"
        where = "its end" if at_end else f"column {error.column}"
        raise ExpressionError(f"The expression {text!r} cannot be read at {where}.") from error
    names = frozenset(str(node.children[0]) for node in tree.find_data("name"))
    return Expression(text, names, compiler.compile_tree(tree, text))
