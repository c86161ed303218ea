"""Builds larger sets of photographs from their public files: the catalogue, downloads, crops and manifests.

No lesson and no training run imports anything from here.
"""

from hcegan_lib.sources.build import build, check, clean, finished, is_built, own_sets, plan
from hcegan_lib.sources.catalogue import SOURCES
