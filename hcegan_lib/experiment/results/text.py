"""Tables as Markdown, CSV, LaTeX and HTML."""

import html
import itertools
import re
from collections.abc import Callable, Iterable

import pandas as pd

from hcegan_lib import paper
from hcegan_lib.experiment.records import manifest
from hcegan_lib.experiment.results.scores import measured
from hcegan_lib.experiment.results.tables import BASELINE, caption, table


def render_table(number: int, grid: str = "laptop", form: str = "md") -> str:
    """Render Table 1, 2 or 3 of the paper beside the committed results of a grid, as `hcegan table` prints it.

    `form` is "md", "latex" or "html", for reading and with a caption, or "csv", with all columns of `table` and every
    digit. "latex" needs the package graphicx and a page in landscape. Raises ValueError for any other argument.
    """
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}, got {form!r}")
    scores = measured(grid)
    frame = table(number, scores)
    return FORMS[form](frame, caption(number, frame, scores, manifest(grid)))


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Format the numbers of a `table` as text, each value and its interval in one cell, empty where there is no number.

    Columns: metric, model, the paper's data sets with the difference from pix2pix in parentheses, then four for each
    measured data set: mean, difference, p after Holm's correction, verdict.
    """
    text = {"metric": frame["metric"].map({"psnr": "PSNR (dB)", "ssim": "SSIM (%)"}), "model": frame["model"]}
    for data in paper.DATASETS:
        text[f"paper {data}"] = _joined(frame, {f"paper {data}": "{:.3f}", f"paper {data} difference": " ({:+.2f})"})
    for data in [column.removesuffix(" verdict") for column in frame if column.endswith(" verdict")]:
        minus = f"{data} difference"
        forms = {f"{data} mean": "{:.2f}", f"{data} low": " [{:.2f},", f"{data} high": " {:.2f}]"}
        text[f"{data} measured"] = _joined(frame, forms)
        forms = {minus: "{:+.2f}", f"{minus} low": " [{:+.2f},", f"{minus} high": " {:+.2f}]"}
        text[f"{data} minus {BASELINE}"] = _joined(frame, forms)
        text[f"{data} p"] = _joined(frame, {f"{data} p Holm": "{:.3f}"}).replace("0.000", "<0.001")
        text[f"{data} verdict"] = frame[f"{data} verdict"]
    return pd.DataFrame(text)


def _joined(frame: pd.DataFrame, forms: dict[str, str]) -> pd.Series:
    """Format several columns into one, without missing numbers."""
    parts = [frame[column].map(form.format).where(frame[column].notna(), "") for column, form in forms.items()]
    return sum(parts[1:], start=parts[0])


def _text_rows(frame: pd.DataFrame, escape: Callable[[str], str]) -> list[list[str]]:
    """Return the header and the rows of a readable table, escaped."""
    text = readable(frame)
    return [[escape(cell) for cell in row] for row in (text.columns, *text.itertuples(index=False))]


def to_markdown(frame: pd.DataFrame, caption: str) -> str:
    """Write a table in Markdown."""
    return markdown(readable(frame)) + f"\n{caption}\n"


def markdown(text: pd.DataFrame) -> str:
    """Write a table of text in Markdown, padded so that columns line up on a terminal too."""
    head, *rows = [[cell.replace("|", r"\|") for cell in row] for row in (text.columns, *text.itertuples(index=False))]
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    rule = ["-" * width for width in widths]
    lines = (" | ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in (head, rule, *rows))
    return "".join(f"| {line} |\n" for line in lines)


def to_latex(frame: pd.DataFrame, caption: str) -> str:
    """Write a table in LaTeX, as wide as the line."""
    head, *rows = (" & ".join(row) + r" \\" for row in _text_rows(frame, _latex))
    half = len(rows) // 2  # PSNR above, SSIM below
    lines = [
        "% \\usepackage{graphicx}, on a page in landscape",
        r"\begin{table}",
        rf"\caption{{{_latex(caption)}}}",
        r"\resizebox{\linewidth}{!}{%",
        rf"\begin{{tabular}}{{ll{'r' * (head.count(' & ') - 1)}}}",
        *(r"\hline", head, r"\hline", *rows[:half], r"\hline", *rows[half:], r"\hline"),
        r"\end{tabular}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex(text: str) -> str:
    """Escape LaTeX's special characters; SA'' gets two primes, not a closing quote."""
    text = re.sub(r"[&%$#_{}]", r"\\\g<0>", text)
    return re.sub(r"'+(?!s\b)|[<>]|(?<![\w-])-(?=\d)", r"$\g<0>$", text)


def to_html(frame: pd.DataFrame, caption: str) -> str:
    """Write a table element in ASCII that needs no style sheet and no script."""
    (_, *head), *rows = _text_rows(frame, _html)
    names = _tags("th", head, ' scope="col"')
    lines = [
        '<table style="font-size: 85%">',
        f'<caption style="text-align: left">{_html(caption)}</caption>',
        f"<thead><tr>{names}</tr></thead>",
    ]
    for metric, group in itertools.groupby(rows, key=lambda row: row[0]):
        title = f'<th scope="rowgroup" colspan="{len(head)}" style="text-align: left">{metric}</th>'
        lines.append(f"<tbody><tr>{title}</tr>")
        lines += (f'<tr><th scope="row">{model}</th>{_tags("td", cells)}</tr>' for _, model, *cells in group)
        lines.append("</tbody>")
    return "\n".join([*lines, "</table>"]) + "\n"


def _tags(tag: str, cells: Iterable[str], options: str = "") -> str:
    return "".join(f"<{tag}{options}>{cell}</{tag}>" for cell in cells)


def _html(text: str) -> str:
    """Escape a cell, with a minus sign before negative numbers and no line break inside an interval."""
    text = re.sub(r"(?<![\w-])-(?=\d)", "\N{MINUS SIGN}", html.escape(text))
    text = re.sub(r"\[[^]]*\]", lambda interval: interval[0].replace(" ", "\N{NO-BREAK SPACE}"), text)
    return text.encode("ascii", "xmlcharrefreplace").decode()


FORMS = {
    "md": to_markdown,
    "csv": lambda frame, caption: frame.to_csv(index=False, lineterminator="\n"),
    "latex": to_latex,
    "html": to_html,
}
