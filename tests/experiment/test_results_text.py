import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from hcegan_lib.experiment import records, results

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "10_tables.ipynb"


class Cells(HTMLParser):
    """The rows of a table as a browser reads them."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.caption, self.open = [], "", []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        if self.open and self.open[-1] == "caption":
            self.caption += data


def test_readable_cells_show_intervals_and_signed_differences(scores):
    table = results.table(3, scores)
    text = results.readable(table).set_index(["metric", "model"])
    row = table.set_index(["metric", "model"]).loc[("psnr", "SA'+Hinge+BCE")]
    shown = text.loc[("PSNR (dB)", "SA'+Hinge+BCE")]
    assert shown["paper DIV2K"] == f"{row['paper DIV2K']:.3f} (+{row['paper DIV2K difference']:.2f})"
    assert shown["mini measured"] == f"{row['mini mean']:.2f} [{row['mini low']:.2f}, {row['mini high']:.2f}]"
    low, high = row["mini difference low"], row["mini difference high"]
    assert shown["mini minus pix2pix"] == f"+{row['mini difference']:.2f} [{low:+.2f}, {high:+.2f}]"
    assert shown["mini verdict"] == "higher"
    assert text.loc[("SSIM (%)", "gray copy"), "paper Lion"] == ""
    assert re.fullmatch(r"\d\d\.\d\d", text.loc[("SSIM (%)", "gray copy"), "mini measured"])


def test_a_small_p_is_not_shown_as_zero(scores):
    table = results.table(1, scores)
    assert table["mini p Holm"].min() < 0.0005
    assert set(results.readable(table)["mini p"]) >= {"<0.001"}
    assert not (results.readable(table)["mini p"] == "0.000").any()


def test_csv_holds_the_table_with_every_digit(grid):
    text = results.render_table(3, "made", "csv")
    table = results.table(3, results.measured("made"))
    assert text == table.to_csv(index=False, lineterminator="\n")
    (grid / "back").write_text(text, encoding="utf-8")
    pd.testing.assert_frame_equal(pd.read_csv(grid / "back", float_precision="round_trip"), table, rtol=1e-14, atol=0)


def test_markdown_and_html_show_the_same_cells_and_caption(grid):
    text = results.readable(results.table(3, results.measured("made")))
    wanted = [list(text.columns), *text.values.tolist()]
    lines = results.render_table(3, "made", "md").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert rows[:1] + rows[2:] == wanted
    assert len({len(line) for line in lines if line.startswith("|")}) == 1, "columns do not line up"
    source = results.render_table(3, "made", "html")
    page = Cells(source)
    plain = [[cell.replace("−", "-").replace("\N{NO-BREAK SPACE}", " ") for cell in row] for row in page.rows]
    middle = 1 + len(text) // 2
    psnr, ssim = plain[1:][:middle], plain[1:][middle:]
    assert (psnr[0], ssim[0]) == (["PSNR (dB)"], ["SSIM (%)"])
    assert [[*part[0], *row] for part in (psnr, ssim) for row in part[1:]] == wanted[1:]
    assert plain[0] == wanted[0][1:]
    assert page.caption == lines[-1]
    assert page.open == []
    assert source.isascii()
    assert source.count('<th scope="col">') == len(text.columns) - 1
    assert source.count('<th scope="row">') == len(text)


def test_markup_characters_in_names_are_escaped(scores):
    frame = results.table(1, scores.assign(data="a|b<c>&_%#$"))
    head = results.FORMS["md"](frame, "").splitlines()[0]
    assert len(re.findall(r"(?<!\\)\|", head)) == len(results.readable(frame).columns) + 1
    assert Cells(results.FORMS["html"](frame, "1 < 2")).rows[0][-1] == "a|b<c>&_%#$ verdict"
    assert r"a|b$<$c$>$\&\_\%\#\$ verdict" in results.FORMS["latex"](frame, "")


def test_latex_has_rows_of_equal_length_primes_and_escaped_percent_signs(grid):
    text = results.render_table(3, "made", "latex")
    rows = [line for line in text.splitlines() if line.endswith(r" \\")]
    columns = len(results.readable(results.table(3, results.measured("made"))).columns)
    assert len(rows) == 1 + 2 * 8
    assert {row.count(" & ") for row in rows} == {columns - 1}
    assert rf"\begin{{tabular}}{{ll{'r' * (columns - 2)}}}" in text
    assert "SA$''$+Hinge+BCE" in text
    assert set(re.findall(r"\w+'+\w*", text)) == {"paper's", "Student's", "Holm's"}
    assert re.findall(r"(?<!\\)%.*", text.split("\n", 1)[1]) == ["%"]  # at the end of \resizebox's line
    assert text.count("{") == text.count("}")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_latex_compiles(grid):
    body = "\\documentclass{article}\\usepackage{graphicx}\\begin{document}%s\\end{document}"
    (grid / "page.tex").write_text(body % results.render_table(3, "made", "latex"), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    run = subprocess.run(command, cwd=grid, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:]


def test_an_unknown_form_is_refused(grid):
    with pytest.raises(ValueError, match="form must be one of md, csv, latex, html, got 'pdf'"):
        results.render_table(1, "made", "pdf")


# --- notebook 10 ------------------------------------------------------------------------------------------------------


def test_notebook_10_opens_with_the_scorecard_of_the_committed_scores():
    outputs = [output for cell in nbformat.read(NOTEBOOK, as_version=4).cells for output in cell.get("outputs", [])]
    first = next(output for output in outputs if "text/html" in output.get("data", {}))
    assert first["data"]["text/html"] == results.render_scorecard("columns", "html")


@pytest.mark.parametrize("number", [1, 2, 3])
def test_removing_a_row_from_the_committed_scores_changes_the_tables(number, tmp_path, monkeypatch):
    path, shown = records.RESULTS, results.render_table(number)
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    lines = (path / "laptop.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    shutil.copy(path / "laptop.json", tmp_path)
    (tmp_path / "laptop.csv").write_text("".join(lines[:100] + lines[101:]), encoding="utf-8")
    assert results.render_table(number) != shown
