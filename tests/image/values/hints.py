#!/usr/bin/env python3
"""Prints what OpenCV makes of small pictures, for hints_test.cc: resizing, edges, lines thinned.

Needs numpy and cv2 (Debian: python3-opencv). Pictures are the formulas of the test.
"""
import cv2
import numpy as np

HEIGHT, WIDTH = 24, 36


def picture():
    y, x, c = np.meshgrid(np.arange(HEIGHT), np.arange(WIDTH), np.arange(3), indexing="ij")
    disc = (y - 11) ** 2 + (x - 15 - 2 * c) ** 2 < 64
    return ((9 * y + 4 * x * (c + 1) + 120 * disc + (x * y * (3 + c)) % 19) % 256).astype(np.uint8)


def lines():
    y, x = np.meshgrid(np.arange(HEIGHT), np.arange(WIDTH), indexing="ij")
    on = (np.abs((y - 12) ** 2 + (x - 17) ** 2 - 81) < 8) | ((y == 4) & (x > 3)) | ((x == y + 3) & (y > 5))
    return np.repeat((255 * on).astype(np.uint8)[..., None], 3, axis=2)


def turned(kernel, k):
    return np.rot90(np.array(kernel, np.int32), k=k)


def thinned(image, pruned):
    thick = [[[-1, -1, -1], [0, 1, 0], [1, 1, 1]], [[0, -1, -1], [1, 1, -1], [0, 1, 0]]]
    ends = [[[-1, -1, -1], [-1, 1, -1], [0, 0, -1]], [[-1, -1, -1], [-1, 1, -1], [-1, 0, 0]]]

    def once(image, kernels):
        done = True
        for k in range(4):
            for kernel in kernels:
                hit = cv2.morphologyEx(image, cv2.MORPH_HITMISS, turned(kernel, k)) > 127
                image[hit] = 0
                done = done and not hit.any()
        return done

    for _ in range(32):
        if once(image, thick):
            break
    if pruned:
        once(image, ends)
    return image


def enhanced(hint, size):
    opened = cv2.dilate(cv2.erode(hint, np.ones((3, 3), np.uint8)), np.ones((3, 3), np.uint8))
    assert (opened < hint).sum() * 2 > (hint > 127).sum()
    bigger = size[0] * size[1] > hint.shape[0] * hint.shape[1]
    grey = cv2.resize(hint, size, interpolation=cv2.INTER_CUBIC if bigger else cv2.INTER_AREA)
    grey = grey.astype(np.float32).mean(axis=2).clip(0, 255).astype(np.uint8)
    ridge = np.zeros_like(grey)
    for kernel in (
        [[0, 0, 0], [1, 1, 1], [0, 0, 0]],
        [[0, 1, 0], [0, 1, 0], [0, 1, 0]],
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
    ):
        most = cv2.dilate(grey, np.array(kernel, np.uint8))
        ridge[most == grey] = grey[most == grey]
    _, binary = cv2.threshold(ridge, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return thinned(binary, bigger)


def bits(name, image):
    print(name, np.packbits(image.ravel() != 0).tobytes().hex())


image = picture()
for name, size, how in (
    ("cubic", (50, 31), cv2.INTER_CUBIC),
    ("area", (17, 13), cv2.INTER_AREA),
    ("halved", (18, 12), cv2.INTER_AREA),
    ("thirds", (12, 8), cv2.INTER_AREA),
    ("mixed", (50, 10), cv2.INTER_AREA),
    ("nearest", (25, 40), cv2.INTER_NEAREST),
):
    out = cv2.resize(image, size, interpolation=how)
    print(name, out[out.shape[0] // 2].tobytes().hex())
bits("canny", cv2.Canny(image, 80, 200))
bits("lines larger", enhanced(lines(), (72, 48)))
bits("lines smaller", enhanced(lines(), (30, 20)))
