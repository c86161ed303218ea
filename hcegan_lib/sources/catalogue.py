"""The sets that can be built: what each one is, where its official files are, and their published checksums."""

from collections.abc import Mapping
from typing import NamedTuple


class Remote(NamedTuple):
    """An official file."""

    bytes: int  # exact if there is a checksum, otherwise approximate
    checksum: str | None  # "sha256:..." or "md5:..."; None if none is published
    addresses: tuple[str, ...]  # the official one first, then copies


class Source(NamedTuple):
    """One set."""

    name: str
    kind: str  # a key of candidates.FIND
    what: str
    license: str
    train: int  # number of photographs, before damaged ones are left out
    test: int
    files: Mapping[str, Remote]
    splits: tuple[str, ...] = ()  # one per file, if each file is one split
    more: Mapping[str, Remote] = {}  # downloaded only if `files` list too few photographs
    label: str = ""  # class of the wanted objects
    photos: tuple[str, ...] = ()  # addresses that single photographs are downloaded from
    photo_bytes: int = 0  # mean size of a single photograph


# Checksums of DIV2K, COCO and the flowers: github.com/tensorflow/datasets, tensorflow_datasets/url_checksums/.
DIV2K_TRAIN = Remote(
    3_530_603_713,
    "sha256:9d0b9c463f6e35b6c62cc6a930ee2224f670b34c1df841a57670f9acf0f6c335",
    (
        "https://data.vision.ee.ethz.ch/cvl/DIV2K/DIV2K_train_HR.zip",
        "https://huggingface.co/datasets/eugenesiow/Div2k/resolve/main/data/DIV2K_train_HR.zip",
    ),
)
DIV2K_VALID = Remote(
    448_993_893,
    "sha256:20dd31fd84d777bc1cf5d6b7654a3f569c0aec74458ae094122ad1d0489900fc",
    (
        "https://data.vision.ee.ethz.ch/cvl/DIV2K/DIV2K_valid_HR.zip",
        "https://huggingface.co/datasets/eugenesiow/Div2k/resolve/main/data/DIV2K_valid_HR.zip",
    ),
)
COCO = Remote(
    252_907_541,
    "sha256:113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
    (
        "http://images.cocodataset.org/annotations/annotations_trainval2017.zip",
        "https://s3.amazonaws.com/images.cocodataset.org/annotations/annotations_trainval2017.zip",
        "https://s3.amazonaws.com/fast-ai-coco/annotations_trainval2017.zip",
    ),
)
# The same bucket twice. HTTPS comes first, because single photographs have no published checksum.
COCO_PHOTOS = (
    "https://s3.amazonaws.com/images.cocodataset.org/train2017/",
    "http://images.cocodataset.org/train2017/",
)
FLOWERS = Remote(
    228_813_984,
    "sha256:4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c",
    (
        "https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz",
        "http://download.tensorflow.org/example_images/flower_photos.tgz",
    ),
)
# The commit of gallery.md, which shows all 1,000. GitHub packs the archive on demand, so its checksum may change.
IMAGENET = Remote(
    109_000_000,
    None,
    (
        "https://github.com/EliSchwartz/imagenet-sample-images/archive/bc69043e2862758a1906c6a24a792bb28c6bb2ff.zip",
        "https://codeload.github.com/EliSchwartz/imagenet-sample-images/zip/bc69043e2862758a1906c6a24a792bb28c6bb2ff",
    ),
)


def _table(path: str, length: int, checksum: str) -> Remote:
    return Remote(length, checksum, (f"https://storage.googleapis.com/openimages/{path}",))


# The tables linked from the page of version 7, with checksums that public projects have recorded. MD5s are ETags from
# Google Storage.
OPEN_IMAGES = {
    "validation-annotations-bbox.csv": _table(
        "v5/validation-annotations-bbox.csv",
        25_105_048,
        "sha256:d8bbd59410af14835d7733165a7bb8a3f0213981b22dd5077b0b9f7878991ff2",
    ),
    "validation-images-with-rotation.csv": _table(
        "2018_04/validation/validation-images-with-rotation.csv",
        15_245_485,
        "sha256:ed93a0e121fe345effdfc7359b848dbc64a1ff6778c8c73563157cb500b33a17",
    ),
    "test-annotations-bbox.csv": _table(
        "v5/test-annotations-bbox.csv",
        77_484_237,
        "sha256:fe22e579b9453875601576859d14ef3304058165de139c66b725e599202bd7b1",
    ),
    "test-images-with-rotation.csv": _table(
        "2018_04/test/test-images-with-rotation.csv", 45_227_339, "md5:d832feb775b3cb78077bf8ae350adce5"
    ),
}
OPEN_IMAGES_TRAIN = {
    "oidv6-train-annotations-bbox.csv": _table(
        "v6/oidv6-train-annotations-bbox.csv", 2_258_447_590, "md5:3c3e70cfaba5757ea5c2604b19cac3b2"
    ),
    "train-images-boxable-with-rotation.csv": _table(
        "2018_04/train/train-images-boxable-with-rotation.csv", 638_407_721, "md5:a4ac0bcedb5c2df4d1b1230dc6b41b8f"
    ),
}


def _coco(label: str) -> Source:
    return Source(
        name=f"coco-{label}",
        kind="coco",
        what=f"COCO 2017: the 600 training photographs with the largest {label}, relative to the photograph",
        license="differs by photograph (Flickr, some non-commercial); annotations CC-BY-4.0",
        train=500,
        test=100,
        files={"annotations_trainval2017.zip": COCO},
        label=label,
        photos=COCO_PHOTOS,
        photo_bytes=163_000,  # train2017.zip has 19,336,861,798 bytes and 118,287 photographs
    )


def _open_images(thing: str, label: str) -> Source:
    return Source(
        name=f"openimages-{thing}",
        kind="open images",
        what=f"Open Images V7: the 600 photographs with the largest {thing}, relative to the photograph",
        license="CC-BY-2.0; annotations CC-BY-4.0",
        train=500,
        test=100,
        files=OPEN_IMAGES,
        more=OPEN_IMAGES_TRAIN,
        label=label,  # not the name: several of the 20,000 classes are called "Fish"
        photos=("https://open-images-dataset.s3.amazonaws.com/",),
        photo_bytes=309_000,  # validation.tar.gz has 12,844,530,798 bytes and 41,620 photographs
    )


def _standin(name: str, train: int, photo_bytes: int, what: str) -> Source:
    return Source(
        name=f"standin-{name}",
        kind="list",
        what=f"stand-in for the paper's {what}",
        license="no license to pass them on: keep these photographs on your machine",
        train=train,
        test=100,
        files={},
        photos=("https://raw.githubusercontent.com/",),
        photo_bytes=photo_bytes,
    )


SOURCES = {
    source.name: source
    for source in (
        Source(
            name="div2k",
            kind="archive",
            what="DIV2K: 800 training photographs; the 100 official validation photographs are the test set",
            license="academic research only; copyright stays with the photographers",
            train=800,
            test=100,
            files={"DIV2K_train_HR.zip": DIV2K_TRAIN, "DIV2K_valid_HR.zip": DIV2K_VALID},
            splits=("train", "test"),
        ),
        _coco("bird"),
        _coco("dog"),
        _coco("orange"),
        _open_images("lion", "/m/096mb"),
        _open_images("bird", "/m/015p6"),
        _open_images("orange", "/m/0cyhj_"),
        _open_images("dog", "/m/0bt9lr"),
        _open_images("fish", "/m/0ch_cf"),
        _open_images("ladybug", "/m/0gj37"),
        Source(
            name="imagenet-sample",
            kind="archive",
            what="one photograph per ImageNet class, 1,000 in all, collected by Eli Schwartz",
            license="ImageNet's terms: non-commercial research and teaching",
            train=800,
            test=200,
            files={"imagenet-sample-images.zip": IMAGENET},
        ),
        Source(
            name="tf-flowers",
            kind="archive",
            what="TensorFlow flowers: daisies, dandelions, roses, sunflowers, tulips",
            license="CC-BY-2.0",
            train=2936,
            test=734,
            files={"flower_photos.tgz": FLOWERS},
        ),
        _standin("varied", 800, 133_600, "DIV2K: one photograph per ImageNet class, and photographs of COCO"),
        _standin("lion", 480, 30_300, "lions: of ImageNet and the web"),
        _standin("bird", 500, 144_400, "birds: many species, mostly in the wild"),
        _standin("orange", 500, 34_000, "oranges: on trees, in piles, in slices, on shelves"),
        _standin("dog", 500, 52_100, "dogs: snapshots of pets"),
        _standin("fish", 500, 18_400, "fish: mostly clownfish"),
        _standin("ladybird", 500, 56_800, "ladybirds: close up"),
    )
}
OWN = Source("own", "own", "your own photographs", "", 4, 1, {})  # one fifth for testing, as in `data.load`
