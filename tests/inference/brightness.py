"""An engine in NumPy, for tests that need no network."""


class BrightnessEngine:
    """Classifies each pixel by its brightness, and the image by its mean brightness."""

    name = "brightness"
    precision = "float32"
    sizes = {"image": (32, 32, 3)}

    def __init__(self):
        self.batches = []

    @classmethod
    def load(cls, run):
        return cls()

    def __call__(self, inputs):
        image = inputs["image"]
        self.batches.append(len(image))
        mean = image.mean((1, 2))
        return {
            "zone": image / image.sum(-1, keepdims=True).clip(1e-6),
            "diagnosis": mean / mean.sum(-1, keepdims=True).clip(1e-6),
            "size": mean[:, :1],
            "side": mean[:, 1:2],
        }
