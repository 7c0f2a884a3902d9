"""Layers that several networks share. Their parameters are named as in the published files, so that a state dict is an
export. Maps are kept channels last: the convolutions here are two to five times as fast that way."""
import math

import torch
import torch.nn.functional as F
from torch import nn

import fast


class _ChannelsLastGroupNorm(torch.autograd.Function):
    """Group norm of a map that lies channels last, by sums over rows. torch 1.13 has none: it copies the map to
    channels first and back, which takes longer than the convolution beside it."""

    @staticmethod
    def forward(ctx, x, weight, bias, groups, eps):
        n, c, h, w = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(n, h * w, c)
        average = rows.new_full((1, 1, h * w), 1.0 / (h * w)).expand(n, 1, h * w)
        mean = torch.bmm(average, rows).view(n, groups, -1).mean(-1, keepdim=True)
        square = torch.bmm(average, rows * rows).view(n, groups, -1).mean(-1, keepdim=True)
        inverse = (square - mean * mean + eps).rsqrt()
        spread = lambda v: v.expand(n, groups, c // groups).reshape(n, 1, c)
        mean, inverse = spread(mean), spread(inverse)
        scale = inverse * weight
        y = torch.addcmul(bias - mean * scale, rows, scale)
        ctx.save_for_backward(rows, mean, inverse, weight)
        ctx.groups, ctx.height = groups, h
        return y.view(n, h, w, c).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx, dy):
        rows, mean, inverse, weight = ctx.saved_tensors
        n, p, c = rows.shape
        d = dy.permute(0, 2, 3, 1).reshape(n, p, c)
        ones = rows.new_ones(1, 1, p).expand(n, 1, p)
        shift = torch.bmm(ones, d)
        scale = (torch.bmm(ones, d * rows) - shift * mean) * inverse

        def group_mean(v):
            v = (v * weight).view(n, ctx.groups, -1).sum(-1, keepdim=True) / (p * (c // ctx.groups))
            return v.expand(n, ctx.groups, c // ctx.groups).reshape(n, 1, c)

        slope = -group_mean(scale) * inverse * inverse
        offset = -group_mean(shift) * inverse - slope * mean
        dx = torch.addcmul(torch.addcmul(offset, rows, slope), d, inverse * weight)
        dx = dx.view(n, ctx.height, p // ctx.height, c).permute(0, 3, 1, 2)
        return dx, scale.sum((0, 1)), shift.sum((0, 1)), None, None


class GroupNorm(nn.Module):
    def __init__(self, channels, eps=1e-6, groups=32):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.groups, self.eps = groups, eps

    def forward(self, x, silu=False):
        """The norm, and silu of it where that follows."""
        if x.dtype == torch.bfloat16 and not x.is_cuda:
            return fast.GroupNorm.apply(x, self.weight, self.bias, self.groups, self.eps, silu)
        if x.is_cuda:
            y = F.group_norm(x, self.groups, self.weight, self.bias, self.eps)
        else:
            y = _ChannelsLastGroupNorm.apply(x, self.weight, self.bias, self.groups, self.eps)
        return F.silu(y) if silu else y


class LayerNorm(nn.LayerNorm):
    def forward(self, x):
        if x.dtype == torch.bfloat16 and not x.is_cuda:
            return fast.LayerNorm.apply(x, self.weight, self.bias, self.eps)
        return super().forward(x)


def geglu(x):
    if x.dtype == torch.bfloat16 and not x.is_cuda:
        return fast.Geglu.apply(x)
    value, gate = x.chunk(2, -1)
    return value * F.gelu(gate)


def halve(network):
    """Products in bf16; norms and their sums stay f32."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.to(torch.bfloat16)


def conv(inputs, outputs, size=3, stride=1, padding=None, zero=False):
    layer = nn.Conv2d(inputs, outputs, size, stride, size // 2 if padding is None else padding)
    return zeroed(layer) if zero else layer


def zeroed(layer):
    """A layer that gives nothing until it has learnt to."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def upsampled(x, weight, bias):
    """A 3x3 convolution of the map enlarged twofold to nearest neighbours. Each of an output's four places in a 2x2 square
    sees only 2x2 inputs, so four small convolutions of the map as it was give the same for 4/9 of the products."""
    n, c, h, w = x.shape
    out = weight.shape[0]
    # Rows (and columns) of the 3x3 kernel that fall on one input: for even places 0 | 1+2, for odd places 0+1 | 2.
    pairs = lambda k, dim, odd: torch.stack([k.select(dim, 0) + k.select(dim, 1), k.select(dim, 2)] if odd else
                                            [k.select(dim, 0), k.select(dim, 1) + k.select(dim, 2)], dim)
    places = []
    for i in (0, 1):
        for j in (0, 1):
            kernel = pairs(pairs(weight, 2, i), 3, j)
            places.append(F.conv2d(x, kernel, bias, padding=1)[:, :, i:i + h, j:j + w].permute(0, 2, 3, 1))
    y = torch.stack(places, 3).view(n, h, w, 2, 2, out).permute(0, 1, 3, 2, 4, 5).reshape(n, 2 * h, 2 * w, out)
    return y.permute(0, 3, 1, 2)


def numbered(**layers):
    """Layers named by the places they have in the published code's sequences: numbered(_0=norm, _2=conv)."""
    return nn.ModuleDict({name[1:]: layer for name, layer in layers.items()})


def attention(q, k, v, heads, mask=None):
    """softmax(q k' / sqrt(d)) v of rows [N,T,C]."""
    n, t, c = q.shape
    split = lambda x: x.view(n, -1, heads, c // heads).transpose(1, 2).reshape(n * heads, -1, c // heads)
    if q.dtype == torch.bfloat16 and mask is None and not q.is_cuda:
        weights = fast.Softmax.apply(torch.bmm(split(q), split(k).transpose(1, 2)), (c // heads) ** -0.5)
    else:
        scores = torch.bmm(split(q) * (c // heads) ** -0.5, split(k).transpose(1, 2))
        weights = (scores if mask is None else scores + mask).softmax(-1)
    out = torch.bmm(weights, split(v))
    return out.view(n, heads, t, c // heads).transpose(1, 2).reshape(n, t, c)


def timestep_embedding(timesteps, width, period=10000):
    """[N] -> [N,width], cosines first."""
    half = width // 2
    frequencies = torch.exp(-math.log(period) / half * torch.arange(half, device=timesteps.device))
    angles = timesteps[:, None].float() * frequencies
    return torch.cat([angles.cos(), angles.sin()], -1)
