"""The page of a check shows the content of the files, runs nothing and refers to nothing outside."""

import base64
import errno
import io
import os
import re
import shutil
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import unet_mtl as um
from unet_mtl.html.pictures import SIDE
from unet_mtl.prepare.doctor.catalogue import KINDS
from unet_mtl.prepare.doctor.page import render_page
from unet_mtl.prepare.doctor.sheets import LINES
from unet_mtl.wording import count_of

PHANTOM = Path(__file__).parents[3] / "data_samples" / "phantom"
VOID = {"meta", "img", "br", "input", "hr", "link"}


class Page(HTMLParser):
    """Parse the elements of a page with their attributes and text, and check their nesting."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.elements: list[dict] = []
        self._open: list[dict] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "text": "", **dict(attributes)}
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.elements.append({"tag": tag, "text": "", **dict(attributes)})

    def handle_endtag(self, tag):
        assert self._open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self._open:
            element["text"] += data

    def all(self, tag, **attributes):
        return [
            e for e in self.elements if e["tag"] == tag and all(e.get(k) == v for k, v in attributes.items())
        ]

    @property
    def text(self):
        return " ".join(self.all("body")[0]["text"].split())

    def counts(self):
        words = [e["text"] for e in self.elements if e["tag"] in ("dt", "dd")]
        return dict(zip(words[::2], words[1::2], strict=True))

    def pictures(self):
        return [decode(e["src"]) for e in self.all("img")]

    def finding(self, name):
        return " ".join(self.all("section", id=name)[0]["text"].split())


def decode(uri):
    head, _, content = uri.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def page_of(folder) -> Page:
    return Page(render_page(um.check(folder)))


@pytest.fixture(scope="module")
def phantom():
    return page_of(PHANTOM)


@pytest.fixture
def folder(write_data, tmp_path):
    path = tmp_path / "tiny"
    write_data(path)
    return path


def change_table(folder, change):
    table = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    change(table)
    table.to_csv(folder / "cases.csv", index=False)


def test_head_and_counts_are_those_of_the_files(phantom):
    table = pd.read_csv(PHANTOM / "cases.csv")
    n = str(len(list((PHANTOM / "images").iterdir())))
    assert phantom.counts() == {
        "cases": str(len(table)),
        "patients": str(table["patient"].nunique()),
        "image files": n,
        "readable images": n,
    }
    assert "SYNTHETIC DATA" in phantom.text
    assert "research use" in phantom.text
    assert str(PHANTOM) in phantom.text
    assert "A training would start. 0 errors, 0 warnings, " in phantom.text
    cells = [e["text"] for e in phantom.elements if e["tag"] == "td"]
    labelled = {name: int(table[name].notna().sum()) for name in ("diagnosis", "lesion_diameter_mm", "age")}
    labelled["mask"] = len(list((PHANTOM / "masks").iterdir()))
    for name, count in labelled.items():
        at = cells.index(name)
        assert cells[at + 2 : at + 4] == [str(count), str(len(table) - count)]


def chart(page, title):
    """Return the text of the chart with a title."""
    return next(e["text"] for e in page.all("div", **{"class": "chart"}) if e["text"].startswith(title))


def test_charts_show_the_numbers_of_the_files(phantom):
    table = pd.read_csv(PHANTOM / "cases.csv")
    bars = chart(phantom, "diagnosis")
    for word, n in table["diagnosis"].value_counts().items():
        assert f"{word}{n} ({n / len(table):.0%})" in bars
    assert f"no label{table['diagnosis'].isna().sum()} (" in bars
    ages = dict(
        found.groups()
        for element in phantom.all("title")
        if (found := re.fullmatch(r"(\d+ to \d+) years: (\d+) cases?", element["text"]))
    )
    assert len(ages) > 4
    for span, n in ages.items():
        low, high = map(int, span.split(" to "))
        assert int(n) == ((table["age"] >= low) & (table["age"] < high)).sum()
    assert sum(map(int, ages.values())) == len(table)
    views = Counter(table["patient"].value_counts())
    for images, n in views.items():
        bar = f"{count_of(images, 'image')}: {count_of(n, 'patient')}"
        assert bar in chart(phantom, "Images per patient")
    masks = [np.asarray(Image.open(path)) for path in sorted((PHANTOM / "masks").iterdir())]
    shares = [100 * (mask == 1).mean() for mask in masks if (mask == 1).any()]
    note = f"from {min(shares):.3g} to {max(shares):.3g} %, median"
    assert note in chart(phantom, "mask: share of lesion in the image")
    assert f"{len(masks) - len(shares)} masks without it" in chart(
        phantom, "mask: share of lesion in the image"
    )
    assert f"256 x 256 pixels (height x width) in all {len(table)} images" in chart(phantom, "Size")


def test_brightness_is_that_of_the_pixels(folder):
    pixels = {path: np.asarray(Image.open(path)) // 2 + 40 for path in (folder / "images").iterdir()}
    for index, (path, image) in enumerate(pixels.items()):
        Image.fromarray(image + index).save(path)
    page = page_of(folder)
    for title, extreme in (("Darkest pixel", np.min), ("Brightest pixel", np.max)):
        values = [100 * int(extreme(image + index)) / 255 for index, image in enumerate(pixels.values())]
        assert f"12 images: from {min(values):.3g} to {max(values):.3g} %" in chart(page, title)


def test_the_legend_has_the_colours_of_the_outlines(phantom):
    for colour in ("#e69f00", "#56b4e9"):
        assert colour in phantom.html


def break_all(folder):
    (folder / "images" / "case_05.png").write_bytes((folder / "images" / "case_05.png").read_bytes()[:400])
    (folder / "images" / "case_06.png").unlink()
    Image.fromarray(np.full((32, 32), 7, np.uint8)).save(folder / "masks" / "case_00.png")
    shutil.copyfile(folder / "images" / "case_01.png", folder / "images" / "case_10.png")
    shutil.copyfile(folder / "images" / "case_02.png", folder / "images" / "stray.png")

    def same_patient(table):
        table.loc[11, "patient"] = "p03"

    change_table(folder, same_patient)


def test_every_finding_has_its_cure_lines_and_extent(folder):
    break_all(folder)
    checkup = um.check(folder)
    page = Page(render_page(checkup))
    names = {finding.name for finding in checkup.findings}
    assert names >= {"image-missing", "image-unreadable", "identical", "image-without-row", "patient-split"}
    assert [e["id"] for e in page.all("section")] == [finding.name for finding in checkup.findings]
    for finding in checkup.findings:
        text = page.finding(finding.name)
        assert finding.kind.severity in text
        assert KINDS[finding.name].title in text
        assert KINDS[finding.name].cure.replace("`", "") in text
        for observation in finding.observations[:LINES]:
            assert observation.text.replace(f"{folder}/", "").replace("`", "") in text
        assert page.all("a", href=f"#{finding.name}")
    errors = sum(finding.kind.severity == "error" for finding in checkup.findings)
    assert f"A training would NOT start. {errors} errors" in page.text
    severities = [finding.kind.severity for finding in checkup.findings]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)


def test_what_cannot_be_shown_says_so(folder):
    break_all(folder)
    page = page_of(folder)
    assert "cannot be read" in page.finding("image-unreadable")
    assert "the image file is missing" in page.finding("image-missing")
    assert "images/stray.png" in page.finding("image-without-row")
    labels = [e["alt"] for e in page.all("img")]
    assert "images/stray.png: file" in labels
    assert "case_00: mask as stored" in labels
    assert {"case_01: image with its mask", "case_10: image with its mask"} <= set(labels)
    assert page.counts()["image files"] == "11"
    assert page.counts()["readable images"] == "10"


def test_many_lines_are_cut_and_counted(folder):
    def add(table):
        table["diagnosis"] = "odd"

    change_table(folder, add)
    rows = (folder / "cases.csv").read_text().splitlines()
    more = [rows[1].replace("case_00", f"more_{i:03d}") for i in range(200)]
    (folder / "cases.csv").write_text("\n".join(rows + more) + "\n")
    page = page_of(folder)
    assert len(page.all("li")) <= LINES * len(page.all("section"))
    assert f"and {212 - LINES} more that are not listed" in page.finding("class-unknown")
    assert "212 cases" in page.finding("class-unknown")
    assert "and 200 more cases" in page.finding("class-unknown")  # pictures, 12 of them
    assert len(page.html) < 1_000_000


HOSTILE = "<script>alert(1)</script>"


def test_hostile_names_are_shown_and_never_run(folder):
    (folder / "images" / "case_03.png").rename(folder / "images" / "'\"><img src=x onerror=alert(1)>.png")

    def change(table):
        table.loc[3, "case"] = "'\"><img src=x onerror=alert(1)>"
        table.loc[4, "diagnosis"] = HOSTILE
        table.loc[5, "patient"] = table.loc[6, "patient"] = '"&lt;</title><script>'

    change_table(folder, change)
    text = (folder / "dataset.yaml").read_text()
    text = text.replace("name: tiny", f"name: '{HOSTILE}'").replace(
        "core", "'</style><script>alert(2)</script>'"
    )
    text = text.replace("- malignant", "- malignant\n    - '<svg onload=alert(3)>'")
    (folder / "dataset.yaml").write_text(text)
    page = page_of(folder)
    tags = {e["tag"] for e in page.elements}
    assert not tags & {"script", "iframe", "object", "embed", "link", "form", "base", "foreignobject"}
    assert not [key for e in page.elements for key in e if key.startswith("on")]
    assert all(e["src"].startswith("data:image/jpeg;base64,") for e in page.all("img"))
    assert page.all("h1")[0]["text"].startswith(HOSTILE)
    assert page.all("title")[0]["text"].startswith(HOSTILE)
    assert "'\"><img src=x onerror=alert(1)>" in page.text
    assert f"'{HOSTILE}', which is not among its classes" in page.finding("class-unknown")
    assert "<svg onload=alert(3)>" in chart(page, "diagnosis")
    assert "</style><script>alert(2)</script>" in page.text


def test_nothing_refers_outside(phantom, folder):
    break_all(folder)
    for page in (phantom, page_of(folder)):
        assert not re.search(r"https?:|//\w+\.|url\(|@import|file:", re.sub(r"base64,[^\"]+", "", page.html))
        for element in page.elements:
            for key in ("src", "href", "action", "data", "poster", "srcset", "background", "xlink:href"):
                assert element.get(key, "#").startswith(("#", "data:image/jpeg;base64,"))
        policy = next(
            e["content"] for e in page.all("meta") if e.get("http-equiv") == "Content-Security-Policy"
        )
        assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")


def test_pictures_are_small(phantom, folder):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (700, 300, 3), np.uint8)
    Image.fromarray(noise).save(folder / "images" / "case_02.png")
    sizes = [picture.size for picture in phantom.pictures() + page_of(folder).pictures()]
    assert max(map(max, sizes)) == SIDE
    assert (69, 160) in sizes
    assert len(phantom.html) < 500_000


def test_what_lies_outside_of_the_data_set_gets_into_no_page(folder, tmp_path):
    secret = tmp_path / "secret.png"
    shutil.move(folder / "images" / "case_02.png", secret)
    (folder / "images" / "case_02.png").symlink_to(secret)
    page = page_of(folder)
    assert "outside the data set, not shown" in page.finding("path-outside")
    assert not [e for e in page.all("img") if e["alt"].startswith("case_02")]


def test_letters_that_no_page_may_have(folder):
    case = "odd\x07\x1b name"
    (folder / "images" / "case_03.png").rename(folder / "images" / f"{case}.png")
    change_table(folder, lambda table: table.__setitem__("case", table["case"].replace("case_03", case)))
    (folder / "images" / os.fsdecode(b"stray_\xff.png")).write_bytes(
        (folder / "images" / "case_00.png").read_bytes()
    )
    html = render_page(um.check(folder))
    assert "odd\ufffd\ufffd name" in html
    assert "stray_\\udcff.png" in html
    html.encode("utf-8")


def test_a_set_of_deep_images_without_table_masks_and_patients(tmp_path):
    rng = np.random.default_rng(0)
    for case in "abc":
        Image.fromarray(rng.integers(100, 900, (40, 50), np.uint16)).save(tmp_path / f"{case}.png")
    (tmp_path / "dataset.yaml").write_text("images: '{case}.png'")
    page = page_of(tmp_path)
    assert page.counts()["patients"] == "not named"
    assert not page.all("table", id="targets")
    # values of 16 bits that would all be nearly black without stretching the contrast
    assert all(np.asarray(picture).std() > 30 for picture in page.pictures())


def test_the_file_is_written_whole_or_not_at_all(folder, monkeypatch):
    checkup = um.check(folder)
    path = folder.parent / "new" / "folder" / "page.html"
    assert um.write_page(checkup, path) == path
    assert path.read_text(encoding="utf-8").endswith("</html>\n")
    path.write_text("old")
    um.write_page(checkup, str(path))
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    path.write_text("old")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(um.UnetMtlError, match="No space left on device"):
        um.write_page(checkup, path)
    assert [p.name for p in path.parent.iterdir()] == ["page.html"]
    assert path.read_bytes() == b"old"


def test_the_command_writes_the_page(command, folder, tmp_path):
    (folder / "images" / "case_06.png").unlink()
    path = tmp_path / "out" / "page.html"
    code, _, errors = command("check", folder, "--html", path)
    assert code == 1
    assert f"wrote {path}" in " ".join(errors)
    assert "the image file is missing" in Page(path.read_text(encoding="utf-8")).finding("image-missing")
