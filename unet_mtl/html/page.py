"""HTML pages of a single file: they need no other file, run no script, and send nothing."""

import re
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from unet_mtl.errors import WriteError
from unet_mtl.files import folder_instead, write_text

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")


def render_template(
    package: str, template: str, *, name: str, kind: str, source: str, synthetic: bool = False, **content: Any
) -> str:
    """Render a template that extends `shell.html.jinja`, with everything filled in escaped.

    Args:
        package: Dotted name of the package that holds the template.
        template: File name of the template.
        name: What the page is about, such as the name of the data set; the main heading.
        kind: The kind of page, such as "Data set check".
        source: Where the content comes from, such as the folder of the data set.
        synthetic: Whether the data are synthetic, which the heading then shows.
        content: Further variables of the template.

    Returns:
        The page. Control characters, and bytes of file names that are not valid text, are replaced.

    Raises:
        jinja2.TemplateError: The template is not found or wrong, or a variable is missing.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, ""), PackageLoader("unet_mtl.html", "")]),
        autoescape=True,  # names of files and cells of tables come from others
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    html = environment.get_template(template).render(
        name=name,
        kind=kind,
        source=source,
        synthetic=synthetic,
        date=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        version=_version(),
        **content,
    )
    return _CONTROL.sub("\ufffd", html.encode("utf-8", "backslashreplace").decode("utf-8"))


def write_html(html: str, path: Path | str) -> Path:
    """Write a page to a file, completely or not at all.

    Args:
        html: The page.
        path: The file; its folder is created if needed, and an existing file is replaced.

    Returns:
        The path.

    Raises:
        WriteError: `path` is a folder, or the operating system refused to write.
    """
    path = Path(path)
    if path.is_dir():
        raise WriteError(folder_instead(path))
    write_text(path, html)
    return path


def _version() -> str:
    try:
        return version("unet-mtl")
    except PackageNotFoundError:
        return ""
