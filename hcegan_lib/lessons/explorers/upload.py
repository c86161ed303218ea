"""Color a photograph of one's own: upload it, compare it before and after, and download the result."""

import base64
import html
import io
from pathlib import Path

import ipywidgets as ipw
from PIL import Image

from hcegan_lib.data import DataError
from hcegan_lib.experiment import photographs, weights

SHOWN = 640  # long side of the picture on the page, in pixels; the download has the size of the upload
NOTE = "The colors are a guess: only the gray values are used. The photograph stays on this computer."


def before_and_after(before: Image.Image, after: Image.Image, share: float) -> Image.Image:
    """Join two versions of a photograph, of equal size: the left `share` of the width, 0 to 1, shows the first."""
    joined, line = after.copy(), round(share * after.width)
    joined.paste(before.crop((0, 0, line, before.height)), (0, 0))
    if 0 < line < after.width:
        joined.paste("white", (line - 1, 0, line + 1, after.height))
    return joined


class ColorUpload(ipw.VBox):
    """The widget of `color_upload`."""

    def __init__(self, chosen: str) -> None:
        self.upload = ipw.FileUpload(accept="image/*", description="choose a photograph")
        self.upload.layout.width = "auto"
        self.weights = ipw.Dropdown(options=weights.names(), value=chosen, description="weights")
        self.share = ipw.FloatSlider(0.5, min=0, max=1, step=0.02, description="gray | color", readout=False)
        self.image, self.errors = ipw.Image(format="jpeg"), ipw.Output()
        self.image.layout = ipw.Layout(align_self="flex-start", max_width="100%")  # a box would stretch it
        self.status, self.download = ipw.HTML(), ipw.HTML()
        self.pair: tuple[Image.Image, Image.Image] | None = None
        for widget in (self.upload, self.weights):
            widget.observe(self.color, "value")
        self.share.observe(self.show, "value")
        self.say(NOTE)
        controls = ipw.Box([self.upload, self.weights, self.share], layout=ipw.Layout(flex_flow="row wrap"))
        super().__init__([controls, self.status, self.download, self.image, self.errors])

    def say(self, text: str) -> None:
        """Show a line of text, which screen readers read aloud."""
        self.status.value = f'<p role="status">{html.escape(text)}</p>'

    def color(self, change: object = None) -> None:
        """Color the uploaded photograph, or say why that is not possible."""
        if not self.upload.value:
            return
        given = self.upload.value[0]
        with self.errors:
            self.say(f"Coloring {given['name']} ...")
            self.pair, self.image.value, self.download.value = None, b"", ""
            try:
                self.finish(given["name"], photographs.read_bytes(given["name"], bytes(given["content"])))
            except DataError as error:
                self.say(f"This file cannot be colored. {error}")

    def finish(self, name: str, photograph: photographs.Photograph) -> None:
        """Show a photograph before and after, and offer the result."""
        generator, image_size = weights.load(self.weights.value)
        colored = photographs.color_at_full_size(generator, photograph.rgb, image_size)
        result = photographs.result_name(Path(name))
        content = base64.b64encode(photographs.encode(photograph, colored, Path(result).suffix)).decode()
        for photo in (gray := photograph.rgb.convert("L"), colored):
            photo.thumbnail((SHOWN, SHOWN))  # in place; never larger
        self.pair = gray.convert("RGB"), colored
        self.download.value = (
            f'<a style="text-decoration: underline" download="{html.escape(result)}" '
            f'href="data:application/octet-stream;base64,{content}">'
            f"download {html.escape(result)}</a>"
        )
        W, H = photograph.rgb.size
        self.say(f"{name}, {W} x {H} pixels: gray on the left of the line, colored on the right. {NOTE}")
        self.show()

    def show(self, change: object = None) -> None:
        """Draw the line where the slider is."""
        if self.pair is None:
            return
        with self.errors:
            stream = io.BytesIO()
            before_and_after(*self.pair, self.share.value).save(stream, "JPEG", quality=90)
            self.image.value = stream.getvalue()


def color_upload(chosen: str = "general") -> ColorUpload:
    """Upload a photograph, see it gray and colored with a line to move between, and download the result.

    `chosen` is the first of the ready weights, `weights.names()`, to be used; another can be chosen beside it.
    """
    return ColorUpload(chosen)
