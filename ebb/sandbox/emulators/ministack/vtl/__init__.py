"""Renders API Gateway's mapping templates: Velocity 1.x and API Gateway's variables, as far as AWS documents them.

Sources: API Gateway developer guide, "Mapping template transformations", "Variables for data transformations" and
"Override your API's request and response parameters"; Velocity's "VTL Reference". Anything else is a TemplateError that
names it. So is a template whose output API Gateway does not document, such as text that prints an absent value.
"""

from ebb.sandbox.emulators.ministack.vtl.evaluation import Rendered, render
from ebb.sandbox.emulators.ministack.vtl.tree import TemplateError
from ebb.sandbox.emulators.ministack.vtl.values import text_of
from ebb.sandbox.emulators.ministack.vtl.variables import Request

__all__ = ["Rendered", "Request", "TemplateError", "render", "text_of"]
