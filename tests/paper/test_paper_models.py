import subprocess
import sys

import pytest

from hcegan_lib import paper


def test_the_eight_models_are_in_the_papers_order():
    assert [(name, model.gamma_init, model.loss) for name, model in paper.MODELS.items()] == [
        ("pix2pix", None, "bce"),
        ("pix2pix+SA", "zero", "bce"),
        ("pix2pix+SA'", "normal", "bce"),
        ("pix2pix+SA''", "uniform", "bce"),
        ("SA+Hinge+BCE", "zero", "hinge_bce"),
        ("SA'+Hinge+BCE", "normal", "hinge_bce"),
        ("SA''+Hinge+BCE", "uniform", "hinge_bce"),
        ("SA+Hinge+MSE", "zero", "hinge_mse"),
    ]


def test_model_and_model_name_are_inverse():
    for name in paper.MODELS:
        pair = paper.model(name)
        assert paper.model_name(pair.gamma_init, pair.loss) == name


def test_an_unknown_model_is_refused_with_a_close_match_and_all_valid_names():
    with pytest.raises(
        ValueError, match=r"unknown model \"SA'\+Hinge\+BEC\", did you mean \"SA'\+Hinge\+BCE\"\?"
    ) as error:
        paper.model("SA'+Hinge+BEC")
    assert str(error.value).endswith(f"valid: {', '.join(paper.MODELS)}")


@pytest.mark.parametrize("name", ["resnet", "", None])
def test_a_name_close_to_no_model_gets_no_suggestion(name):
    with pytest.raises(ValueError, match=f"unknown model {name!r}; valid: pix2pix, "):
        paper.model(name)


def test_a_pair_that_the_paper_does_not_have_gets_a_plain_description():
    assert paper.model_name("uniform", "hinge_mse") == "gamma=uniform, loss=hinge_mse"
    assert paper.model_name(None, "hinge") == "gamma=None, loss=hinge"


def test_importing_the_paper_loads_no_torch():
    code = "import sys; from hcegan_lib import paper; paper.claims(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
