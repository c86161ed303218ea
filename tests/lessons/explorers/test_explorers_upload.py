import base64
import datetime
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from hcegan_lib.experiment import photographs, weights
from hcegan_lib.lessons import explorers
from hcegan_lib.lessons.explorers import upload
from hcegan_lib.models import UNetGenerator

GRADIENT = Image.linear_gradient("L").resize((90, 60)).convert("RGB")


@pytest.fixture
def loaded(monkeypatch):
    """Names of the weights that were loaded; each gives a small generator that paints everything reddish."""
    generator = UNetGenerator(base_channels=1, depth=2, image_size=16, head="luma").eval()
    generator.decoder[-1][1].bias.data = torch.tensor([0.5, -0.3])
    names = []

    def load(name):
        names.append(name)
        return generator, 16

    monkeypatch.setattr(weights, "names", lambda: ("general", "flowers"))
    monkeypatch.setattr(weights, "load", load)
    return names


def png(photo):
    stream = io.BytesIO()
    photo.save(stream, "PNG")
    return stream.getvalue()


def put(widget, name, content):
    """Do what the browser does when a file is chosen."""
    file = {"name": name, "type": "image/png", "size": len(content), "content": memoryview(content)}
    widget.upload.value = ({**file, "last_modified": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)},)
    assert widget.errors.outputs == ()


def shown(widget):
    return np.asarray(Image.open(io.BytesIO(widget.image.value)), dtype=int)


def test_an_uploaded_photograph_is_shown_gray_on_the_left_and_colored_on_the_right(loaded):
    widget = explorers.color_upload()
    put(widget, "holiday.png", png(GRADIENT))
    assert loaded == ["general"]
    pixels = shown(widget)
    assert pixels.shape == (60, 90, 3)  # as large as it is: small photographs are not enlarged
    spread = np.ptp(pixels, axis=-1)[20:40]  # the darkest and the brightest have no room for color
    assert spread[:, :40].max() < 12
    assert spread[:, 50:].min() > 20
    assert "holiday.png, 90 x 60 pixels" in widget.status.value
    assert 'role="status"' in widget.status.value


def test_the_slider_moves_the_line(loaded):
    widget = explorers.color_upload()
    put(widget, "holiday.png", png(GRADIENT))
    widget.share.value = 0
    assert np.ptp(shown(widget), axis=-1)[30].min() > 20
    widget.share.value = 1
    assert np.ptp(shown(widget), axis=-1)[30].max() < 12


def test_the_download_is_the_whole_result_under_a_name_of_its_own(loaded):
    widget = explorers.color_upload()
    large = GRADIENT.resize((1500, 1000))
    put(widget, "holiday.png", png(large))
    name, content = re.search(r'download="(.*?)" href="data:.*?;base64,(.*?)"', widget.download.value).groups()
    assert name == "holiday_color.png"
    result = Image.open(io.BytesIO(base64.b64decode(content)))
    assert result.size == (1500, 1000)
    expected = photographs.color_at_full_size(weights.load("general")[0], large, 16)
    assert result.tobytes() == expected.tobytes()
    assert shown(widget).shape == (427, upload.SHOWN, 3)


def test_other_weights_color_the_same_photograph_again(loaded):
    widget = explorers.color_upload("flowers")
    widget.weights.value = "general"
    assert loaded == []  # there is nothing to color yet
    put(widget, "holiday.png", png(GRADIENT))
    widget.weights.value = "flowers"
    assert loaded == ["general", "flowers"]


def test_a_file_that_cannot_be_read_is_named_and_the_picture_before_it_disappears(loaded):
    widget = explorers.color_upload()
    put(widget, "holiday.png", png(GRADIENT))
    put(widget, "<b>.txt", b"text")
    assert "This file cannot be colored. &lt;b&gt;.txt: not a picture in one of the formats" in widget.status.value
    assert (widget.image.value, widget.download.value) == (b"", "")
    widget.share.value = 0.2  # with nothing to show
    assert widget.errors.outputs == ()


@pytest.mark.parametrize("share", [0, 0.25, 1])
def test_before_and_after_are_joined_at_the_line(share):
    joined = upload.before_and_after(Image.new("RGB", (8, 4), "red"), Image.new("RGB", (8, 4), "blue"), share)
    row = [joined.getpixel((column, 0)) for column in range(8)]
    line = [(255, 255, 255)] * 2 if share == 0.25 else []
    red, blue = [(255, 0, 0)], [(0, 0, 255)]
    assert row == {0: blue * 8, 0.25: red + line + blue * 5, 1: red * 8}[share]
