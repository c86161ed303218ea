"""Generators as ONNX graphs, which other programs and small devices can run without PyTorch."""

import contextlib
import copy
import importlib.util
import io
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hcegan_lib.backend.files import write_atomically

if TYPE_CHECKING:
    from torch import Tensor

    from hcegan_lib.attention import SelfAttention2d
    from hcegan_lib.models import UNetGenerator

PACKAGES = ("onnx", "onnxscript")
INSTALL = "pip install onnx onnxscript onnxruntime, or pip install -e '.[onnx]' in the kit's folder"


def require_packages() -> None:
    """Raise ValueError, with the command that installs them, if a package that writes ONNX is missing."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f"ONNX needs {' and '.join(missing)}: {INSTALL}")


def to_onnx(generator: "UNetGenerator", path: str | Path) -> None:
    """Write a generator as one ONNX file, weights included.

    Parameters
    ----------
    generator
        In any mode; the graph is that of evaluation mode.
    path
        The file to write; an existing one is replaced.

    Raises
    ------
    ValueError
        If onnx or onnxscript is not installed.

    Notes
    -----
    Input `gray`, float32 of shape (batch, 1, height, width) in [0, 1]; output `color`, (batch, 3, height, width) in
    [0, 1]. Batch, height and width are free; height and width must be multiples of 2 ** depth, as for the generator.
    """
    require_packages()
    import torch

    side = 2 ** (len(generator.encoder) + 1)
    sample = torch.zeros(2, 1, side, side)  # no map of this sample is 1 x 1, which would fix its size
    free = {"gray": {0: "batch", 2: "height", 3: "width"}}
    with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # about the exporter itself
        program = torch.onnx.export(
            textbook(generator).cpu(),
            (sample,),
            dynamo=True,
            verbose=False,
            input_names=["gray"],
            output_names=["color"],
            dynamic_shapes=free,
        )
    write_atomically(Path(path), lambda part: program.save(part, external_data=False))


def textbook(generator: "UNetGenerator") -> "UNetGenerator":
    """Copy a generator, in evaluation mode, with the textbook form of the layers that the backend computes faster.

    The faster forms choose by size and values, which a graph cannot, and ONNX has not all of their operations.
    """
    from torch import nn

    from hcegan_lib.attention import SelfAttention2d
    from hcegan_lib.backend.kernels import UpConvolution

    plain = copy.deepcopy(generator).eval()
    for layer in plain.modules():
        if isinstance(layer, UpConvolution):
            layer.forward = partial(nn.ConvTranspose2d.forward, layer)
        elif isinstance(layer, SelfAttention2d):
            layer.forward = partial(attend_by_matrix, layer)
    return plain


def attend_by_matrix(layer: "SelfAttention2d", x: "Tensor") -> "Tensor":
    """Compute Eq. (13) as `SelfAttention2d.forward` does, but with the whole N x N matrix of Eq. (12)."""
    from hcegan_lib.attention import positions

    B, C, H, W = x.shape
    o = layer.attention(x) @ positions(layer.h(x))  # (B, N, C), N = H * W
    return layer.gamma.view(1, C, 1, 1) * o.transpose(1, 2).reshape(B, C, H, W) + x
