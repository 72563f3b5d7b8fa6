"""Different images of one device, which share a black surround: eyes in a disc, and teeth on a sensor."""

import cv2
import numpy as np


def make_fundus(index, size=(200, 194), radius=0.475):
    """Return an eye with its own optic disc, vessels and brightness; `radius` is a share of the width."""
    rng = np.random.default_rng(1000 + index)
    height, width = size
    y, x = np.mgrid[:height, :width]
    radius *= width
    centre = np.array([width / 2, height / 2])
    distance = np.hypot(x - centre[0], y - centre[1])
    image = rng.uniform(80, 150) * (1 - rng.uniform(0.1, 0.35) * (distance / radius) ** 2)
    image *= 1 + (rng.normal(0, 0.08) * (x - centre[0]) + rng.normal(0, 0.08) * (y - centre[1])) / radius
    side = rng.choice([-1, 1])
    disc = centre + radius * np.array([side * rng.uniform(0.45, 0.6), rng.uniform(-0.12, 0.12)])
    image += rng.uniform(40, 90) * _spot(x, y, disc, radius * rng.uniform(0.08, 0.11))
    image -= rng.uniform(15, 35) * _spot(x, y, centre - (side * 0.05 * radius, 0), 0.12 * radius)
    vessels = np.zeros(size, np.float32)
    for _ in range(rng.integers(8, 14)):
        angle, place, thickness = rng.uniform(0, 2 * np.pi), disc, rng.uniform(1, 2.5)
        for _ in range(60):
            end = place + 0.035 * radius * np.array([np.cos(angle), np.sin(angle)])
            cv2.line(vessels, place.astype(int), end.astype(int), 1.0, max(1, int(thickness)))
            place, angle, thickness = end, angle + rng.normal(0, 0.18), thickness * 0.975
    image -= rng.uniform(25, 45) * cv2.GaussianBlur(vessels, (0, 0), 0.7)
    image = np.where(distance < radius, image + rng.normal(0, 2, size), rng.integers(0, 3, size))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def make_dental(index, size=(192, 256), contrast=30.0):
    """Return two rows of teeth with their own widths, heights and places."""
    rng = np.random.default_rng(5000 + index)
    height, width = size
    teeth = np.zeros(size, np.float32)
    for row, outwards in ((0.33, -1), (0.67, 1)):
        left = width * rng.uniform(0.05, 0.12)
        while left < 0.95 * width:
            wide, y = width * rng.uniform(0.1, 0.16), height * (row + rng.normal(0, 0.02))
            crown = (int(0.44 * wide), int(height * rng.uniform(0.1, 0.15)))
            root = (int(0.2 * wide), int(height * rng.uniform(0.1, 0.16)))
            x = int(left + wide / 2)
            cv2.ellipse(teeth, (x, int(y)), crown, 0, 0, 360, rng.uniform(0.7, 1), -1)
            cv2.ellipse(teeth, (x, int(height * (row + 0.17 * outwards))), root, 0, 0, 360, 0.6, -1)
            left += wide
    image = rng.uniform(60, 90) + contrast * cv2.GaussianBlur(teeth, (0, 0), 1.2)
    margin, corner = height // 22, height // 8
    sensor = cv2.rectangle(
        np.zeros(size, np.uint8),
        (margin + corner, margin + corner),
        (width - margin - corner, height - margin - corner),
        1,
        -1,
    )
    sensor = cv2.dilate(sensor, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * corner + 1,) * 2))
    image = np.where(sensor, image, 5) + rng.normal(0, 2, size)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _spot(x, y, centre, sigma):
    return np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * sigma**2))
