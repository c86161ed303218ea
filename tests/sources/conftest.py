import json
import threading

import pytest

from hcegan_lib import data, sources
from hcegan_lib.sources import fetch
from tests.sources.server import Server, encoded, photo, remote, table, tarred, zipped


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(fetch, "BACKOFF", 0)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def server():
    server = Server()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """Give data/raw of a new, empty clone of the kit."""
    (tmp_path / "kit" / "data").mkdir(parents=True)
    monkeypatch.setattr(data, "KIT_ROOT", tmp_path / "kit")
    return tmp_path / "kit" / "data" / "raw"


@pytest.fixture
def offer(monkeypatch):
    """Give a function that changes an entry of the catalogue."""

    def change(name, **changes):
        monkeypatch.setitem(sources.SOURCES, name, sources.SOURCES[name]._replace(**changes))

    return change


@pytest.fixture(scope="session")
def div2k_photos():
    train = {f"DIV2K_train_HR/{n:04}.png": encoded(photo(n, 340 + n), "PNG") for n in range(1, 6)}
    return train, {f"DIV2K_valid_HR/{n:04}.png": encoded(photo(n - 790), "PNG") for n in (801, 802)}


@pytest.fixture
def div2k(server, raw, offer, div2k_photos):
    """Offer DIV2K with 5 training and 2 validation photographs."""
    train, valid = div2k_photos
    names = ("DIV2K_train_HR.zip", "DIV2K_valid_HR.zip")
    files = {name: remote(server, name, zipped(content)) for name, content in zip(names, (train, valid))}
    offer("div2k", files=files, train=5, test=2)
    return train | valid


@pytest.fixture
def coco(server, raw, offer):
    """Offer COCO with ten birds, 4 and 2 of them wanted. Photograph 1 has the largest bird, 10 the smallest."""
    shares = {number: 0.9 - 0.07 * number for number in range(1, 11)}
    images, annotations = [], []
    for number, share in shares.items():
        name, (W, H) = f"{number:012}.jpg", (320 + 10 * number, 280)
        server.files[f"train2017/{name}"] = encoded(photo(number, W, H))
        known = {"id": 100 + number, "file_name": name, "width": W, "height": H, "license": 4}
        images.append(known | {"flickr_url": f"http://farm9.staticflickr.com/8186/81193{number}_4e622c8349_z.jpg"})
        bird = {"image_id": 100 + number, "category_id": 16, "iscrowd": 0, "segmentation": [[1.0, 2.0, 3.0, 4.0]]}
        width, height = W * share**0.5, H * share**0.5
        annotations.append(bird | {"id": 2 * number, "bbox": [W - width, H - height, width, height]})
        annotations.append(bird | {"id": 2 * number + 1, "bbox": [0, 0, 9, 9]})
    annotations.append({"id": 90, "image_id": 110, "category_id": 16, "iscrowd": 1, "bbox": [0, 0, 420, 280]})
    annotations.append({"id": 91, "image_id": 110, "category_id": 18, "iscrowd": 0, "bbox": [0, 0, 420, 280]})
    content = {
        "info": {"year": 2017},
        "licenses": [{"url": "http://creativecommons.org/licenses/by/2.0/", "id": 4, "name": "Attribution License"}],
        "images": images,
        "annotations": annotations,
        "categories": [{"supercategory": "animal", "id": 16, "name": "bird"}, {"id": 18, "name": "dog"}],
    }
    name = "annotations_trainval2017.zip"
    archive = zipped({"annotations/instances_train2017.json": json.dumps(content).encode()})
    files, photos = {name: remote(server, name, archive)}, (f"{server.address}/train2017/",)
    offer("coco-bird", files=files, photos=photos, train=4, test=2)
    return [f"{number:012}" for number in shares]


BOXES = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
PHOTOS = "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5"
PHOTOS += ",Thumbnail300KURL,Rotation"


@pytest.fixture
def open_images(server, raw, offer):
    """Offer Open Images lions, 2 and 1 wanted. Give a function that adds a photograph; `publish` writes the tables."""
    boxes, photos = ({subset: [] for subset in ("validation", "test", "train")} for _ in range(2))

    def add(number, subset, share, label="/m/096mb", **changes):
        key, side = f"{number:016x}", share**0.5
        box = {"ImageID": key, "Source": "xclick", "LabelName": label, "XMin": 0, "XMax": side, "YMin": 0, "YMax": side}
        license = "https://creativecommons.org/licenses/by/2.0/"
        person = {"ImageID": key, "Subset": subset, "License": license, "Author": f"Ada {number}"}
        person |= {"OriginalLandingURL": f"https://www.flickr.com/photos/ada/{number}"}
        person |= {"Title": "A lion, one", "Rotation": "0.0"}
        columns = BOXES.split(",")
        boxes[subset].append(box | {column: value for column, value in changes.items() if column in columns})
        photos[subset].append(person | {column: value for column, value in changes.items() if column not in columns})
        server.files[f"{subset}/{key}.jpg"] = encoded(photo(number))
        return key

    def publish():
        described = {
            name: remote(server, name, table(columns, rows[subset]))
            for subset in boxes
            for kind, columns, rows in (("boxes", BOXES, boxes), ("photos", PHOTOS, photos))
            for name in [f"{subset}-{kind}.csv"]
        }
        more = {name: described.pop(name) for name in list(described) if name.startswith("train")}
        offer("openimages-lion", files=described, more=more, photos=(f"{server.address}/",), train=2, test=1)

    add.publish = publish
    return add


@pytest.fixture
def flowers(server, raw, offer):
    """Offer ten flowers in two folders, with the file of credits between them."""
    names = [f"flower_photos/{kind}/{n}_m.jpg" for kind in ("daisy", "roses") for n in range(5)]
    entries = {name: encoded(photo(number)) for number, name in enumerate(names)}
    credits = [
        f"{name.removeprefix('flower_photos/')} CC-BY by Ann - Lee - https://example.org/{name}" for name in names
    ]
    credits[3] = "daisy/3_m.jpg CC-BY https://example.org/3 - by Ann Lee"
    text = "All images in this archive are licensed under the Creative Commons By-Attribution License\n\n"
    order = {**dict(list(entries.items())[:5]), "flower_photos/LICENSE.txt": (text + "\n".join(credits)).encode()}
    offer("tf-flowers", files={"flower_photos.tgz": remote(server, "flower_photos.tgz", tarred(order | entries))})


@pytest.fixture
def build(raw):
    """Give a function that builds a set, checks it and returns what was left out."""

    def build_and_check(name, **options):
        record = sources.build(name, **options)
        assert sources.check(name) == []
        return record["skipped"]

    return build_and_check


@pytest.fixture
def refused(raw):
    """Give a function that fails to build a set and returns the message."""

    def fail(name, **options):
        with pytest.raises((ValueError, OSError)) as error:
            sources.build(name, **options)
        return str(error.value)

    return fail
