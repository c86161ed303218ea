import subprocess
import sys

import pytest

from hcegan_lib import paper, train


def test_the_eight_models_are_in_the_papers_order():
    assert {model.head for model in paper.MODELS.values()} == {"rgb"}
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


def test_the_three_models_that_keep_the_luma_are_named_after_their_twins():
    assert {name: tuple(model) for name, model in paper.LUMA_MODELS.items()} == {
        "pix2pix, luma kept": (*paper.MODELS["pix2pix"][:2], "luma"),
        "SA'+Hinge+BCE, luma kept": (*paper.MODELS["SA'+Hinge+BCE"][:2], "luma"),
        "L1 alone, luma kept": (None, "none", "luma"),
    }


def test_model_and_model_name_are_inverse():
    names = [*paper.MODELS, *paper.LUMA_MODELS]
    assert [paper.model_name(*paper.model(name)) for name in names] == names
    assert len(names) == 11
    assert [paper.model_name(*model[:2]) for model in paper.MODELS.values()] == list(paper.MODELS)


def test_every_model_can_be_trained():
    for name in (*paper.MODELS, *paper.LUMA_MODELS):
        settings = train.config("tour", **paper.model(name)._asdict())
        assert (settings.gamma_init, settings.loss, settings.head) == paper.model(name)


def test_an_unknown_model_is_refused_with_a_close_match_and_all_valid_names():
    with pytest.raises(
        ValueError, match=r"unknown model \"SA'\+Hinge\+BEC\", did you mean \"SA'\+Hinge\+BCE\"\?"
    ) as error:
        paper.model("SA'+Hinge+BEC")
    assert str(error.value).endswith(f"valid: {', '.join([*paper.MODELS, *paper.LUMA_MODELS])}")


@pytest.mark.parametrize("name", ["resnet", "", None])
def test_a_name_close_to_no_model_gets_no_suggestion(name):
    with pytest.raises(ValueError, match=f"unknown model {name!r}; valid: pix2pix, "):
        paper.model(name)


def test_choices_without_a_name_get_a_plain_description():
    assert paper.model_name("uniform", "hinge_mse") == "gamma=uniform, loss=hinge_mse"
    assert paper.model_name(None, "hinge") == "gamma=None, loss=hinge"
    assert paper.model_name(None, "none") == "gamma=None, loss=none"
    assert paper.model_name("zero", "bce", "luma") == "gamma=zero, loss=bce, head=luma"


def test_importing_the_paper_loads_no_torch():
    code = "import sys; from hcegan_lib import paper; paper.claims(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
