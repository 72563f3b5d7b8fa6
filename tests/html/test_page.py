"""The shell of every page: what is filled in is escaped, and nothing refers to another file or to the network."""

import re

import jinja2
import pytest

from unet_mtl.errors import WriteError
from unet_mtl.html.page import render_template, write_html

HOSTILE = "</title><script>alert(1)</script>"


def render(name="set", **content):
    content = {"kind": "Model report", "source": "/data/set"} | content
    return render_template("unet_mtl.html", "shell.html.jinja", name=name, **content)


def test_the_shell_names_the_page_its_source_and_its_purpose():
    html = render()
    assert html.startswith("<!doctype html>\n")
    assert html.endswith("</html>\n")
    assert "<title>set: model report</title>" in html
    assert "Model report · /data/set · " in html
    assert "For research use, not for diagnosis.</footer>" in html
    assert '"flag">SYNTHETIC DATA' not in html
    assert '"flag">SYNTHETIC DATA' in render(synthetic=True)


def test_what_is_filled_in_is_escaped():
    html = render(HOSTILE, source=HOSTILE)
    assert "<script" not in html
    assert html.count("&lt;/title&gt;&lt;script&gt;") == 3


def test_characters_that_no_page_may_have_are_replaced():
    html = render("odd\x07\x1b name \udcff")
    assert "odd\ufffd\ufffd name \\udcff" in html
    html.encode("utf-8")


def test_nothing_refers_outside():
    html = render()
    assert not re.search(r"https?:|//\w+\.|url\(|@import|file:| src=| href=", html)
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in html


def test_a_template_that_lacks_a_variable_is_refused():
    with pytest.raises(jinja2.UndefinedError, match=r"'(counts|verdict)' is undefined"):
        render_template("unet_mtl.prepare.doctor", "page.html.jinja", name="x", kind="y", source="z")


def test_a_folder_is_not_replaced_by_a_page(tmp_path):
    with pytest.raises(WriteError, match="is a folder; give the name of a file"):
        write_html(render(), tmp_path)
    path = tmp_path / "new" / "page.html"
    assert write_html(render(), str(path)) == path
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
