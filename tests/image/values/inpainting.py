#!/usr/bin/env python3
"""Prints the values that inpaint_test.cc expects: OpenCV's inpaint() on a small picture, and the other operations
written down in numpy, in f64.

Needs numpy and cv2 (Debian: python3-opencv). Pictures and masks are the formulas of the test.
"""
import cv2
import numpy as np

HEIGHT, WIDTH = 14, 18
y, x, c = np.meshgrid(np.arange(HEIGHT), np.arange(WIDTH), np.arange(3), indexing="ij")
picture = ((7 * y + 5 * x * (c + 1) + (x * y * (3 + c)) % 23) % 256).astype(np.uint8)
hole = np.zeros((HEIGHT, WIDTH), np.uint8)
hole[4:10, 5:11] = 255  # in the middle
hole[0:3, 14:16] = 255  # at the top
hole[11:14, 12:18] = 1  # in the corner at the bottom right


def show(name, values):
    print(name, ", ".join(f"{v:.6f}" for v in np.ravel(values)))


def closed():
    for name, how in (("telea", cv2.INPAINT_TELEA), ("navier-stokes", cv2.INPAINT_NS)):
        print(name, cv2.inpaint(picture, hole, 3, how)[hole != 0].tobytes().hex())


def filtered(values, taps):
    reach = len(taps) // 2
    kernel = np.outer(taps, taps)
    padded = np.pad(values, reach, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return (windows * kernel).sum(axis=(2, 3))


def softened():
    step = np.zeros((9, 11))
    step[2:7, 3:8] = 1.0
    step[4, 9] = 0.25
    h = 3
    triangle = np.concatenate([np.linspace(1 / h, (h - 1) / h, h), [1.0], np.linspace(1 / h, (h - 1) / h, h)[::-1]])
    at = np.arange(7) - 3
    bell = np.exp(-(at**2) / (2 * (0.3 * 6 + 0.8) ** 2))
    for name, taps in (("box", np.ones(7)), ("linear", triangle), ("gaussian", bell)):
        show(name, filtered(step, taps / taps.sum())[3])


def lab(rgb):
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    m = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
    v = linear @ m.T / np.array([0.95047, 1.0, 1.08883])
    f = np.where(v > 0.008856, np.cbrt(v), 7.787 * v + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def rgb(lab):
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([lab[..., 1] / 500 + fy, fy, np.maximum(0, fy - lab[..., 2] / 200)], axis=-1)
    xyz = np.where(f > 0.2068966, f**3, (f - 4 / 29) / 7.787) * np.array([0.95047, 1.0, 1.08883])
    m = np.array(
        [
            [3.2404813432005266, -1.5371515162713185, -0.4985363261688878],
            [-0.9692549499965682, 1.8759900014898907, 0.0415559265582928],
            [0.0556466391351772, -0.2040413383665112, 1.0573110696453443],
        ]
    )
    v = xyz @ m.T
    return np.clip(np.where(v > 0.0031308, 1.055 * np.maximum(v, 0.0031308) ** (1 / 2.4) - 0.055, 12.92 * v), 0, 1)


def matched():
    target = picture[:6, :6] / 255.0
    reference = picture[6:12, 8:14] / 255.0
    counts = np.ones((6, 6, 1))
    counts[1:3, 2:5] = 0
    a, b = lab(target), lab(reference)
    for name, keep in (("matched", np.ones((6, 6, 1))), ("matched without a part", counts)):
        mean = [(v * keep).mean(axis=(0, 1)) for v in (a, b)]
        deviation = [(v * keep).std(axis=(0, 1)) for v in (a, b)]
        out = rgb((a - mean[0]) * (deviation[1] / deviation[0]) + mean[1])
        show(name, out[2])


closed()
softened()
matched()
