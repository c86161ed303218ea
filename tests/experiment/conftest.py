import pytest
from made_up import LIFT, made_up_run, made_up_scores, write_manifest

from hcegan_lib.experiment import records


@pytest.fixture
def scores():
    """Scores of three models with five seeds each, and of the gray copy."""
    return made_up_scores()


@pytest.fixture
def grid(scores, tmp_path, monkeypatch):
    """Committed results of a grid named "made", beside files that are not scores."""
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    records.write_table(tmp_path / "made.csv", scores)
    (tmp_path / "made-curves.csv").write_text("data,model,seed,epoch\n", encoding="utf-8")
    (tmp_path / "gains.csv").write_text("model,step,gain\n", encoding="utf-8")
    (tmp_path / "gains.json").write_text("{}", encoding="utf-8")
    write_manifest(tmp_path, [made_up_run(model, seed) for model in LIFT for seed in range(5)])
    return tmp_path
