"""The denoiser, with the key names of `model.diffusion_model.*` and SD 1.x's eight attention heads."""
import torch
import torch.nn.functional as F
from torch import nn

from layers import GroupNorm, LayerNorm, attention, conv, geglu, numbered, timestep_embedding, upsampled, zeroed

HEADS = 8


class ResBlock(nn.Module):
    """`busy` false: a block that the layout has but that adds nothing, so costs nothing (its last convolution is zero)."""

    def __init__(self, inputs, outputs, embedding, busy=True):
        super().__init__()
        self.busy = busy
        self.in_layers = numbered(_0=GroupNorm(inputs, 1e-5), _2=conv(inputs, outputs))
        self.emb_layers = numbered(_1=nn.Linear(embedding, outputs))
        self.out_layers = numbered(_0=GroupNorm(outputs, 1e-5), _3=conv(outputs, outputs, zero=True))
        if inputs != outputs:
            self.skip_connection = conv(inputs, outputs, 1)
        if not busy:
            for part in (self.in_layers, self.emb_layers, self.out_layers):
                part.requires_grad_(False)

    def forward(self, x, time, context):
        if not self.busy:
            return self.skip_connection(x) if hasattr(self, "skip_connection") else x
        h = self.in_layers["2"](self.in_layers["0"](x, silu=True))
        h = h + self.emb_layers["1"](F.silu(time))[:, :, None, None]
        h = self.out_layers["3"](self.out_layers["0"](h, silu=True))
        return h + (self.skip_connection(x) if hasattr(self, "skip_connection") else x)


class CrossAttention(nn.Module):
    def __init__(self, width, context):
        super().__init__()
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context, width, bias=False)
        self.to_v = nn.Linear(context, width, bias=False)
        self.to_out = numbered(_0=nn.Linear(width, width))
        # An image prompt's own keys and values, [N,T,context]; set by the IP-Adapter's stage while it trains.
        self.image = None

    def forward(self, x, context):
        q = self.to_q(x)
        out = attention(q, self.to_k(context), self.to_v(context), HEADS)
        if self.image is not None:
            out = out + self.image(q)
        return self.to_out["0"](out)


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = numbered(_0=nn.ModuleDict({"proj": nn.Linear(width, 8 * width)}), _2=nn.Linear(4 * width, width))

    def forward(self, x):
        return self.net["2"](geglu(self.net["0"]["proj"](x)))


class TransformerBlock(nn.Module):
    def __init__(self, width, context):
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (LayerNorm(width) for _ in range(3))
        self.attn1 = CrossAttention(width, width)
        self.attn2 = CrossAttention(width, context)
        self.ff = FeedForward(width)

    def forward(self, x, context):
        y = self.norm1(x)
        x = x + self.attn1(y, y)
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff(self.norm3(x))


class SpatialTransformer(nn.Module):
    def __init__(self, width, context):
        super().__init__()
        self.norm = GroupNorm(width)
        self.proj_in = conv(width, width, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, context)])
        self.proj_out = conv(width, width, 1, zero=True)

    def forward(self, x, time, context):
        n, c, h, w = x.shape
        rows = self.proj_in(self.norm(x)).permute(0, 2, 3, 1).reshape(n, h * w, c)
        for block in self.transformer_blocks:
            rows = block(rows, context)
        return x + self.proj_out(rows.view(n, h, w, c).permute(0, 3, 1, 2))


class Down(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.op = conv(width, width, stride=2)

    def forward(self, x, time, context):
        return self.op(x)


class Up(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = conv(width, width)

    def forward(self, x, time, context):
        return upsampled(x, self.conv.weight, self.conv.bias)


class First(nn.Conv2d):
    def forward(self, x, time, context):
        return super().forward(x)


class Trunk(nn.Module):
    """The half that a ControlNet has too: from the latents to the middle. `mult` and `attend` say for each level, the
    finest first, how wide it is and whether it has attention. At the finest level, where a block costs most, only the
    first `busy` ones do something."""

    def __init__(self, channels, mult, attend, context, inputs=4, busy=2):
        super().__init__()
        embedding = 4 * channels
        self.channels = channels
        self.time_embed = numbered(_0=nn.Linear(channels, embedding), _2=nn.Linear(embedding, embedding))
        self.input_blocks = nn.ModuleList([nn.ModuleList([First(inputs, channels, 3, padding=1)])])
        self.skips = [channels]
        width = channels
        for level, m in enumerate(mult):
            for i in range(2):
                block = [ResBlock(width, channels * m, embedding, level > 0 or i < busy)]
                width = channels * m
                if attend[level]:
                    block.append(SpatialTransformer(width, context))
                self.input_blocks.append(nn.ModuleList(block))
                self.skips.append(width)
            if level + 1 < len(mult):
                self.input_blocks.append(nn.ModuleList([Down(width)]))
                self.skips.append(width)
        self.middle_block = nn.ModuleList(
            [ResBlock(width, width, embedding), SpatialTransformer(width, context), ResBlock(width, width, embedding)])
        self.width = width

    @property
    def kind(self):
        """What products are made in: f32 or bf16."""
        return self.time_embed["0"].weight.dtype

    def embed_time(self, timesteps):
        e = timestep_embedding(timesteps, self.channels).to(self.kind)
        return self.time_embed["2"](F.silu(self.time_embed["0"](e)))

    @staticmethod
    def run(block, x, time, context):
        for layer in block:
            x = layer(x, time, context)
        return x


class UNet(Trunk):
    """Of the three blocks of the finest level on the way up, the middle one rests unless two are busy on the way down."""

    def __init__(self, channels, mult, attend, context, inputs=4, busy=2, label=0):
        super().__init__(channels, mult, attend, context, inputs, busy)
        embedding = 4 * channels
        if label:  # unCLIP's image embedding
            self.label_emb = numbered(_0=numbered(_0=nn.Linear(label, embedding), _2=nn.Linear(embedding, embedding)))
        self.output_blocks = nn.ModuleList()
        skips, width = list(self.skips), self.width
        for level in reversed(range(len(mult))):
            for i in range(3):
                works = level > 0 or i != 1 or busy > 1
                block = [ResBlock(width + skips.pop(), channels * mult[level], embedding, works)]
                width = channels * mult[level]
                if attend[level]:
                    block.append(SpatialTransformer(width, context))
                if level > 0 and i == 2:
                    block.append(Up(width))
                self.output_blocks.append(nn.ModuleList(block))
        self.out = numbered(_0=GroupNorm(width, 1e-5), _2=zeroed(conv(width, 4)))

    def forward(self, x, timesteps, context, label=None, control=None):
        """[N,4,H,W] latents, [N] timesteps, [N,T,context] -> the noise in them. `control`: a ControlNet's maps, one for
        each skip and one for the middle."""
        x, context = x.to(self.kind), context.to(self.kind)
        time = self.embed_time(timesteps)
        if label is not None:
            e = self.label_emb["0"]
            time = time + e["2"](F.silu(e["0"](label)))
        skips = []
        for block in self.input_blocks:
            x = self.run(block, x, time, context)
            skips.append(x)
        x = self.run(self.middle_block, x, time, context)
        if control is not None:
            *maps, middle = control
            x = x + middle
            skips = [s + m for s, m in zip(skips, maps)]
        for block in self.output_blocks:
            x = self.run(block, torch.cat([x, skips.pop()], 1), time, context)
        return self.out["2"](self.out["0"](x, silu=True)).float()
