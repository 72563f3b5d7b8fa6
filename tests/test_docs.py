"""What the documents say is run."""

import ast
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unet_mtl.data.description import make_description
from unet_mtl.data.yaml_files import parse_yaml

ROOT = Path(__file__).parent.parent


def python_blocks(document: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), flags=re.S)


def write_samples(folder: Path) -> Path:
    """Write the first 24 cases of the sample set into the place that the documents name."""
    source, samples = ROOT / "data_samples/phantom", folder / "data_samples/phantom"
    samples.mkdir(parents=True)
    shutil.copy(source / "dataset.yaml", samples)
    head, *rows = (source / "cases.csv").read_text().splitlines()[:25]
    (samples / "cases.csv").write_text("\n".join([head, *rows]) + "\n")
    for part in ("images", "masks"):
        (samples / part).mkdir()
        for case in (row.split(",")[0] for row in rows):
            if (source / part / f"{case}.png").exists():
                shutil.copy(source / part / f"{case}.png", samples / part)
    return samples


def run_python(code: str, folder: Path) -> str:
    # Without the limit of threads of our own tests, as a user would run it.
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_THREADS")}
    environment = kept | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_api_example_is_15_lines():
    example, _ = python_blocks("docs/api.md")
    assert len([line for line in example.splitlines() if line.strip()]) <= 15


@pytest.mark.slow
def test_the_api_example_runs(tmp_path):
    example, metrics_example = python_blocks("docs/api.md")
    samples = write_samples(tmp_path)
    printed = run_python(example + metrics_example, tmp_path)
    assert "dice_lesion" in printed
    assert re.search(r"\(256, 256\) (normal|benign|malignant) diameter: -?[\d.]+ mm", printed)
    table = (tmp_path / "runs/api/predictions/predictions.csv").read_text().splitlines()
    n_images = len(list((samples / "images").iterdir()))
    assert len(table) == 1 + n_images
    assert len(list((tmp_path / "runs/api/predictions/mask").glob("*.png"))) == n_images


def test_every_name_in_the_api_table_exists():
    import unet_mtl

    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    for name in re.findall(r"^\| `(\w+)", text, flags=re.M):
        assert hasattr(unet_mtl, name), name


def test_the_signatures_of_the_api_table_are_those_of_the_functions():
    """Arguments for output in the terminal are described once, below the table."""
    import unet_mtl

    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| ((?:`\w+\(.*?\)`(?:, )?)+) \|", text, flags=re.M)
    signatures = [found for cell in cells for found in re.findall(r"`(\w+)\((.*?)\)`", cell)]
    assert len(signatures) > 20
    for name, told in signatures:
        described = [part.split("=") for part in told.split(", ") if part]
        parameters = dict(inspect.signature(getattr(unet_mtl, name)).parameters)
        expected = [
            f"**{key}" if parameter.kind is parameter.VAR_KEYWORD else key
            for key, parameter in parameters.items()
            if key not in ("progress", "on_note")
        ]
        if described[-1:] == [["..."]]:
            expected[len(described) - 1 :] = ["..."]
        assert [key for key, *_ in described] == expected, name
        for key, *values in described:
            if values and values[0] and "|" not in values[0]:
                assert ast.literal_eval(values[0]) == parameters[key].default, (name, key)


def test_ci_finds_the_two_commands_of_the_readme():
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    function = re.search(r"readme\(\) \{.*?\n\}", script, flags=re.S)
    for mark, start in (
        ("main job", "pip install . && unet-mtl train"),
        ("tests", 'pip install -e ".[test]"'),
    ):
        command = f'{function.group()}\nreadme "{mark}"'
        printed = subprocess.run(
            ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        assert printed.startswith(start)
        assert printed.count("\n") == 1


def assert_layout_is_read(layout: str, folder: Path) -> None:
    import numpy as np
    import pandas as pd
    from PIL import Image

    import unet_mtl as um

    columns = ("ID", "diagnosis", "margin", "spacing")
    rows = [("bus_0001-l", "benign", "s", "0,02"), ("bus_0002-r", "malignant", "unknown", "0,03")]
    for name, diagnosis, *_ in rows:
        path = folder / diagnosis / f"{name.removeprefix('bus_')}.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    pd.DataFrame(rows, columns=columns).to_excel(folder / "clinical.xlsx", index=False)
    (folder / "dataset.yaml").write_text(layout, encoding="utf-8")
    first, second = um.read_dataset(folder)
    assert first.labels == {"diagnosis": "benign", "margin": "smooth"}
    assert second.labels == {"diagnosis": "malignant"}
    assert first.spacing_mm == pytest.approx((0.2, 0.2))


def yaml_blocks(document: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), flags=re.S)


def test_the_example_configs_are_accepted(tmp_path):
    import yaml

    import unet_mtl as um

    dataset, layout, channels, masks = yaml_blocks("docs/data.md")
    config, inputs = yaml_blocks("docs/config.md")
    described = make_description(parse_yaml(layout), base=tmp_path, where="docs/data.md")
    assert list(described.masks["parts"].patterns) == ["wall", "lumen"]
    assert_layout_is_read(layout, tmp_path / "layout")
    described = make_description(parse_yaml(channels), base=tmp_path, where="docs/data.md")
    assert (list(described.channels), described.optional_channels) == (["t1", "t2"], ("t2",))
    described = make_description(
        {"images": "{case}.png"} | parse_yaml(masks), base=tmp_path, where="docs/data.md"
    )
    assert described.masks["drawn"].colours == {"lesion": ("#ff0000", "#f00000"), "ignore": ("#808080",)}
    assert described.masks["layers"].overlap
    columns = (
        "columns:\n  age: {}\n  device: {type: category}\n  palpable: {type: yes/no}\n  pixel_size_mm: {}\n"
    )
    (tmp_path / "dataset.yaml").write_text(dataset.replace("columns:\n", columns))
    (tmp_path / "config.yaml").write_text(config + inputs)
    loaded = um.load_config(tmp_path / "config.yaml", ["network.width=16", "tasks.diagnosis.weight=2"])
    assert loaded.inputs["clinical"].columns == ("age", "device", "palpable")
    assert (loaded.network.fusion, loaded.network.trunk) == ("film", (64,))
    assert loaded.data.masks["lesion"].values == {0: 0, 255: 1}
    assert loaded.tasks[1].weight == 2
    assert yaml.safe_load(config)["training"]["epochs"] == loaded.training.epochs


def test_the_tasks_of_the_page_on_numbers_are_accepted():
    from unet_mtl.batches.augment.zoom import find_zooms
    from unet_mtl.tasks import make_task

    plain, lengths, measured = yaml_blocks("docs/numbers.md")
    one, several, log = [make_task(content) for content in parse_yaml(plain)["tasks"]]
    length, area = [make_task(content) for content in parse_yaml(lengths)["tasks"]]
    assert (length.measure, area.measure, area.scale) == ("length", "area", "log")
    assert find_zooms(parse_yaml(lengths)["augment"], (32, 32)) == ["Affine"]
    _, perimeter, axes = [make_task(content) for content in parse_yaml(measured)["tasks"]]
    assert (perimeter.mask, perimeter.shape, axes.class_) == ("head", "ellipse_perimeter", "head")
    assert axes.target_names == ("bpd_mm", "ofd_mm")
    assert one.loss_kind == "huber"
    assert several.target_names == ("length_mm", "depth_mm")
    assert (several.loss_kind, log.loss_kind, log.scale) == ("gaussian", "mse", "log")


def test_the_rules_of_the_page_on_consistency_are_accepted():
    from pydantic import TypeAdapter

    import unet_mtl as um
    from unet_mtl.consistency import Rule, require_rules

    text = (ROOT / "docs/consistency.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", text, flags=re.S)
    rules = TypeAdapter(tuple[Rule, ...]).validate_python(parse_yaml(block)["consistency"])
    config = um.load_config(ROOT / "data_samples/phantom/config.yaml")
    require_rules(rules, config.tasks, config.data)
    (code,) = re.findall(r"consistency=(\[um\..*?\])\)`", text, flags=re.S)
    assert tuple(eval(code, {"um": um})) == rules
    for rule in rules:
        assert all(f"`{way}`" in text.replace("\n", " ") for way in rule.ways)


@pytest.mark.slow
@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_run(notebook, tmp_path):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    write_samples(tmp_path)
    run_python(code, tmp_path)


def test_recipes_are_accepted():
    import unet_mtl as um

    recipes = sorted((ROOT / "benchmarks/recipes").glob("*.yaml"))
    assert recipes
    for recipe in recipes:
        um.load_config(recipe)


def test_every_finding_of_the_doctor_is_explained():
    from unet_mtl.prepare.doctor.catalogue import KINDS

    text = (ROOT / "docs/check.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `([\w-]+)` \| (\w+) \| (.*) \| (.*) \| (.*?) ?\|$", text, flags=re.M)
    assert [row[0] for row in explained] == list(KINDS)
    assert [row[1:] for row in explained] == [(k.severity, k.title, k.cure, k.repair) for k in KINDS.values()]


def test_presets_and_lists_of_the_document_are_right():
    from unet_mtl.batches.augment.augment_config import check_steps
    from unet_mtl.batches.augment.presets import PRESETS
    from unet_mtl.batches.preprocess.preprocess import Preprocess

    text = (ROOT / "docs/augment.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|$", text.partition("## A list")[0], flags=re.M))
    assert told == {name: preset.reason for name, preset in PRESETS.items()}
    steps, crops = re.findall(r"```yaml\n(.*?)```", text, flags=re.S)
    check_steps(parse_yaml(steps)["augment"], (64, 64), 1)
    assert Preprocess(**parse_yaml(crops)["preprocess"]).crops.scale == 0.5


@pytest.mark.slow
def test_the_new_kind_of_task_is_added_and_learns(tmp_path):
    """Dots on a dark ground, counted; a fifth of the counts is unknown."""
    rng = np.random.default_rng(0)
    (tmp_path / "dots" / "images").mkdir(parents=True)
    rows = ["case,dots,many"]
    for i in range(60):
        n = int(rng.integers(0, 12))
        image = rng.integers(0, 40, (32, 32)).astype(np.uint8)
        for row, column in rng.permutation(64)[:n, None] // [8, 1] % 8 * 4:
            image[row + 1 : row + 3, column + 1 : column + 3] = 230
        Image.fromarray(image).save(tmp_path / "dots" / "images" / f"c{i}.png")
        rows.append(f"c{i},{'' if i % 5 == 4 else n},{'yes' if n > 5 else 'no'}")
    (tmp_path / "dots" / "cases.csv").write_text("\n".join(rows) + "\n")
    description = "table: cases.csv\nimages: images/{case}.png\ncolumns: {dots: {}, many: {type: yes/no}}\n"
    (tmp_path / "dots" / "dataset.yaml").write_text(description)
    text = (ROOT / "docs/add_a_task.md").read_text(encoding="utf-8")
    (config,) = re.findall(r"```yaml\n(.*?)```", text, flags=re.S)
    (tmp_path / "config.yaml").write_text(config)
    printed = run_python("\n".join(python_blocks("docs/add_a_task.md")), tmp_path)
    found = re.search(r"dots +pearson +(-?[\d.]+)", printed)
    assert found, printed
    assert float(found.group(1)) > 0.8
    assert (tmp_path / "run/evaluation/test/dots_agreement.png").is_file()
