from base64 import b64decode, b64encode
from io import BytesIO

import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from hcegan_lib import course


def test_stored_outputs_contain_nothing_of_the_run_or_the_machine():
    timed = {"papermill": {"duration": 3}, "execution": {"iopub.execute_input": "now"}}
    cell = new_code_cell("1", metadata={"tags": [], **timed})
    tagged = new_code_cell("2", metadata={"tags": ["nbval-ignore-output"], **timed})
    cell.outputs = [new_output("stream", name="stdout", text="a\n"), new_output("stream", name="stdout", text="b\n")]
    versions = {
        "language_info": {"name": "python", "version": "3.11.7"},
        "kernelspec": {"name": "mine", "display_name": "Mine"},
    }
    widgets = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    notebook = new_notebook(
        cells=[cell, tagged], metadata={**versions, "papermill": {}, "hcegan": {}, "widgets": widgets}
    )
    stored = course.golden(notebook)
    assert set(stored.metadata) == {"kernelspec", "language_info"}
    assert stored.metadata.kernelspec.name == "python3"
    assert stored.metadata.language_info == {"name": "python"}
    assert [dict(cell.metadata) for cell in stored.cells] == [{}, {"tags": ["nbval-ignore-output"]}]
    assert [output.text for output in stored.cells[0].outputs] == ["a\nb\n"]
    assert notebook.cells[0].metadata.papermill  # the original stays


def test_stored_outputs_keep_widgets_that_have_a_state():
    widgets = {"application/vnd.jupyter.widget-state+json": {"state": {"m1": {"model_name": "IntSliderModel"}}}}
    assert course.golden(new_notebook(metadata={"widgets": widgets})).metadata.widgets == widgets


@pytest.mark.parametrize(("alpha", "mode"), [(255, "RGB"), (128, "RGBA")])
def test_a_stored_picture_is_smaller_and_looks_the_same(alpha, mode):
    pixels = np.full((40, 60, 4), alpha, np.uint8)
    pixels[..., :3] = np.arange(60)[:, None]
    drawn = BytesIO()
    Image.fromarray(pixels).save(drawn, "PNG", compress_level=1)
    output = new_output("display_data", {"image/png": b64encode(drawn.getvalue()).decode()})
    (cell,) = course.golden(new_notebook(cells=[new_code_cell("draw()", outputs=[output])])).cells
    stored = b64decode(cell.outputs[0].data["image/png"])
    with Image.open(BytesIO(stored)) as image:
        assert image.mode == mode
        assert np.array_equal(np.array(image.convert("RGBA")), pixels)
    assert len(stored) < len(drawn.getvalue())


def test_a_tagged_figure_is_saved_under_its_name_and_no_other_one_is(tmp_path):
    output = new_output("display_data", {"image/png": "iVBORw0K", "text/plain": "<Figure>"})
    tagged = new_code_cell("draw()", outputs=[output], metadata={"tags": ["figure:colored"]})
    other = new_code_cell("draw()", outputs=[output])
    silent = new_code_cell("x = 1", metadata={"tags": ["figure:nothing"]})
    notebook = new_notebook(cells=[tagged, other, silent])
    assert course.save_figures(notebook, tmp_path / "figures") == [tmp_path / "figures" / "colored.png"]
    assert (tmp_path / "figures" / "colored.png").read_bytes() == b"\x89PNG\r\n"
    assert len(list((tmp_path / "figures").iterdir())) == 1
