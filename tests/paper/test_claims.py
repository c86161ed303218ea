"""The claims of the paper's text, judged a second time from the CSV files by plain loops in exact fractions."""

import csv
import json
import re
from fractions import Fraction
from itertools import product

import pandas as pd
import pytest

from hcegan_lib import paper
from hcegan_lib.experiment.results import effects, training
from hcegan_lib.paper.claims import JUDGES
from hcegan_lib.paper.tables import FOLDER

SENTENCES = json.loads((FOLDER / "claims.json").read_text(encoding="utf-8"))
CLAIMS = paper.claims()
SIX = ["Lion", "Bird", "Orange", "Dog", "Fish", "Ladybird"]
SEVEN = ["DIV2K", *SIX]


def cells(number):
    """Read the CSV without pandas: (metric, model, data set) -> (exact value, bold)."""
    with open(FOLDER / f"table{number}.csv", encoding="utf-8", newline="") as file:
        return {
            (row["metric"], row["model"], row["dataset"]): (
                Fraction(row["printed"].replace(" ", "")),
                row["bold"] == "true",
            )
            for row in csv.DictReader(file)
        }


TABLES = {number: cells(number) for number in (1, 2, 3)}


def of_kind(kind):
    return [pytest.param(row, id=f"{row.Index}") for row in CLAIMS[CLAIMS["kind"] == kind].itertuples()]


def score(claim, model, dataset, metric=None):
    return TABLES[claim.table][metric or claim.metric, model, dataset][0]


def rounded(value, decimals):
    """Round half up."""
    shifted = value * 10**decimals + Fraction(1, 2)
    return Fraction(shifted.numerator // shifted.denominator, 10**decimals)


# --- the list of claims -----------------------------------------------------------------------------------------------


def test_every_printed_gain_is_judged_once_and_occurs_in_its_sentence():
    gains = CLAIMS[CLAIMS["kind"] == "gain"]
    assert len(gains) == 30
    assert not gains.duplicated(["table", "metric", "model", "dataset"]).any()
    for (printed, metric), group in gains.groupby(["printed", "metric"], sort=False):
        of_metric = "dB" if metric == "psnr" else "%"
        numbers = re.findall(r"\d+\.\d+(?=%)" if of_metric == "%" else r"\d+\.\d+(?!\d*%)", printed)
        assert group["claimed"].tolist() == numbers
        assert set(group["unit"]) == {of_metric}
        assert group["dataset"].tolist() in ([SEVEN[0]], SIX)


def test_every_number_in_a_sentence_with_gains_is_a_claim():
    gains = CLAIMS[CLAIMS["kind"] == "gain"]
    for printed, group in gains.groupby("printed"):
        assert len(re.findall(r"\d+\.\d+", printed)) == len(group)


def test_claims_are_in_the_order_of_print_and_each_has_a_verdict_and_a_finding():
    sections = CLAIMS["section"].drop_duplicates().tolist()
    assert sections == ["Abstract", "1", "3.2", "4", "4.1", "4.2", "5"]
    assert CLAIMS["section"].map(sections.index).is_monotonic_increasing
    assert set(CLAIMS["verdict"]) == set(paper.VERDICTS)
    assert CLAIMS[["printed", "kind", "claimed", "finding"]].map(bool).all(axis=None)
    assert list(CLAIMS) == list(paper.CLAIM_COLUMNS)
    assert CLAIMS["printed"].drop_duplicates().tolist() == list(dict.fromkeys(s["printed"] for s in SENTENCES))


def test_computed_verdicts_are_not_stored():
    for claim in (claim for sentence in SENTENCES for claim in sentence["claims"]):
        assert not {"verdict", "recomputed", "finding"} & claim.keys()
        assert ("reason" in claim) == (claim["kind"] == "statement")


def test_a_statement_has_a_reason_why_it_cannot_be_checked_or_a_notebook_that_refutes_it():
    said = [claim for s in SENTENCES for claim in s["claims"] if claim["kind"] == "statement"]
    statements = CLAIMS[CLAIMS["kind"] == "statement"]
    assert min(len(claim["reason"].split()) for claim in said) > 5
    for claim, row in zip(said, statements.itertuples()):
        refuted = "notebook" in claim
        assert row.verdict == ("refuted by the kit" if refuted else "cannot be checked")
        assert row.finding == claim["reason"] + f" (notebook {claim.get('notebook')})" * refuted
    assert statements["recomputed"].isna().all()
    assert set(CLAIMS[CLAIMS["verdict"].isin(["cannot be checked", "refuted by the kit"])]["kind"]) == {"statement"}
    refuted = CLAIMS[CLAIMS["verdict"] == "refuted by the kit"]
    assert refuted["claimed"].tolist() == ["of COCO", "complexity does not change much"]


def test_what_we_measured_is_named_by_a_row_of_the_scorecard():
    rows = {*effects.PRIMARY, *effects.SECONDARY, *training.MEASURES}
    assert set(CLAIMS["measured"].dropna()) <= rows
    assert {"loss", "start", "method", "swing", "reached"} <= set(CLAIMS["measured"].dropna())


def test_claims_name_only_models_of_their_tables():
    for claim in CLAIMS.dropna(subset=["model"]).itertuples():
        names = [*claim.model.split(", "), *(claim.baseline.split(", ") if isinstance(claim.baseline, str) else [])]
        assert {name for _, name, _ in TABLES[claim.table]} >= set(names)


# --- each claim a second time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", of_kind("gain"))
def test_a_gain_is_the_difference_of_two_cells_and_is_judged_by_its_printed_digits(claim):
    gain = score(claim, claim.model, claim.dataset) - score(claim, claim.baseline, claim.dataset)
    decimals = len(claim.claimed.split(".")[1])
    if rounded(gain, decimals) == Fraction(claim.claimed):
        wanted = "holds"
    elif abs(gain - Fraction(claim.claimed)) < Fraction(1, 10**decimals):
        wanted = "rounds differently"
    else:
        wanted = "contradicts the table"
    assert claim.verdict == wanted
    assert claim.recomputed == float(gain)
    assert f"= {float(gain):.3f} {claim.unit}".replace(" %", "%") in claim.finding
    assert claim.baseline == "pix2pix"


@pytest.mark.parametrize("claim", of_kind("mean"))
def test_a_comparison_in_words_holds_if_the_mean_over_the_data_sets_is_the_highest(claim):
    sums = {
        name: sum(score(claim, name, dataset) for dataset in SEVEN)
        for name in [claim.model, *claim.baseline.split(", ")]
    }
    own = sums.pop(claim.model)
    assert claim.verdict == ("holds" if own > max(sums.values()) else "contradicts the table")
    assert claim.recomputed == pytest.approx(float(own - max(sums.values())) / 7)
    ahead = sum(
        all(score(claim, claim.model, dataset) > score(claim, other, dataset) for other in sums) for dataset in SEVEN
    )
    assert f" in {ahead} of 7 data sets" in claim.finding
    unit = "%" if claim.unit == "%" else f" {claim.unit}"
    assert f"mean {float(own) / 7:.3f}{unit}, against" in claim.finding


def test_almost_all_improved_means_six_of_twelve():
    (claim,) = CLAIMS[CLAIMS["kind"] == "almost all"].itertuples()
    higher = [
        (metric, dataset)
        for metric, dataset in product(("psnr", "ssim"), SIX)
        if score(claim, "pix2pix+SA", dataset, metric) > score(claim, "pix2pix", dataset, metric)
    ]
    assert claim.recomputed == len(higher) == 6
    assert sorted(higher) == [
        *(("psnr", "Fish"), ("psnr", "Orange")),
        *(("ssim", "Fish"), ("ssim", "Ladybird"), ("ssim", "Lion"), ("ssim", "Orange")),
    ]
    assert claim.verdict == "contradicts the table"
    assert claim.finding == "higher in 6 of 12 cells: 2 PSNR, 4 SSIM"


def test_nine_in_ten_are_almost_all_and_fewer_are_not():
    datasets = [str(n) for n in range(10)]
    claim = {"metrics": ["psnr"], "model": "a", "baseline": "b", "datasets": datasets}

    def verdict(higher):
        values = {(model, d): 2 if model == "a" and int(d) < higher else 1 for model in "ab" for d in datasets}
        rows = [{"metric": "psnr", "model": m, "dataset": d, "printed": f"{v}"} for (m, d), v in values.items()]
        return next(JUDGES["almost all"](claim, pd.DataFrame(rows)))["verdict"]

    assert [verdict(n) for n in (10, 9, 8)] == ["holds", "holds", "contradicts the table"]


@pytest.mark.parametrize("claim", of_kind("change"))
def test_models_said_to_differ_in_one_choice_are_compared_in_both_choices(claim):
    own, other = (("SA" in name, "Hinge+" in name and name[-3:]) for name in (claim.model, claim.baseline))
    both = own[0] != other[0] and own[1] != other[1]
    assert claim.verdict == "holds"
    assert claim.recomputed == 1 + both
    assert ("gamma_init and loss" in claim.finding) == both
    assert both == (claim.table == 2)


@pytest.mark.parametrize("claim", of_kind("caption"))
def test_a_caption_is_compared_with_the_rows_of_its_table(claim):
    rows = {model for _, model, _ in TABLES[claim.table]}
    named = [row for row in rows if ("Hinge+BCE" in row if claim.table == 2 else "SA'" in row)]
    assert claim.recomputed == len(named)
    assert claim.verdict == ("holds" if named else "contradicts the table")
    assert (claim.verdict == "holds") == (claim.table != 1)


def test_there_are_six_data_sets_besides_div2k():
    (claim,) = CLAIMS[CLAIMS["kind"] == "columns"].itertuples()
    assert (claim.recomputed, claim.verdict, claim.dataset) == (6, "holds", ", ".join(SIX))


@pytest.mark.parametrize("claim", of_kind("marks"))
def test_the_note_allows_one_bold_number_per_column_and_table_3_has_two(claim):
    table = TABLES[claim.table]
    bold = [sum(table[key][1] for key in table if (key[0], key[2]) == c) for c in product(("psnr", "ssim"), SEVEN)]
    assert claim.recomputed == bold.count(1) == (0 if claim.table == 3 else 14)
    assert claim.verdict == ("contradicts the table" if claim.table == 3 else "holds")


@pytest.mark.parametrize("claim", of_kind("bold"))
def test_a_bold_mark_is_compared_with_the_best_value_of_its_block(claim):
    rows = [claim.model, *claim.baseline.split(", ")]
    family = [name for _, name, _ in TABLES[claim.table]]
    if claim.table == 3:
        family = [name for name in family if ("Hinge" in name) == ("Hinge" in claim.model)]
    assert set(rows) == set(family)
    assert [name for name in rows if TABLES[claim.table][claim.metric, name, claim.dataset][1]] == [claim.model]
    best = max(score(claim, name, claim.dataset) for name in rows)
    assert claim.recomputed == float(best)
    on_best = score(claim, claim.model, claim.dataset) == best
    assert claim.verdict == ("holds" if on_best else "contradicts the table")


def test_every_bold_number_of_the_tables_is_judged_once():
    judged = CLAIMS[CLAIMS["kind"] == "bold"]
    marks = {(number, *key) for number, table in TABLES.items() for key, (_, bold) in table.items() if bold}
    assert len(judged) == len(marks) == 14 + 14 + 28
    assert set(judged[["table", "metric", "model", "dataset"]].itertuples(index=False, name=None)) == marks


# --- what we know about the paper -------------------------------------------------------------------------------------


def test_exactly_these_numbers_and_marks_do_not_follow_from_the_tables():
    def where(kind, verdict):
        rows = CLAIMS[(CLAIMS["kind"] == kind) & (CLAIMS["verdict"] == verdict)]
        return set(rows[["table", "metric", "dataset"]].itertuples(index=False, name=None))

    assert where("gain", "contradicts the table") == {(2, "psnr", "Dog"), (3, "psnr", "Lion")}
    assert where("gain", "rounds differently") == {(2, "ssim", "Lion")}
    wrong_marks = {(3, "psnr", "Dog"), (3, "ssim", "DIV2K"), (3, "ssim", "Dog")}
    assert where("bold", "contradicts the table") == wrong_marks


def test_the_proposed_model_is_not_the_best_and_its_start_is_not_better():
    judged = CLAIMS[CLAIMS["kind"] == "mean"].set_index("claimed")["verdict"]
    for claimed in ("the best", "SA' is better, without the hinge loss", "SA' is better, with the hinge loss"):
        assert set(judged[claimed]) == {"contradicts the table"}
    assert set(judged["the loss is effective"]) == {"holds"}
    assert judged["the improved module is effective"].tolist() == ["holds", "contradicts the table"]  # PSNR, SSIM


# --- the rules --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claimed", "recomputed", "verdict"),
    [
        ("2.24", "2.238", "holds"),
        ("2.25", "2.245", "holds"),  # halves go up
        ("2.24", "2.245", "rounds differently"),
        ("2.23", "2.238", "rounds differently"),  # cut off
        ("2.24", "2.250", "contradicts the table"),  # a whole unit away
        ("3.7", "3.700", "holds"),
        ("3.7", "3.749", "holds"),
        ("3.70", "3.749", "contradicts the table"),  # two decimals claim more than one
        ("0.69", "0.593", "contradicts the table"),
        ("-0.04", "-0.036", "holds"),
        ("2", "2.4", "holds"),
    ],
)
def test_a_number_is_judged_by_its_printed_digits(claimed, recomputed, verdict):
    assert paper.judge_number(claimed, recomputed) == verdict


def test_a_float_is_refused_because_it_is_not_exact():
    with pytest.raises(ValueError, match=r"recomputed must be a Decimal or a string of digits, got the float 0\.59"):
        paper.judge_number("0.69", 22.551 - 21.958)


def test_a_corrected_table_changes_the_verdicts(tmp_path, monkeypatch):
    for number in (1, 2, 3):
        text = (FOLDER / f"table{number}.csv").read_text(encoding="utf-8")
        (tmp_path / f"table{number}.csv").write_text(text.replace("22.5 51", "22.651"), encoding="utf-8")
    monkeypatch.setattr("hcegan_lib.paper.tables.FOLDER", tmp_path)
    dog = paper.claims().query("dataset == 'Dog' and metric == 'psnr' and model == 'SA+Hinge+BCE'")
    assert dog[dog["kind"].isin(["gain", "bold"])]["verdict"].tolist() == ["holds"] * 3  # the gain, Table 2, Table 3


@pytest.mark.parametrize(
    ("bold", "verdict"),
    [("a", "holds"), ("ab", "holds"), ("ac", "contradicts the table"), ("", "contradicts the table")],
)
def test_either_of_two_equal_best_values_may_be_in_bold(bold, verdict):
    column = pd.DataFrame({"model": list("abc"), "value": [2.0, 2.0, 1.0], "unit": "dB", "metric": "psnr"})
    column = column.assign(dataset="Dog", bold=column["model"].isin(list(bold)))
    _, mark = JUDGES["bold"]({"blocks": [["a", "b", "c"]]}, column)
    assert mark["verdict"] == verdict
