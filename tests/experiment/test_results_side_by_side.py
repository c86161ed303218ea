"""The paper's tables in their own shape, with our means beside the printed ones."""

import re

import pandas as pd
import pytest

from hcegan_lib import paper
from hcegan_lib.experiment import results
from tests.experiment.made_up import made_up_scores


@pytest.fixture(scope="module")
def frame():
    lions = made_up_scores(data="standin-lion")
    return results.side_by_side(1, pd.concat([lions, made_up_scores(data="flowers")]), "psnr")


def test_each_column_of_the_paper_has_our_mean_beside_it_if_its_stand_in_was_measured(frame):
    assert [name for name in frame if name[0] != "flowers"] == [
        *((name, "paper") for name in paper.DATASETS[:2]),
        ("Lion", "ours"),
        *((name, "paper") for name in paper.DATASETS[2:]),
    ]
    assert list(frame)[-1] == ("flowers", "ours")
    assert frame.index.tolist() == ["pix2pix", "pix2pix+SA", "gray copy"]
    means = results.run_means(made_up_scores(data="standin-lion")).groupby("model")["psnr"].mean()
    assert frame["Lion", "ours"].to_dict() == pytest.approx({name: means[name] for name in frame.index})
    assert frame.loc["pix2pix", ("Lion", "paper")] == 22.278
    assert pd.isna(frame.loc["gray copy", ("Lion", "paper")])


def test_cells_are_shaded_by_their_difference_from_pix2pix_and_the_gray_copy_is_not(frame):
    frame = frame.copy()
    frame["Lion", "ours"] = [20.0, 21.0, 30.0]
    frame["Bird", "paper"] = [20.0, 16.0, float("nan")]
    page = results.shade(frame, "psnr").to_html()
    shades = dict(re.findall(r"#T_\w+_row(\d_col\d+) [^{]*\{\s*background-color: ([^;]+);", page.replace("#T", "\n#T")))
    column = list(frame).index(("Lion", "ours"))
    assert shades[f"1_col{column}"] == "rgba(0, 114, 178, 0.30)"  # half of the full 2 dB
    assert f"2_col{column}" not in shades
    assert f"0_col{column}" not in shades
    assert shades[f"1_col{list(frame).index(('Bird', 'paper'))}"] == "rgba(230, 159, 0, 0.60)"
