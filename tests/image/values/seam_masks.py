#!/usr/bin/env python3
"""Prints the numbers of seam_masks_test.cc: the masks that Pillow makes, as sums and a few bytes.

Needs numpy and Pillow.
"""

import numpy
from PIL import Image, ImageOps

CUBIC = Image.BICUBIC


def halves(size, source, turn, standing):
    width, height = size
    half = (width // 2, height) if standing else (width, height // 2)
    mask = Image.new("L", size, "black")
    mask.paste(source.rotate(turn).resize(half, resample=CUBIC), (0, 0))
    corner = (width // 2, 0) if standing else (0, height // 2)
    mask.paste(source.rotate(turn + 180).resize(half, resample=CUBIC), corner)
    return mask


def row_seam(width, height):
    return halves((width, height), Image.linear_gradient("L"), 0, False)


def column_seam(width, height):
    return halves((width, height), Image.linear_gradient("L"), 90, True)


def crossing_seam(width, height):
    return ImageOps.invert(Image.radial_gradient("L").resize((width, height), resample=CUBIC))


def band_seam(width, height, stands):
    return row_seam(256, 256).rotate(90 if stands else 0).resize((width, height), resample=CUBIC)


def summary(mask):
    values = numpy.asarray(mask).astype(int)
    height, width = values.shape
    order = numpy.arange(values.size).reshape(values.shape)
    points = [values[height // 3, width // 4], values[height // 2, width // 2], values[height - 2, width - 3]]
    return int(values.sum()), int((values * ((order * 31) % 101)).sum()), [int(p) for p in points], mask.getbbox()


print("rows", summary(row_seam(72, 66)), summary(row_seam(520, 600)))
print("columns", summary(column_seam(88, 64)))
print("crossings", summary(crossing_seam(72, 64)), summary(crossing_seam(512, 512)))
print("bands", summary(band_seam(120, 24, False)), summary(band_seam(24, 104, True)))
