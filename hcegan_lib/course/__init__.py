"""Executes, renders and hands out the notebooks of the course.

Nothing here knows what a notebook teaches.
"""

import lazy_loader

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
