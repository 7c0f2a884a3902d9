#!/usr/bin/env python3
"""Prints what OpenCV and NumPy make of the pictures and maps of pose_test.cc and shuffle_test.cc.

Needs numpy and cv2 (Debian: python3-opencv). Pictures and maps are the formulas of the tests.
"""
import math
import zlib

import cv2
import numpy as np


def picture(height, width):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    disc = (y - 11) ** 2 + (x - 15 - 2 * c) ** 2 < 64
    return ((9 * y + 4 * x * (c + 1) + 120 * disc + (x * y * (3 + c)) % 19) % 256).astype(np.uint8)


def crc(values):
    return f"{zlib.crc32(np.ascontiguousarray(values).tobytes()):08x}"


def show(name, values):
    print(name, ", ".join(f"{v:.6f}" for v in np.ravel(values)))


# --- Shuffled pictures ---
def noise_disk(height, width, cell, rng):
    noise = rng.uniform(low=0, high=1, size=(height // cell + 2, width // cell + 2, 1))
    noise = cv2.resize(noise, (width + 2 * cell, height + 2 * cell), interpolation=cv2.INTER_CUBIC)
    noise = noise[cell : cell + height, cell : cell + width]
    noise -= noise.min()
    return noise / noise.max()


def shuffled(image, seed):
    height, width, _ = image.shape
    rng = np.random.default_rng(seed)
    x = noise_disk(height, width, 256, rng) * float(width - 1)
    y = noise_disk(height, width, 256, rng) * float(height - 1)
    return cv2.remap(image, np.stack([x, y], axis=2).astype(np.float32), None, cv2.INTER_LINEAR)


print("uniform", np.random.default_rng(7).uniform(size=3).tolist(), np.random.default_rng(2**40 + 5).uniform())
for seed, size in ((7, (128, 64)), (2**63 + 11, (320, 576))):
    out = shuffled(picture(*size), seed)
    print("shuffled", seed, crc(out), out[size[0] // 2, size[1] // 3].tolist())

# --- Resizing and blurring ---
small = picture(24, 36)
print("lanczos", crc(cv2.resize(small, (60, 47), interpolation=cv2.INTER_LANCZOS4)))
print("area", crc(cv2.resize(small, (25, 17), interpolation=cv2.INTER_AREA)))
print("blurred", crc(cv2.GaussianBlur(small, (0, 0), 0.8)))
values = (small.astype(np.float32) / 255)[..., :2]
larger = np.stack([cv2.resize(values[..., i], (60, 47), interpolation=cv2.INTER_LANCZOS4) for i in range(2)], axis=2)
smaller = np.stack([cv2.resize(values[..., i], (25, 17), interpolation=cv2.INTER_AREA) for i in range(2)], axis=2)
show("lanczos f32", [larger[0, 0, 0], larger[20, 31, 1], larger[46, 59, 0], np.sqrt((larger.astype(float) ** 2).mean())])
show("area f32", [smaller[0, 0, 0], smaller[9, 13, 1], smaller[16, 24, 0], np.sqrt((smaller.astype(float) ** 2).mean())])


def gaussian(values, sigma, reach):
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps /= taps.sum()
    for axis in (0, 1):
        wide = np.pad(values, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)], mode="symmetric")
        values = sum(t * np.take(wide, np.arange(i, i + values.shape[axis]), axis=axis) for i, t in enumerate(taps))
    return values


smooth = gaussian(values[..., 1].astype(float), 3, 12)
show("smooth", [smooth[0, 0], smooth[11, 20], smooth[23, 35]])

# --- Shapes ---
canvas = np.zeros((48, 64, 3), np.uint8)
for x, y, r in ((20, 20, 4), (1, 46, 4), (62, 0, 3), (40, 30, 9)):
    cv2.circle(canvas, (x, y), r, (10 * r, x, y), thickness=-1)
print("discs", crc(canvas))
canvas[:] = 0
for i, (a, b) in enumerate((((3, 4), (50, 30)), ((60, 2), (5, 44)), ((30, 30), (30, 30)), ((10, 8), (10, 40)),
                            ((5, 20), (60, 21)), ((-9, 10), (20, -7)), ((50, 40), (75, 60)))):
    cv2.line(canvas, a, b, (20 * i + 20, 255 - i, 7), thickness=2)
print("lines", crc(canvas))
canvas[:] = 0
for i, (c, axes, angle) in enumerate((((20, 20), (15, 4), 33), ((40, 24), (22, 4), -71), ((2, 40), (12, 4), 150),
                                      ((60, 6), (9, 8), -180), ((30, 44), (0, 4), 12), ((33, 10), (0, 0), 0))):
    cv2.fillConvexPoly(canvas, cv2.ellipse2Poly(c, axes, angle, 0, 360, 1), (20 * i + 20, 255 - i, 7))
print("ellipses", crc(canvas))

# --- People ---
HEIGHT, WIDTH = 128, 192
PARTS = [(60, 20), (60, 34), (48, 36), (40, 52), (36, 68), (72, 36), (82, 50), (88, 64), (52, 70), (50, 90), (49, 110),
         (68, 70), (70, 92), (71, 112), (57, 16), (63, 16), (53, 19), (67, 19)]
LIMBS = [(1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
         (0, 14), (14, 16), (0, 15), (15, 17), (2, 16), (5, 17)]
FIELDS = [12, 20, 14, 16, 22, 24, 0, 2, 4, 6, 8, 10, 28, 30, 34, 32, 36, 18, 26]
SECOND = [i for i in range(18) if i not in (4, 7, 13)]  # the parts of a second person


def maps():
    y, x = np.meshgrid(np.arange(HEIGHT), np.arange(WIDTH), indexing="ij")
    heat = np.zeros((HEIGHT, WIDTH, 19), np.float32)
    fields = np.zeros((HEIGHT, WIDTH, 38), np.float32)
    people = [{i: PARTS[i] for i in range(18)}, {i: (PARTS[i][0] + 84, PARTS[i][1] + 9) for i in SECOND}]
    for n, person in enumerate(people):
        for i, (px, py) in person.items():
            bump = (0.9 - 0.1 * n) * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 32.0)
            heat[..., i] = np.maximum(heat[..., i], bump.astype(np.float32))
        for (a, b), channel in zip(LIMBS, FIELDS):
            if a not in person or b not in person:
                continue
            (ax, ay), (bx, by) = person[a], person[b]
            length = math.hypot(bx - ax, by - ay)
            ux, uy = (bx - ax) / length, (by - ay) / length
            along = (x - ax) * ux + (y - ay) * uy
            near = (along >= -2) & (along <= length + 2) & (np.abs((x - ax) * uy - (y - ay) * ux) <= 3)
            fields[near, channel] = np.float32(ux)
            fields[near, channel + 1] = np.float32(uy)
    return heat, fields


def bodies(heat, fields):
    """The greedy parsing of Cao et al. 2017, with the thresholds of the ports in Python."""
    peaks = []
    for part in range(18):
        s = np.pad(gaussian(heat[..., part].astype(float), 3, 12), 1)
        c = s[1:-1, 1:-1]
        top = (c >= s[:-2, 1:-1]) & (c >= s[2:, 1:-1]) & (c >= s[1:-1, :-2]) & (c >= s[1:-1, 2:]) & (c > 0.1)
        peaks.append([(int(px), int(py), float(heat[py, px, part])) for py, px in zip(*np.nonzero(top))])
    people = []  # each: parts {part: index}, score, count
    for k, ((a, b), channel) in enumerate(zip(LIMBS, FIELDS)):
        found = []
        for i, pa in enumerate(peaks[a]):
            for j, pb in enumerate(peaks[b]):
                d = np.array(pb[:2]) - np.array(pa[:2])
                length = max(0.001, float(np.hypot(*d)))
                xs = np.rint(np.linspace(pa[0], pb[0], 10)).astype(int)
                ys = np.rint(np.linspace(pa[1], pb[1], 10)).astype(int)
                scores = fields[ys, xs, channel] * (d[0] / length) + fields[ys, xs, channel + 1] * (d[1] / length)
                score = float(np.mean(scores.astype(float))) + min(0.5 * HEIGHT / length - 1, 0)
                if (scores > 0.05).sum() > 8 and score > 0:
                    found.append((score, i, j))
        used_a, used_b = set(), set()
        for score, i, j in sorted(found, key=lambda f: -f[0]):
            if i in used_a or j in used_b:
                continue
            used_a.add(i)
            used_b.add(j)
            owners = [p for p in people if p["parts"].get(a) == i or p["parts"].get(b) == j]
            if len(owners) == 2 and not set(owners[0]["parts"]) & set(owners[1]["parts"]):
                owners[0]["parts"].update(owners[1]["parts"])
                owners[0]["score"] += owners[1]["score"] + score
                owners[0]["count"] += owners[1]["count"]
                people = [p for p in people if p is not owners[1]]
            elif owners and (len(owners) == 2 or owners[0]["parts"].get(b) != j):
                owners[0]["parts"][b] = j
                owners[0]["score"] += peaks[b][j][2] + score
                owners[0]["count"] += 1
            elif not owners and k < 17:
                people.append({"parts": {a: i, b: j}, "score": peaks[a][i][2] + peaks[b][j][2] + score, "count": 2})
    return [{part: peaks[part][i] for part, i in p["parts"].items()} for p in people
            if p["count"] >= 4 and p["score"] / p["count"] >= 0.4]


found = bodies(*maps())
for person in found:
    print("body", " ".join(f"{i}:{person[i][0]},{person[i][1]}" for i in sorted(person)))

COLOURS = [(255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0),
           (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255),
           (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85)]
HAND = [(10 + 3 * (i % 7), 12 + 5 * (i // 3)) for i in range(21)]


def hsv(h):
    import colorsys

    return tuple(255 * v for v in colorsys.hsv_to_rgb(h, 1, 1))


def drawn(people, wide):
    canvas = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for person in people:
        at = {i: (p[0] / WIDTH * WIDTH, p[1] / HEIGHT * HEIGHT) for i, p in person.items()}
        for (a, b), colour in zip(LIMBS[:17], COLOURS):
            if a in at and b in at:
                (ax, ay), (bx, by) = at[a], at[b]
                turn = math.degrees(math.atan2(ay - by, ax - bx))
                stick = cv2.ellipse2Poly((int((ax + bx) / 2), int((ay + by) / 2)),
                                         (int(math.hypot(ax - bx, ay - by) / 2), wide), int(turn), 0, 360, 1)
                cv2.fillConvexPoly(canvas, stick, [int(0.6 * v) for v in colour])
        for i, colour in enumerate(COLOURS):
            if i in at:
                cv2.circle(canvas, (int(at[i][0]), int(at[i][1])), 4, colour, thickness=-1)
        for i in range(20):
            cv2.line(canvas, HAND[0 if i % 4 == 0 else i], HAND[i + 1], hsv(i / 20), thickness=2)
        for p in HAND:
            cv2.circle(canvas, p, 4, (0, 0, 255), thickness=-1)
        for x in range(100, 140, 7):
            cv2.circle(canvas, (x, 50), 3, (255, 255, 255), thickness=-1)
    return canvas


out = drawn(found, 4)
print("drawn", crc(out), out[34, 60].tolist())
