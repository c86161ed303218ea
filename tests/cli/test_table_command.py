import pytest

from hcegan_lib import cli
from hcegan_lib.experiment import results
from tests.cli.calls import refuse


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_table_as_csv_is_the_table_of_the_committed_scores(number, capsys):
    assert cli.main(["table", str(number), "--format", "csv"]) == 0
    table = results.table(number, results.measured("laptop"))
    assert capsys.readouterr().out == table.to_csv(index=False, lineterminator="\n")


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["1"], (1, "laptop", "md")),
        (["2", "--grid", "paper"], (2, "paper", "md")),
        (["3", "--format", "latex"], (3, "laptop", "latex")),
        (["3", "--format", "html", "--grid", "tour"], (3, "tour", "html")),
    ],
)
def test_the_grid_and_the_format_of_a_table_can_be_chosen(words, asked, capsys, monkeypatch):
    monkeypatch.setattr(results, "render_table", lambda *given: f"{given}\n")
    assert cli.main(["table", *words]) == 0
    assert capsys.readouterr().out == f"{asked}\n"


def test_a_table_of_a_grid_without_results_is_refused(capsys):
    assert "no committed results of grid 'nope'; there are: " in refuse(["table", "1", "--grid", "nope"], capsys)


def test_verdict_prints_the_scorecard_of_a_grid(capsys):
    assert cli.main(["verdict", "laptop"]) == 0
    assert capsys.readouterr().out == results.render_scorecard("laptop")
    assert "no committed results of grid 'nope'; there are: " in refuse(["verdict", "nope"], capsys)
