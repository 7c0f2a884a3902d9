#!/usr/bin/env python3
"""Prints the numbers of tile_conditioning_test.cc: a mask cut for a tile, by Pillow.

Needs numpy and Pillow. The mask is the formula of the test.
"""

import math

import numpy
from PIL import Image

CUBIC, LANCZOS, NEAREST = Image.BICUBIC, Image.LANCZOS, Image.NEAREST


def made_up_mask(width, height):
    index = numpy.arange(width * height)
    return Image.fromarray(((index * 37 + 11) % 256).astype(numpy.uint8).reshape(height, width))


def fitted(mask, width, height):
    ratio = min(width / mask.width, height / mask.height)
    inner = mask.resize((round(mask.width * ratio), round(mask.height * ratio)), resample=LANCZOS)
    beside, above = (width - inner.width) // 2, (height - inner.height) // 2
    size = (inner.width + 2 * beside, inner.height + 2 * above)
    out = Image.new("L", size)
    out.paste(inner, (beside, above))
    right, bottom = inner.width - 1, inner.height - 1
    if beside > 0:
        for column, place in ((0, 0), (right, size[0] - beside)):
            edge = inner.crop((column, 1, column + 1, bottom))
            out.paste(edge.resize((beside, size[1]), resample=NEAREST), (place, 0))
    if above > 0:
        for row, place in ((0, 0), (bottom, size[1] - above)):
            edge = inner.crop((1, row, right, row + 1))
            out.paste(edge.resize((size[0], above), resample=NEAREST), (0, place))
    return out.resize((width, height), resample=LANCZOS)


def summary(mask):
    values = numpy.asarray(mask).astype(int)
    order = numpy.arange(values.size).reshape(values.shape)
    return int(values.sum()), int((values * ((order * 31) % 101)).sum()), mask.size


for crop, tile in (((8, 4, 40, 28), (32, 24)), ((0, 0, 40, 20), (32, 32)), ((10, 0, 30, 48), (40, 32))):
    canvas = made_up_mask(24, 16).resize((64, 48), resample=CUBIC)
    print(summary(fitted(canvas.crop(crop), *tile)))
