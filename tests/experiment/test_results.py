import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hcegan_lib import paper
from hcegan_lib.experiment import records, results

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "10_tables.ipynb"
LIFT = {"pix2pix": 0.0, "pix2pix+SA": 0.1, "SA'+Hinge+BCE": 1.0}  # dB


def made_up(seeds=5, photographs=8, data="mini", models=LIFT):
    """Scores in which photographs differ much, seeds little, and models by LIFT; SSIM is a hundredth of PSNR."""
    random = np.random.default_rng(0)
    hard, luck = random.normal(20, 4, photographs), random.normal(0, 0.2, (len(models), seeds))
    rows = [(records.GRAY_COPY, -1, n, hard[n] + 3) for n in range(photographs)]
    for (m, model), seed, n in product(enumerate(models), range(seeds), range(photographs)):
        rows.append((model, seed, n, hard[n] + LIFT[model] + luck[m, seed] + random.normal(0, 0.1)))
    table = pd.DataFrame(rows, columns=["model", "seed", "file", "psnr"])
    table = table.assign(data=data, file=table["file"].map("{}.jpg".format), ssim=table["psnr"] / 100)
    return table.assign(colorfulness=10.0, true_colorfulness=20.0)[records.COLUMNS]


def run_of(model, seed, data="mini", **changed):
    settings = {"seed": seed, "image_size": 64, "epochs": 7, "batch_size": 8} | changed
    return {
        "model": model,
        "settings": settings,
        "data": {"name": data, "train": 156},
        "environment": {"commit": "0123456789abcdef-dirty"},
    }


@pytest.fixture
def scores():
    return made_up()


@pytest.fixture
def grid(scores, tmp_path, monkeypatch):
    """Committed results of a grid named "made", beside files that are none."""
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    records.write_table(tmp_path / "made.csv", scores)
    (tmp_path / "made-curves.csv").write_text("data,model,seed,epoch\n", encoding="utf-8")
    (tmp_path / "gains.csv").write_text("model,step,gain\n", encoding="utf-8")
    (tmp_path / "gains.json").write_text("{}", encoding="utf-8")
    write_manifest(tmp_path, [run_of(model, seed) for model in LIFT for seed in range(5)])
    return tmp_path


def write_manifest(folder, runs, failed=()):
    manifest = {"grid": "made", "runs": runs, "failed": list(failed)}
    (folder / "made.json").write_text(json.dumps(manifest), encoding="utf-8")


def mean_of(scores, model, seed, column="psnr"):
    return scores.loc[(scores["model"] == model) & (scores["seed"] == seed), column].mean()


# --- scores -----------------------------------------------------------------------------------------------------------


def test_committed_scores_are_read_and_other_files_are_no_grids(grid, scores):
    pd.testing.assert_frame_equal(results.measured("made"), scores, atol=1e-6)
    for name in ("gains", "made-curves", "nope", "../made"):
        with pytest.raises(ValueError, match=f"no committed results of grid '{name}'; there are: made$"):
            results.measured(name)


def test_a_runs_score_is_its_mean_over_photographs_and_ssim_is_in_percent_as_the_paper_prints_it(scores):
    runs = results.run_means(scores).set_index(["model", "seed"])
    assert len(runs) == 3 * 5 + 1
    assert runs.loc[("pix2pix+SA", 3), "psnr"] == pytest.approx(mean_of(scores, "pix2pix+SA", 3))
    assert runs.loc[("pix2pix+SA", 3), "ssim"] == pytest.approx(100 * mean_of(scores, "pix2pix+SA", 3, "ssim"))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda s: pd.concat([s, s[20:21]]), r"'4.jpg' of model 'pix2pix', seed 1, on 'mini' stands twice"),
        (lambda s: pd.concat([s, s[20:23]]), r"stands twice in the scores \(and 2 more\)"),
        (lambda s: s.assign(psnr=s["psnr"].where(s.index != 20)), r"'4.jpg' .* has no finite PSNR and SSIM"),
        (lambda s: s.assign(psnr=s["psnr"].where(s.index != 3, np.inf)), r"'gray copy', .* has no finite PSNR"),
        (lambda s: s.assign(ssim=s["ssim"].astype(object).where(s.index != 20, "x")), r"'4.jpg' .* no finite PSNR"),
        (lambda s: s.assign(seed=s["seed"].where(s.index != 20)), r"'4.jpg' .* lacks a part of its name"),
        (lambda s: s[(s["model"] != "pix2pix") | (s["seed"] != 1) | (s["file"] == "x")].head(0), "there are no scores"),
        (
            lambda s: s[s["file"].isin(["0.jpg"]) == (s["seed"] == 1)],
            r"no test photograph of 'mini' is scored by all of",
        ),
    ],
)
def test_scores_that_cannot_be_averaged_are_refused_by_name(change, line, scores):
    for function in (results.run_means, lambda wrong: results.table(1, wrong)):
        with pytest.raises(ValueError, match=line):
            function(change(scores))


def test_a_photograph_that_one_run_has_not_scored_is_left_out_of_all_means(scores):
    short = scores.drop(index=20)  # 4.jpg of pix2pix, seed 1
    expected = results.run_means(scores[scores["file"] != "4.jpg"])
    pd.testing.assert_frame_equal(results.run_means(short), expected)
    assert results.run_means(scores)["psnr"].iloc[-1] != expected["psnr"].iloc[-1]


def test_a_photograph_may_be_missing_on_another_data_set(scores):
    both = pd.concat([scores, made_up(photographs=3, data="lion")])
    assert len(results.comparable(both)) == len(both)


# --- intervals --------------------------------------------------------------------------------------------------------


def test_the_interval_is_scipys_t_interval():
    values = pd.Series([1.0, 2.0, 4.0, 9.0, 3.0])
    low, high = stats.t.interval(0.95, 4, loc=values.mean(), scale=stats.sem(values))
    row = results.interval(values)
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((values.mean(), low, high))


def test_one_value_has_no_interval():
    row = results.interval(pd.Series([3.0]))
    assert row["mean"] == 3
    assert np.isnan(row["low"])


def test_a_summary_has_its_interval_over_seeds_and_none_for_the_gray_copy(scores):
    rows = results.summary(scores).set_index(["model", "metric"])
    means = [mean_of(scores, "pix2pix", seed) for seed in range(5)]
    low, high = stats.t.interval(0.95, 4, loc=np.mean(means), scale=stats.sem(means))
    assert tuple(rows.loc[("pix2pix", "psnr"), ["mean", "low", "high", "seeds"]]) == pytest.approx(
        (np.mean(means), low, high, 5)
    )
    gray = rows.loc[("gray copy", "ssim")]
    assert gray["mean"] == pytest.approx(100 * mean_of(scores, "gray copy", -1, "ssim"))
    assert (np.isnan(gray["low"]), np.isnan(gray["high"]), gray["seeds"]) == (True, True, 0)


def test_the_spread_over_seeds_is_pooled_over_the_trained_models(scores):
    spread = results.seed_spread(scores, "psnr")
    variances = [np.var([mean_of(scores, model, seed) for seed in range(5)], ddof=1) for model in LIFT]
    assert spread["std"] == pytest.approx(np.mean(variances) ** 0.5)  # equal counts: the plain mean pools them
    assert spread["df"] == 3 * 4
    assert results.seed_spread(scores, "ssim")["std"] == pytest.approx(spread["std"])  # a hundredth, in percent


def test_unequal_numbers_of_seeds_are_pooled_by_their_degrees_of_freedom(scores):
    some = scores[(scores["model"] != "pix2pix") | (scores["seed"] < 1)]
    some = some[(some["model"] != "pix2pix+SA") | (some["seed"] < 2)]
    spread = results.seed_spread(some, "psnr")
    counts = {"pix2pix+SA": 2, "SA'+Hinge+BCE": 5}  # and one run of pix2pix, which adds nothing
    squares = sum(
        (n - 1) * np.var([mean_of(scores, model, seed) for seed in range(n)], ddof=1) for model, n in counts.items()
    )
    assert spread["df"] == 1 + 4
    assert spread["std"] == pytest.approx((squares / 5) ** 0.5)


def test_the_gray_copy_has_no_part_in_the_spread_however_often_it_stands_there(scores):
    again = scores[scores["model"] == records.GRAY_COPY].assign(seed=7)
    assert results.seed_spread(pd.concat([scores, again]), "psnr") == results.seed_spread(scores, "psnr")


def test_two_single_runs_that_differ_by_the_least_difference_have_a_p_of_five_percent(scores):
    spread = results.seed_spread(scores, "psnr")
    t = spread["least_difference"] / (spread["std"] * 2**0.5)
    assert 2 * stats.t.sf(t, spread["df"]) == pytest.approx(0.05)


def test_a_spread_needs_two_seeds_of_one_model(scores):
    with pytest.raises(ValueError, match="two seeds of at least one model"):
        results.seed_spread(scores[scores["seed"] < 1], "psnr")
    with pytest.raises(ValueError, match="metric must be one of psnr, ssim, got 'fid'"):
        results.seed_spread(scores, "fid")


# --- differences ------------------------------------------------------------------------------------------------------


def test_differences_are_taken_seed_by_seed_and_photograph_by_photograph(scores):
    shuffled = scores.sample(frac=1, random_state=0)
    cells = results.differences(shuffled, "SA'+Hinge+BCE", "pix2pix", "ssim")
    assert cells.shape == (5, 8)
    score = scores.set_index(["model", "seed", "file"])["ssim"].sort_index()
    for seed, file in product(range(5), score.loc["pix2pix", 0].index):
        expected = 100 * (score["SA'+Hinge+BCE", seed, file] - score["pix2pix", seed, file])
        assert cells.loc[seed, file] == pytest.approx(expected)


def test_only_common_seeds_are_compared(scores):
    some = scores[(scores["model"] != "pix2pix") | scores["seed"].isin([1, 2, 4])]
    cells = results.differences(some, "SA'+Hinge+BCE", "pix2pix", "psnr")
    assert cells.index.tolist() == [1, 2, 4]
    pd.testing.assert_frame_equal(cells, results.differences(scores, "SA'+Hinge+BCE", "pix2pix", "psnr").loc[[1, 2, 4]])


def test_the_gray_copy_is_set_against_each_seed(scores):
    cells = results.differences(scores, "gray copy", "pix2pix", "psnr")
    gray = mean_of(scores, "gray copy", -1)
    assert cells.mean(axis=1).tolist() == pytest.approx([gray - mean_of(scores, "pix2pix", s) for s in range(5)])
    pd.testing.assert_frame_equal(results.differences(scores, "pix2pix", "gray copy", "psnr"), -cells)


def test_the_paired_difference_is_scipys_paired_t_test_over_seeds(scores):
    row = results.paired_difference(scores, "pix2pix+SA", "pix2pix", "psnr")
    ours, theirs = ([mean_of(scores, model, seed) for seed in range(5)] for model in ("pix2pix+SA", "pix2pix"))
    test = stats.ttest_rel(ours, theirs)
    assert (row["low"], row["high"]) == pytest.approx(tuple(test.confidence_interval(0.95)))
    assert row["p"] == pytest.approx(test.pvalue)
    assert (row["mean"], row["n"]) == (pytest.approx(np.mean(ours) - np.mean(theirs)), 5)


def test_more_photographs_of_the_same_kind_are_no_more_runs(scores):
    copies = pd.concat([scores.assign(file=scores["file"] + str(n)) for n in range(4)])
    row, copied = (results.paired_difference(s, "pix2pix+SA", "pix2pix", "psnr") for s in (scores, copies))
    assert [copied[key] for key in ("mean", "low", "high", "p", "n")] == pytest.approx(
        [row[key] for key in ("mean", "low", "high", "p", "n")]
    )
    widths = [r["photographs high"] - r["photographs low"] for r in (row, copied)]
    assert widths[1] == pytest.approx(widths[0] / 2, rel=0.3)  # the other question: its n has grown fourfold


def test_the_interval_over_photographs_is_that_of_a_loop_that_draws_them_anew(scores):
    row = results.paired_difference(scores, "SA'+Hinge+BCE", "pix2pix", "psnr")
    photographs = results.differences(scores, "SA'+Hinge+BCE", "pix2pix", "psnr").mean(axis=0).to_numpy()
    random = np.random.default_rng(1)
    drawn = [random.choice(photographs, len(photographs)).mean() for _ in range(4000)]
    width = np.ptp(np.quantile(drawn, [0.025, 0.975]))
    expected = np.quantile(drawn, [0.025, 0.975])
    assert (row["photographs low"], row["photographs high"]) == pytest.approx(tuple(expected), abs=0.15 * width)


def test_without_spread_there_is_nothing_to_draw_and_nothing_to_test():
    assert results.bootstrap_interval(pd.Series([2.0, 2.0, 2.0])) == (2, 2)
    assert results.p_value(pd.Series([0.0, 0.0, 0.0])) == 1
    assert results.p_value(pd.Series([0.5, 0.5, 0.5])) == 0


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_seeds_have_no_p_value(n):
    assert np.isnan(results.p_value(pd.Series([1.0, 2.0][:n], dtype=float)))


def test_a_comparison_of_what_was_not_measured_is_refused(scores):
    with pytest.raises(ValueError, match="no scores of 'c'; there are: gray copy, pix2pix"):
        results.differences(scores, "c", "pix2pix", "psnr")
    with pytest.raises(ValueError, match="metric must be one of psnr, ssim, got 'fid'"):
        results.differences(scores, "pix2pix", "gray copy", "fid")
    with pytest.raises(ValueError, match="scores must be of one data set, got 'mini', 'lion'"):
        results.differences(pd.concat([scores, made_up(data="lion")]), "pix2pix", "gray copy", "psnr")


# --- several comparisons ----------------------------------------------------------------------------------------------


def test_holm_is_its_definition_in_a_loop():
    random = np.random.default_rng(0)
    for _ in range(50):
        p = random.uniform(0, 0.3, 7).round(2)  # rounded, so that some are equal
        rank = stats.rankdata(p, method="ordinal")
        expected = [min(1, max((7 - r + 1) * q for q, r in zip(p, rank) if r <= own)) for own in rank]
        np.testing.assert_allclose(results.holm(p), expected)


def test_holm_is_statsmodels_where_that_is_installed():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p = np.random.default_rng(0).uniform(0, 0.2, 14)
    np.testing.assert_allclose(results.holm(p), multitest.multipletests(p, method="holm")[1])


def test_where_nothing_differs_one_table_in_twenty_says_so_with_holm_and_half_of_them_without():
    p = np.random.default_rng(0).uniform(0, 1, (2000, 14))
    with_holm = np.mean([results.holm(row).min() < 0.05 for row in p])
    assert with_holm == pytest.approx(0.05, abs=0.015)
    assert np.mean(p.min(axis=1) < 0.05) == pytest.approx(0.5, abs=0.05)


def test_holm_takes_one_p_value_as_it_is_and_refuses_what_is_none():
    assert results.holm([0.03]) == [0.03]
    assert results.holm([]).shape == (0,)
    for wrong in (float("nan"), -0.1, 1.1):
        with pytest.raises(ValueError, match=f"p_values must be numbers in .0, 1., got 0.5, {wrong}"):
            results.holm([0.5, wrong])


@pytest.mark.parametrize(
    ("difference", "p", "seeds", "expected"),
    [
        (0.3, 0.049, 5, "higher"),
        (-0.3, 0.049, 3, "lower"),
        (0.3, 0.05, 5, "no difference seen"),
        (-3.0, 0.9, 5, "no difference seen"),
        (9.0, 0.001, 2, "too few runs"),
        (float("nan"), float("nan"), 0, "too few runs"),
    ],
)
def test_a_verdict_needs_three_seeds_and_five_percent(difference, p, seeds, expected):
    assert results.verdict(difference, p, seeds) == expected


# --- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_table_holds_every_printed_number_and_its_difference_to_pix2pix(number, scores):
    table = results.table(number, scores).set_index(["metric", "model"])
    printed = paper.table(number)
    value = printed.set_index(["metric", "model", "dataset"])["value"]
    for cell in printed.itertuples():
        row = table.loc[(cell.metric, cell.model)]
        assert row[f"paper {cell.dataset}"] == cell.value
        gain = cell.value - value[cell.metric, "pix2pix", cell.dataset]
        assert cell.model == "pix2pix" or row[f"paper {cell.dataset} difference"] == pytest.approx(gain, abs=1e-9)
    assert table.filter(like="paper").notna().sum().sum() == 2 * len(printed) - 14  # pix2pix minus itself is not shown
    models = printed["model"].unique()
    assert table.index.tolist() == [(m, name) for m in ("psnr", "ssim") for name in ("gray copy", *models)]


def test_a_table_sets_the_measured_cells_beside_the_printed_ones(scores):
    table = results.table(3, scores).set_index(["metric", "model"])
    means = results.summary(scores).set_index(["metric", "model"])
    for metric, model in product(("psnr", "ssim"), ("gray copy", "pix2pix+SA", "SA'+Hinge+BCE")):
        row, pair = table.loc[(metric, model)], results.paired_difference(scores, model, "pix2pix", metric)
        mean = means.loc[(metric, model)]
        names = ["mean", "low", "high", "seeds", "difference", "difference low", "difference high", "difference seeds"]
        names += ["difference photographs low", "difference photographs high", "p"]
        wanted = [mean["mean"], mean["low"], mean["high"], mean["seeds"], pair["mean"], pair["low"], pair["high"]]
        wanted += [pair["n"], pair["photographs low"], pair["photographs high"], pair["p"]]
        assert [row[f"mini {name}"] for name in names] == pytest.approx(wanted, nan_ok=True)


def test_the_verdicts_of_a_table_share_one_correction_over_metrics_models_and_data_sets(scores):
    both = pd.concat([scores, made_up(seeds=4, data="lion")])
    table = results.table(3, both)
    columns = [f"{data} {name}" for name in ("p", "p Holm") for data in ("mini", "lion")]
    p = table[columns[:2]].to_numpy().ravel()
    adjusted = table[columns[2:]].to_numpy().ravel()
    tested = ~np.isnan(p)
    assert tested.sum() == 2 * 2 * 3  # gray copy and two models, two metrics, two data sets
    np.testing.assert_allclose(adjusted[tested], results.holm(p[tested]))
    verdicts = table.set_index(["metric", "model"])["mini verdict"]
    assert verdicts["psnr", "SA'+Hinge+BCE"] == "higher"
    assert verdicts["psnr", "pix2pix+SA"] == "no difference seen"
    assert verdicts["psnr", "pix2pix"] == "baseline"
    assert verdicts["psnr", "pix2pix+SA'"] == "too few runs"  # not measured at all


def test_two_seeds_are_too_few_for_a_verdict_and_leave_the_others_alone(scores):
    few = results.table(3, scores[(scores["model"] != "pix2pix+SA") | (scores["seed"] < 2)]).set_index("model")
    assert set(few.loc["pix2pix+SA", "mini verdict"]) == {"too few runs"}
    assert few.loc["pix2pix+SA", "mini difference"].notna().all()
    assert few["mini p Holm"].notna().sum() == 2 * 2
    assert set(few.loc["SA'+Hinge+BCE", "mini verdict"]) == {"higher"}


def test_without_pix2pix_there_are_means_and_no_comparisons(scores):
    table = results.table(1, scores[scores["model"] != "pix2pix"]).set_index("model")
    assert table.loc["pix2pix+SA", "mini mean"].notna().all()
    assert table["mini difference"].isna().all()
    assert set(table.drop(index="pix2pix")["mini verdict"]) == {"too few runs"}


# --- as text ----------------------------------------------------------------------------------------------------------


class Cells(HTMLParser):
    """Rows of a table, as a browser reads them."""

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


def test_text_cells_hold_interval_difference_and_sign(scores):
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


def test_a_small_p_is_not_written_as_zero(scores):
    table = results.table(1, scores)
    assert table["mini p Holm"].min() < 0.0005
    assert set(results.readable(table)["mini p"]) >= {"<0.001"}
    assert not (results.readable(table)["mini p"] == "0.000").any()


def test_csv_is_the_table_with_every_digit(grid):
    text = results.written(3, "made", "csv")
    table = results.table(3, results.measured("made"))
    assert text == table.to_csv(index=False, lineterminator="\n")
    (grid / "back").write_text(text, encoding="utf-8")
    pd.testing.assert_frame_equal(pd.read_csv(grid / "back"), table, rtol=1e-14, atol=0)


def test_markdown_and_html_hold_the_same_cells_and_the_caption(grid):
    text = results.readable(results.table(3, results.measured("made")))
    wanted = [list(text.columns), *text.values.tolist()]
    lines = results.written(3, "made", "md").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert rows[:1] + rows[2:] == wanted
    assert len({len(line) for line in lines if line.startswith("|")}) == 1, "columns stand below each other"
    source = results.written(3, "made", "html")
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


def test_names_with_signs_of_markup_stay_text(scores):
    frame = results.table(1, scores.assign(data="a|b<c>&_%#$"))
    head = results.to_markdown(frame, "").splitlines()[0]
    assert len(re.findall(r"(?<!\\)\|", head)) == len(results.readable(frame).columns) + 1
    assert Cells(results.to_html(frame, "1 < 2")).rows[0][-1] == "a|b<c>&_%#$ verdict"
    assert r"a|b$<$c$>$\&\_\%\#\$ verdict" in results.to_latex(frame, "")


def test_latex_has_equal_rows_primes_and_no_bare_percent(grid):
    text = results.written(3, "made", "latex")
    rows = [line for line in text.splitlines() if line.endswith(r" \\")]
    columns = len(results.readable(results.table(3, results.measured("made"))).columns)
    assert len(rows) == 1 + 2 * 8
    assert {row.count(" & ") for row in rows} == {columns - 1}
    assert rf"\begin{{tabular}}{{ll{'r' * (columns - 2)}}}" in text
    assert "SA$''$+Hinge+BCE" in text
    assert set(re.findall(r"\w+'+\w*", text)) == {"paper's", "Student's", "Holm's"}
    assert re.findall(r"(?<!\\)%.*", text.split("\n", 1)[1]) == ["%"]  # the one that ends \resizebox's line
    assert text.count("{") == text.count("}")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_latex_compiles(grid):
    body = "\\documentclass{article}\\usepackage{graphicx}\\begin{document}%s\\end{document}"
    (grid / "page.tex").write_text(body % results.written(3, "made", "latex"), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    run = subprocess.run(command, cwd=grid, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:]


def test_the_captions_numbers_are_those_of_the_manifest_and_the_scores(grid, scores):
    caption = results.written(1, "made").splitlines()[-1]
    for words in (
        "The paper's Table 1 as printed",
        "mini: 8 test photographs at 64 px; 5 runs a model, each with its own seed, on 156 training photographs for 7 "
        "epochs with batches of 8.",
        "Holm's correction over its 4 comparisons",
        "RGB, data range 1, SSIM with a Gaussian window of 11 pixels, sigma 1.5.",
        "Grid made, commit 0123456-dirty.",
    ):
        assert words in caption
    runs = [run_of(model, seed, epochs=7 + seed) for model in LIFT for seed in range(3)]
    write_manifest(grid, runs, failed=[{"run": "mini-pix2pix-seed3", "error": "x"}])
    records.write_table(grid / "made.csv", scores[scores["seed"] < 3].drop(index=20))
    caption = results.written(1, "made").splitlines()[-1]
    assert "7 test photographs (1 left out: not every run has scored them)" in caption
    assert "for 7 or 8 or 9 epochs" in caption
    assert "3 runs a model" in caption
    assert caption.endswith("1 runs failed and are missing.")


def test_scores_that_no_manifest_names_are_refused(grid):
    write_manifest(
        grid, [run_of(model, seed) for model in LIFT for seed in range(5) if (model, seed) != ("pix2pix", 2)]
    )
    with pytest.raises(ValueError, match="the manifest does not name the run of 'pix2pix', seed 2, on 'mini'"):
        results.written(1, "made")
    (grid / "made.json").unlink()
    with pytest.raises(ValueError, match=r"no manifest of grid 'made': made\.json is not beside its scores"):
        results.written(1, "made")


def test_an_unknown_form_is_refused(grid):
    with pytest.raises(ValueError, match="form must be one of md, csv, latex, html, got 'pdf'"):
        results.written(1, "made", "pdf")


# --- notebook 10 ------------------------------------------------------------------------------------------------------


def shown_tables():
    """The tables of the stored notebook, as they were when it was executed."""
    outputs = [output for cell in nbformat.read(NOTEBOOK, as_version=4).cells for output in cell.get("outputs", [])]
    shown = [output["data"].get("text/html", "") for output in outputs if "data" in output]
    return [text for text in shown if "<caption" in text]


def test_notebook_09_shows_what_is_computed_from_the_committed_scores():
    assert shown_tables() == [results.written(number, "laptop", "html") for number in (1, 2, 3)]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_row_less_in_the_committed_scores_is_another_table(number, tmp_path, monkeypatch):
    path = results.RESULTS
    forms = ("csv", "md")
    shown = [results.written(number, "laptop", form) for form in forms]
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    lines = (path / "laptop.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    shutil.copy(path / "laptop.json", tmp_path)
    (tmp_path / "laptop.csv").write_text("".join(lines[:100] + lines[101:]), encoding="utf-8")
    assert all(results.written(number, "laptop", form) != old for form, old in zip(forms, shown))
