"""Networks as source code that needs nothing of ours: one file per language."""

from __future__ import annotations

from genomes.export.c import c_source
from genomes.export.program import NotExportable, Program
from genomes.export.python import python_source

__all__ = ["LANGUAGES", "NotExportable", "Program", "c_source", "python_source"]

LANGUAGES = {"python": (".py", python_source), "c": (".h", c_source)}  # name -> suffix of a file, writer
