from pathlib import Path

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from hcegan_lib.experiment.notebooks import errors, escape_braces, explain_failure, tracebacks


def failed(**error):
    return new_code_cell("1", execution_count=7, outputs=[new_output("error", **error)])


def test_an_error_is_one_line_with_the_number_that_the_notebook_shows():
    cell = failed(ename="ValueError", evalue="two\n  lines " + "x" * 300)
    (line,) = errors(new_notebook(cells=[new_markdown_cell("a"), new_code_cell(" "), cell]))
    assert line.startswith("cell 7: ValueError: two lines xxx")
    assert len(line) < 220


def test_without_an_error_in_a_cell_the_last_line_of_the_log_is_quoted():
    assert explain_failure(None, 1, "Traceback\n  NoSuchKernel: python3\n\n") == ["NoSuchKernel: python3"]
    assert explain_failure(None, 9, "") == ["papermill returned 9"]
    assert explain_failure(None, 0, "ERROR at shutdown") == []


def test_tracebacks_have_no_color_codes():
    cell = failed(ename="KeyError", evalue="'deep'", traceback=["\x1b[31mKeyError\x1b[39m", "at the end"])
    assert tracebacks(new_notebook(cells=[new_code_cell("1"), cell])) == ["KeyError\nat the end"]


def test_braces_in_a_path_are_escaped_for_papermill():
    path = escape_braces(Path("/my {course}"))
    assert path.format() == "/my {course}"
