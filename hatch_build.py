"""Adds to the wheel what `hcegan start` copies; an editable installation uses the clone itself."""

from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

KIT = ("notebooks", "docs", "TEACHING.md", "data/README.md", "figures/README.md")  # the notebooks draw the figures
KIT += tuple(f"data/{name}" for name in ("mini", "flowers", "paper", "results", "standins", "weights"))


class CourseHook(BuildHookInterface):
    """Includes each path of `KIT` below hcegan_lib/_kit."""

    def initialize(self, version: str, build_data: dict) -> None:
        """Run before the build; `version` is "standard" or "editable"."""
        if version == "standard":
            here = Path(self.root)
            build_data["force_include"] |= {str(here / name): f"hcegan_lib/_kit/{name}" for name in KIT}
