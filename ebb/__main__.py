"""`python -m ebb`."""

from ebb.cli import app

app(prog_name="python -m ebb")
