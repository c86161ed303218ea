import re
from pathlib import Path

import yaml

from hcegan_lib import KIT_ROOT, data
from hcegan_lib.sources.catalogue import SOURCES

SIX = ["bird", "dog", "fish", "ladybug", "lion", "orange"]


def remotes():
    return [item for source in SOURCES.values() for item in (source.files | source.more).items()]


def test_every_file_has_addresses_and_a_size_and_a_checksum_has_its_full_length():
    for name, remote in remotes():
        assert remote.bytes > 10**7, name
        assert remote.addresses, name
        assert all(re.match(r"https?://[\w.-]+/\S+$", address) for address in remote.addresses), name
        if remote.checksum:
            assert re.fullmatch(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", remote.checksum), name


def test_files_without_a_checksum_are_downloaded_by_https():
    for name, remote in remotes():
        assert remote.checksum or all(address.startswith("https://") for address in remote.addresses), name
    assert all(source.photos[0].startswith("https://") for source in SOURCES.values() if source.photos)


def test_no_set_that_can_be_built_has_the_name_of_an_embedded_one():
    assert not set(SOURCES) & set(data.EMBEDDED)


def test_the_catalogue_has_the_papers_sets_and_the_categories_that_coco_has():
    assert sorted(name.removeprefix("openimages-") for name in SOURCES if name.startswith("openimages-")) == SIX
    assert sorted(name.removeprefix("coco-") for name in SOURCES if name.startswith("coco-")) == SIX[:2] + SIX[5:]
    for name, source in SOURCES.items():
        if name.startswith(("coco", "openimages")):
            assert (source.train, source.test) == (500, 100)
    assert (SOURCES["div2k"].train, SOURCES["div2k"].test) == (800, 100)


def test_the_grid_of_the_paper_names_sets_that_can_be_built():
    grid = yaml.safe_load((KIT_ROOT / "notebooks" / "grids" / "paper.yaml").read_text(encoding="utf-8"))
    assert {Path(name).name for name in grid["data"]} <= set(SOURCES)
    assert all(name.startswith("data/raw/") for name in grid["data"])


def test_the_data_card_lists_every_set_with_its_photographs_and_download():
    card = (KIT_ROOT / "data" / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w-]+)` \|(.*)\|$", card, flags=re.MULTILINE))
    assert set(rows) == set(SOURCES)
    for name, source in SOURCES.items():
        assert f"{source.train:,} + {source.test:,}" in rows[name], name
        total = sum(remote.bytes for remote in source.files.values())
        total += (source.train + source.test) * source.photo_bytes
        more = sum(remote.bytes for remote in source.more.values())
        size = f" {total / 1e9:.2f} GB" + f", at most {(total + more) / 1e9:.2f} GB" * bool(more)
        assert rows[name].endswith(f"{size} "), (name, size)
