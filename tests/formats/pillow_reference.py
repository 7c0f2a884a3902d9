#!/usr/bin/python3
"""Makes pictures of many formats, whole and cut short, and what ComfyUI's LoadImage makes of each with PIL.

pillow_reference.py FOLDER writes pairs NAME and NAME.want. The second holds little-endian numbers: frames, height,
width, mask height, mask width as 32 bits, then the frames' RGB bytes, then the masks' alpha bytes (255 minus what the
mask is multiplied by 255). Where PIL reads nothing, it is empty.
"""
import io
import random
import struct
import sys
import zlib

from PIL import Image, ImageFile, ImageOps, ImageSequence

folder = sys.argv[1]
ImageFile.LOAD_TRUNCATED_IMAGES = True
rng = random.Random(7)


def load_image(data):
    """The loop of ComfyUI's LoadImage; what fails on the way to a later frame ends the animation."""
    image = Image.open(io.BytesIO(data))
    pictures, masks, first = [], [], None
    frames = ImageSequence.Iterator(image)
    while True:
        try:
            frame = next(frames)
        except StopIteration:
            break
        except Exception:
            if not pictures:
                raise
            break
        if image.format == "TIFF":
            frame.load()  # turns it; PIL 9 keeps the tag all the same, and would turn it twice
        else:
            frame = ImageOps.exif_transpose(frame)
        if frame.mode == "I;16":
            # PIL 9 opens 16-bit grey as "I". Newer ones have a mode for it, which LoadImage does not know: with them it
            # gives white for nearly all. Easel does what was meant.
            frame = frame.convert("I")
        if frame.mode == "I":
            frame = frame.point(lambda v: v * (1 / 255))
        rgb = frame.convert("RGB")
        first = first or rgb.size
        if rgb.size != first:
            continue
        if "A" in frame.getbands():
            mask = frame.getchannel("A")
        elif frame.mode == "P" and "transparency" in frame.info:
            mask = frame.convert("RGBA").getchannel("A")
        else:
            mask = Image.new("L", (64, 64), 255)
        pictures.append(rgb.tobytes())
        masks.append(mask)
        if image.format == "MPO":
            break
    return first, pictures, masks


def write(name, data):
    with open(f"{folder}/{name}", "wb") as f:
        f.write(data)
    with open(f"{folder}/{name}.want", "wb") as f:
        try:
            size, pictures, masks = load_image(data)
        except Exception:
            return
        f.write(struct.pack("<5I", len(pictures), size[1], size[0], masks[0].size[1], masks[0].size[0]))
        f.write(b"".join(pictures))
        f.write(b"".join(mask.tobytes() for mask in masks))


def write_with_cuts(name, data, cuts=7):
    write(name, data)
    stem, ending = name.rsplit(".", 1)
    for i in range(cuts):
        at = len(data) * (i + 1) // (cuts + 1) + rng.randrange(3)
        write(f"{stem}.cut{i}.{ending}", data[:at])
    write(f"{stem}.cut_end.{ending}", data[:-2])


def picture(mode="RGB", size=(61, 47), seed=1):
    """Gradients with noise: no two rows alike, nothing symmetric."""
    r = random.Random(seed)
    bands = {"1": 1, "L": 1, "P": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    w, h = size
    data = bytearray()
    for y in range(h):
        for x in range(w):
            for b in range(bands):
                data.append((x * (3 + b) + y * (5 - b) + r.randrange(24)) % 256)
    if mode == "1":
        return Image.frombytes("L", size, bytes(data)).convert("1")
    if mode == "P":
        out = Image.frombytes("P", size, bytes(data))
        out.putpalette([r.randrange(256) for _ in range(768)])
        return out
    return Image.frombytes(mode, size, bytes(data))


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


# --- PNG and its animations ---
for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
    write_with_cuts(f"{mode}.png", saved(picture(mode), "PNG"))
write("wide.png", saved(Image.frombytes("I;16", (40, 30), bytes(rng.randrange(256) for _ in range(2400))), "PNG"))
write("p_clear.png", saved(picture("P"), "PNG", transparency=9))
write("p_alphas.png", saved(picture("P"), "PNG", transparency=bytes(range(255, 100, -1))))
damaged = bytearray(saved(picture("RGB"), "PNG", compress_level=0))
damaged[len(damaged) // 2] ^= 0x55
write("damaged_sum.png", bytes(damaged))  # stored, so that only checksums are wrong
for i in range(6):
    frames = [picture("RGBA", (40, 30), seed) for seed in range(i, i + 5)]
    for n, frame in enumerate(frames[1:]):  # frames that change a part only
        frame.paste(frames[0].crop((0, 0, 40, 9)), (0, 0))
        if n == 2:
            frame.paste((0, 0, 0, 0), (5, 5, 20, 20))
    write(f"anim{i}.png", saved(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=70,
                                disposal=[rng.randrange(3) for _ in range(5)], blend=[rng.randrange(2) for _ in range(5)],
                                default_image=i == 5))
rgb_frames = [picture("RGB", (33, 20), seed) for seed in range(4)]
write_with_cuts("anim_rgb.png", saved(rgb_frames[0], "PNG", save_all=True, append_images=rgb_frames[1:]), 5)


# --- GIF ---
def gif_codes(pixels, bits):
    """LZW without a dictionary: a clear code before the codes grow."""
    out, buffer, count = bytearray(), 0, 0

    def put(code):
        nonlocal buffer, count
        buffer |= code << count
        count += bits + 1
        while count >= 8:
            out.append(buffer & 255)
            buffer >>= 8
            count -= 8

    clear = 1 << bits
    for i, pixel in enumerate(pixels):
        if i % (clear - 2) == 0:
            put(clear)
        put(pixel)
    put(clear + 1)
    if count:
        out.append(buffer & 255)
    blocks = b"".join(bytes([len(out[i:i + 255])]) + out[i:i + 255] for i in range(0, len(out), 255))
    return bytes([bits]) + blocks + b"\0"


def random_gif(r):
    w, h = r.randrange(5, 30), r.randrange(5, 30)
    bits = r.randrange(2, 9)
    colours = 1 << bits
    palette = lambda: bytes(r.randrange(256) for _ in range(3 * colours))
    out = b"GIF89a" + struct.pack("<HHBBB", w, h, 0x80 | (bits - 1), r.randrange(colours), 0) + palette()
    for n in range(r.randrange(1, 7)):
        fw, fh = r.randrange(1, w + 1), r.randrange(1, h + 1)
        if n == 0 and r.random() < 0.7:
            fw, fh = w, h
        x, y = r.randrange(w - fw + 1), r.randrange(h - fh + 1)
        clear = r.random() < 0.6
        out += b"!\xf9\x04" + struct.pack("<BHB", r.randrange(4) << 2 | clear, 5, r.randrange(colours)) + b"\0"
        if r.random() < 0.3:
            out += b"!\xfe\x05hello\0"
        local, interlaced = r.random() < 0.4, r.random() < 0.3
        out += b"," + struct.pack("<HHHHB", x, y, fw, fh, local << 7 | interlaced << 6 | (bits - 1))
        if local:
            out += palette()
        out += gif_codes([r.randrange(colours) for _ in range(fw * fh)], bits)
    return out + b";"


for i in range(60):
    write(f"random{i}.gif", random_gif(random.Random(100 + i)))
for i in range(8):
    write_with_cuts(f"cut_random{i}.gif", random_gif(random.Random(500 + i)), 5)
write_with_cuts("still.gif", saved(picture("P"), "GIF"))
write("grey.gif", saved(picture("L"), "GIF"))
write("clear.gif", saved(picture("P"), "GIF", transparency=3))
gif_frames = [picture("RGB", (40, 30), seed).quantize(64) for seed in range(5)]
write("frames.gif", saved(gif_frames[0], "GIF", save_all=True, append_images=gif_frames[1:], disposal=2))
write_with_cuts("interlaced.gif", saved(picture("P"), "GIF", interlace=1))

# --- BMP ---
for mode in ("1", "L", "P", "RGB"):
    write_with_cuts(f"{mode}.bmp", saved(picture(mode), "BMP"))


def bmp(w, h, bits, compression, pixels, palette=b"", masks=b"", top=False, length=40):
    header = struct.pack("<IiiHHIIiiII", length, w, -h if top else h, 1, bits, compression, len(pixels), 0, 0,
                         len(palette) // 4, 0)
    header += masks if length > 40 else b""
    header += bytes(length - len(header)) + (masks if length == 40 else b"")
    start = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + palette + pixels


def rows(w, h, bits):
    return bytes(rng.randrange(256) for _ in range((w * bits + 31) // 32 * 4 * h))


palette4 = bytes(rng.randrange(256) for _ in range(4 * 16))
palette8 = bytes(rng.randrange(256) for _ in range(4 * 256))
write("four.bmp", bmp(13, 9, 4, 0, rows(13, 9, 4), palette4))
write("top.bmp", bmp(13, 9, 24, 0, rows(13, 9, 24), top=True))
write("five.bmp", bmp(13, 9, 16, 0, rows(13, 9, 16)))
write("fivesix.bmp", bmp(13, 9, 16, 3, rows(13, 9, 16), masks=struct.pack("<3I", 0xF800, 0x7E0, 0x1F)))
write("quad.bmp", bmp(13, 9, 32, 0, rows(13, 9, 32)))
for n, masks in enumerate([(0xFF0000, 0xFF00, 0xFF, 0), (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
                           (0xFF, 0xFF00, 0xFF0000, 0xFF000000), (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0, 0, 0, 0)]):
    write(f"masks{n}.bmp", bmp(13, 9, 32, 3, rows(13, 9, 32), masks=struct.pack("<4I", *masks), length=108))
core = struct.pack("<IHHHH", 12, 13, 9, 1, 8)
core_palette = bytes(rng.randrange(256) for _ in range(768))
write("os2.bmp", b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + 12 + 768) + core + core_palette + rows(13, 9, 8))
runs8, runs4 = b"", b""
for _ in range(9):
    runs8 += bytes([5, rng.randrange(256), 0, 4]) + bytes(rng.randrange(256) for _ in range(4)) + bytes([4, 7, 0, 0])
    runs4 += bytes([6, rng.randrange(256), 0, 4, rng.randrange(256), rng.randrange(256), 3, rng.randrange(256), 0, 0])
write_with_cuts("runs8.bmp", bmp(13, 9, 8, 1, runs8 + b"\0\1", palette8), 5)
write_with_cuts("runs4.bmp", bmp(13, 9, 4, 2, runs4 + b"\0\1", palette4), 5)

# --- TIFF ---
for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK"):
    write(f"{mode}.tif", saved(picture(mode), "TIFF"))
for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "tiff_deflate"):
    for mode in ("L", "RGB", "RGBA"):
        write(f"{compression}_{mode}.tif", saved(picture(mode), "TIFF", compression=compression))
write("group4.tif", saved(picture("1"), "TIFF", compression="group4"))
write("jpeg.tif", saved(picture("RGB"), "TIFF", compression="jpeg"))
write("jpeg_grey.tif", saved(picture("L"), "TIFF", compression="jpeg"))
for turned in range(1, 9):
    write(f"turned{turned}.tif", saved(picture("RGB"), "TIFF", tiffinfo={274: turned}))
pages = [picture("RGB", (40, 30), seed) for seed in range(4)] + [picture("RGB", (41, 30)), picture("RGB", (40, 30), 9)]
write("pages.tif", saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
# Directories that come before the pixels, so that a cut leaves them.
raw = picture("RGB").tobytes()


def early_tiff(w, h, data, per_strip):
    strips = [data[i:i + per_strip * w * 3] for i in range(0, len(data), per_strip * w * 3)]
    n = len(strips)
    start = 8 + 2 + 12 * 9 + 4
    lists = start + 8
    begin = lists + 8 * n
    offsets = [begin + sum(map(len, strips[:i])) for i in range(n)]
    entry = lambda tag, kind, count, value: struct.pack("<HHII", tag, kind, count, value)
    return (struct.pack("<2sHIH", b"II", 42, 8, 9) + entry(256, 4, 1, w) + entry(257, 4, 1, h) + entry(258, 3, 3, start)
            + entry(259, 3, 1, 1) + entry(262, 3, 1, 2) + entry(273, 4, n, lists) + entry(277, 3, 1, 3)
            + entry(278, 4, 1, per_strip) + entry(279, 4, n, lists + 4 * n) + struct.pack("<I4H", 0, 8, 8, 8, 0)
            + struct.pack(f"<{n}I", *offsets) + struct.pack(f"<{n}I", *map(len, strips)) + data)


write_with_cuts("early.tif", early_tiff(61, 47, raw, 10))

# --- JPEG ---
for mode in ("L", "RGB", "CMYK"):
    write_with_cuts(f"{mode}.jpg", saved(picture(mode), "JPEG", quality=90))
write_with_cuts("progressive.jpg", saved(picture("RGB"), "JPEG", progressive=True))
for turned in range(1, 9):
    exif = Image.Exif()
    exif[274] = turned
    write(f"turned{turned}.jpg", saved(picture("RGB"), "JPEG", exif=exif))
write("two.jpg", saved(picture("RGB"), "MPO", save_all=True, append_images=[picture("RGB", seed=2)]))
plain = saved(picture("RGB"), "JPEG", quality=90)
for i in range(12):  # within the scan, so that PIL decodes on
    at = plain.index(b"\xff\xda") + 20 + rng.randrange(len(plain) // 2)
    write(f"damaged{i}.jpg", plain[:at] + bytes([plain[at] ^ 1 << rng.randrange(8)]) + plain[at + 1:])

# --- WebP ---
for mode in ("RGB", "RGBA"):
    write(f"{mode}.webp", saved(picture(mode), "WEBP", lossless=True, exact=True))
    write(f"{mode}_lossy.webp", saved(picture(mode), "WEBP", quality=80))
webp_frames = [picture("RGBA", (40, 30), seed) for seed in range(4)]
write("anim.webp", saved(webp_frames[0], "WEBP", save_all=True, append_images=webp_frames[1:], lossless=True))
write("anim_rgb.webp", saved(rgb_frames[0], "WEBP", save_all=True, append_images=rgb_frames[1:], lossless=True))
