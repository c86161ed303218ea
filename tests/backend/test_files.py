"""Files that are written whole or not at all, and read only if they are files."""

import os

import pytest

from hcegan_lib.backend.files import name_file, read_json, require_plain_file


def test_a_pipe_among_the_files_is_refused_instead_of_waited_for(make_pipe, tmp_path):
    pipe = tmp_path / "record.json"
    make_pipe(pipe)
    with pytest.raises(ValueError, match=r"record\.json is not a plain file"):
        require_plain_file(pipe)
    assert read_json(pipe) == {}


@pytest.mark.parametrize("path", ["/dev/zero", "/"])
def test_a_device_or_a_folder_is_not_a_plain_file(path, tmp_path):
    link = tmp_path / "photo.jpg"
    link.symlink_to(path)
    with pytest.raises(ValueError, match=r"photo\.jpg is not a plain file"):
        require_plain_file(link)


@pytest.mark.skipif(os.name == "nt", reason="on Windows such a file takes its size on the disk")
def test_a_file_that_would_fill_the_memory_is_not_read_unless_it_is_a_checkpoint(tmp_path):
    for name in ("log.jsonl", "step-00000001.pt"):
        with open(tmp_path / name, "wb") as file:
            file.truncate(2**40)
    with pytest.raises(ValueError, match=r"log\.jsonl is too large: 1,099,511,627,776 bytes"):
        require_plain_file(tmp_path / "log.jsonl")
    assert read_json(tmp_path / "log.jsonl") == {}
    assert require_plain_file(tmp_path / "step-00000001.pt").exists()


def test_a_file_or_a_link_to_one_is_read(tmp_path):
    (tmp_path / "a").write_text("{}")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert require_plain_file(tmp_path / "b").read_text() == "{}"


@pytest.mark.parametrize(
    "problem", [KeyError("seed"), TypeError("list indices"), UnicodeDecodeError("utf-8", b"", 0, 1, "")]
)
def test_an_error_of_a_damaged_file_gets_its_name(problem, tmp_path):
    with pytest.raises(ValueError, match=r"grid\.yaml cannot be read"), name_file(tmp_path / "grid.yaml"):
        raise problem


def test_a_file_is_named_only_once(tmp_path):
    path = tmp_path / "grid.yaml"
    with pytest.raises(ValueError, match=rf"^{path}: unknown key$"), name_file(path):
        raise ValueError(f"{path}: unknown key")
