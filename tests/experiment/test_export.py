import importlib.util

import pytest
import torch

from hcegan_lib import data
from hcegan_lib.experiment import export, weights
from hcegan_lib.models import UNetGenerator

CLOSE = 1e-3  # of the range [0, 1]


def tiny(**options):
    """A generator whose innermost map is 1 x 1 at 16 px, so that its faster layers are used."""
    return UNetGenerator(base_channels=8, depth=4, image_size=16, generator=torch.Generator().manual_seed(0), **options)


def run_onnx(path, gray):
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(["color"], {"gray": gray.numpy()})[0])


@torch.no_grad()
@pytest.mark.parametrize("options", [{}, {"gamma_init": "normal"}, {"head": "luma"}])
def test_the_textbook_form_computes_the_same_and_leaves_the_generator_as_it_is(options):
    generator = tiny(**options)
    gray = torch.rand(2, 1, 16, 48)
    colored = export.textbook(generator)(gray)
    assert generator.training
    torch.testing.assert_close(colored, generator.eval()(gray))


def test_the_textbook_form_uses_none_of_the_faster_layers(monkeypatch):
    def forbidden(*given):
        raise AssertionError

    monkeypatch.setattr("hcegan_lib.attention.attend", forbidden)
    monkeypatch.setattr("hcegan_lib.backend.kernels.few_positions", lambda x, positions: x.dtype == torch.float32)
    monkeypatch.setattr("torch.nn.functional.fold", forbidden)
    plain = export.textbook(tiny(gamma_init="normal"))
    for part in plain.encoder:
        for layer in part:
            if isinstance(layer, torch.nn.Conv2d):
                layer.forward = lambda x, layer=layer: torch.nn.Conv2d.forward(layer, x)
    plain(torch.rand(1, 1, 16, 16))


def test_without_the_packages_the_error_says_how_to_install_them(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs onnx and onnxscript: pip install onnx onnxscript onnxruntime"):
        export.to_onnx(tiny(), tmp_path / "tiny.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_ready_weights_color_test_photographs_alike_with_onnx_runtime(tmp_path):
    pytest.importorskip("onnxscript", reason="needs the extra onnx")
    generator, image_size = weights.load("flowers")
    path = tmp_path / "flowers.onnx"
    export.to_onnx(generator, path)
    assert list(tmp_path.iterdir()) == [path]  # the weights are inside
    gray, _ = data.load("flowers", image_size).test.batch(range(25))
    cut = gray[:1].repeat(1, 1, 1, 2)  # twice as wide
    with torch.no_grad():
        for photographs in (gray, cut):
            assert (run_onnx(path, photographs) - generator(photographs)).abs().max() < CLOSE


@pytest.mark.slow
def test_attention_is_exported_for_every_size(tmp_path):
    pytest.importorskip("onnxscript", reason="needs the extra onnx")
    generator = tiny(gamma_init="normal").train()
    export.to_onnx(generator, tmp_path / "tiny.onnx")
    generator.eval()
    with torch.no_grad():
        for shape in ((1, 1, 16, 16), (3, 1, 32, 64)):
            gray = torch.rand(shape)
            assert (run_onnx(tmp_path / "tiny.onnx", gray) - generator(gray)).abs().max() < CLOSE
