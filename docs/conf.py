"""Settings of the site that `make site` builds from the pages and the executed notebooks of the clone."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from hcegan_lib import __version__  # noqa: E402

project = "The HCEGAN course"
author = "The HCEGAN course kit developers"
copyright = f"{author}. Code: MIT. Text and figures: CC BY 4.0"
release = __version__
language = "en"

include_patterns = ["*.md", "docs/*.md", "notebooks/*.ipynb", "data/**.md", "figures/*.md", "benchmarks/*.md"]
exclude_patterns = [".*", "build", "data/cache", "data/raw", "data/runs"]
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "site_extension"]

# Notebooks and Markdown
nb_execution_mode = "off"
nb_custom_formats = {".ipynb": ["site_extension.read", {}, False]}
nb_ipywidgets_js = {}  # the manager of widgets would come from the network
nb_code_prompt_show = "Show a solution"  # only solutions are folded
nb_code_prompt_hide = "Hide the solution"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
myst_update_mathjax = False
html_math_renderer = "mathml"

# The library
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
napoleon_google_docstring = False
napoleon_use_rtype = False
add_module_names = False
default_role = "code"

# Pages
html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["explorers.js"]
html_use_index = False
html_domain_indices = False
html_show_sphinx = False
html_theme_options = {
    "navbar_persistent": [],  # the search field is at the side
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "use_download_button": True,
    "use_fullscreen_button": False,
}
