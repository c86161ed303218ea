import numpy as np
import pandas as pd
import pytest
from made_up import made_up_scores, mean_of

from hcegan_lib.experiment import results


def test_committed_scores_are_read_and_other_files_are_not_taken_for_scores(grid, scores):
    pd.testing.assert_frame_equal(results.measured("made"), scores, atol=1e-6)
    for name in ("gains", "made-curves", "nope", "../made"):
        with pytest.raises(ValueError, match=f"no committed results of grid '{name}'; there are: made$"):
            results.measured(name)


def test_stray_files_among_the_results_do_no_harm(make_pipe, grid, scores):
    (grid / "a.csv").write_bytes(b"\xff\xfe\x00")
    (grid / "b.csv").mkdir()
    (grid / "c.csv").symlink_to(grid / "gone.csv")
    (grid / "d.csv").touch()
    make_pipe(grid / "e.csv")
    assert results.recorded() == ["made"]
    assert len(results.measured("made")) == len(scores)


def test_a_word_among_the_scores_is_told_with_the_name_of_the_file(grid):
    path = grid / "made.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(text.splitlines()[3].split(",")[4], "many", 1), encoding="utf-8")
    with pytest.raises(ValueError, match=f"{path} cannot be read .*'many'"):
        results.measured("made")


@pytest.mark.parametrize("content", ["{", "[]", '{"grid": "made", "runs": [{"model": "pix2pix"}], "failed": []}', "{}"])
def test_a_damaged_manifest_is_named(content, grid):
    (grid / "made.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"made\.json cannot be read"):
        results.render_table(1, "made")


def test_a_run_is_averaged_over_its_photographs_with_ssim_in_percent(scores):
    runs = results.run_means(scores).set_index(["model", "seed"])
    assert len(runs) == 3 * 5 + 1
    assert runs.loc[("pix2pix+SA", 3), "psnr"] == pytest.approx(mean_of(scores, "pix2pix+SA", 3))
    assert runs.loc[("pix2pix+SA", 3), "ssim"] == pytest.approx(100 * mean_of(scores, "pix2pix+SA", 3, "ssim"))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda s: pd.concat([s, s[20:21]]), r"'4.jpg' of model 'pix2pix', seed 1, on 'mini' appears twice"),
        (lambda s: pd.concat([s, s[20:23]]), r"appears twice in the scores \(and 2 more\)"),
        (lambda s: s.assign(psnr=s["psnr"].where(s.index != 20)), r"'4.jpg' .* has no finite PSNR and SSIM"),
        (lambda s: s.assign(psnr=s["psnr"].where(s.index != 3, np.inf)), r"'gray copy', .* has no finite PSNR"),
        (lambda s: s.assign(ssim=s["ssim"].where(s.index != 20, 1.01)), r"'4.jpg' .* has an SSIM beyond 100%"),
        (lambda s: s[(s["model"] != "pix2pix") | (s["seed"] != 1) | (s["file"] == "x")].head(0), "there are no scores"),
        (
            lambda s: s[s["file"].isin(["0.jpg"]) == (s["seed"] == 1)],
            r"no test photograph of 'mini' is scored by all of",
        ),
    ],
)
def test_scores_that_cannot_be_averaged_are_refused_with_the_name_of_the_row(change, line, scores):
    for function in (results.run_means, lambda wrong: results.table(1, wrong)):
        with pytest.raises(ValueError, match=line):
            function(change(scores))


def test_a_photograph_that_one_run_did_not_score_is_left_out_of_all_means(scores):
    short = scores.drop(index=20)  # 4.jpg of pix2pix, seed 1
    expected = results.run_means(scores[scores["file"] != "4.jpg"])
    pd.testing.assert_frame_equal(results.run_means(short), expected)
    assert results.run_means(scores)["psnr"].iloc[-1] != expected["psnr"].iloc[-1]


def test_data_sets_may_have_different_photographs(scores):
    both = pd.concat([scores, made_up_scores(photographs=3, data="lion")])
    assert len(results.comparable(both)) == len(both)
