"""Parts of error messages."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: object, choices: Iterable[str]) -> str:
    """Write what follows "unknown ... 'x'": the closest choice, if one is close, and all valid choices."""
    choices = list(choices)
    close = difflib.get_close_matches(str(name), choices, n=1)
    hint = f", did you mean {close[0]!r}?" if close else ";"
    return f"{hint} valid: {', '.join(choices) or 'none'}"


def printable(text: str) -> str:
    """Replace what a terminal would obey or cannot show, such as escape sequences in the name of a file."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
