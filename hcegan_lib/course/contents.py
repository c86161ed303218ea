"""The contents page: one row per executed notebook, with links, status, time and memory."""

import html
from pathlib import Path

from hcegan_lib.backend.files import name_file, require_plain_file
from hcegan_lib.course.pages import heading, markdown
from hcegan_lib.experiment.notebooks import Outcome, read_notebook

NUMBERED = "[0-9][0-9]_*.ipynb"  # the course; notebooks without a number are tools


def index(output: Path) -> str:
    """Render the contents page of a folder of executed notebooks, including those of earlier runs, as HTML."""
    rows, total = [], 0.0
    for path in sorted(output.glob(NUMBERED)):
        notebook = read_notebook(path)
        if notebook and "hcegan" in notebook.metadata and path.with_suffix(".html").exists():
            with name_file(path):
                outcome = Outcome(**notebook.metadata["hcegan"])
                total += outcome.seconds
                rows.append(_row(outcome, *heading(notebook), output))
    return INDEX.replace("TOTAL", f"{total:.0f}").replace("TITLE", TITLE).replace("ROWS", "\n".join(rows))


def is_own(path: Path) -> bool:
    """Check whether the course has written a file: an executed notebook or the contents page."""
    if path.suffix == ".html":
        return TITLE.encode() in require_plain_file(path).read_bytes()
    notebook = read_notebook(path)
    return notebook is not None and "hcegan" in notebook.metadata


def _row(outcome: Outcome, title: str, goal: str, output: Path) -> str:
    status = "failed" if outcome.errors else "ok"
    passed = ", ".join(f"{name} = {value}" for name, value in outcome.parameters.items())
    notes = "".join(f'<p class="error">{html.escape(error)}</p>' for error in outcome.errors)
    notes += f"<p>{html.escape(passed)}</p>" if passed else ""
    return (
        f'<tr class="{status}"><th scope="row"><a href="{outcome.name}.html">{html.escape(title or outcome.name)}</a>'
        f"{markdown(goal, output, output)}{notes}</th><td>{status}</td><td>{outcome.seconds:.1f}</td>"
        f'<td>{outcome.memory:.0f}</td><td><a href="{outcome.name}.ipynb">{outcome.name}.ipynb</a></td></tr>'
    )


TITLE = "<title>The HCEGAN course, executed</title>"
INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
TITLE
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; padding-bottom: 0.5rem; }
th, td { text-align: left; vertical-align: top; padding: 0.6rem; border-top: 1px solid #8886; font-weight: normal; }
thead th, th a { font-weight: bold; }
th p { margin: 0.2rem 0 0; font-size: 0.9rem; }
td:nth-of-type(2), td:nth-of-type(3) { text-align: right; font-variant-numeric: tabular-nums; }
tr.failed td:first-of-type, .error { color: #c62828; font-weight: bold; }
</style>
</head>
<body>
<h1>The HCEGAN course, executed</h1>
<table>
<caption>All notebooks in this folder. Running them took TOTAL s.</caption>
<thead><tr><th scope="col">Notebook</th><th scope="col">Status</th><th scope="col">Time (s)</th>
<th scope="col">Peak memory (MB)</th><th scope="col">Open in JupyterLab</th></tr></thead>
<tbody>
ROWS
</tbody>
</table>
</body>
</html>
"""
