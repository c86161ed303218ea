"""Executes, renders and hands out the notebooks of the course.

Nothing here knows what a notebook teaches.
"""

import sys

import lazy_loader

# jsonschema, which nbformat imports, can do without this grammar. Building it would take each process a second.
sys.modules.setdefault("rfc3987_syntax", None)

# Importing this package loads neither nbconvert nor papermill: each name loads its module on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["engine", "handout", "pages"],
    submod_attrs={
        "contents": ["index"],
        "execute": ["NOTEBOOKS", "OUTPUT", "Outcome", "errors", "plan", "run"],
        "stored": ["golden", "save_figures"],
    },
)
