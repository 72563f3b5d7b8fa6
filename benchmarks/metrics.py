"""How fast are the mask scores, and do they agree with other libraries?

    pip install -e ".[peers]"
    python benchmarks/metrics.py [repeats] [threads of PyTorch]

Prints for each workload the median milliseconds per pair of every library over the repeats (all libraries in turn
within each repeat, and fewer repeats for libraries that have taken 40 s), the ratio to this package, and for each
score the largest difference where both are defined, with the number of cells in which only one is. The overlap
workload starts from uint8 label masks and ends with a table of cases and its means. "MONAI" uses its metric classes,
which do the same; "MONAI, bare" uses its functions on prepared one-hot tensors. torchmetrics gets prepared int64
tensors; the surface workload uses prepared bools or one-hot tensors. Libraries that are not installed are skipped and
named. Finally, means with bootstrap intervals are compared with SciPy's bootstrap of each score.

surface-distance defines surface scores differently (an outline between the pixel centres, weighted by its length),
and its average distance is directed, so its differences reflect the definitions.
"""

import sys
import time
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

# The folder of the script comes first on the import path, and this script would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import metrics  # noqa: E402

N_CLASSES = 3
SPACING_MM = (0.5, 0.7)
TOLERANCE_MM = 1.0
_ENOUGH_SECONDS = 40.0
_MONAI_WORDS = ("precision", "recall", "f1 score", "matthews correlation coefficient")
OTHER_DEFINITIONS = {
    "surface-distance": "ANOTHER DEFINITION: outlines between pixel centres, weighted by length; directed averages"
}
OVERLAP = ("dice", "iou", "precision", "recall", "f1", "mcc")
SURFACE = ("hd95", "assd", "surface_dice")

Masks = list[np.ndarray]
Table = dict[str, np.ndarray]
Peer = Callable[[Masks, Masks], Callable[[], Table]]


def make_pairs(n: int, size: int, n_classes: int, seed: int = 0) -> tuple[Masks, Masks]:
    """Generate smooth random shapes in the centre of the image; the prediction is the same shape with other noise."""
    rng = np.random.default_rng(seed)
    edge = np.abs(np.linspace(-1, 1, size))
    middle = 0.9 - np.maximum(edge[:, None], edge[None, :]) * 1.6
    truths, predictions = [], []
    for _ in range(n):
        shape, *noise = (_smooth(rng, size, size / 14) for _ in range(3))
        truth, prediction = (
            np.digitize(middle + 0.5 * shape + 0.12 * extra, np.linspace(0.35, 0.95, n_classes)[:-1])
            for extra in noise
        )
        truths.append(truth.astype(np.uint8))
        predictions.append(prediction.astype(np.uint8))
    return truths, predictions


def _smooth(rng: np.random.Generator, size: int, sigma: float) -> np.ndarray:
    coarse = max(1, size // 256)  # large images are generated small and enlarged
    field = gaussian_filter(rng.normal(size=(size // coarse, size // coarse)), sigma / coarse)
    return np.kron(field / field.std(), np.ones((coarse, coarse)))


def our_overlap(truths: Masks, predictions: Masks) -> Callable[[], Table]:
    """Return the table of cases and classes, and its means."""

    def run() -> Table:
        counts = metrics.count_cases(truths, predictions, N_CLASSES)
        table = {name: getattr(metrics, name)(counts) for name in OVERLAP}
        for values in table.values():
            metrics.mean_over_classes(values)
        return table

    return run


def sklearn_overlap(truths: Masks, predictions: Masks) -> Callable[[], Table]:
    """Scores with three calls per pair: one returns precision, recall and F1; the MCC is over all classes."""
    import sklearn.metrics as sk

    def one(truth: np.ndarray, prediction: np.ndarray) -> Iterable[Any]:
        keywords = {"labels": range(N_CLASSES), "average": None}
        precision, recall, f1, _ = sk.precision_recall_fscore_support(truth, prediction, **keywords)
        mcc = [sk.matthews_corrcoef(truth, prediction)] * N_CLASSES
        return f1, sk.jaccard_score(truth, prediction, **keywords), precision, recall, f1, mcc

    flat = [
        (truth.ravel(), prediction.ravel()) for truth, prediction in zip(truths, predictions, strict=True)
    ]
    return lambda: _columns(OVERLAP, [one(*pair) for pair in flat])


def torchmetrics_overlap(truths: Masks, predictions: Masks) -> Callable[[], Table]:
    """Scores with six functions per pair."""
    import torch
    from torchmetrics.functional import classification as c
    from torchmetrics.functional.segmentation import dice_score

    def one(truth: Any, prediction: Any) -> Iterable[Any]:
        each = {"num_classes": N_CLASSES, "average": "none"}
        dice = dice_score(
            prediction[None],
            truth[None],
            N_CLASSES,
            average="none",
            include_background=True,
            input_format="index",
        )[0]
        mcc = [float(c.multiclass_matthews_corrcoef(prediction, truth, N_CLASSES))] * N_CLASSES
        iou, precision, recall, f1 = (
            function(prediction, truth, **each)
            for function in (
                c.multiclass_jaccard_index,
                c.multiclass_precision,
                c.multiclass_recall,
                c.multiclass_f1_score,
            )
        )
        return dice, iou, precision, recall, f1, mcc

    tensors = [
        tuple(torch.as_tensor(mask.astype(np.int64)) for mask in pair)
        for pair in zip(truths, predictions, strict=True)
    ]
    return lambda: _columns(OVERLAP, [one(*pair) for pair in tensors])


def monai_overlap(truths: Masks, predictions: Masks) -> Callable[[], Table]:
    """Scores with the metric classes, which keep a table of cases; includes one-hot encoding."""
    from monai import metrics as m

    def run() -> Table:
        every = {"include_background": True, "reduction": "mean_batch", "get_not_nans": True}
        dice, iou = m.DiceMetric(**every), m.MeanIoU(**every)
        confusion = m.ConfusionMatrixMetric(metric_name=_MONAI_WORDS, compute_sample=True, **every)
        for pair in zip(truths, predictions, strict=True):
            truth, prediction = map(_one_hot, pair)
            for score in (dice, iou, confusion):
                score(prediction, truth)
            counts = confusion.get_buffer()
        for score in (dice, iou, confusion):
            score.aggregate()
        rows = [m.compute_confusion_matrix_metric(word, counts) for word in _MONAI_WORDS]
        tables = (dice.get_buffer(), iou.get_buffer(), *rows)
        return {name: np.asarray(table, float) for name, table in zip(OVERLAP, tables, strict=True)}

    return run


def monai_overlap_functions(truths: Masks, predictions: Masks) -> Callable[[], Table]:
    """Scores with the functions: one confusion matrix for four scores, on prepared one-hot tensors."""
    from monai import metrics as m

    def one(truth: Any, prediction: Any) -> Iterable[Any]:
        dice = m.compute_dice(prediction, truth, include_background=True, ignore_empty=True)[0]
        iou = m.compute_iou(prediction, truth, include_background=True, ignore_empty=True)[0]
        counts = m.get_confusion_matrix(prediction, truth, include_background=True)
        return dice, iou, *(m.compute_confusion_matrix_metric(word, counts)[0] for word in _MONAI_WORDS)

    tensors = [tuple(map(_one_hot, pair)) for pair in zip(truths, predictions, strict=True)]
    return lambda: _columns(OVERLAP, [one(*pair) for pair in tensors])


def our_surface(truths: Masks, predictions: Masks) -> Callable[[], Table]:
    """Scores with one search for the nearest points and three scores."""

    def one(truth: np.ndarray, prediction: np.ndarray) -> Iterable[float]:
        found = metrics.surface_distances(truth, prediction, spacing_mm=SPACING_MM)
        return metrics.hausdorff(found, 95), metrics.assd(found), metrics.surface_dice(found, TOLERANCE_MM)

    pairs = [(truth == 1, prediction == 1) for truth, prediction in zip(truths, predictions, strict=True)]
    return lambda: _columns(SURFACE, [one(*pair) for pair in pairs])


def deepmind_surface(truths: Masks, predictions: Masks) -> Callable[[], Table]:
    """Scores with surface-distance; the average is the mean of its two directed distances."""
    import surface_distance as s

    def one(truth: np.ndarray, prediction: np.ndarray) -> Iterable[float]:
        found = s.compute_surface_distances(truth, prediction, SPACING_MM)
        average = np.mean(s.compute_average_surface_distance(found))
        dice = s.compute_surface_dice_at_tolerance(found, TOLERANCE_MM)
        return s.compute_robust_hausdorff(found, 95), float(average), dice

    pairs = [(truth == 1, prediction == 1) for truth, prediction in zip(truths, predictions, strict=True)]
    return lambda: _columns(SURFACE, [one(*pair) for pair in pairs])


def monai_surface(truths: Masks, predictions: Masks) -> Callable[[], Table]:
    """Scores with three functions per pair, on prepared one-hot tensors."""
    from monai import metrics as m

    def one(truth: Any, prediction: Any) -> Iterable[Any]:
        far = m.compute_hausdorff_distance(prediction, truth, percentile=95, spacing=SPACING_MM)
        average = m.compute_average_surface_distance(prediction, truth, symmetric=True, spacing=SPACING_MM)
        dice = m.compute_surface_dice(prediction, truth, [TOLERANCE_MM], spacing=SPACING_MM)
        return far[0, 0], average[0, 0], dice[0, 0]

    tensors = [
        tuple(_one_hot(mask == 1, 2) for mask in pair) for pair in zip(truths, predictions, strict=True)
    ]
    return lambda: _columns(SURFACE, [one(*pair) for pair in tensors])


def reloaded_surface(truths: Masks, predictions: Masks) -> Callable[[], Table]:
    """Scores with MetricsReloaded."""
    from MetricsReloaded.metrics.pairwise_measures import BinaryPairwiseMeasures

    def one(truth: np.ndarray, prediction: np.ndarray) -> Iterable[float]:
        measures = BinaryPairwiseMeasures(prediction, truth, connectivity_type=1, pixdim=list(SPACING_MM))
        measures.dict_args = {"hd_perc": 95, "nsd": TOLERANCE_MM}
        far = measures.measured_hausdorff_distance_perc()
        return far, measures.measured_average_distance(), measures.normalised_surface_distance()

    pairs = [(truth == 1, prediction == 1) for truth, prediction in zip(truths, predictions, strict=True)]
    return lambda: _columns(SURFACE, [one(*pair) for pair in pairs])


def _one_hot(mask: np.ndarray, n_classes: int = N_CLASSES) -> Any:
    import torch
    from monai.networks.utils import one_hot

    return one_hot(torch.as_tensor(mask)[None, None], n_classes)


def _columns(names: Iterable[str], rows: list[Iterable[Any]]) -> Table:
    columns = zip(*rows, strict=True)
    return {
        name: np.array([np.asarray(v, float) for v in column])
        for name, column in zip(names, columns, strict=True)
    }


OVERLAP_PEERS: dict[str, tuple[str, Peer]] = {
    "unet_mtl": ("metrics", our_overlap),
    "MONAI": ("monai", monai_overlap),
    "MONAI, bare": ("monai", monai_overlap_functions),
    "torchmetrics": ("torchmetrics", torchmetrics_overlap),
    "scikit-learn": ("sklearn", sklearn_overlap),
}
SURFACE_PEERS: dict[str, tuple[str, Peer]] = {
    "unet_mtl": ("metrics", our_surface),
    "surface-distance": ("surface_distance", deepmind_surface),
    "MONAI": ("monai", monai_surface),
    "MetricsReloaded": ("MetricsReloaded", reloaded_surface),
}
WORKLOADS = [
    ("overlap, 200 pairs of 256x256, 3 classes", OVERLAP_PEERS, (200, 256, N_CLASSES)),
    ("overlap, 20 pairs of 2048x2048, 3 classes", OVERLAP_PEERS, (20, 2048, N_CLASSES)),
    ("surface, 100 pairs of 512x512 lesions", SURFACE_PEERS, (100, 512, 2)),
    ("surface, 20 pairs of 2048x2048 lesions", SURFACE_PEERS, (20, 2048, 2)),
]


def compare(title: str, peers: dict[str, tuple[str, Peer]], work: tuple[int, int, int], repeats: int) -> None:
    """Time all libraries in turn, and print speed and agreement."""
    masks = make_pairs(*work)
    installed = {name: peer(*masks) for name, (module, peer) in peers.items() if find_spec(module)}
    tables = {name: run() for name, run in installed.items()}  # also warms up
    seconds: dict[str, list[float]] = {name: [] for name in installed}
    for _ in range(repeats):
        for name, run in installed.items():
            if sum(seconds[name]) > _ENOUGH_SECONDS:
                continue
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    print(f"\n{title}; median (smallest..largest) of up to {repeats} runs")
    medians = {name: float(np.median(times)) for name, times in seconds.items()}
    for name, median in medians.items():
        spread = f"{min(seconds[name]) / work[0] * 1e3:.3f}..{max(seconds[name]) / work[0] * 1e3:.3f}"
        ratio = median / medians["unet_mtl"]
        agreement = "" if name == "unet_mtl" else _agreement(tables["unet_mtl"], tables[name])
        if name in OTHER_DEFINITIONS:
            agreement += f" ({OTHER_DEFINITIONS[name]})"
        print(f"  {name:17} {median / work[0] * 1e3:9.3f} ms a pair ({spread}), {ratio:7.1f} x   {agreement}")
    for name in sorted(peers.keys() - installed.keys()):
        print(f"  {name:17} not installed")


def _agreement(ours: Table, theirs: Table) -> str:
    words = []
    for name, values in ours.items():
        if name == "mcc" and np.ptp(theirs[name], axis=1).max() == 0:
            words.append("mcc over all classes (R_K), not by class")
            continue
        known = ~np.isnan(values), ~np.isnan(theirs[name])
        both = known[0] & known[1]
        largest = np.abs(values - theirs[name])[both].max(initial=0)
        alone = int(np.count_nonzero(known[0] != known[1]))
        words.append(f"{name} {largest:.1e}" + (f" ({alone} defined in one only)" if alone else ""))
    return "; ".join(words)


def compare_summaries(n_cases: int, n_scores: int, resamples: int, repeats: int) -> None:
    """Time means with intervals over patients, and the bootstrap of SciPy for each score with one case per patient."""
    from scipy.stats import bootstrap

    rng = np.random.default_rng(0)
    table = {f"score {index}": 1 - rng.beta(1.0, 6.0, n_cases) for index in range(n_scores)}
    patients = rng.integers(0, n_cases // 3, n_cases)

    def of_scipy(method: str) -> np.ndarray:
        ends = [
            bootstrap((values,), np.mean, n_resamples=resamples, method=method, rng=0).confidence_interval
            for values in table.values()
        ]
        return np.array(ends)

    print(f"\nmeans with intervals of {n_cases} cases x {n_scores} scores, {resamples} resamples; median")
    for method in ("percentile", "bca"):
        summarise = partial(metrics.summarise_table, table, resamples=resamples, method=method)
        runs = {
            "a case a patient": summarise,
            f"{n_cases // 3} patients": partial(summarise, patients=patients),
            "SciPy": partial(of_scipy, method),
        }
        seconds = {name: _median(run, repeats) for name, run in runs.items()}
        ends, theirs = np.array([(one.low, one.high) for one in summarise().values()]), of_scipy(method)
        apart = np.abs(ends - theirs).max() / np.ptp(theirs, axis=1).mean()
        base = seconds["a case a patient"]
        for name, median in seconds.items():
            print(f"  {method:10} {name:17} {median * 1e3:9.1f} ms, {median / base:7.1f} x")
        print(f"  {method:10} largest difference of an end: {apart:.1%} of an interval's width (other draws)")


def _median(run: Callable[[], object], repeats: int) -> float:
    seconds = []
    run()  # warms up
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def main(repeats: str = "5", threads: str = "1") -> None:
    """Run every workload; all libraries except PyTorch compute on one thread by default."""
    warnings.filterwarnings("ignore")  # warnings of the other libraries
    if find_spec("torch"):
        import torch

        torch.set_num_threads(int(threads))
    print(f"PyTorch on {threads} thread(s), all others on one")
    for title, peers, work in WORKLOADS:
        compare(title, peers, work, int(repeats))
    compare_summaries(1000, 10, 2000, int(repeats))


if __name__ == "__main__":
    main(*sys.argv[1:])
