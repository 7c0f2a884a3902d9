"""CLIP's text encoder in the transformers library's key names, and its tokenizer."""
import re
import struct
from pathlib import Path

import torch
from torch import nn

from layers import LayerNorm, attention, zeroed

REPOSITORY = Path(__file__).resolve().parents[2]
POSITIONS, START, END, VOCABULARY = 77, 49406, 49407, 49408


class Tokenizer:
    """CLIP's byte pairs, from the list in assets/clip_vocab, for plain lower-case English: what captions are."""

    def __init__(self, merges=REPOSITORY / "assets/clip_vocab/merges.bin"):
        data = Path(merges).read_bytes()
        pairs = struct.unpack(f"<{len(data) // 2}H", data)
        self.merges = {(pairs[2 * i], pairs[2 * i + 1]): 512 + i for i in range(len(pairs) // 2)}
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        order = printable + [b for b in range(256) if b not in printable]
        self.id_of_byte = {b: i for i, b in enumerate(order)}
        self.words = {}

    def word(self, word):
        if word not in self.words:
            ids = [self.id_of_byte[b] for b in word.encode()]
            ids[-1] += 256  # the end of a word
            while len(ids) > 1:
                rank, at = min((self.merges.get(pair, 1 << 30), i) for i, pair in enumerate(zip(ids, ids[1:])))
                if rank == 1 << 30:
                    break
                pair = (ids[at], ids[at + 1])
                merged, i = [], 0
                while i < len(ids):
                    if tuple(ids[i:i + 2]) == pair:
                        merged.append(rank)
                        i += 2
                    else:
                        merged.append(ids[i])
                        i += 1
                ids = merged
            self.words[word] = ids
        return self.words[word]

    def __call__(self, text):
        """The ids between the two marks."""
        pieces = re.findall(r"'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[0-9]|[^\sa-z0-9]+", text.lower())
        return [i for piece in pieces for i in self.word(piece)]


def padded(ids):
    """77 ids: the start mark, the words, and end marks to the end."""
    ids = [START, *ids[:POSITIONS - 2]]
    return ids + [END] * (POSITIONS - len(ids))


class Words:
    """The few tokens that captions use, numbered closely, so that training moves a small table. Every other token is
    one and the same: a word the model does not know and has learnt to pass over."""

    def __init__(self, tokens):
        self.tokens = sorted(set(tokens) | {START, END})
        self.rows = torch.full((VOCABULARY,), len(self.tokens), dtype=torch.long)
        self.rows[torch.tensor(self.tokens)] = torch.arange(len(self.tokens))

    @property
    def count(self):
        return len(self.tokens) + 1

    @property
    def unknown(self):
        return len(self.tokens)

    def table(self, rows):
        """The published table [49408,width] from the trained rows."""
        return rows[self.rows]


class SelfAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x, mask):
        return self.out_proj(attention(self.q_proj(x), self.k_proj(x), self.v_proj(x), self.heads, mask))


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.layer_norm1, self.layer_norm2 = LayerNorm(width), LayerNorm(width)
        self.self_attn = SelfAttention(width, heads)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})

    def forward(self, x, mask):
        x = x + self.self_attn(self.layer_norm1(x), mask)
        h = self.mlp["fc1"](self.layer_norm2(x))
        return x + self.mlp["fc2"](h * torch.sigmoid(1.702 * h))


class Pile(nn.Module):
    """`layers` layers of which the first `busy` do something; the others are there because depth names the kind of model,
    and cost nothing: what they would add is zero."""

    def __init__(self, width, heads, layers, busy):
        super().__init__()
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.busy = busy
        for layer in self.layers[busy:]:
            zeroed(layer.self_attn.out_proj)
            zeroed(layer.mlp["fc2"])
            layer.requires_grad_(False)

    def forward(self, x):
        for layer in self.layers[:self.busy]:
            x = layer(x, None)
        return x


class Vision(nn.Module):
    """CLIP's picture encoder, ViT-L's 24 layers of 16 heads. `forward` takes pictures [N,3,S,S] in -1..1 and gives the
    embeds [N,projection] and the last hidden states [N,1+T,width], which are not normed."""

    MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)

    def __init__(self, width, patch, side, projection, busy):
        super().__init__()
        tokens = (side // patch) ** 2 + 1
        self.vision_model = nn.ModuleDict({
            "embeddings": nn.ModuleDict({"patch_embedding": nn.Conv2d(3, width, patch, patch, bias=False),
                                         "position_embedding": nn.Embedding(tokens, width)}),
            "pre_layrnorm": LayerNorm(width), "encoder": Pile(width, 16, 24, busy), "post_layernorm": LayerNorm(width)})
        tables = self.vision_model["embeddings"]
        tables.register_parameter("class_embedding", nn.Parameter(torch.randn(width) * 0.1))
        nn.init.normal_(tables["position_embedding"].weight, std=0.1)
        self.visual_projection = nn.Linear(width, projection, bias=False)
        self.register_buffer("mean", torch.tensor(self.MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(self.DEVIATION).view(1, 3, 1, 1), persistent=False)

    def forward(self, x):
        model = self.vision_model
        tables = model["embeddings"]
        x = ((x + 1) / 2 - self.mean) / self.deviation
        patches = tables["patch_embedding"](x.to(tables["patch_embedding"].weight.dtype)).flatten(2).transpose(1, 2)
        start = tables.class_embedding.to(patches.dtype).expand(len(x), 1, -1)
        states = torch.cat([start, patches], 1) + tables["position_embedding"].weight.to(patches.dtype)
        states = model["encoder"](model["pre_layrnorm"](states))
        embeds = self.visual_projection(model["post_layernorm"](states[:, 0].contiguous()))
        return embeds.float(), states.float()


class TextEncoder(nn.Module):
    """Below `cond_stage_model.transformer.`; heads of width 64."""

    def __init__(self, words, width, layers):
        super().__init__()
        table = nn.Embedding(words, width)
        positions = nn.Embedding(POSITIONS, width)
        nn.init.normal_(table.weight, std=0.2)
        nn.init.normal_(positions.weight, std=0.05)
        self.text_model = nn.ModuleDict({
            "embeddings": nn.ModuleDict({"token_embedding": table, "position_embedding": positions}),
            "encoder": nn.ModuleDict({"layers": nn.ModuleList(Layer(width, width // 64) for _ in range(layers))}),
            "final_layer_norm": nn.LayerNorm(width),
        })
        self.register_buffer("mask", torch.full((POSITIONS, POSITIONS), -1e4).triu(1), persistent=False)

    def forward(self, rows):
        """[N,77] rows of the small table -> [N,77,width], normed."""
        model = self.text_model
        x = model["embeddings"]["token_embedding"](rows) + model["embeddings"]["position_embedding"].weight
        for layer in model["encoder"]["layers"]:
            x = layer(x, self.mask)
        return model["final_layer_norm"](x)
